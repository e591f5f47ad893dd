"""Which designs no other beats in everything, which one to take, and how close the best came where none will do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from satsim.study.goal import Budget, Goal
from satsim.study.outcome import Outcome
from satsim.words import span

Objectives = tuple[float, ...]


def pareto(points: Sequence[Objectives]) -> list[int]:
    """Places of the points that no other beats, where less is better in every number; of equal points the first."""
    return [
        k
        for k, point in enumerate(points)
        if not any(beats(other, point) or (other == point and j < k) for j, other in enumerate(points))
    ]


def beats(one: Objectives, other: Objectives) -> bool:
    """Whether `one` is nowhere worse than `other`, and somewhere better."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def front_of(outcomes: Sequence[Outcome], goal: Goal, cost: str) -> list[Outcome]:
    """The designs within budgets that show a picture and that no other beats in first image, final quality and cost.

    In order of time to the first image.
    """
    shown = [each for each in outcomes if not each.over and math.isfinite(each.first_image_s)]
    better = -1.0 if goal.higher_is_better else 1.0
    points = [(each.first_image_s, better * each.final, each.spent[cost]) for each in shown]
    return sorted((shown[k] for k in pareto(points)), key=lambda each: (each.first_image_s, each.spent[cost]))


def cost_of(outcomes: Sequence[Outcome]) -> str:
    """What designs are compared by: the price where every one has one, else messages."""
    return "price" if outcomes and all(math.isfinite(each.spent["price"]) for each in outcomes) else "messages"


def by_preference(outcomes: Sequence[Outcome], goal: Goal, cost: str) -> list[Outcome]:
    """Those that meet goal and budgets: for certain first; then the cheapest, the earliest, the best."""
    better = -1.0 if goal.higher_is_better else 1.0
    return sorted(
        (each for each in outcomes if each.meets),
        key=lambda o: (o.verdict != "met", o.spent[cost], o.spent["messages"], o.first_image_s, better * o.final),
    )


def how_close(outcomes: Sequence[Outcome], goal: Goal, budgets: Sequence[Budget]) -> str:
    """One line: how close the best design came to a goal that none meets, and what stands in the way."""
    within = [each for each in outcomes if not each.over]
    if not within:
        limits = " and ".join(map(str, budgets))
        return f"no design keeps to {limits}; {least(outcomes, budgets)}"
    best = max(within, key=lambda each: (each.share, -_or_inf(each.goal_s)))
    words = (
        f"no design meets the goal {goal}{', '.join(['', *(f'{each}' for each in budgets)])}; closest is {best.name!r}"
    )
    words += f": {best.share:.1%} of its runs ({best.low:.1%} to {best.high:.1%})"
    if math.isfinite(best.goal_s):
        words += f"; it takes until {span(round(best.goal_s))} for {goal.probability:g}"
    elif math.isfinite(best.at_goal_time):
        words += f"; by then {goal.probability:g} of them reach {goal.metric} {best.at_goal_time:.3g}"
    else:
        words += f"; by then {1 - goal.probability:.2g} or more of them show nothing"
    beyond = [each for each in outcomes if each.over and each.verdict != "not met"]
    if beyond:
        broken = {each.name: [budget for budget in budgets if str(budget) in each.over] for each in beyond}
        cheap = min(beyond, key=lambda each: sum(each.spent[b.quantity] / (b.limit or 1) for b in broken[each.name]))
        spent = ", ".join(f"{budget.quantity} {cheap.spent[budget.quantity]:g}" for budget in broken[cheap.name])
        words += f" (met by {cheap.name!r}, but with {spent})"
    return words


def least(outcomes: Sequence[Outcome], budgets: Sequence[Budget]) -> str:
    """The least that any design spends of what is limited."""
    parts = []
    for budget in budgets:
        known = [each.spent[budget.quantity] for each in outcomes if math.isfinite(each.spent[budget.quantity])]
        parts.append(f"the least is {min(known):g} {budget.quantity}" if known else f"{budget.quantity} is not known")
    return ", ".join(parts)


def _or_inf(value: float) -> float:
    return math.inf if math.isnan(value) else value
