"""What a sender hears of its messages, and when."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import simpy

from satsim.links.draws import independent
from satsim.links.linkspec import LinkSpec
from satsim.simulation.events import Event

Fate = tuple[bool, float | None]
"""What lies ahead of a message that leaves now: whether the satellite receives it, and when it reaches the ground
undamaged (None: never). The sender learns of it only what is acknowledged."""
Words = tuple[simpy.Event, ...]


class Acks:
    """The acknowledgements of one terminal's link, as `LinkSpec.ack` has them; its kind is not none."""

    def __init__(self, env: simpy.Environment, spec: LinkSpec, chance: Mapping[str, np.random.Generator]) -> None:
        self._env = env
        self._spec = spec
        misheard = spec.ack.false_negative_ratio
        self._misheard = independent(misheard, chance["ack"]) if misheard else None

    def words(self, sent: Event, message_bytes: int, fate: Fate) -> Words:
        """What will be heard of a message sent now: events of (whether it got through, its first row).

        Two where silence is taken for failure and the word comes after all.
        """
        ack, now, timeout = self._spec.ack, self._env.now, self._env.timeout
        heard, arrival_s = fate
        misheard = self._misheard is not None and self._misheard(now)
        through = heard and not misheard
        constant_s = constant_delay_s(self._spec, message_bytes)
        if ack.kind == "session":
            return (timeout(constant_s, (through, sent)),)
        if ack.kind == "satellite":
            return (timeout(ack.delay_s, (through, sent)),)
        patience_s = ack.timeout_s
        if patience_s is None:
            patience_s = 2 * constant_s + self._spec.poll_s + ack.delay_s + 1
        if arrival_s is None or not through:
            return (timeout(patience_s, (False, sent)),)
        word_s = arrival_s - now + ack.delay_s
        word = timeout(word_s, (True, sent))
        return (word,) if word_s <= patience_s else (timeout(patience_s, (False, sent)), word)


def constant_delay_s(link: LinkSpec, message_bytes: int) -> float:
    """The delay of such a message without its random part, hold-back and polling."""
    return link.delay_s + link.delay_s_per_byte * message_bytes
