"""The web hook by which RockBLOCK, Ground Control and Cloudloop pass on what a modem sent: form fields or JSON.

    imei, momsn         of the modem and its message; digits
    data                the message in hexadecimal, with blanks where somebody put some; nothing for an empty one
    transmit_time       UTC, as 21-10-31 10:41:50, or as 2023-03-14T09:00:14Z
    iridium_latitude, iridium_longitude, iridium_cep, or lat and lon
                        degrees and km, where the modem was
    serial, device_type, id, transport, ...
                        kept as they came
    JWT                 all of the above again as text, signed by the gateway (RS256), for whichever of its customers

Cloudloop's JSON ("LingoMO") has them one floor down: `sbd` holds imei, momsn, sessionAt (year to second) and location
(latitude, longitude, cep), and `message` is in base64.

Test vector, the message "ABC" (the JSON of the same is `{"imei": "300234010753370", "momsn": "12", ...}`):

    imei=300234010753370&serial=12345&momsn=12&transmit_time=21-10-31+10%3A41%3A50&data=414243
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from satsim.errors import PacketError
from satsim.sbd.directip import Location, MoMessage

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MOST_FIELDS = 64
UNKNOWN_CEP_KM = 0
"""Where a hook gives no radius."""
_TIMES = ("%y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S")
_BETWEEN_DIGITS = re.compile(r"0x|[\s:,-]")
_SENT_AT = ("year", "month", "day", "hour", "minute", "second")
Field = str | int | float | bool | None


class Hook(NamedTuple):
    """What a web hook brought."""

    imei: str
    momsn: int
    transmit_time_unix_s: int | None
    """None where it says none that can be read."""
    location: Location | None
    payload: bytes
    jwt: str | None
    """The gateway's signature, which is not checked here; what it signs must say the same: `disagreement`."""
    fields: dict[str, Field]
    """All others that are neither lists nor mappings, as they came."""


def write_form(message: MoMessage, serial: str = "12345", jwt: str | None = None) -> bytes:
    """The body of a web hook as RockBLOCK sends it, to go with the content type `FORM`."""
    return urlencode(fields_of(message, serial, jwt)).encode()


def write_json(message: MoMessage, serial: str = "12345", jwt: str | None = None) -> bytes:
    """The same as JSON, to go with the content type `JSON`."""
    return json.dumps(fields_of(message, serial, jwt)).encode()


def fields_of(message: MoMessage, serial: str = "12345", jwt: str | None = None) -> dict[str, str]:
    """What a web hook says of `message`, and what a gateway signs."""
    sent = datetime.fromtimestamp(message.time_unix_s, UTC).strftime(_TIMES[0])
    fields = {"imei": message.imei, "serial": serial, "momsn": str(message.momsn), "transmit_time": sent}
    if message.location:
        latitude_deg, longitude_deg, cep_km = message.location
        fields |= {"iridium_latitude": f"{latitude_deg:.4f}", "iridium_longitude": f"{longitude_deg:.4f}"}
        fields["iridium_cep"] = str(cep_km)
    return fields | {"data": message.payload.hex()} | ({"JWT": jwt} if jwt else {})


def read_hook(content: bytes, content_type: str) -> Hook:
    """What a web hook with this body and content type brings. Total: any bytes give a Hook or raise PacketError.

    JSON is known by its brace where the content type says neither.
    """
    kind = content_type.partition(";")[0].strip().lower()
    is_json = kind.endswith("json") or (kind != FORM and content.lstrip()[:1] == b"{")
    fields = _json(content) if is_json else _form(content)
    if isinstance(fields.get("sbd"), Mapping):
        fields = _lingo(fields)
    payload = hexadecimal(_text(fields, "data"))
    if payload is None:
        raise PacketError("web hook: data is no even number of hexadecimal digits")
    imei, momsn, jwt = _text(fields, "imei"), _text(fields, "momsn"), fields.get("JWT")
    if not (re.fullmatch(r"[0-9]{15}", imei)):
        raise PacketError(f"web hook: imei is {imei[:40]!r}; expected 15 digits")
    if not re.fullmatch(r"[0-9]{1,10}", momsn):
        raise PacketError(f"web hook: momsn is {momsn[:40]!r}; expected a whole number")
    if jwt is not None and not isinstance(jwt, str):
        raise PacketError("web hook: JWT is no text")
    plain = {name: value for name, value in fields.items() if value is None or isinstance(value, str | int | float)}
    rest = {name: value for name, value in plain.items() if name not in ("imei", "momsn", "data", "JWT")}
    return Hook(imei, int(momsn), _unix_s(fields), _location(fields), payload, jwt or None, rest)


