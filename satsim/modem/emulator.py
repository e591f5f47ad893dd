"""The emulated modem at work: its wire, its sessions over a simulated link, and the gateway at the other end.

Everything happens in one thread. The clock of link and modem runs `speed` times as fast as the wall's.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from typing import Any

from satsim.modem.delivery import QUEUE_MOST, Delivery
from satsim.modem.downlink import Downlink
from satsim.modem.gateway import Mailbox
from satsim.modem.outcomes import QUEUE_FULL, RADIO_OFF, Line, about, code_of, fate_of
from satsim.modem.settings import ModemSettings
from satsim.modem.state import State, read_state, write_state
from satsim.modem.wire import Port, Pty, Wire
from satsim.sbd.commands import Identity
from satsim.sbd.device import WRITE_S, Device, Now, Outcome, Session
from satsim.sbd.directip import MoMessage
from satsim.sbd.status import mo_words, succeeded
from satsim.simulation.sessions import Attempt, Sessions

Say = Callable[[Line], None]
"""What is told of: where the modem listens, each session, each trouble, and the end."""
BOOT_S = 5.0
"""From a power cut until the modem hears the host again."""
LEAST_WRITE_S = 2.0
"""By the wall: hosts do not write faster because a link's clock runs fast."""
ERA_UNIX_S, TICK_S = 1_399_818_235, 0.09
"""Iridium system time since 2014-05-11T14:23:55Z."""


