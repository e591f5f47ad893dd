"""Delay and loss between two ends: what becomes of each message on its way."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np
import simpy

from satsim.scenario import LinkSpec

LossModel = Callable[[LinkSpec, np.random.Generator], Iterator[bool]]


def independent(spec: LinkSpec, rng: np.random.Generator) -> Iterator[bool]:
    """Whether each message in turn is lost: independently, with probability `loss_ratio`.

    One draw a message whatever its fate, so that with one seed a higher loss only adds losses.
    """
    while True:
        yield bool(rng.random() < spec.loss_ratio)


LOSS_MODELS: dict[str, LossModel] = {"independent": independent}


class Link:
    """A one-way message channel: `put` a message, and unless it is lost it reaches `inbox` after `delay_s`."""

    def __init__(self, env: simpy.Environment, spec: LinkSpec, rng: np.random.Generator) -> None:
        self.env = env
        self.spec = spec
        self.inbox = simpy.Store(env)
        self._losses = LOSS_MODELS[spec.loss_model](spec, rng)

    def put(self, slot: int, message: bytes) -> bool:
        """Take one message; False where it is lost on the way."""
        if next(self._losses):
            return False
        self.env.process(self._carry(slot, message))
        return True

    def _carry(self, slot: int, message: bytes) -> Generator[simpy.Event, Any, None]:
        """Arrive `delay_s` after the message was put."""
        yield self.env.timeout(self.spec.delay_s)
        self.inbox.put((slot, message))
