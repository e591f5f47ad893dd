"""Random numbers one by one, drawn in blocks: a call then costs tens of nanoseconds, and the numbers are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import numpy.typing as npt


def uniforms(rng: np.random.Generator) -> Callable[[], float]:
    """A function that returns the next number in [0, 1): those of `rng.random()` called again and again."""
    return _one_by_one(rng.random)


def normals(rng: np.random.Generator) -> Callable[[], float]:
    """The same with `rng.standard_normal()`: mean 0, standard deviation 1."""
    return _one_by_one(rng.standard_normal)


def exponentials(rng: np.random.Generator) -> Callable[[], float]:
    """The same with `rng.standard_exponential()`: mean 1."""
    return _one_by_one(rng.standard_exponential)


def _one_by_one(draw: Callable[[int], npt.NDArray[np.float64]]) -> Callable[[], float]:
    def blocks() -> Iterator[list[float]]:
        size = 16  # small at first, as many a run has but ten messages
        while True:
            yield draw(size).tolist()
            size = min(2 * size, 1024)

    return chain.from_iterable(blocks()).__next__
