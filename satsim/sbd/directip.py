"""DirectIP: what the Iridium gateway sends to a server over TCP, and what it takes for a modem.

A message: revision 1 (one byte), bytes that follow (2), then elements of number (1), length (2) and content; integers
are big-endian.

    number  length     element       content
    0x01    28         MO header     CDR reference 4, IMEI 15 digits, session status 1, MOMSN 2, MTMSN 2, Unix time 4
    0x02    1 to 1960  MO payload    the message; left out where a session brought none
    0x03    11         MO location   flags 1 (2: south, 1: west), latitude: degrees 1, thousandths of minutes 2,
                                     longitude likewise, radius in km 4
    0x05    1          confirmation  the server's answer, where the service is set up to wait for it: 1 kept, 0 not kept
    0x41    21         MT header     client's id 4, IMEI 15 digits, flags 2
    0x42    1 to 1890  MT payload    the message; a 9602 or 9603 takes 270
    0x44    25         MT answer     client's id 4, IMEI 15 digits, reference 4, status 2 (signed: place in the queue
                                     from 1, 0 where nothing is queued, negative if refused)
    0x46    2          MT priority   1 to 5

Test vectors, spaced by field. The message "ABC", CDR 0x01020304, from 300234010753370, status 0, MOMSN 12, MTMSN 0, on
2021-10-31 at 10:41:50 UTC; then with 52 degrees 23.202 minutes south, 0 degrees 17.628 minutes west, within 8 km:

    01 0025 01 001c 01020304 333030323334303130373533333730 00 000c 0000 617e72ee 02 0003 414243
    01 0033 01 001c 01020304 333030323334303130373533333730 00 000c 0000 617e72ee
            03 000b 03 34 5aa2 00 44dc 00000008 02 0003 414243

The server's answers, kept and not kept; the message "ABC" to the modem, client's id 0x0a0b0c0d, priority 2; and the
gateway's answers, first in the queue, and refused for a full one:

    01 0004 05 0001 01
    01 0004 05 0001 00
    01 0023 41 0015 0a0b0c0d 333030323334303130373533333730 0000 42 0003 414243 46 0002 0002
    01 001c 44 0019 0a0b0c0d 333030323334303130373533333730 00000007 0001
    01 001c 44 0019 0a0b0c0d 333030323334303130373533333730 00000000 fffb
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from satsim.errors import PacketError

REVISION = 1
FRONT_BYTES = 3
"""Revision and length: after so many it is known how long a message is."""
MO_HEADER, MO_PAYLOAD, MO_LOCATION, CONFIRMATION = 0x01, 0x02, 0x03, 0x05
MT_HEADER, MT_PAYLOAD, MT_CONFIRMATION, MT_PRIORITY = 0x41, 0x42, 0x44, 0x46
MO_MOST_BYTES, MT_MOST_BYTES = 1960, 1890
MT_STATUSES = {
    -1: "the IMEI is no 15 digits",
    -2: "the gateway does not know the IMEI",
    -3: "the message is too long",
    -4: "a message was expected, and none came",
    -5: "the modem's queue is full",
    -6: "the gateway cannot take messages now",
    -7: "it is no DirectIP message",
    -8: "ring alerts are off for the modem",
    -9: "the modem is not attached",
    -10: "the gateway takes none from this address",
    -11: "the sequence number is out of range",
}
"""What a negative status of an MT confirmation says."""

_MO = struct.Struct(">I15sBHHI")
_LOCATION = struct.Struct(">BBHBHI")
_MT = struct.Struct(">I15sH")
_MT_ANSWER = struct.Struct(">I15sIh")
_SOUTH, _WEST = 2, 1
_DEGREE = 60_000
"""Thousandths of minutes."""


class Location(NamedTuple):
    """Where the gateway takes the modem to be: within so many km of here, four times in five."""

    latitude_deg: float
    longitude_deg: float
    cep_km: int


class MoMessage(NamedTuple):
    """A message from a modem, as the gateway tells of it."""

    imei: str
    momsn: int
    mtmsn: int
    session_status: int
    """0 is success; see `satsim.sbd.status`."""
    time_unix_s: int
    payload: bytes
    cdr: int = 0
    """The gateway's own number of the session."""
    location: Location | None = None


class MtMessage(NamedTuple):
    """A message to a modem, as the gateway takes it."""

    imei: str
    payload: bytes
    client_id: int = 0
    flags: int = 0
    priority: int | None = None


