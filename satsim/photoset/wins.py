"""Which of two schemes is better, photo by photo at equal times: wins, the sign test, and by how much."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from codec.metrics import MetricInfo
from satsim.links.clock import ROUNDING_S
from satsim.photoset.plan import END, FIRST, Moment, PhotosetPlan
from satsim.scoring.summary import Floats
from satsim.sweep.quantiles import ranks

SOONER = "first_image_s"
"""Stands for a metric where schemes are compared by when they first show a picture."""


class Win(NamedTuple):
    """One pair of schemes in one metric at one moment, over all photos; a row of wins.csv."""

    first: str
    second: str
    metric: str
    at: str
    better: int
    """Photos on which the first scheme is better; a picture is better than none."""
    worse: int
    equal: int
    """Photos that tell nothing, both alike to the last digit or both without a picture; the test leaves them out."""
    photos: int
    p: float
    """Of the exact two-sided sign test: how likely so uneven a count is if either were as often better."""
    better_by: float
    """Median over all photos of by how much the first scheme is better, in the metric's unit; negative: worse.
    Infinite where for half of the photos only one of the two shows a picture."""
    better_by_low: float
    """And its 95% interval by order statistics; NaN where there are too few photos for one."""
    better_by_high: float


def compare_all(plan: PhotosetPlan, found: Sequence[Mapping[str, Any]]) -> Iterator[Win]:
    """Every pair of schemes, in their order; `found` is what `jobs.run_photo` says of each photo."""
    names = [scheme.name for scheme in plan.scenario.schemes]
    for one, other in combinations(range(len(names)), 2):
        pairs = [(photo["schemes"][one], photo["schemes"][other]) for photo in found]
        sooner = [gain(a["columns"][SOONER], b["columns"][SOONER], higher_is_better=False) for a, b in pairs]
        yield weigh(names[one], names[other], SOONER, "", sooner)
        for metric in plan.measures.metrics:
            for moment in plan.moments:
                gains = [gain_at(a, b, metric, moment) for a, b in pairs]
                yield weigh(names[one], names[other], metric.name, moment.name, gains)


def gain_at(one: Mapping[str, Any], other: Mapping[str, Any], metric: MetricInfo, moment: Moment) -> float:
    """By how much `one` is better than `other` at a moment. Where one of them never shows a picture, `first` is end."""
    time_s = moment.time_s
    if moment.name == FIRST:
        firsts = [each["columns"][SOONER] for each in (one, other)]
        time_s = math.inf if any(map(math.isnan, firsts)) else max(firsts)
    values = [value_at(each, metric.name, math.inf if moment.name == END else time_s) for each in (one, other)]
    return gain(values[0], values[1], metric.higher_is_better)


def value_at(track: Mapping[str, Any], metric: str, time_s: float) -> float:
    """What the screen is worth at that time; NaN where it shows nothing."""
    last = int(np.searchsorted(track["times_s"], time_s + ROUNDING_S, side="right")) - 1
    value: float = track["values"][metric][last]
    return value


def gain(one: float, other: float, higher_is_better: bool) -> float:
    """By how much `one` is better; NaN, which is nothing, is worse than any number, and two of a kind are equal."""
    if one == other or (math.isnan(one) and math.isnan(other)):
        return 0.0
    if math.isnan(one) or math.isnan(other):
        return -math.inf if math.isnan(one) else math.inf
    return one - other if higher_is_better else other - one


def weigh(first: str, second: str, metric: str, at: str, gains: Sequence[float]) -> Win:
    """What `gains`, one a photo, say together."""
    better, worse = sum(each > 0 for each in gains), sum(each < 0 for each in gains)
    ordered = np.sort(np.array(gains))
    lower, upper = ranks(len(gains), 0.5)
    return Win(
        first=first,
        second=second,
        metric=metric,
        at=at,
        better=better,
        worse=worse,
        equal=len(gains) - better - worse,
        photos=len(gains),
        p=sign_test(better, worse),
        better_by=median(ordered),
        better_by_low=float(ordered[lower - 1]) if lower >= 1 else math.nan,
        better_by_high=float(ordered[upper - 1]) if upper <= len(gains) else math.nan,
    )


def median(ordered: Floats) -> float:
    """The middle number, or midway between the two in the middle; NaN midway between the two infinities."""
    low, high = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return low if low == high else (low + high) / 2


def sign_test(better: int, worse: int) -> float:
    """The two-sided p of so many wins and losses if each were as likely, exactly (binomial); 1 where there are none.

    8 of 8: 2 / 2**8.
    """
    count = better + worse
    tail = sum(math.comb(count, k) for k in range(min(better, worse) + 1))
    return min(1.0, float(2 * tail / 2**count))
