"""What is in the queue goes out through a modem, message by message, until all is acknowledged or time is up.

Before a session the signal is looked at; after one that failed the next waits, by the ladder that the maker of
RockBLOCK suggests (https://docs.groundcontrol.com/iot/rockblock/user-manual/adaptive-retry): twice a random time of up
to 5 s, twice one of up to 30 s, then 5 minutes. A session that succeeds begins it anew.
"""

from __future__ import annotations

import random
import time
from typing import NamedTuple

from satsim.errors import SatsimError
from satsim.sbd.host import Session
from satsim.sbd.status import mo_words, succeeded
from satsim.sender.mail import Tell, take_mail
from satsim.sender.modem import Modem, ModemError
from satsim.sender.queue import Message, Queue

LADDER_S = ((0.0, 5.0), (0.0, 5.0), (0.0, 30.0), (0.0, 30.0), (300.0, 300.0))
"""Least and longest wait after the first, second, ... failure in a row; the last one also after all further ones."""
REGISTERED_S = 180.0
"""After status 36: what must pass since the last registration."""
SIGNAL_S, SIGNAL_LOOKS = 10.0, 12
"""From one look at a signal that is too weak to the next; after so many looks a session is tried all the same."""
MAILBOX_S = 300.0
"""While listening, from one look into the mailbox to the next, for a ring may be missed."""
LOCKED, TRY_LATER = 16, 36
REOPEN_S = 60.0
"""The longest wait before a port is opened anew, after 1, 2, 4, ... s."""


class Terms(NamedTuple):
    """How to send."""

    port: str
    speed: float = 1.0
    """How many times faster than a real one the modem is; all waits are divided by it."""
    least_signal: int = 2
    """Bars; as the library IridiumSBD for Arduino has it."""
    for_s: float | None = None
    """Time to send in; None: until all is acknowledged."""
    listen_s: float = 0.0
    """How long to listen for requests once all is acknowledged; this and `for_s` by our clock."""


class Tried(NamedTuple):
    """A session that ended, as `satsim.links.costs` counts it."""

    kind: str
    """sent; and lost, a second time, for one that failed."""
    slot: int
    message_bytes: int
    """At least 1: to look into an empty mailbox is billed too."""