class MtConfirmation(NamedTuple):
    """What the gateway answers to one."""

    client_id: int
    imei: str
    auto_id: int
    status: int
    """Place in the queue from 1, 0 where nothing is queued; negative: refused, `MT_STATUSES`."""


Elements = list[tuple[int, bytes]]


def write_mo(message: MoMessage) -> bytes:
    """The bytes of `message`. Raises PacketError for a field that they cannot hold."""
    _check_payload(message.payload, MO_MOST_BYTES)
    imei, momsn, mtmsn, status, time_unix_s = message[:5]
    elements = [(MO_HEADER, _packed(_MO, message.cdr, _digits(imei), status, momsn, mtmsn, time_unix_s))]
    if message.location:
        elements.append((MO_LOCATION, _write_location(message.location)))
    return join(elements + [(MO_PAYLOAD, message.payload)] * bool(message.payload))


def read_mo(content: bytes) -> MoMessage:
    """The one message that `content` is. A location that is none is left out, for the message is worth more.

    Total: any bytes give a message or raise PacketError.
    """
    elements = _once(elements_of(content))
    cdr, imei, status, momsn, mtmsn, time_unix_s = _unpacked(_MO, elements, MO_HEADER, "header of a message up")
    payload = elements.get(MO_PAYLOAD, b"")
    _check_payload(payload, MO_MOST_BYTES)
    location = _read_location(elements.get(MO_LOCATION, b""))
    return MoMessage(_imei(imei), momsn, mtmsn, status, time_unix_s, payload, cdr, location)


def write_confirmation(success: bool) -> bytes:
    """A server's answer to the gateway: whether it has kept the message."""
    return join([(CONFIRMATION, bytes([success]))])


def read_confirmation(content: bytes) -> bool:
    """Whether the server has kept the message. Total: any other bytes raise PacketError."""
    answer = _once(elements_of(content)).get(CONFIRMATION)
    if answer not in (b"\0", b"\1"):
        raise PacketError("no confirmation: expected element 0x05 with one byte, 0 or 1")
    return answer == b"\1"


def write_mt(message: MtMessage) -> bytes:
    """The bytes of `message`. Raises PacketError for a field that they cannot hold."""
    _check_payload(message.payload, MT_MOST_BYTES)
    elements = [(MT_HEADER, _packed(_MT, message.client_id, _digits(message.imei), message.flags))]
    elements += [(MT_PAYLOAD, message.payload)] * bool(message.payload)
    if message.priority is not None:
        if message.priority not in range(1, 6):
            raise PacketError(f"priority is {message.priority}; expected 1 to 5")
        elements.append((MT_PRIORITY, message.priority.to_bytes(2, "big")))
    return join(elements)


def read_mt(content: bytes) -> MtMessage:
    """The one message that `content` is. Total: any bytes give a message or raise PacketError."""
    elements = _once(elements_of(content))
    client_id, imei, flags = _unpacked(_MT, elements, MT_HEADER, "header of a message down")
    payload = elements.get(MT_PAYLOAD, b"")
    _check_payload(payload, MT_MOST_BYTES)
    priority = None
    if MT_PRIORITY in elements:
        priority = int.from_bytes(elements[MT_PRIORITY], "big")
        if len(elements[MT_PRIORITY]) != 2 or priority not in range(1, 6):
            raise PacketError(f"priority is {elements[MT_PRIORITY].hex() or 'empty'}; expected 0001 to 0005")
    return MtMessage(_imei(imei), payload, client_id, flags, priority)


def write_mt_confirmation(answer: MtConfirmation) -> bytes:
    """The bytes of `answer`. Raises PacketError for a field that they cannot hold."""
    fields = _packed(_MT_ANSWER, answer.client_id, _digits(answer.imei), answer.auto_id, answer.status)
    return join([(MT_CONFIRMATION, fields)])


def read_mt_confirmation(content: bytes) -> MtConfirmation:
    """What the gateway answers. Total: any other bytes raise PacketError. The IMEI is told back as it was sent."""
    elements = _once(elements_of(content))
    client_id, imei, auto_id, status = _unpacked(_MT_ANSWER, elements, MT_CONFIRMATION, "answer to a message down")
    return MtConfirmation(client_id, imei.decode("latin-1"), auto_id, status)


