"""A plane from some of its pixels: the one with the fewest cosines that agrees with them."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

WEIGHT = 5.0
"""Of the absolute coefficients against squared errors (levels of 255), as PCSI's own program has it."""
STEPS, HALVINGS, CLOSE = 200, 12, 1e-4
"""At most so many steps at the final weight, after ten at each of so many larger ones; or until so little moves."""


@lru_cache(maxsize=64)
def cosines(side: int) -> Plane:
    """The orthonormal DCT-II as a matrix."""
    rows, columns = np.mgrid[:side, :side]
    matrix = np.sqrt(2 / side) * np.cos(np.pi * (2 * columns + 1) * rows / (2 * side))
    matrix[0] /= math.sqrt(2)
    return np.asarray(matrix, np.float32)


def fill_in(values: Plane, known: npt.NDArray[np.bool_], weight: float = WEIGHT) -> Plane:
    """The plane x that is least in sum((x - values)^2 over `known`) + `weight` * sum(|DCT coefficients of x|).

    The mean is free of weight: the few chroma samples of a packet would else be drawn to green. By FISTA (Beck and
    Teboulle 2009) with restarts (O'Donoghue and Candes 2015), from large weights down to the one asked for.
    """
    if not known.any():
        return np.zeros_like(values)
    left, right = cosines(values.shape[0]), cosines(values.shape[1])
    mean = np.float32(values[known].mean())
    wanted = np.where(known, values - mean, np.float32(0))
    found = ahead = np.zeros_like(wanted)
    largest = float(np.abs(left @ wanted @ right.T).max())
    target = weight / 2
    for step in range(HALVINGS, -1, -1):
        least = max(target, largest * 2.0 ** (step - HALVINGS - 1)) if step else target
        speed = 1.0
        for _ in range(10 if step else STEPS):
            error = np.where(known, left.T @ ahead @ right - wanted, np.float32(0))
            moved = ahead - left @ error @ right.T
            free = moved[0, 0]
            after = np.sign(moved) * np.maximum(np.abs(moved) - np.float32(least), np.float32(0))
            after[0, 0] = free
            change = after - found
            if float((change * (ahead - after)).sum()) > 0:
                speed = 1.0
            faster = (1 + math.sqrt(1 + 4 * speed * speed)) / 2
            ahead = after + np.float32((speed - 1) / faster) * change
            found, speed = after, faster
            if np.abs(change).sum() <= CLOSE * max(np.abs(found).sum(), 1.0):
                break
    return np.asarray(left.T @ found @ right + mean)
