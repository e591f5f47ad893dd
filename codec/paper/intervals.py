"""Intervals of `codec.evaluation.intervals` as rows have them: two numbers, or None twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from codec.evaluation.intervals import interval as ratio_interval
from codec.evaluation.intervals import interval_of

Drawn = npt.NDArray[np.integer[Any]]
Ends = tuple[float, float] | tuple[None, None]
FEWEST = 3
"""Photos; fewer have no interval."""


def interval(n: int, statistic: Callable[[Drawn], float | None], draws: int = 2000) -> Ends:
    """Of `statistic` of `n` photos, as `interval_of`."""
    return (interval_of(statistic, n, draws) if n >= FEWEST else None) or (None, None)


def of_mean(values: Sequence[float], over: Sequence[float] | None = None) -> Ends:
    """Of the mean of `values`, a photo each, or of its ratio to the mean of `over`, in pairs."""
    if len(values) < FEWEST:
        return None, None
    return ratio_interval(np.array(values, float), None if over is None else np.array(over, float))
