"""The host's side of a modem's AT commands, without any I/O: bytes out, bytes in, events out.

A caller writes what `ask`, `offer` and `fetch` return, passes on what comes, in whatever pieces, and does what the
events say. One command is open at a time. Each answer is known by its own line (`WANTS`) and the OK behind it, so that
an echo, SBDRING, noise between lines, or the late answer to a command that was given up, are taken for nothing else.
Every byte string can be offered and fetched: nothing in it is looked at.

    ask("AT+CSQ") -> b"AT+CSQ\\r"      b"\\r\\n+CSQ:4\\r\\n\\r\\nOK\\r\\n" -> Answer("AT+CSQ", True, ("4",))
    offer(b"hello") -> b"AT+SBDWB=5\\r"             b"READY\\r\\n" -> Send(b"hello\\x02\\x14")
                                           b"0\\r\\n\\r\\nOK\\r\\n" -> Answer("AT+SBDWB=5", True, ("0",))
    fetch() -> b"AT+SBDRB\\r"   b"\\0\\2hi\\0\\xd1\\r\\nOK\\r\\n" -> Fetched(b"hi")
"""

from __future__ import annotations

import re
from typing import NamedTuple

from satsim.sbd.checksum import checksum

MOST_MO_BYTES, MOST_MT_BYTES = 1960, 1890
"""Of the largest modem; a 9602 or 9603 takes 340 and gives 270."""
LONGEST_LINE = 1024
WANTS = {
    "AT+CGSN": r"(?<!\d)(\d{15})(?!\d)",
    "AT+CSQ": r"\+CSQF?:\s*([0-5])(?!\d)",
    "AT+SBDIX": r"\+SBDIX:\s*" + r"\s*,\s*".join([r"(\d{1,5})"] * 6) + r"(?!\d)",
    "AT+SBDS": r"\+SBDS:\s*" + r"\s*,\s*".join([r"(-?\d{1,5})"] * 4) + r"(?!\d)",
    "AT+SBDWB": r"^([0-3])$",
    "AT+SBDD": r"^([01])$",
}
"""By command, up to `=` or a digit: the line that its answer has. One that is not here has none, only OK or ERROR."""


class Send(NamedTuple):
    """Bytes that the modem waits for."""

    content: bytes


class Answer(NamedTuple):
    """The end of a command."""

    command: str
    ok: bool
    """Not after ERROR."""
    found: tuple[str, ...] = ()
    """What the line that it wants says, field by field; empty where it wants none, and after ERROR."""


class Fetched(NamedTuple):
    """The end of `fetch`."""

    message: bytes | None
    """None: damaged on the way; it can be fetched again."""


class Ring(NamedTuple):
    """A message waits at the gateway."""


class Stray(NamedTuple):
    """A line that belongs to nothing open: noise, or the late answer to what was given up."""

    line: str


Event = Send | Answer | Fetched | Ring | Stray


class Session(NamedTuple):
    """What +SBDIX says."""

    mo_status: int
    momsn: int
    mt_status: int
    mtmsn: int
    mt_bytes: int
    mt_queued: int


class Buffers(NamedTuple):
    """What +SBDS says."""

    mo_held: int
    momsn: int
    """Of the next session."""
    mt_held: int
    mtmsn: int


class Host:
    """One side of a conversation. Any bytes in any pieces leave it sound, and hold no more than a message of memory."""

    def __init__(self) -> None:
        self._command = ""
        """That is open; empty for none."""
        self._wanted = ""
        self._found: tuple[str, ...] = ()
        self._offered: bytes | None = None
        self._fetching = False
        """The message that was fetched has not come yet."""
        self._fetched: bytes | None = None
        self._came = bytearray()
        self._passed = b""
        """Before a message that is fetched: what was passed over, the end of it."""

    def ask(self, command: str) -> bytes:
        """The bytes that ask `command`, such as AT+SBDIX; what was open is given up."""
        self.give_up()
        self._command = command
        self._wanted = WANTS.get(max(filter(command.startswith, WANTS), key=len, default=""), "")
        return command.encode("ascii") + b"\r"

    def offer(self, message: bytes) -> bytes:
        """The bytes that ask the modem to store `message`; it answers 0 (stored), 1 (late), 2 (damaged) or 3 (size)."""
        asked = self.ask(f"AT+SBDWB={len(message)}")
        self._offered = bytes(message)
        return asked

    def fetch(self) -> bytes:
        """The bytes that ask for the message that the modem received."""
        asked = self.ask("AT+SBDRB")
        self._fetching = True
        return asked

    def give_up(self) -> None:
        """Wait for nothing any more; what still comes is `Stray`."""
        self._command, self._wanted, self._found = "", "", ()
        self._offered, self._fetched, self._fetching, self._passed = None, None, False, b""

    def receive(self, content: bytes) -> list[Event]:
        """What these bytes from the modem mean, with those that came before them."""
        self._came += content
        events: list[Event] = []
        while self._take_message(events) if self._fetching else self._take_line(events):
            pass
        return events

    def _take_message(self, events: list[Event]) -> bool:
        """Take a message off what came, or a byte before it; False where that is too little.

        No length begins with a byte above 7, and all text does: echo, line ends, SBDRING, ERROR.
        """
        came = self._came
        if len(came) < 2:
            return False
        length = int.from_bytes(came[:2], "big")
        if length > MOST_MT_BYTES:
            self._passed = self._passed[-LONGEST_LINE:] + came[:1]
            del came[:1]
            if self._passed.endswith(b"SBDRING"):
                events.append(Ring())
            if self._passed.endswith(b"ERROR"):
                self._end(events, ok=False)
            return True
        if len(came) < length + 4:
            return False
        message, sums = bytes(came[2 : length + 2]), bytes(came[length + 2 : length + 4])
        self._fetched = message if sums == checksum(message) else None
        self._fetching = False
        del came[: length + 4]
        return True

    def _take_line(self, events: list[Event]) -> bool:
        """Take a line off what came; False where none has ended."""
        end = min((at for at in map(self._came.find, b"\r\n") if at >= 0), default=-1)
        if end < 0:
            if len(self._came) <= LONGEST_LINE:
                return False
            end = LONGEST_LINE
        line = bytes(byte for byte in self._came[:end] if 0x20 <= byte <= 0x7E).decode("ascii").strip()
        del self._came[: end + 1]
        if line and line != self._command:
            self._hear(line, events)
        return True

    def _hear(self, line: str, events: list[Event]) -> None:
        found = re.search(self._wanted, line) if self._wanted else None
        is_end = line == "OK" and self._command and bool(self._found or not self._wanted)
        if line == "SBDRING":
            events.append(Ring())
        elif line == "READY" and self._offered is not None:
            events.append(Send(self._offered + checksum(self._offered)))
            self._offered = None
        elif found and (self._offered is None or line == "3"):  # of a wrong size the modem says so at once
            self._found = found.groups()
        elif is_end or (line == "ERROR" and self._command):
            self._end(events, ok=line == "OK")
        else:
            events.append(Stray(line))

    def _end(self, events: list[Event], ok: bool) -> None:
        if self._command == "AT+SBDRB" and ok:
            events.append(Fetched(self._fetched))
        else:
            events.append(Answer(self._command, ok, self._found if ok else ()))
        self.give_up()
