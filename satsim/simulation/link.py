"""What becomes of each message on its way: lost, delayed, copied, damaged, or thrown away for its age."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from math import inf
from typing import Any

import numpy as np
import simpy

from satsim.links.delays import make_delay
from satsim.links.draws import uniforms
from satsim.links.linkspec import LinkSpec
from satsim.links.losses import corrupt, independent, make_loss
from satsim.simulation.events import Event, Log

Landing = tuple[float, Event, bytes | None, bool]
"""When, which message by its first row, the bytes that land (None: it expires instead), and whether those are a copy
that the network made."""
Fate = tuple[bool, float | None]
"""What lies ahead of a message that leaves now: whether the satellite receives it, and when it reaches the ground
undamaged (None: never). The sender learns of it only what is acknowledged."""

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
        model = make_loss(spec, chance["loss model"]) if spec.loss else None
        self._losses = [model] if model else []
        if spec.loss_ratio:
            self._losses.append(independent(spec.loss_ratio, chance["independent loss"]))
        self._ground = independent(spec.ground_loss_ratio, chance["ground loss"]) if spec.ground_loss_ratio else None
        random_delay = spec.delay is not None or spec.reorder_ratio > 0
        self._delay = make_delay(spec, chance["delay"] if random_delay else UNUSED, model)
        self._gap = uniforms(chance["copies"]) if spec.copies else None
        self._doubles = independent(spec.duplicate_ratio, chance["duplicates"]) if spec.duplicate_ratio else None
        self._bit_error_ratio = spec.bit_error_ratio
        self._noise = chance["corruption"] if spec.bit_error_ratio else UNUSED
        self._lifetime_s = inf if spec.lifetime_s is None else spec.lifetime_s

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
        received = corrupt(message, self._bit_error_ratio, self._noise) if self._bit_error_ratio else message
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