class Sending:
    """One process's turn: what it tried so far, and until when it may."""

    def __init__(self, queue: Queue, terms: Terms, tell: Tell, draw: random.Random) -> None:
        self.tried: list[Tried] = []
        self._queue, self._terms, self._tell, self._draw = queue, terms, tell, draw
        self._end_s = None if terms.for_s is None else time.monotonic() + terms.for_s
        self._failures = 0
        """Sessions that failed in a row."""
        self._lost = 0
        """How often in a row the port or the modem failed, since a session ended."""
        self._mail_waits = terms.listen_s > 0
        """The gateway said so in the last session; before the first one, to be found out."""
        self._listened_s: float | None = None
        """Since when all is acknowledged."""
        self._looked_s = 0.0
        self._bars = 0

    def run(self) -> None:
        """Send until nothing waits, or time is up. Raises SatsimError for what only the user can mend."""
        ever = False
        while not self.is_over():
            try:
                modem = Modem(self._terms.port, self._terms.speed)
                ever = True
                try:
                    if self._wake(modem):
                        self._settle(modem)
                        self._serve(modem)
                    return
                finally:
                    modem.close()
            except ModemError as error:
                if not ever:
                    raise
                self._lose(str(error))
                time.sleep(self._left(min(2.0 ** min(self._lost - 1, 10), REOPEN_S)))

    def _wake(self, modem: Modem) -> bool:
        """Wait until the modem answers; False where time is up before."""
        while not modem.wake():
            self._lose(f"{self._terms.port}: the modem is silent")
            if self.is_over():
                return False
        return True

    def _lose(self, why: str) -> None:
        """Count that no session was to be had; told only the first time in a row."""
        if not self._lost:
            self._tell("modem", f"{why}; tried again until it answers", ok=False)
        self._lost += 1

    def is_over(self) -> bool:
        """Whether the time to send in has run out."""
        return self._end_s is not None and time.monotonic() >= self._end_s

    def _left(self, seconds: float) -> float:
        """So much time of the modem in seconds of ours, as long as time is not up."""
        seconds /= self._terms.speed
        return seconds if self._end_s is None else max(0.0, min(seconds, self._end_s - time.monotonic()))

    def _settle(self, modem: Modem) -> None:
        """Find out what became of a session whose end nobody saw, and take what the modem still holds."""
        buffers = modem.buffers()
        if begun := self._queue.open_session():
            completed = self._queue.settle(modem.imei, buffers.momsn)
            words = {
                True: "its last session completed: acknowledged",
                False: "its last session did not complete: sent again",
                None: "nobody can tell whether its last session completed (another modem, or one that others used):"
                " sent again, and the command post counts it once",
            }[completed]
            if completed is not False:
                self.tried.append(Tried("sent", len(self.tried), begun.message_bytes))
            facts = {"photo": begun.photo, "place": begun.place, "acknowledged": completed}
            self._tell("settled", f"{begun.name} packet {begun.place}: {words}", **facts)
        if buffers.mt_held:
            self._take_mail(modem, buffers.mtmsn, was_held=True)

    def _serve(self, modem: Modem) -> None:
        """Hold one session after the other."""
        while not self.is_over():
            message = self._queue.next()
            if message is None and not self._mail_waits and not modem.rang:
                if not self._listen(modem):
                    return
            elif self._has_signal(modem):
                if message is None:
                    self._look(modem)
                else:
                    self._listened_s = None
                    self._send(modem, message)

    def _listen(self, modem: Modem) -> bool:
        """Wait for a ring, or for the next look into the mailbox; False once it was long enough."""
        now_s = time.monotonic()
        if self._listened_s is None:
            self._listened_s = self._looked_s = now_s
        end_s = self._listened_s + self._terms.listen_s
        if now_s >= end_s:
            return False
        look_s = self._looked_s + MAILBOX_S / self._terms.speed
        modem.listen(self._left((min(end_s, look_s) - now_s) * self._terms.speed), until_ring=True)
        if time.monotonic() >= look_s:
            self._looked_s, self._mail_waits = time.monotonic(), True
        return True

    def _has_signal(self, modem: Modem) -> bool:
        """Wait until there is a signal, though not for ever; False where time is up."""
        for look in range(SIGNAL_LOOKS):
            self._bars = modem.signal()
            if self._bars >= self._terms.least_signal:
                return True
            if look == 0:
                wanted = self._terms.least_signal
                words = f"signal {self._bars} of 5; waiting for {wanted}"
                self._tell("signal", words, bars=self._bars, wanted=wanted)
            modem.listen(self._left(SIGNAL_S))
            if self.is_over():
                return False
        self._tell("signal", f"signal {self._bars} of 5; tried all the same", bars=self._bars)
        return True

    def _look(self, modem: Modem) -> None:
        """One session without a message, for what waits at the gateway."""
        modem.clear(0)
        began_s = time.monotonic()
        session = modem.session()
        took_s = (time.monotonic() - began_s) * self._terms.speed
        self._end(modem, None, session, succeeded(session.mo_status), took_s)

    def _send(self, modem: Modem, message: Message) -> None:
        """One session for `message`."""
        for _ in range(3):
            code = modem.store(message.message)
            if code in (0, 3):
                break
        if code == 3:
            self._queue.refuse(message)
            words = (
                f"{message.name} packet {message.place}: {len(message.message)} bytes are more than this modem takes"
            )
            self._tell("refused", f"{words}; encode it with fewer --packet-bytes", photo=message.photo)
            return
        if code:
            raise ModemError(f"{self._terms.port}: the wire spoils every message (AT+SBDWB answers {code})")
        buffers = modem.buffers()
        if not buffers.mo_held:  # else a session would succeed, and have sent nothing
            raise ModemError(f"{self._terms.port}: the modem has forgotten the message before it was sent")
        self._queue.begin(message, modem.imei, buffers.momsn)
        began_s = time.monotonic()
        session = modem.session()
        took_s = (time.monotonic() - began_s) * self._terms.speed
        acknowledged = False
        if succeeded(session.mo_status):  # or noise made 1 of 18: the count of sessions must say so too
            acknowledged = self._queue.settle(modem.imei, modem.buffers().momsn) is True
        else:
            self._queue.end(acknowledged=False)
        self._end(modem, message, session, acknowledged, took_s)

    def _end(self, modem: Modem, message: Message | None, session: Session, acknowledged: bool, took_s: float) -> None:
        """Count and tell a session, take what it brought, and wait if it failed."""
        if self._lost:
            self._tell("modem", f"{self._terms.port}: the modem answers again", ok=True)
        self._lost = 0
        slot, size = len(self.tried), len(message.message) if message else 1
        self.tried += [Tried("sent", slot, size)] + [Tried("lost", slot, size)] * (not acknowledged)
        what, done = "mailbox", "a message came" if session.mt_status == 1 else "nothing waits"
        if message:
            what, done = f"{message.name} packet {message.place} of 0-{message.messages - 1}", "acknowledged"
        failure = (
            "the modem has not counted the session" if succeeded(session.mo_status) else mo_words(session.mo_status)
        )
        words = f"{what}: {done if acknowledged else failure}"
        facts = {"status": session.mo_status, "momsn": session.momsn, "signal": self._bars, "took_s": round(took_s, 1)}
        if message:
            facts |= {"photo": message.photo, "place": message.place, "acknowledged": acknowledged}
        if acknowledged:
            self._failures = 0
            # A look that brought nothing is not repeated at once: what waits may be too long for this modem.
            self._mail_waits = session.mt_queued > 0 and (message is not None or session.mt_status == 1)
            self._tell("session", words, **facts)
        else:
            wait_s = self._pause(session.mo_status)
            self._mail_waits &= self._failures < len(LADDER_S)  # the mailbox alone is not worth more
            self._tell("session", f"{words} (status {session.mo_status}); again in {wait_s:.0f} s", **facts)
        if session.mt_status == 1:
            self._take_mail(modem, session.mtmsn)
        if not acknowledged:
            modem.listen(self._left(wait_s))

    def _pause(self, status: int) -> float:
        """How long to wait after another failure, this one with `status`."""
        if status == LOCKED:
            raise SatsimError(f"{self._terms.port}: the modem is locked (status 16); unlock it by AT+CULK, then go on")
        least_s, most_s = LADDER_S[min(self._failures, len(LADDER_S) - 1)]
        self._failures += 1
        return REGISTERED_S if status == TRY_LATER else self._draw.uniform(least_s, most_s)

    def _take_mail(self, modem: Modem, mtmsn: int, was_held: bool = False) -> None:
        message = modem.fetch()
        if message is None:
            self._tell("mail", "a message came that cannot be read over this wire; it is left", mtmsn=mtmsn)
            return
        take_mail(self._queue, modem.imei, mtmsn, message, self._tell, was_held)
        modem.clear(1)
