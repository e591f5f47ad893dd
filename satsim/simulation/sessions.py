"""One terminal's link, held session by session at whatever times somebody else's clock says.

Message k meets what send k of `simulate` meets under the same seed, as far as that does not hang on when it leaves: the
same generators decide, in the same order.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import simpy

from satsim.links.draws import independent
from satsim.links.linkspec import LinkSpec
from satsim.links.windows import make_windows
from satsim.simulation.acks import constant_delay_s
from satsim.simulation.events import Log
from satsim.simulation.simulation import CONCERNS, Chance
from satsim.simulation.terminal import UNUSED, Landing, Link


class Attempt(NamedTuple):
    """What becomes of one session, known as soon as it begins."""

    in_contact: bool
    taken: bool
    """Whether the satellite has the message."""
    heard: bool
    """Whether the terminal hears so; not, now and then, though it was taken."""
    damaged: bool = False
    twice: bool = False
    lost_below: bool = False
    """Taken, and lost on the way to the receiver."""
    late: bool = False
    """Taken, and thrown away for its age."""


class Landed(NamedTuple):
    """A message at the receiver."""

    time_s: float
    sent_s: float
    number: int
    """What the sender called it."""
    message: bytes


class Sessions:
    """A link and its chance, asked at times that never go back."""

    def __init__(self, link: LinkSpec, seed: int) -> None:
        """Sends meet the fates of sender 0 of `simulate`; mailbox checks, which it does not know, have their own.

        Raises LinkError for a trace, an orbit or a model of your own that cannot be used.
        """
        self._link = link
        self._env = simpy.Environment()
        self._log = Log()
        self._landings: list[Landing] = []
        chance, others = Chance(seed, CONCERNS), Chance(seed, CONCERNS, len(CONCERNS))
        self._way = Link(self._env, link, chance, self._log, self._landings)
        self._checks = Link(self._env, link, others, self._log, [])
        self._windows = make_windows(link.windows, chance["windows"] if link.windows else UNUSED)
        misheard = link.ack.false_negative_ratio if link.ack.kind != "none" else 0.0
        self._misheard = independent(misheard, chance["ack"]) if misheard else None
        self._sends = 0

    def session_s(self, message_bytes: int) -> float:
        """How long a session with such a message takes, however it ends: until the sender hears of it.

        The link's delay without its random part; with word from the satellite, as long as that takes; with word from
        the ground, that on top.
        """
        ack, constant_s = self._link.ack, constant_delay_s(self._link, message_bytes)
        return ack.delay_s if ack.kind == "satellite" else constant_s + (ack.delay_s if ack.kind == "end" else 0.0)

    def in_contact(self, time_s: float) -> bool:
        """Whether there is contact at this time."""
        return self._windows.next_open(time_s) <= time_s

    def send(self, time_s: float, number: int, message: bytes) -> Attempt:
        """Send a message. Chance is asked only in contact, as `simulate` sends only then."""
        self._go_on(time_s)
        if not self.in_contact(time_s):
            return Attempt(False, False, False)
        before = len(self._landings)
        sent = self._log.sent(self._env.now, self._sends, number, len(message), time_s, 0)
        self._sends += 1
        taken, _ = self._way.put(sent, message)
        if self._way.copies is not None:
            self._env.process(self._way.repeat(sent, message, lambda: self.in_contact(self._env.now)))
            self._go_on(time_s)  # begins to wait for the first gap
        misheard = self._misheard is not None and self._misheard(time_s)
        new = self._landings[before:]
        self._landings[before:] = [row for row in new if row[0] < inf]
        return Attempt(
            True, taken, taken and not misheard,
            damaged=any(content is not None and content is not message for _, _, content, _ in new),
            twice=len(new) > 1, lost_below=taken and not new,
            late=any(content is None for _, _, content, _ in new),
        )  # fmt: skip

    def check(self, time_s: float) -> Attempt:
        """Ask for what waits, and send nothing."""
        self._go_on(time_s)
        if not self.in_contact(time_s):
            return Attempt(False, False, False)
        sent = self._log.sent(self._env.now, 0, 0, 0, time_s, 0)
        taken, _ = self._checks.put(sent, b"")
        return Attempt(True, taken, taken)

    def landed(self, time_s: float) -> list[Landed]:
        """What has reached the receiver by now and was not yet told, in order of time."""
        self._go_on(time_s)
        due = sorted((row for row in self._landings if row[0] <= time_s), key=lambda row: row[0])
        self._landings[:] = [row for row in self._landings if row[0] > time_s]
        return [
            Landed(at_s, sent.created_s, sent.payload_index, content)
            for at_s, sent, content, _ in due
            if content is not None
        ]

    @property
    def under_way(self) -> int:
        """Messages that were taken and have not landed yet."""
        return len(self._landings)

    @property
    def next_s(self) -> float:
        """When `landed` is to be asked next; inf where nothing is under way."""
        return min([self._env.peek(), *(row[0] for row in self._landings)], default=inf)

    def _go_on(self, time_s: float) -> None:
        if time_s > self._env.now:
            self._env.run(until=time_s)
        while self._env.peek() <= time_s:  # what stopped the run, and what is due at that moment
            self._env.step()
        self._log.rows.clear()  # nobody reads them
