"""The commands that a modem obeys, by name; what each changes and what it says before OK."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from satsim.sbd.checksum import checksum

if TYPE_CHECKING:
    from satsim.sbd.device import Device, Now

MO_BYTES, MT_BYTES = 340, 270
"""Longest messages to send and to receive."""
TEXT_BYTES = 120
"""Longest message on a command line."""
TEXT_COMMAND = re.compile(r"\+SBDWT(=.*)", re.IGNORECASE | re.DOTALL)
"""The one command whose argument goes to the end of the line, whatever it holds."""
LOCATION = re.compile(r"(=[+-]?\d{4}\.\d{3},[+-]?\d{5}\.\d{3})?")
"""As in =5212.483,-00007.350: 52 degrees 12.483 minutes north, 0 degrees 7.35 minutes west."""
MOST_ENERGY = (1 << 26) - 1


IMEI = "300234010753370"
"""Of no modem in the world: the one that makers' documents show."""


class Identity(NamedTuple):
    """Whose modem it is."""

    imei: str = IMEI
    model: str = "IRIDIUM 9600 Family SBD Transceiver"
    maker: str = "Iridium"
    revision: str = "Call Processor Version: TA16005\r\nEmulated by satsim"
    """Drivers compare the first line's number with those of known bugs."""


class CommandError(Exception):
    """A command that this modem does not know, or not so: the host hears ERROR."""


def information(text: str) -> bytes:
    """A line of an answer as it goes over the wire."""
    return f"\r\n{text}\r\n".encode("latin-1")


class Basic(NamedTuple):
    """A command of one letter, with & or * before it or not."""

    values: range
    """The numbers that may follow; none is 0."""
    obey: Callable[[Device, int], bytes]


def _set(**names: bool | None) -> Callable[[Device, int], bytes]:
    """Set settings to the number that follows, or to what is given."""

    def obey(device: Device, value: int) -> bytes:
        given: dict[str, Any] = {name: bool(value) if fixed is None else fixed for name, fixed in names.items()}
        device.settings = device.settings._replace(**given)
        return b""

    return obey


def _nothing(device: Device, value: int) -> bytes:
    """For what has no meaning on this wire, such as flow control."""
    return b""


def _store(device: Device, value: int) -> bytes:
    device.stored = device.settings
    return b""


def _recall(device: Device, value: int) -> bytes:
    device.settings = device.stored
    return b""


def _factory(device: Device, value: int) -> bytes:
    device.settings = type(device.settings)()
    return b""


def _about(device: Device, value: int) -> bytes:
    return information(ABOUT[value])


BASIC = {
    "E": Basic(range(2), _set(echo=None)),
    "Q": Basic(range(2), _set(quiet=None)),
    "I": Basic(range(7), _about),
    "V": Basic(range(2), _set(words=None)),
    "Z": Basic(range(2), _recall),
    "&D": Basic(range(4), _nothing),
    "&F": Basic(range(1), _factory),
    "&K": Basic(range(7), _nothing),
    "&W": Basic(range(2), _store),
    "&Y": Basic(range(2), _nothing),
    "*F": Basic(range(1), _set(radio=False)),
    "*R": Basic(range(2), _set(radio=None)),
}


def _exec(say: Callable[[Device, Now], str]) -> Callable[[Device, str, Now], bytes]:
    """A command that is asked without an argument."""

    def obey(device: Device, operation: str, now: Now) -> bytes:
        if operation not in ("", "?"):
            raise CommandError
        return information(say(device, now))

    return obey


def _signal(device: Device, operation: str, now: Now) -> bytes:
    if operation == "=?":
        return information("+CSQ:(0-5)")
    return _exec(lambda device, now: f"+CSQ:{now.signal_bars if device.settings.radio else 0}")(device, operation, now)


def _quick_signal(device: Device, now: Now) -> str:
    return f"+CSQF:{now.signal_bars if device.settings.radio else 0}"


def _write_binary(device: Device, operation: str, now: Now) -> bytes:
    if not re.fullmatch(r"=\d{1,9}", operation, re.ASCII):
        raise CommandError
    message_bytes = int(operation[1:])
    return device.await_message(message_bytes, now) if 0 < message_bytes <= device.mo_bytes else information("3")


def _write_text(device: Device, operation: str, now: Now) -> bytes:
    if not operation:
        return device.await_message(0, now)
    text = operation[1:].encode("latin-1")
    if not operation.startswith("=") or len(text) > min(TEXT_BYTES, device.mo_bytes):
        raise CommandError
    device.mo = text
    return b""


def _session(command: str, **how: bool) -> Callable[[Device, str, Now], bytes]:
    """A command that holds a session, which says the rest at its end."""

    def obey(device: Device, operation: str, now: Now) -> bytes:
        if command == "+SBDREG" and operation == "?":
            return information(f"+SBDREG:{2 if device.registered else 0}")
        if not LOCATION.fullmatch(operation) or (command in ("+SBDI", "+SBDDET") and operation):
            raise CommandError
        device.begin(command, **how)
        return b""

    return obey


def _read_binary(device: Device, operation: str, now: Now) -> bytes:
    if operation:
        raise CommandError
    return len(device.mt).to_bytes(2, "big") + device.mt + checksum(device.mt)


