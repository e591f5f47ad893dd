"""A modem's side of the wire, without any I/O: bytes in, bytes out, and now and then a session that wants to be held.

It answers as a 9602 or 9603 does, on any bytes: lines that are no command of its get ERROR, and nothing it keeps grows
with what comes. One message to send and one received are kept, overwritten by the next, and gone without power. A
session leaves the message to send where it is, and clears the received one when it begins. Retold from the makers'
command references (9601, 9602, 9523, A3LA): what is said there of a code, a limit or a default is so here.

    device = Device()
    reply = device.feed(b"AT+SBDWT=hello\\rAT+SBDIX\\r", now)   # reply.session holds b"hello" and its number
    device.finish(Outcome(mo_status=0))                   # b"\\r\\n+SBDIX: 0, 0, 0, 0, 0, 0\\r\\n\\r\\nOK\\r\\n"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from satsim.sbd.checksum import checksum
from satsim.sbd.commands import BASIC, EXTENDED, MO_BYTES, TEXT_COMMAND, CommandError, Identity, information
from satsim.sbd.status import succeeded

WRITE_S = 60.0
"""How long the wire may take to bring a message that was announced."""
LINE_BYTES = 256
"""Longest command line; AT+SBDWT= and 120 letters are 129."""
SEQUENCE_NUMBERS = 65_536
OK, ERROR = b"\r\nOK\r\n", b"\r\nERROR\r\n"

Bend = Literal["checksum", "timeout"]


class Now(NamedTuple):
    """What a modem sees of the world."""

    time_s: float
    signal_bars: int = 5
    """0 (no network) to 5."""
    system_ticks: int = 0
    """Iridium system time: 90 ms ticks since 2014-05-11T14:23:55Z."""


class Session(NamedTuple):
    """What the modem wants to do by radio."""

    command: str
    message: bytes | None
    """None: it sends nothing, and asks what waits for it."""
    momsn: int
    takes_mail: bool


class Outcome(NamedTuple):
    """How a session ended."""

    mo_status: int
    mt: bytes | None = None
    """A message that came."""
    mtmsn: int = 0
    queued: int = 0
    """Messages that still wait at the gateway."""


class Reply(NamedTuple):
    """What comes of bytes from the host."""

    sent: bytes
    session: Session | None = None
    """One that begins now; what comes from the host until `finish` is not heard."""


class Settings(NamedTuple):
    """What commands set, as the factory has it."""

    echo: bool = True
    quiet: bool = False
    words: bool = True
    """OK and ERROR rather than 0 and 4."""
    radio: bool = True
    ring_alert: bool = True


class Device:
    """The state of one modem, from power-up on."""

    def __init__(
        self,
        identity: Identity | None = None,
        momsn: int = 0,
        *,
        mo_bytes: int = MO_BYTES,
        write_s: float = WRITE_S,
        bends: Mapping[int, Bend] | None = None,
        microamp_hours: int | None = None,
    ) -> None:
        """`bends` tells what befalls the k-th binary message on the wire, k from 1; `microamp_hours` what a session
        takes (None: this firmware does not count)."""
        self.identity: Identity = identity or Identity()
        self.momsn = momsn
        """The number of the next session; a session that completes takes it. It outlives power cycles."""
        self.mo_bytes = mo_bytes
        self.energy = None if microamp_hours is None else 0
        self.stored = Settings()
        self.rang: bool = False
        """Whether the bell rang since the last session."""
        self._session_energy = microamp_hours or 0
        self._write_s = write_s
        self._bends = bends or {}
        self._writes = 0
        self.power_up()

    def power_up(self) -> None:
        """As after a power cut: buffers are empty, settings are the stored ones; the MOMSN stays."""
        self.settings = self.stored
        self.mo = self.mt = b""
        self.mtmsn = -1
        self.waiting = 0
        """Messages at the gateway, by the last session."""
        self.registered, self.rang = False, False
        self.deadline_s: float | None = None
        """When `tick` is due."""
        self._session: Session | None = None
        self._line = bytearray()
        self._asked: int | None = None
        """Bytes that are to come with their checksum; 0: text to the end of the line; None: commands."""
        self._came = bytearray()
        self._bent: Bend | None = None
        """What befalls these bytes."""
        self._ring_due = False

    def feed(self, content: bytes, now: Now) -> Reply:
        """Take bytes from the host. After a session begins, the rest of them is not heard."""
        if self._session is not None:
            return Reply(b"")
        out = bytearray()
        at = 0
        while at < len(content) and self._session is None:
            if self._bent == "timeout":
                break  # lost on the way
            if self._asked:
                piece = content[at : at + self._asked - len(self._came)]
                self._came += piece
                at += len(piece)
                if len(self._came) == self._asked:
                    out += self._written()
            elif self._asked == 0:
                out += self._take_text(content[at])
                at += 1
            else:
                out += self._take(content[at], now)
                at += 1
        return Reply(bytes(out + self._ring()), self._session)

    def tick(self, now: Now) -> bytes:
        """Answer 1 if what was announced has not come by `deadline_s`; else nothing."""
        if self.deadline_s is None or now.time_s < self.deadline_s:
            return b""
        self._end_write()
        return information("1") + self._result(OK) + self._ring()

    def finish(self, outcome: Outcome) -> bytes:
        """The answer at the end of a session. Raises ValueError where none is held."""
        session = self._session
        if session is None:
            raise ValueError("no session is held")
        self._session = None
        if self.energy is not None:
            self.energy += self._session_energy
        completed = succeeded(outcome.mo_status)
        received = outcome.mt if completed and session.takes_mail else None
        if completed:
            self.momsn = (session.momsn + 1) % SEQUENCE_NUMBERS
            self.registered, self.rang = session.command not in ("+SBDI", "+SBDDET"), False
            self.waiting = outcome.queued
        if received is not None:
            self.mt, self.mtmsn = received, outcome.mtmsn
        mt_status = 2 if not completed else received is not None
        mtmsn, mt_bytes = (outcome.mtmsn, len(received)) if received is not None else (0, 0)
        if session.command == "+SBDREG":
            said = f"+SBDREG:{2 if completed else 1},{0 if completed else outcome.mo_status}"
        elif session.command == "+SBDDET":
            said = f"+SBDDET:{0 if completed else 1},{0 if completed else outcome.mo_status}"
        else:
            mo_status = outcome.mo_status
            if session.command == "+SBDI":
                mo_status = 2 if not completed else session.message is not None
            numbers = mo_status, session.momsn, mt_status, mtmsn, mt_bytes, self.waiting if completed else 0
            said = f"{session.command}: " + ", ".join(f"{number:d}" for number in numbers)
        return information(said) + self._result(OK) + self._ring()

    def ring(self) -> bytes:
        """Tell that a message waits, at once or after what is under way; nothing where the host wants no alert."""
        if not self.registered or not self.settings.radio:
            return b""
        self.rang = True
        self._ring_due = self.settings.ring_alert
        return self._ring()

    def begin(self, command: str, takes_mail: bool = True, sends: bool = True) -> None:
        """For commands: hold a session, which clears the received message."""
        self.mt, self.mtmsn = b"", -1
        self._session = Session(command, (self.mo or None) if sends else None, self.momsn, takes_mail)

    def await_message(self, message_bytes: int, now: Now) -> bytes:
        """For commands: take the next bytes for a message and its checksum; of none, for text up to its return."""
        self._asked, self.deadline_s = message_bytes + 2 if message_bytes else 0, now.time_s + self._write_s
        if message_bytes:
            self._writes += 1
            self._bent = self._bends.get(self._writes)
        return b"\r\nREADY\r\n"

    def _take(self, byte: int, now: Now) -> bytes:
        """One byte of a command line."""
        if byte == 0x0A:
            return b""
        echo = bytes([byte]) if self.settings.echo else b""
        if byte == 0x08:
            del self._line[-1:]
        elif byte != 0x0D:
            if len(self._line) <= LINE_BYTES:
                self._line.append(byte)
        else:
            line, self._line = bytes(self._line), bytearray()
            return echo + self._obey(line, now)
        return echo

    def _obey(self, line: bytes, now: Now) -> bytes:
        """The answer to a line: that of its commands one after the other, up to the first that is wrong."""
        text = line.decode("latin-1").lstrip("".join(map(chr, [*range(0x21), *range(0x7F, 0x100)])))
        if not text:
            return b""
        if text[:2].upper() != "AT" or len(line) > LINE_BYTES:
            return self._result(ERROR)
        out, rest = b"", text[2:].lstrip()
        try:
            while rest:
                said, rest = self._command(rest, now)
                out += said
                if self._session is not None or self._asked is not None:
                    return out
        except CommandError:
            return out + self._result(ERROR)
        return out + self._result(OK)

    def _command(self, text: str, now: Now) -> tuple[bytes, str]:
        """Obey the first command of `text`; its information, and what is left. Raises CommandError."""
        if found := TEXT_COMMAND.match(text):
            return EXTENDED["+SBDWT"](self, found[1], now), ""
        if found := re.match(r"([+-][A-Z]+)(\d?(?:=[^;]*|\?)?) *;? *", text, re.IGNORECASE):
            known = EXTENDED.get(found[1].upper())
            if known is None:
                raise CommandError
            return known(self, found[2].strip(), now), text[found.end() :]
        if found := re.match(r"([&*]?[A-Z])(\d{0,2}) *", text, re.IGNORECASE):
            basic = BASIC.get(found[1].upper())
            if basic is None or int(found[2] or 0) not in basic.values:
                raise CommandError
            return basic.obey(self, int(found[2] or 0)), text[found.end() :]
        raise CommandError

    def _take_text(self, byte: int) -> bytes:
        """One byte of a message in letters."""
        if byte != 0x0D:
            if len(self._came) <= self.mo_bytes:
                self._came.append(byte)
            return b""
        text = bytes(self._came)
        self._end_write()
        if not 0 < len(text) <= self.mo_bytes:
            return self._result(ERROR)
        self.mo = text
        return information("0") + self._result(OK)

    def _written(self) -> bytes:
        """The answer to a message that came whole: stored only where its checksum fits."""
        message, sent = bytes(self._came[:-2]), bytes(self._came[-2:])
        if self._bent == "checksum":
            sent = bytes([sent[0], sent[1] ^ 1])
        self._end_write()
        if sent != checksum(message):
            return information("2") + self._result(OK)
        self.mo = message
        return information("0") + self._result(OK)

    def _end_write(self) -> None:
        self._asked, self.deadline_s, self._came, self._bent = None, None, bytearray(), None

    def _result(self, result: bytes) -> bytes:
        if self.settings.quiet:
            return b""
        return result if self.settings.words else b"0\r" if result is OK else b"4\r"

    def _ring(self) -> bytes:
        if not self._ring_due or self._session is not None or self._asked is not None:
            return b""
        self._ring_due = False
        return b"\r\nSBDRING\r\n"