def length_of(front: bytes) -> int:
    """Bytes of the whole message that these three open. Raises PacketError where they open none."""
    if len(front) < FRONT_BYTES or front[0] != REVISION:
        raise PacketError(
            f"opens with {front[:FRONT_BYTES].hex(' ') or 'nothing'}; expected 01 and a length of 2 bytes"
        )
    return FRONT_BYTES + int.from_bytes(front[1:FRONT_BYTES], "big")


def split(content: bytes) -> list[bytes]:
    """The messages that follow each other in `content`. Raises PacketError where anything else is among them."""
    found, at = [], 0
    while at < len(content):
        length = length_of(content[at : at + FRONT_BYTES])
        if at + length > len(content):
            raise PacketError(f"ends {at + length - len(content)} bytes early, going by its own length")
        found.append(content[at : at + length])
        at += length
    return found


def elements_of(content: bytes) -> Elements:
    """(number, content) of each element of one message, in order, whatever they are. Raises PacketError."""
    if length_of(content[:FRONT_BYTES]) != len(content):
        raise PacketError(f"holds {len(content)} bytes; expected {length_of(content)}, going by its own length")
    found, at = [], FRONT_BYTES
    while at < len(content):
        start = at + 3
        end = start + int.from_bytes(content[at + 1 : start], "big")
        if end > len(content):
            raise PacketError(f"element {content[at]:#04x} ends {end - len(content)} bytes after its message")
        found.append((content[at], content[start:end]))
        at = end
    if not found:
        raise PacketError("holds no element; expected a header and a message")
    return found


def join(elements: Elements) -> bytes:
    """The message of these elements."""
    parts = b"".join(bytes([number]) + len(content).to_bytes(2, "big") + content for number, content in elements)
    return bytes([REVISION]) + len(parts).to_bytes(2, "big") + parts


def _once(elements: Elements) -> dict[int, bytes]:
    """By number; what a message says twice could be read in two ways."""
    found: dict[int, bytes] = {}
    for number, content in elements:
        if number in found:
            raise PacketError(f"element {number:#04x} stands twice")
        found[number] = content
    return found


def _unpacked(form: struct.Struct, elements: dict[int, bytes], number: int, what: str) -> tuple[Any, ...]:
    content = elements.get(number)
    if content is None or len(content) != form.size:
        found = "none" if content is None else f"one of {len(content)} bytes"
        raise PacketError(f"{what}: {found}; expected element {number:#04x} of {form.size} bytes")
    return form.unpack(content)


def _packed(form: struct.Struct, *fields: int | bytes) -> bytes:
    try:
        return form.pack(*fields)
    except struct.error as error:
        raise PacketError(f"a field does not fit into a DirectIP message: {error}") from None


def _digits(imei: str) -> bytes:
    if not (len(imei) == 15 and imei.isascii() and imei.isdigit()):
        raise PacketError(f"IMEI is {imei!r}; expected 15 digits")
    return imei.encode()


def _imei(content: bytes) -> str:
    text = content.decode("latin-1")
    _digits(text)
    return text


def _check_payload(payload: bytes, most_bytes: int) -> None:
    if len(payload) > most_bytes:
        raise PacketError(f"message is {len(payload)} bytes long; expected at most {most_bytes}")


def _write_location(location: Location) -> bytes:
    if not (abs(location.latitude_deg) <= 90 and abs(location.longitude_deg) <= 180):
        raise PacketError(f"location is {location[0]:g}, {location[1]:g}; expected degrees within 90 and 180")
    latitude, longitude = (round(abs(degrees) * _DEGREE) for degrees in location[:2])
    flags = _SOUTH * (location.latitude_deg < 0) | _WEST * (location.longitude_deg < 0)
    return _packed(_LOCATION, flags, *divmod(latitude, _DEGREE), *divmod(longitude, _DEGREE), location.cep_km)


def _read_location(content: bytes) -> Location | None:
    if len(content) != _LOCATION.size:
        return None
    flags, latitude, north, longitude, east, cep_km = _LOCATION.unpack(content)
    degrees = latitude + north / _DEGREE, longitude + east / _DEGREE
    if max(north, east) >= _DEGREE or degrees[0] > 90 or degrees[1] > 180:
        return None
    return Location(degrees[0] * (1 - (flags & _SOUTH)), degrees[1] * (1 - 2 * (flags & _WEST)), cep_km)
