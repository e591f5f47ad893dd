"""Transports of your own: what they see of their terminal, and what they are held to while they send.

    transport: factory(rng, **options) -> send(sender, order)

`rng` is a numpy.random.Generator that nobody else draws from. `send` is a generator, made anew for each sender and run:
`order` are the places of messages in one round, as `interleave`, `base_copies` and repair packets have it, and `sender`
is a `Sender`. It yields what `slot`, `retry`, `wait` and `send` of the sender return, and goes on when that is due:

    def twice(rng, pause_s=0.0):
        def send(sender, order):
            for index in [*order, *order]:
                yield sender.slot()
                sender.send(index)
            yield sender.wait(pause_s)
        return send
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from typing import Any

import simpy

from codec.base import CodecError
from codec.own import shown
from codec.own.finding import make, naming_own
from satsim.errors import LinkError, SatsimError
from satsim.scenario.scenario import TransportSpec
from satsim.simulation.terminal import Terminal

Process = Generator[simpy.Event, Any, None]
MOST_IDLE = 10_000
"""So often may a transport go on while time does not; to ask for slots and send nothing would be for ever."""


class Sender:
    """A terminal as a transport of your own sees it."""

    def __init__(self, terminal: Terminal, who: str, count: int) -> None:
        """Of `count` messages."""
        self._terminal, self._who, self._count = terminal, who, count
        self._has_slot = False
        self._acknowledged: set[int] = set()

    @property
    def now_s(self) -> float:
        """Seconds since the first photo was taken."""
        return float(self._terminal.env.now)

    @property
    def acknowledges(self) -> str:
        """What the sender hears of its messages: none, session, satellite or end, as in `link.ack.kind`."""
        return self._terminal.acknowledges

    def slot(self) -> simpy.Event:
        """To be yielded: goes on at the next moment at which a message may leave."""
        self._has_slot = True
        return self._terminal.slot()

    def retry(self, gap_s: float = 0.0) -> simpy.Event:
        """To be yielded in place of `slot`, for a message that failed: such a moment `gap_s` from now or later."""
        self._has_slot = True
        return self._terminal.retry(self._seconds(gap_s))

    def wait(self, seconds: float) -> simpy.Event:
        """To be yielded: goes on so many seconds later."""
        return self._terminal.env.timeout(self._seconds(seconds))

    def send(self, index: int) -> simpy.Event | None:
        """Send message `index`, one a slot. Returns what will be heard of it, None where nobody acknowledges.

        `through = yield heard` is True, or False as soon as the sender must take the message for lost.
        """
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < self._count:
            raise LinkError(f"{self._who}: send({index!r}); expected a message, 0 to {self._count - 1}")
        if not self._has_slot:
            raise LinkError(
                f"{self._who}: send({index}) without a slot; expected `yield sender.slot()` before each send"
            )
        self._has_slot = False
        words = self._terminal.send(index)
        if not words:
            return None
        heard = self._terminal.env.event()

        def hear(word: simpy.Event) -> None:
            outcome: Any = word.value
            through, sent = outcome
            if through and index not in self._acknowledged:
                self._acknowledged.add(index)
                self._terminal.log.hear(self._terminal.env.now, "acknowledged", sent)
            if not heard.triggered:
                heard.succeed(through)

        for word in words:
            assert word.callbacks is not None
            word.callbacks.append(hear)
        return heard

    def _seconds(self, seconds: float) -> float:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            raise LinkError(f"{self._who}: waits for {seconds!r}; expected seconds, 0 or more")
        return seconds


def own_transport(terminal: Terminal, order: Sequence[int], spec: TransportSpec, chance: Any) -> Process:
    """What the transport of your own that `spec` names does; a breach of the contract is a LinkError that names it."""
    who = f"transport {shown(spec.name)}"
    process = guarded(who, spec, lambda: make("transport", spec.name, spec.options, chance["retries"]))
    if not callable(process):
        raise LinkError(
            f"{who}: its factory returned {type(process).__name__}; expected a function send(sender, order)"
        )
    steps = guarded(who, spec, lambda: process(Sender(terminal, who, max(order, default=-1) + 1), list(order)))
    if not isinstance(steps, Generator):
        raise LinkError(
            f"{who}: send(sender, order) returned {type(steps).__name__}; expected a generator, which yields"
        )
    return driven(who, spec, steps, terminal.env)


def driven(who: str, spec: TransportSpec, steps: Process, env: simpy.Environment) -> Process:
    """The steps of a transport, each checked."""
    heard, since_s, idle = None, -1.0, 0
    while True:
        try:
            event = guarded(who, spec, lambda heard=heard: steps.send(heard))  # type: ignore[misc]
        except StopIteration:
            return
        if not isinstance(event, simpy.Event):
            raise LinkError(f"{who}: yielded {event!r}; expected what slot, retry, wait or send of the sender returned")
        idle = idle + 1 if env.now == since_s else 0
        since_s = env.now
        if idle > MOST_IDLE:
            raise LinkError(f"{who}: went on {MOST_IDLE:,} times at {since_s:g} s; expected that it sends, or waits")
        heard = yield event


def guarded(who: str, spec: TransportSpec, step: Callable[[], Any]) -> Any:
    """What `step` returns. Raises LinkError, one line that names the transport, for whatever it raises but its end."""
    try:
        with naming_own("transport", spec.name, "it"):
            try:
                return step()
            except (StopIteration, SatsimError) as end:
                passed = end
    except CodecError as error:
        raise LinkError(str(error)) from error
    raise passed
