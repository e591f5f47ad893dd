"""A sender's radio: when it may send, what it has sent, and what it hears of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import numpy as np
import simpy

from satsim.links.delays import constant_delay_s
from satsim.links.linkspec import LinkSpec
from satsim.links.losses import independent
from satsim.links.windows import make_windows
from satsim.simulation.channel import ROUNDING_S, Channel
from satsim.simulation.events import Log
from satsim.simulation.link import Link

Words = tuple[simpy.Event, ...]


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
        channel: Channel | None = None,
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
        self._windows = (
            None
            if spec.windows is None
            else make_windows(spec.windows, chance["windows"], None if horizon_s == inf else horizon_s)
        )
        misheard = spec.ack.false_negative_ratio
        self._misheard = independent(misheard, chance["ack"]) if misheard else None
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
        """Send message `index` now. What the sender will hear of it: events of (whether it got through, its first row).

        None of them without acknowledgements; two where silence is taken for failure and the word comes after all.
        """
        message, now = self._messages[index], self.env.now
        sent = self.log.sent(now, self.sent, index, len(message), self._created_s, self.sender)
        self.sent += 1
        self._step += 1
        self._last_s = now
        self._busy_until_s = now + self._spec.delay_s_per_byte * len(message)
        heard, arrival_s = self._link.put(sent, message)
        if self._link.copies is not None:
            self.env.process(self._link.repeat(sent, message, self.in_contact))
        ack = self._spec.ack
        if ack.kind == "none":
            return ()
        misheard = self._misheard is not None and self._misheard(now)
        through = heard and not misheard
        constant_s = constant_delay_s(self._spec, len(message))
        if ack.kind == "session":
            return (self.env.timeout(constant_s, (through, sent)),)
        if ack.kind == "satellite":
            return (self.env.timeout(ack.delay_s, (through, sent)),)
        patience_s = ack.timeout_s
        if patience_s is None:
            patience_s = 2 * constant_s + self._spec.poll_s + ack.delay_s + 1
        if arrival_s is None or not through:
            return (self.env.timeout(patience_s, (False, sent)),)
        word_s = arrival_s - now + ack.delay_s
        word = self.env.timeout(word_s, (True, sent))
        return (word,) if word_s <= patience_s else (self.env.timeout(patience_s, (False, sent)), word)
