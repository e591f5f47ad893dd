"""How sure one can be: quantiles and shares over runs, each with a 95% confidence interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from codec.metrics import MetricInfo
from satsim.scoring.summary import Columns

CERTAINTIES = (0.05, 0.25, 0.5, 0.75, 0.95)
CONFIDENCE = 0.95


TIMES = ("first_image_s", "last_change_s", "last_first_image_s")


class Estimate(NamedTuple):
    """A number over many runs; NaN: not within the run, or, of a bound, that there is none."""

    value: float
    low: float
    high: float


class Quantile(NamedTuple):
    """A row of quantiles.parquet, but for the point, its values and the scheme."""

    quantity: str
    """A column of runs.parquet."""
    statistic: str
    """certainty: what a share `certainty` of the runs is at least as good as; share: of runs that ever get there."""
    certainty: float
    """NaN for a share."""
    value: float
    low: float
    high: float
    runs: int


def estimate(columns: Columns, metrics: Sequence[MetricInfo]) -> list[Quantile]:
    """Every number of every column of one scheme at one point."""
    rows = []
    for name, values in columns.items():
        better = -1.0 if higher_is_better(name, metrics) else 1.0
        badness = better * values.astype(np.float64)
        badness.sort()  # NaN, which is worst, comes last
        for certainty in CERTAINTIES:
            value, low, high = (better * each for each in at_least_as_good(badness, certainty))
            low, high = (low, high) if better > 0 else (high, low)
            rows.append(Quantile(name, "certainty", certainty, value, low, high, len(values)))
        if is_time(name):
            came = int(np.isfinite(badness).sum())
            rows.append(Quantile(name, "share", math.nan, *share(came, len(values)), len(values)))
    return rows


def at_least_as_good(ordered: npt.NDArray[np.float64], certainty: float) -> Estimate:
    """The least of `ordered` (best first) that a share `certainty` of all reaches, between two others of them.

    The interval needs no assumption on the distribution: order statistics l and u with
    P(l <= Binomial(n, certainty) < u) >= 95% (David and Nagaraja, Order Statistics, section 7.1).
    """
    count = len(ordered)
    lower, upper = ranks(count, certainty)
    value = ordered[max(1, math.ceil(certainty * count - 1e-9)) - 1]
    return Estimate(
        float(value),
        float(ordered[lower - 1]) if lower >= 1 else math.nan,
        float(ordered[upper - 1]) if upper <= count else math.nan,
    )


@lru_cache(maxsize=1000)
def ranks(count: int, certainty: float) -> tuple[int, int]:
    """The ranks, from 1, that bound a quantile; 0 and count + 1 where no observation does."""
    tail = (1 - CONFIDENCE) / 2
    k = np.arange(count + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])
    log_mass = log_factorial[count] - log_factorial[k] - log_factorial[count - k]
    log_mass = log_mass + k * math.log(certainty) + (count - k) * math.log1p(-certainty)
    below = np.cumsum(np.exp(log_mass))  # P(B <= k)
    lower = int(np.searchsorted(below, tail, side="right"))  # the largest l with P(B < l) <= tail
    upper = int(np.searchsorted(below, 1 - tail, side="left")) + 1  # the smallest u with P(B >= u) <= tail
    return lower, upper


def share(came: int, count: int) -> Estimate:
    """The share came / count with Wilson's score interval (Wilson 1927, equation in Brown, Cai, DasGupta 2001)."""
    z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)
    ratio = came / count
    centre = (ratio + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(ratio * (1 - ratio) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return Estimate(ratio, 0.0 if came == 0 else centre - half, 1.0 if came == count else centre + half)


def is_time(column: str) -> bool:
    """Whether a column holds seconds since the photo, NaN for never."""
    return column in TIMES or column.startswith("time_to_")


def higher_is_better(column: str, metrics: Sequence[MetricInfo]) -> bool:
    """Whether larger numbers in a column are better."""
    if is_time(column):
        return False
    names = [m.name for m in metrics if column in (f"first_{m.name}", f"final_{m.name}")]
    names += [m.name for m in metrics if column.startswith(f"{m.name}_at_")]
    return column == "photos_shown" or any(m.higher_is_better for m in metrics if m.name in names)
