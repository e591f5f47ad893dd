"""Random numbers one by one, drawn in blocks: a call then costs tens of nanoseconds, and the numbers are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import numpy.typing as npt


def uniforms(rng: np.random.Generator) -> Callable[[], float]:
    """A function that returns the next number in [0, 1): those of `rng.random()` called again and again."""
    return one_by_one(rng.random)


def normals(rng: np.random.Generator) -> Callable[[], float]:
    """The same with `rng.standard_normal()`: mean 0, standard deviation 1."""
    return one_by_one(rng.standard_normal)


def exponentials(rng: np.random.Generator) -> Callable[[], float]:
    """The same with `rng.standard_exponential()`: mean 1."""
    return one_by_one(rng.standard_exponential)


def one_by_one(draw: Callable[[int], npt.NDArray[np.float64]]) -> Callable[[], float]:
    """The next number of those that `draw` gives so many at a time."""

    def blocks() -> Iterator[list[float]]:
        size = 16  # small at first, as many a run has but ten messages
        while True:
            yield draw(size).tolist()
            size = min(2 * size, 1024)

    return chain.from_iterable(blocks()).__next__


Lost = Callable[[float], bool]
"""Whether the message that leaves at this time is lost; asked once for each, at times that never go back."""


def never(time_s: float) -> bool:
    """No message is."""
    return False


def independent(ratio: float, rng: np.random.Generator) -> Lost:
    """Each message is lost with probability `ratio`, whatever befalls the others."""
    if ratio == 0:
        return never
    draw = uniforms(rng)

    def lost(time_s: float) -> bool:
        return draw() < ratio

    return lost


def child(seed: int, *path: int) -> np.random.Generator:
    """A generator of its own: child path[0] of `seed`, child path[1] of that, ..., as SeedSequence.spawn numbers them.

    The others need not be made for it.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=path))