def disagreement(hook: Hook, signed: Mapping[str, Any]) -> str | None:
    """Which of imei, momsn and data the claims of its JWT do not say as the hook does; None where all agree.

    A signature that is good says nothing for another message that it is put beside.
    """
    says = {"imei": hook.imei, "momsn": str(hook.momsn)}
    for name, value in says.items():
        if str(signed.get(name)) != value:
            return name
    data = signed.get("data", "")
    return None if isinstance(data, str) and hexadecimal(data) == hook.payload else "data"


def hexadecimal(text: str) -> bytes | None:
    """The bytes that these hexadecimal digits say, whatever stands between them; None for anything else."""
    try:
        return bytes.fromhex(_BETWEEN_DIGITS.sub("", text))
    except ValueError:
        return None


def _form(content: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(content.decode().strip(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise PacketError(f"web hook: not at most {MOST_FIELDS} form fields of UTF-8") from None
    return _once(pairs)


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=lambda name: None)
    except PacketError:
        raise
    except (ValueError, RecursionError):
        raise PacketError("web hook: no JSON of UTF-8") from None
    if not isinstance(found, dict) or len(found) > MOST_FIELDS:
        raise PacketError(f"web hook: JSON is no object of at most {MOST_FIELDS} fields")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """By name; what says a field twice could be read in two ways, one of them signed."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise PacketError("web hook: a field stands twice")
    return fields


def _lingo(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Cloudloop's fields by the names of the others."""
    sbd, message = fields["sbd"], fields.get("message", "")
    location = sbd.get("location")
    location = location if isinstance(location, Mapping) else {}
    try:
        data = base64.b64decode(message, validate=True).hex()
    except (TypeError, ValueError, binascii.Error):
        raise PacketError("web hook: message is no base64") from None
    sent, flat = sbd.get("sessionAt"), dict(fields) | {"data": data, "imei": sbd.get("imei"), "momsn": sbd.get("momsn")}
    if isinstance(sent, Mapping) and all(type(sent.get(part, 0)) is int for part in _SENT_AT):
        year, *rest = (sent.get(part, 0) for part in _SENT_AT)
        flat["transmit_time"] = "{:04d}-{:02d}-{:02d} {:02d}:{:02d}:{:02d}".format(year, *rest)
    names = {"iridium_latitude": "latitude", "iridium_longitude": "longitude", "iridium_cep": "cep"}
    return flat | {name: location[theirs] for name, theirs in names.items() if theirs in location}


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if isinstance(value, str):
        return value.strip()
    if type(value) is int and name != "data":
        return str(value) if abs(value) < 10**20 else "a number of many digits"
    if value is None and name != "data":
        raise PacketError(f"web hook: {name} is missing")
    if value is None:
        raise PacketError("web hook: data is missing; expected the message in hexadecimal digits")
    raise PacketError(f"web hook: {name} is no text")


def _unix_s(fields: Mapping[str, Any]) -> int | None:
    said = fields.get("transmit_time")
    if not isinstance(said, str):
        return None
    said = said.strip()
    for form in _TIMES:
        try:
            return int(datetime.strptime(said, form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    try:
        time = datetime.fromisoformat(said)
        return int(time.replace(tzinfo=time.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def _location(fields: Mapping[str, Any]) -> Location | None:
    for names in (("iridium_latitude", "iridium_longitude"), ("lat", "lon")):
        latitude_deg, longitude_deg = (_number(fields.get(name)) for name in names)
        if latitude_deg is not None and longitude_deg is not None:
            if abs(latitude_deg) > 90 or abs(longitude_deg) > 180:
                return None
            cep_km = _number(fields.get("iridium_cep")) or UNKNOWN_CEP_KM
            return Location(latitude_deg, longitude_deg, min(max(round(cep_km), 0), 2**32 - 1))
    return None


def _number(value: Any) -> float | None:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
