"""95 % intervals of whatever is told of photos: they are drawn anew with replacement, both sides of a pair alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Drawn = npt.NDArray[np.int64]


def interval(
    n: int, statistic: Callable[[Drawn], float | None], draws: int = 2000, seed: int = 1
) -> tuple[float, float] | tuple[None, None]:
    """The middle 95 % of `statistic` of drawn photos, int64[n] of 0 to n - 1 each.

    None where there are fewer than 3 photos, or where more than one draw of twenty has no such number.
    """
    if n < 3:
        return None, None
    rng = np.random.default_rng(seed)
    found = [value for _ in range(draws) if (value := statistic(rng.integers(n, size=n))) is not None]
    if len(found) < 0.95 * draws:
        return None, None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def of_mean(values: Sequence[float], over: Sequence[float] | None = None) -> tuple[float, float] | tuple[None, None]:
    """Of the mean of `values`, a photo each, or of its ratio to the mean of `over`, in pairs."""
    mine = np.asarray(values, float)
    other = None if over is None else np.asarray(over, float)
    return interval(len(mine), lambda drawn: float(mine[drawn].mean() / (1 if other is None else other[drawn].mean())))