def _read_text(device: Device, operation: str, now: Now) -> bytes:
    if operation:
        raise CommandError
    return b"\r\n+SBDRT:\r\n" + device.mt + b"\r\n"


def _clear(device: Device, operation: str, now: Now) -> bytes:
    if operation not in ("0", "1", "2"):
        raise CommandError
    if operation in "02":
        device.mo = b""
    if operation in "12":
        device.mt, device.mtmsn = b"", -1
    return information("0")


def _clear_number(device: Device, now: Now) -> str:
    device.momsn = 0
    return "0"


def _copy(device: Device, now: Now) -> str:
    if not 0 < len(device.mo) <= MT_BYTES:
        return "1"
    device.mt, device.mtmsn = device.mo, 0
    return f"SBDTC: Outbound SBD Copied to Inbound SBD: size = {len(device.mt)}"


def _flags(device: Device) -> str:
    return f"{int(bool(device.mo))}, {device.momsn}, {int(bool(device.mt))}, {device.mtmsn}"


def _status(device: Device, now: Now) -> str:
    return f"+SBDS: {_flags(device)}"


def _extended_status(device: Device, now: Now) -> str:
    return f"+SBDSX: {_flags(device)}, {int(device.rang)}, {device.waiting}"


def _ring_alert(device: Device, operation: str, now: Now) -> bytes:
    if operation == "=?":
        return information("+SBDMTA:(0-1)")
    if operation == "?":
        return information(f"+SBDMTA:{int(device.settings.ring_alert)}")
    if operation not in ("=0", "=1"):
        raise CommandError
    return _set(ring_alert=None)(device, int(operation[1]))


def _system_time(device: Device, now: Now) -> str:
    return f"-MSSTM: {now.system_ticks:08x}" if now.signal_bars else "-MSSTM: no network service"


def _energy(device: Device, operation: str, now: Now) -> bytes:
    if device.energy is None:
        raise CommandError
    if found := re.fullmatch(r"=(\d{1,8})", operation, re.ASCII):
        if int(found[1]) > MOST_ENERGY:
            raise CommandError
        device.energy = int(found[1])
        return b""
    return _exec(lambda device, now: f"+GEMON:{(device.energy or 0) & MOST_ENERGY}")(device, operation, now)


ABOUT = ("2400", "0000", "OK", "TA16005", "IRIDIUM 9600 Family", "8816", "13X")
"""By the number after ATI."""
SAID = {
    ("+CRIS", ""): "+CRIS:000,000",
    ("+CULK", "?"): "+CULK:0",
    ("+IPR", "?"): "+IPR:006",
    ("+IPR", "=?"): "+IPR:(001-009)",
    ("+SBDAREG", "?"): "+SBDAREG:0",
    ("+SBDAREG", "=?"): "+SBDAREG:(0-4)",
    ("+SBDGW", ""): "+SBDGW: EMSS",
    ("+SBDGWN", ""): "+SBDGWN: 1",
    ("+SBDLOE", ""): "+SBDLOE:0,0",
    ("+SBDST", "?"): "+SBDST:0",
}
"""What a 9602 answers in whatever state it is: unlocked, at 19,200 baud, at the civil gateway, no traffic limit."""


def _say(command: str) -> Callable[[Device, str, Now], bytes]:
    def obey(device: Device, operation: str, now: Now) -> bytes:
        if (command, operation) not in SAID:
            raise CommandError
        return information(SAID[command, operation])

    return obey


IDENTITY = {
    **dict.fromkeys(("+CGMI", "+GMI"), _exec(lambda device, now: device.identity.maker)),
    **dict.fromkeys(("+CGMM", "+GMM"), _exec(lambda device, now: device.identity.model)),
    **dict.fromkeys(("+CGMR", "+GMR"), _exec(lambda device, now: device.identity.revision)),
    **dict.fromkeys(("+CGSN", "+GSN"), _exec(lambda device, now: device.identity.imei)),
}
EXTENDED: dict[str, Callable[[Device, str, Now], bytes]] = {
    **IDENTITY,
    **{command: _say(command) for command, _ in SAID},
    "+CRISX": _exec(lambda device, now: f"+CRISX:000,{int(device.rang):03d},00000000"),
    "+CSQ": _signal,
    "+CSQF": _exec(_quick_signal),
    "+GEMON": _energy,
    "+SBDC": _exec(_clear_number),
    "+SBDD": _clear,
    "+SBDDET": _session("+SBDDET", takes_mail=False, sends=False),
    "+SBDI": _session("+SBDI"),
    "+SBDIX": _session("+SBDIX"),
    "+SBDIXA": _session("+SBDIX"),
    "+SBDMTA": _ring_alert,
    "+SBDRB": _read_binary,
    "+SBDREG": _session("+SBDREG", takes_mail=False, sends=False),
    "+SBDRT": _read_text,
    "+SBDS": _exec(_status),
    "+SBDSX": _exec(_extended_status),
    "+SBDTC": _exec(_copy),
    "+SBDWB": _write_binary,
    "+SBDWT": _write_text,
    "-MSSTM": _exec(_system_time),
}
