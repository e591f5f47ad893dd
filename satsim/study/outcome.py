"""What a design came to over all its runs: how often it meets the goal, how early, how good, and at what cost.

Every number is at the goal's certainty: what that share of the runs is at least as good as, or stays within.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from satsim.links.clock import ROUNDING_S
from satsim.scoring.summary import Columns
from satsim.study.goal import Budget, Goal
from satsim.study.space import Design
from satsim.sweep.quantiles import at_least_as_good, share

Verdict = Literal["met", "met, but not certain", "not met"]
COLUMNS = {"messages": "messages", "bytes": "bytes_sent", "price": "price", "energy": "energy_j"}
"""Budgets, by the column of a run that they limit; minutes are told apart."""


@dataclass(frozen=True)
class Outcome:
    """One design over many runs; a number is NaN where there is none: never within the run, or not known."""

    name: str
    design: Design = field(repr=False)
    runs: int
    share: float
    """Of runs that meet the goal."""
    low: float
    """And its 95% confidence interval (Wilson)."""
    high: float
    verdict: Verdict
    goal_s: float
    """When the goal's level is reached."""
    at_goal_time: float
    """The metric at the goal's time."""
    first_image_s: float
    final: float
    """The metric at the end of the run."""
    spent: dict[str, float]
    """By name of a budget."""
    over: tuple[str, ...]
    """Budgets it does not keep; a number that is not known keeps none."""
    shares: tuple[float, ...] = ()
    """Of the runs on each photo, those that meet the goal."""

    @property
    def meets(self) -> bool:
        """Whether the share of its runs is the goal's, within the budgets."""
        return self.verdict != "not met" and not self.over


def weigh(
    name: str,
    design: Design,
    columns: Columns,
    minutes: Sequence[float],
    goal: Goal,
    budgets: Sequence[Budget],
    photos: int = 1,
) -> Outcome:
    """What `columns`, one value a run, and the minutes until all was out, say of a design.

    Runs on several photos, as many on each, come one photo after the other.
    """
    times_s = columns[goal_column(goal)].astype(np.float64)
    came = times_s <= goal.by_s + ROUNDING_S
    ratio, low, high = share(int(came.sum()), len(times_s))
    spent = {quantity: certain(columns[column], goal) for quantity, column in COLUMNS.items()}
    spent["minutes"] = certain(np.array(minutes), goal)
    over = tuple(str(budget) for budget in budgets if not spent[budget.quantity] <= budget.limit)
    return Outcome(
        name=name,
        design=design,
        runs=len(times_s),
        share=ratio,
        low=low,
        high=high,
        verdict=verdict_on(ratio, low, goal),
        goal_s=certain(times_s, goal),
        at_goal_time=quality(columns[f"{goal.metric}_at_{goal.by_s:g}_s"], goal),
        first_image_s=certain(columns["first_image_s"], goal),
        final=quality(columns[f"final_{goal.metric}"], goal),
        spent=spent,
        over=over,
        shares=tuple(float(part.mean()) for part in np.split(came, photos)),
    )


def goal_column(goal: Goal) -> str:
    """The column of a run that tells when the goal's level is first reached."""
    return f"time_to_{goal.metric}_{goal.level:g}_s"


def verdict_on(ratio: float, low: float, goal: Goal) -> Verdict:
    """Met where even the lower end of the interval is; not certain where the share is but its lower end is not."""
    if low >= goal.probability:
        return "met"
    return "met, but not certain" if ratio >= goal.probability else "not met"


def runs_to_be_sure(goal: Goal) -> int:
    """The fewest runs after which a goal can be called met: where all of them meet it."""
    count = 1
    while share(count, count)[1] < goal.probability:
        count = math.ceil(1.02 * count) + 1
    while count > 1 and share(count - 1, count - 1)[1] >= goal.probability:
        count -= 1
    return count


def quality(values: npt.NDArray[np.float64] | npt.NDArray[np.int64], goal: Goal) -> float:
    """The metric that a share of the runs, the goal's, is at least as good as; NaN where they show nothing."""
    better = -1.0 if goal.higher_is_better else 1.0
    return better * certain(better * values.astype(np.float64), goal)


def certain(values: npt.NDArray[np.float64] | npt.NDArray[np.int64], goal: Goal) -> float:
    """What a share of `values`, the goal's, stays within; NaN counts as the largest."""
    ordered = np.sort(values.astype(np.float64))
    return at_least_as_good(ordered, goal.probability).value
