"""A sender's radio and its way to the ground: when it may send, what becomes of a message, and what it hears of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import simpy

from satsim.links.clock import ROUNDING_S
from satsim.links.draws import Lost, independent, uniforms
from satsim.links.linkspec import LinkSpec
from satsim.simulation.events import Event, Log

if TYPE_CHECKING:
    from satsim.links.windows import Windows
    from satsim.simulation.acks import Acks, Fate, Words

Landing = tuple[float, Event, bytes | None, bool]
"""When, which message by its first row, the bytes that land (None: it expires instead), and whether those are a copy
that the network made."""
UNUSED = np.random.default_rng(0)
"""For what takes a generator though it draws nothing: to make one for each run takes longer than sending a message."""


class Link:
    """One terminal's way to the ground: `put` a message, and `landings` tells what comes of it, and when.

    A landing is known as soon as a message leaves, for nothing that happens later changes it.
    """

    def __init__(
        self,
        env: simpy.Environment,
        spec: LinkSpec,
        chance: Mapping[str, np.random.Generator],
        log: Log,
        landings: list[Landing],
    ) -> None:
        """`chance` has a generator for each of simulation.CONCERNS, of which only those that draw are asked for.

        What is lost goes to `log`, else to `landings`.
        """
        self._env = env
        self.copies = spec.copies
        self._log = log
        self._landings = landings
        model: Lost | None = None
        if spec.loss:
            from satsim.links.losses import make_loss

            model = make_loss(spec, chance["loss model"])
        self._losses = [model] if model else []
        if spec.loss_ratio:
            self._losses.append(independent(spec.loss_ratio, chance["independent loss"]))
        self._ground = independent(spec.ground_loss_ratio, chance["ground loss"]) if spec.ground_loss_ratio else None
        self._delay = self._make_delay(spec, chance, model)
        self._gap = uniforms(chance["copies"]) if spec.copies else None
        self._doubles = independent(spec.duplicate_ratio, chance["duplicates"]) if spec.duplicate_ratio else None
        self._damage = self._make_damage(spec, chance) if spec.bit_error_ratio else None
        self._lifetime_s = inf if spec.lifetime_s is None else spec.lifetime_s

    @staticmethod
    def _make_delay(
        spec: LinkSpec, chance: Mapping[str, np.random.Generator], model: Lost | None
    ) -> Callable[[float, int], float]:
        if not (spec.delay or spec.reorder_ratio or spec.poll_s or model):
            fixed_s, s_per_byte = spec.delay_s, spec.delay_s_per_byte
            return lambda time_s, message_bytes: fixed_s + s_per_byte * message_bytes
        from satsim.links.delays import make_delay

        random = spec.delay is not None or spec.reorder_ratio > 0
        return make_delay(spec, chance["delay"] if random else UNUSED, model)

    @staticmethod
    def _make_damage(spec: LinkSpec, chance: Mapping[str, np.random.Generator]) -> Callable[[bytes], bytes]:
        from satsim.links.losses import corrupt

        noise = chance["corruption"]
        return lambda message: corrupt(message, spec.bit_error_ratio, noise)

    def put(self, sent: Event, message: bytes, in_contact: bool = True) -> Fate:
        """Take one message. Every concern draws for every message, so that none disturbs another."""
        now = self._env.now
        lost, lost_below, doubled = not in_contact, False, False
        for lose in self._losses:
            lost = lose(now) or lost
        delay_s = self._delay(now, len(message))
        if self._ground:
            lost_below = self._ground(now)
        if self._doubles:
            doubled = self._doubles(now)
        received = self._damage(message) if self._damage else message
        if lost or lost_below:
            self._log.note(now, "lost", sent)
            return not lost, None
        if delay_s > self._lifetime_s:
            self._landings.append((now + self._lifetime_s, sent, None, False))
            return True, None
        arrival_s = now + delay_s
        self._landings.append((arrival_s, sent, received, False))
        if doubled:
            self._landings.append((arrival_s, sent, received, True))
        return True, arrival_s if received is message else None

    def repeat(self, sent: Event, message: bytes, in_contact: Callable[[], bool]) -> Generator[simpy.Event, Any, None]:
        """Send the terminal's own second and later copies, each a uniform gap after the one before, blindly: one that
        falls out of contact is lost."""
        assert self.copies is not None
        assert self._gap is not None
        shortest, longest = self.copies.gap_s
        for _ in range(self.copies.count - 1):
            yield self._env.timeout(shortest + (longest - shortest) * self._gap())
            self._log.note(self._env.now, "copied", sent)
            self.put(sent, message, in_contact())


class Slots(Protocol):
    """Slots that several terminals share; see `satsim.simulation.channel`."""

    def grant(self, terminal: Any, ready_s: float) -> simpy.Event: ...


class Terminal:
    """Sends at most one message a slot.

    Slots lie `interval_s` apart and inside contact windows. Their times are computed from their number; the count
    begins anew where a slot would fall out of contact, and where the terminal let one go by (it waited for an
    acknowledgement, say).
    """

    def __init__(
        self,
        env: simpy.Environment,
        spec: LinkSpec,
        link: Link,
        log: Log,
        messages: Sequence[bytes],
        chance: Mapping[str, np.random.Generator],
        *,
        sender: int = 0,
        created_s: float = 0.0,
        channel: Slots | None = None,
        horizon_s: float = inf,
    ) -> None:
        """The picture is taken at `created_s`, the first slot is `encode_s` later; nobody asks beyond `horizon_s`."""
        self.env = env
        self.log = log
        self.sender = sender
        self.sent = 0
        """Messages sent so far: the number of the next slot."""
        self.acknowledges = spec.ack.kind
        self._spec = spec
        self._interval_s = spec.interval_s
        self.retry_interval_s = spec.interval_s if spec.retry_interval_s is None else spec.retry_interval_s
        """Least time from a failed attempt to the next one of the same message."""
        self._link = link
        self._messages = messages
        self._created_s = created_s
        self._channel = channel
        self._windows: Windows | None = None
        if spec.windows is not None:
            from satsim.links.windows import make_windows

            self._windows = make_windows(spec.windows, chance["windows"], None if horizon_s == inf else horizon_s)
        self._acks: Acks | None = None
        if spec.ack.kind != "none":
            from satsim.simulation.acks import Acks

            self._acks = Acks(env, spec, chance)
        self._base_s = created_s + spec.encode_s
        self._step = 0
        self._last_s = -inf
        self._busy_until_s = -inf

    def slot(self) -> simpy.Event:
        """An event at the next moment at which this terminal may send."""
        ready_s = self._base_s + self._step * self._interval_s
        earliest_s = max(self.env.now, self._busy_until_s)
        if ready_s < earliest_s - ROUNDING_S:
            self._base_s, self._step, ready_s = earliest_s, 0, earliest_s
        return self._at(ready_s)

    def retry(self, gap_s: float) -> simpy.Event:
        """An event at the next moment, `gap_s` from now or later, at which a failed message may be sent again."""
        self._step = 0
        self._base_s = max(self.env.now + gap_s, self._last_s + self.retry_interval_s, self._busy_until_s)
        return self._at(self._base_s)

    def _at(self, ready_s: float) -> simpy.Event:
        if self._windows is not None:
            open_s = self._windows.next_open(ready_s)
            if open_s == inf:
                return self.env.event()  # never
            if open_s > ready_s:
                self._base_s, self._step, ready_s = open_s, 0, open_s
        if self._channel is None:
            wait_s = ready_s - self.env.now
            return self.env.timeout(wait_s if wait_s > 0 else 0.0)
        granted = self._channel.grant(self, ready_s)
        assert granted.callbacks is not None
        granted.callbacks.append(self._begin_anew)
        return granted

    def _begin_anew(self, granted: simpy.Event) -> None:
        self._base_s, self._step = self.env.now, 0

    def next_contact_s(self, time_s: float) -> float:
        """The first moment from `time_s` on at which there is contact; inf where there is none any more."""
        return time_s if self._windows is None else self._windows.next_open(time_s)

    def in_contact(self) -> bool:
        """Whether there is contact now."""
        return self.next_contact_s(self.env.now) <= self.env.now

    def send(self, index: int) -> Words:
        """Send message `index` now. What the sender will hear of it: see `Acks`; nothing without acknowledgements."""
        message, now = self._messages[index], self.env.now
        sent = self.log.sent(now, self.sent, index, len(message), self._created_s, self.sender)
        self.sent += 1
        self._step += 1
        self._last_s = now
        self._busy_until_s = now + self._spec.delay_s_per_byte * len(message)
        fate = self._link.put(sent, message)
        if self._link.copies is not None:
            self.env.process(self._link.repeat(sent, message, self.in_contact))
        return self._acks.words(sent, len(message), fate) if self._acks else ()
