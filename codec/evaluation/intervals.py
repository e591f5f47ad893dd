"""95 % intervals of means over photos, and of what follows from means, by bootstrap over photos, always in pairs.

The same number of photos meets the same draws, so that two codecs, or two rates, are compared on the same photos.
Source: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentiles).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
RESAMPLES = 10_000
ENOUGH = 0.95
"""Where a statistic is defined in a smaller share of draws, it has no interval."""


def draws(photos: int, resamples: int = RESAMPLES, seed: int = 1) -> npt.NDArray[np.integer[Any]]:
    """int[resamples, photos]: photos drawn with replacement."""
    return np.random.default_rng(seed).integers(photos, size=(resamples, photos))


def middle(statistics: Floats) -> tuple[float, float]:
    """The middle 95 % of a statistic over draws."""
    low, high = np.quantile(statistics, [0.025, 0.975])
    return float(low), float(high)


def interval(
    values: Floats, divisor: Floats | None = None, resamples: int = RESAMPLES, seed: int = 1
) -> tuple[float, float]:
    """The interval of the mean of `values`, or of its ratio to the mean of `divisor`, photo by photo the same."""
    rows = draws(len(values), resamples, seed)
    means = values[rows].mean(1)
    return middle(means if divisor is None else means / divisor[rows].mean(1))


def mean_interval(values: Sequence[float] | Floats) -> tuple[float, float] | None:
    """The interval of a mean; None for fewer than two photos, or where a value is infinite."""
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return None
    return interval(np.array(values))


def interval_of(
    statistic: Callable[[npt.NDArray[np.integer[Any]]], float | None], photos: int, resamples: int = 1000
) -> tuple[float, float] | None:
    """The interval of any statistic of drawn photos, given as int[photos]; None where it often has no value."""
    found = [statistic(drawn) for drawn in draws(photos, resamples)] if photos > 1 else []
    values = [value for value in found if value is not None]
    return middle(np.array(values)) if values and len(values) >= ENOUGH * len(found) else None