async def emulate(settings: ModemSettings, say: Say) -> None:
    """Be a modem until SIGTERM or Ctrl-C. Raises SatsimError or OSError for what the user can mend, at the start."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[None] = loop.create_future()

    def stop(error: BaseException | None = None) -> None:
        if not end.done():
            end.set_result(None) if error is None else end.set_exception(error)

    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # where there are no such signals
            loop.add_signal_handler(number, stop)
    # A full disk, say, ends the modem with a line, and a bug with its traceback: none goes on in silence.
    loop.set_exception_handler(lambda loop, context: stop(context.get("exception") or RuntimeError(context["message"])))
    modem = Emulator(settings, say)
    try:
        await modem.open()
        await end
    finally:
        await modem.close()


class Emulator:
    """A modem with its link and gateway."""

    def __init__(self, settings: ModemSettings, say: Say) -> None:
        """Raises SatsimError or OSError."""
        self._settings, self._say = settings, say
        state = read_state(settings.state, settings.imei) if settings.state else State(settings.imei)
        self._cdr, self._kept = state.cdr, state
        self._mailbox = Mailbox(settings.imei, state.mtmsn, state.waiting)
        self._sessions = Sessions(settings.link, settings.seed)
        joules = settings.link.cost.joules_per_message
        self._device = Device(
            Identity(settings.imei),
            state.momsn,
            mo_bytes=settings.mo_bytes,
            write_s=max(WRITE_S, LEAST_WRITE_S * settings.speed),
            bends=settings.faults.bends,
            microamp_hours=None if joules is None else round(joules / 5 / 3600 * 1e6),  # at 5 V
        )
        self._loop = asyncio.get_running_loop()
        self._start, self._start_unix_s = self._loop.time(), time.time()
        self._held = 0
        """Sessions so far."""
        self._dark = False
        self._timer: asyncio.TimerHandle | None = None
        """For a message that was announced over the wire."""
        self._landing: asyncio.TimerHandle | None = None
        """For what is next to reach the gateway's servers."""
        self._deliveries = [Delivery(to, settings.confirm, self._complain) for to in settings.to]
        self._downlink = Downlink(self._mailbox, self._keep_mail)
        self._tasks: list[asyncio.Task[None]] = []
        self._wire: Wire | None = None

    async def open(self) -> None:
        """Listen, and say where. Raises SatsimError or OSError."""
        settings = self._settings
        if settings.state:
            write_state(settings.state, self._kept)  # a folder that cannot be written is told before the first session
        mt = "" if settings.mt is None else await self._downlink.listen(settings.mt)
        if settings.tcp is not None:
            self._wire = await Port(self._hear).listen(settings.tcp)
        else:
            self._wire = Pty(self._hear, settings.pty)
        self._tasks = [asyncio.create_task(delivery.run()) for delivery in self._deliveries]
        for task in self._tasks:
            task.add_done_callback(_raise)
        where = {"port": self._wire.address, "mt": mt, "imei": settings.imei, "momsn": self._device.momsn}
        self._say({"event": "listening", **where, "notes": settings.notices()})

    async def close(self) -> None:
        """Stop, and say what no server has yet."""
        if self._wire is not None:
            self._wire.close()
        self._downlink.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._wire is None:
            return
        left = {to.name: each.waiting for to, each in zip(self._settings.to, self._deliveries, strict=True)}
        under_way = self._sessions.under_way
        self._say({"event": "stopped", "sessions": self._held, "under_way": under_way, "undelivered": left})

    # The clock

    def _now_s(self) -> float:
        return (self._loop.time() - self._start) * self._settings.speed

    def _at(self, time_s: float, do: Callable[..., None], *arguments: Any) -> asyncio.TimerHandle:
        return self._loop.call_at(self._start + time_s / self._settings.speed, do, *arguments)

    def _now(self) -> Now:
        now_s = self._now_s()
        ticks = int((time.time() - ERA_UNIX_S) / TICK_S)
        return Now(now_s, 5 if self._sessions.in_contact(now_s) else 0, ticks % 2**32)

    # The host

    def _hear(self, content: bytes) -> None:
        if self._dark:
            return
        reply = self._device.feed(content, self._now())
        self._keep()
        self._answer(reply.sent)
        if reply.session is not None:
            self._begin(reply.session)
        self._watch()

    def _answer(self, content: bytes) -> None:
        if content and self._wire is not None:
            self._wire.write(content)

    def _watch(self) -> None:
        """See to it that an announced message that does not come is answered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._device.deadline_s is not None:
            self._timer = self._at(self._device.deadline_s, self._tick)

    def _tick(self) -> None:
        # the loop's clock may fire a moment early
        self._answer(self._device.tick(self._now()._replace(time_s=self._device.deadline_s or 0.0)))

    # The radio

    def _begin(self, session: Session) -> None:
        """Hold a session: what becomes of it is known now, and told at its end."""
        self._held += 1
        now_s = self._now_s()
        end_s = now_s + self._sessions.session_s(len(session.message or b""))
        cut = self._settings.faults.power.get(self._held)
        if cut == "before":
            self._at((now_s + end_s) / 2, self._lose_power, session, "the power went before the gateway took anything")
            return
        if not self._device.settings.radio:
            self._end(session, RADIO_OFF, None, now_s)
            return
        if any(each.waiting >= QUEUE_MOST for each in self._deliveries):
            self._at(end_s, self._end, session, QUEUE_FULL, None, now_s)
            return
        if session.message is None:
            attempt = self._sessions.check(now_s)
        else:
            self._cdr = (self._cdr + 1) % 2**32
            attempt = self._sessions.send(now_s, self._cdr << 16 | session.momsn, session.message)
            self._expect()
        if cut == "after":
            took = "the gateway took it" if attempt.taken else "the gateway had not got it"
            self._at(end_s, self._lose_power, session, f"the power went; {took}")
        else:
            self._at(end_s, self._end, session, code_of(attempt), attempt, now_s)

    def _end(self, session: Session, mo_status: int, attempt: Attempt | None, began_s: float) -> None:
        """Tell the host, once all that must outlive a power cut is kept."""
        mail = self._mailbox.hand_over() if succeeded(mo_status) and session.takes_mail else None
        mtmsn, received = mail or (0, None)
        queued = len(self._mailbox.waiting)
        answer = self._device.finish(Outcome(mo_status, received, mtmsn, queued))
        self._keep()
        silent = self._held in self._settings.faults.silence
        if not silent:
            self._answer(answer)
        code = {"mo_status": mo_status, "words": mo_words(mo_status), **about(session)}
        mt = {"mt_bytes": None if received is None else len(received), "queued": queued}
        fate = {"fate": fate_of(attempt) if session.message is not None and attempt else "", "silent": silent}
        self._tell(code | mt | {"seconds": round(self._now_s() - began_s, 3)} | fate)

    def _lose_power(self, session: Session, why: str) -> None:
        self._dark = True
        self._device.power_up()
        self._watch()
        self._at(self._now_s() + BOOT_S, self._boot)
        self._tell({"mo_status": None, "words": why, **about(session)})

    def _boot(self) -> None:
        self._dark = False

    def _tell(self, how: Line) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._say({"event": "session", "time": at, "session": self._held} | how)

    # The gateway

    def _expect(self) -> None:
        """Be there when the next message lands."""
        if self._landing is not None:
            self._landing.cancel()
            self._landing = None
        if (next_s := self._sessions.next_s) < inf:
            self._landing = self._at(next_s, self._land)

    def _land(self) -> None:
        """Hand what has landed to the servers."""
        landed = self._sessions.landed(self._now_s() + 1e-3)  # the loop's clock may fire a moment early
        for each in landed:
            unix_s = int(self._start_unix_s + each.sent_s / self._settings.speed)
            cdr, momsn = each.number >> 16, each.number & 0xFFFF
            for delivery in self._deliveries:
                delivery.put(MoMessage(self._settings.imei, momsn, 0, 0, unix_s, each.message, cdr))
        self._expect()

    def _keep_mail(self, rings: bool) -> None:
        """After a message for the modem came to the gateway."""
        self._keep()
        if rings and not self._dark and self._now().signal_bars:
            self._answer(self._device.ring())

    def _keep(self) -> None:
        """Write what must outlive the process, where it has changed."""
        mailbox = self._mailbox
        state = State(self._settings.imei, self._device.momsn, mailbox.mtmsn, self._cdr, tuple(mailbox.waiting))
        if self._settings.state and state != self._kept:
            write_state(self._settings.state, state)
        self._kept = state

    def _complain(self, problem: str) -> None:
        self._say({"event": "trouble", "time": datetime.now(UTC).isoformat(timespec="milliseconds"), "words": problem})


def _raise(task: asyncio.Task[None]) -> None:
    """Let what ended a delivery end the modem."""
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
