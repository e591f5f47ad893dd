"""A modem on a serial port or a socket: the driver of `satsim.sbd.host` with bytes, time and a port that may vanish."""

from __future__ import annotations

import errno
import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from satsim.errors import SatsimError
from satsim.sbd.host import Answer, Buffers, Fetched, Host, Ring, Send, Session, Stray

if TYPE_CHECKING:
    import serial

BAUD = 19_200
"""8 data bits, no parity, one stop bit."""
READ_S = 0.05
"""How long a look at the port lasts where nothing comes."""


class Patience(NamedTuple):
    """How long a modem may be silent."""

    seconds: float
    least_s: float
    """Also towards an emulator that is many times faster than a modem, for the computer is not."""


ANSWER = Patience(10.0, 3.0)
SIGNAL = Patience(30.0, 3.0)
"""AT+CSQ measures, which takes seconds."""
WRITTEN = Patience(75.0, 3.0)
"""More than the 60 s after which a modem gives up waiting for a message."""
SESSION = Patience(300.0, 5.0)
AGAIN = Patience(3.0, 0.3)
"""From one try to the next to wake a modem that is amid a session, or waits for the rest of a message."""
AWAKE = Patience(20.0, 4.0)
"""Until that is worth a word."""


class ModemError(SatsimError):
    """A port that is gone, or a modem that is silent or says what nobody expects: to be opened anew."""


class Modem:
    """An open port. Every method but `close` raises ModemError."""

    def __init__(self, port: str, speed: float = 1.0) -> None:
        """Open `port`, a device or a URL of pyserial such as socket://host:port, for this process alone.

        `speed` is how many times faster than a real one an emulated modem is. Raises SatsimError without pyserial.
        """
        try:
            import serial
        except ImportError:
            raise SatsimError("satsim send needs pyserial: pip install 'satsim-link[field]'") from None
        self.port, self._speed = port, speed
        self._host = Host()
        self.rang = False
        """The modem said that a message waits at the gateway."""
        self.imei = ""
        try:
            self._serial: serial.Serial = serial.serial_for_url(
                port, baudrate=BAUD, timeout=READ_S, write_timeout=10, exclusive=True
            )
        except Exception as error:  # of what the many kinds of port can fail by, termios.error is no OSError
            if not isinstance(error, OSError | ValueError) and type(error).__module__ != "termios":
                raise
            raise ModemError(f"--modem {port}: cannot be opened ({_reason(error)})") from None

    def close(self) -> None:
        """Let go of the port; one that is gone is no matter."""
        try:
            self._serial.close()
        except Exception as error:
            if not isinstance(error, OSError) and type(error).__module__ != "termios":
                raise

    def wake(self) -> bool:
        """Learn the IMEI, and tell the modem to speak plainly; False: it is silent, and may be amid a session.

        The session may be one that an earlier process began. A modem that still waits for the rest of a message takes
        what is asked for that, and answers once it has enough, or has waited long enough.
        """
        end_s = time.monotonic() + self._time(AWAKE)
        while not self.imei:
            try:
                self.imei = self._ask("AT+CGSN", AGAIN).found[0]
            except _SilentError:
                if time.monotonic() > end_s:
                    return False
        for command in ("AT&K0", "ATE0"):
            self._ask(command)
        return True

    def signal(self) -> int:
        """Bars, 0 to 5."""
        return int(self._ask("AT+CSQ", SIGNAL).found[0])

    def buffers(self) -> Buffers:
        """What the modem holds, and the number of its next session."""
        return Buffers(*map(int, self._ask("AT+SBDS").found))

    def store(self, message: bytes) -> int:
        """Hand over a message: 0 stored, 1 not in time, 2 damaged on the way, 3 too long for this modem."""
        return int(self._answered(self._host.offer(message), WRITTEN).found[0])

    def clear(self, buffer: int) -> None:
        """Empty buffer 0, of the message to send, or 1, of the one that came."""
        self._ask(f"AT+SBDD{buffer}")

    def session(self) -> Session:
        """Send what is stored, if anything is, and take what waits."""
        command, self.rang = "AT+SBDIXA" if self.rang else "AT+SBDIX", False
        return Session(*map(int, self._ask(command, SESSION).found))

    def fetch(self) -> bytes | None:
        """The message that came, fetched again where it is damaged; None: it is so each time."""
        for _ in range(3):
            answer = self._talk(self._host.fetch(), ANSWER)
            if isinstance(answer, Fetched) and answer.message is not None:
                return answer.message
        return None

    def listen(self, seconds: float, until_ring: bool = False) -> None:
        """Let time pass, hearing whether the modem rings, or is gone."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s and not (until_ring and self.rang):
            for event in self._host.receive(self._read()):
                self.rang |= isinstance(event, Ring)

    def _ask(self, command: str, patience: Patience = ANSWER) -> Answer:
        return self._answered(self._host.ask(command), patience)

    def _answered(self, content: bytes, patience: Patience) -> Answer:
        answer = self._talk(content, patience)
        if not isinstance(answer, Answer) or not answer.ok:
            raise ModemError(f"{self.port}: the modem answers ERROR to {_command(content)}; is it one for Iridium SBD?")
        return answer

    def _talk(self, content: bytes, patience: Patience) -> Answer | Fetched:
        """Write, and wait for the end of the command."""
        self._write(content)
        end_s = time.monotonic() + self._time(patience)
        ended: Answer | Fetched | None = None
        while ended is None:
            for event in self._host.receive(self._read()):
                match event:
                    case Send(content=wanted):
                        self._write(wanted)
                    case Answer() | Fetched():
                        ended = event
                    case Ring():
                        self.rang = True
                    case Stray(line="OK"):  # noise may have spoilt the line before it
                        end_s = min(end_s, time.monotonic() + self._time(ANSWER))
            if ended is None and time.monotonic() > end_s:
                self._host.give_up()
                raise _SilentError(f"{self.port}: the modem does not answer {_command(content)}")
        return ended

    def _time(self, patience: Patience) -> float:
        return max(patience.seconds / self._speed, patience.least_s)

    def _write(self, content: bytes) -> None:
        try:
            self._serial.write(content)
        except OSError as error:  # pyserial's own are of its kind
            raise ModemError(f"{self.port}: is gone ({_reason(error)})") from None

    def _read(self) -> bytes:
        try:
            first = self._serial.read(1)
            return bytes(first + self._serial.read(self._serial.in_waiting)) if first else b""
        except (OSError, TypeError) as error:  # TypeError: of a socket that was closed by the other side
            raise ModemError(f"{self.port}: is gone ({_reason(error)})") from None


class _SilentError(ModemError):
    """No answer in time."""


def _command(content: bytes) -> str:
    return content.split(b"\r")[0].decode("ascii")


def _reason(error: BaseException) -> str:
    """Why, in the system's words, out of what pyserial made of them."""
    if found := re.search(r"(?:\[Errno |\()(\d+)[\],]", str(error)):
        number = int(found[1])
        return "another program has it" if number == errno.EAGAIN else os.strerror(number)
    return str(error).split(": ")[-1] or type(error).__name__
