"""A whole study in one readable function: find the designs, run each, weigh them, and try the choice on fresh seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codec.folders import few
from satsim.errors import StudyError
from satsim.notices import image_notices, link_notices
from satsim.photoset.photos import left_out
from satsim.scoring.outbox import load_photo
from satsim.scoring.summary import about_metrics, choose_measures
from satsim.study.bench import Bench, try_out
from satsim.study.front import by_preference, cost_of, front_of, how_close
from satsim.study.goal import Goal
from satsim.study.outcome import Outcome, runs_to_be_sure
from satsim.study.plan import StudyPlan
from satsim.study.search import Found, first_look, search
from satsim.sweep.run import Workers
from satsim.words import span


@dataclass(frozen=True)
class Study:
    """Everything a study found out."""

    plan: StudyPlan
    metric: dict[str, Any]
    """Label, unit and direction of the goal's metric."""
    found: Found
    cost: str
    """What designs are compared by: price, or messages."""
    front: list[Outcome]
    recommended: Outcome | None
    confirmed: Outcome | None
    """The recommended design under as many fresh seeds."""
    sentence: str
    """What to do, or how close the best design came."""
    notices: list[str]


def run_study(
    plan: StudyPlan, workers: Workers, cache: Path | None = None, progress: Callable[[str], None] = lambda step: None
) -> Study:
    """Weigh the designs of `plan`. Raises StudyError, ScenarioError, PhotoError or codec.CodecError."""
    goal, scenario = plan.goal, plan.scenario
    progress("reading the photos" if plan.photos else "reading the photo")
    images = [photo.framed(scenario.image) for photo in plan.photos] or [scenario.image]
    photos = [load_photo(image) for image in images]
    references = tuple(photo.pixels for photo in photos)
    shortest = min(min(reference.shape[:2]) for reference in references)
    (metric,), measures, said = choose_measures(scenario, shortest, (goal.by_s,))
    if metric.name != goal.metric:
        raise StudyError(f"goal {str(goal)!r} cannot be judged: {said[0].partition(': ')[2]}")
    names = tuple(photo.name for photo in plan.photos) or ("",)
    bench = Bench(scenario, references, names, goal, plan.budgets, measures, plan.replications, cache)
    found = search(bench, plan.space, plan.trials, workers, progress)
    cost = cost_of(found.outcomes)
    progress("trying the choice on fresh seeds")
    recommended, confirmed, fell = confirm(bench, found, cost, workers)
    noted = few(note for photo in photos for note in photo.notes)
    notices = [*plan.notices, *left_out(plan.photos), *noted, *notices_on(plan, found), *fell]
    if recommended and confirmed:
        notices += cheaper(found, recommended, cost)
        sentence = advice(recommended, confirmed, plan, cost)
    else:
        sentence = how_close(found.outcomes, goal, plan.budgets)
    about = about_metrics([metric])[metric.name]
    front = front_of(found.whole(plan.replications), goal, cost)
    return Study(plan, about, found, cost, front, recommended, confirmed, sentence, notices)


def confirm(
    bench: Bench, found: Found, cost: str, workers: Workers
) -> tuple[Outcome | None, Outcome | None, list[str]]:
    """The preferred design that also meets the goal under fresh seeds, what it came to there, and who fell before it;
    of several photos each has as many fresh runs as all had before.

    The best of many has had some luck, which fresh seeds take from it.
    """
    fell: list[str] = []
    for outcome in by_preference(found.whole(bench.replications), bench.goal, cost):
        runs = bench.replications
        (again,) = try_out(bench, [outcome.design], workers, first=runs, each=runs)
        if again.meets:
            return outcome, again, fell
        fell.append(f"{outcome.name!r} met the goal in {outcome.share:.1%} of the runs, but in {again.share:.1%} of"
                    f" {again.runs} fresh ones, so it is not recommended")  # fmt: skip
    return None, None, fell


def cheaper(found: Found, recommended: Outcome, cost: str) -> list[str]:
    """A line on the cheapest design that costs less and meets the goal, but not for certain."""
    less = [each for each in found.whole(recommended.runs) if each.meets and each.spent[cost] < recommended.spent[cost]]
    if not less:
        return []
    best = min(less, key=lambda each: (each.spent[cost], -each.share))
    return [
        f"{best.name!r} costs less ({cost} {best.spent[cost]:g}) and may do: the goal is met in {best.share:.1%} of its"
        f" runs ({best.low:.1%} to {best.high:.1%}); more --replications would tell"
    ]


def notices_on(plan: StudyPlan, found: Found) -> list[str]:
    """What a reader would not guess."""
    scenario = plan.scenario
    notices = [] if plan.photos else image_notices(scenario)
    notices += [*scenario.notes, *link_notices([scenario.link])]
    if few := len(found.outcomes) - len(found.whole(plan.replications)):
        what = "1 design looked" if few == 1 else f"{few} designs looked"
        was = "was" if few == 1 else "were"
        notices.append(f"{what} hopeless after {first_look(len(plan.photos) or 1)} runs, and {was} not run further")
    reasons = [f"{name} ({why})" for name, why in found.left_out.items()]
    if reasons:
        more = f" and {len(reasons) - 2} more" if len(reasons) > 2 else ""
        notices.append(f"cannot be coded, so left out: {', '.join(reasons[:2])}{more}")
    if (least := runs_to_be_sure(plan.goal)) > plan.replications:
        notices.append(
            f"{plan.replications} runs cannot show {plan.goal.probability:g} for certain; --replications {least} could"
        )
    if scenario.senders.count > 1:
        notices.append(
            f"times and qualities are medians over the photos of {scenario.senders.count} senders; costs, of all"
        )
    return notices


def advice(chosen: Outcome, again: Outcome, plan: StudyPlan, cost: str) -> str:
    """What to do, why, and how sure that is; one sentence."""
    goal = plan.goal
    sure = "" if chosen.verdict == again.verdict == "met" else " (not certain: the interval reaches below the goal)"
    spent = cost_words(chosen, cost, plan)
    count = len(plan.photos)
    on = f", over {count} photos, of which {photos_met(again, goal)} meet the goal on their own" if count else ""
    return (
        f"Send {chosen.name}: {again.share:.1%} of {again.runs} fresh runs ({again.low:.1%} to {again.high:.1%}) reach"
        f" {goal.metric} {goal.level:g} by {span(goal.by_s)}{on}{sure}; of the designs that do so none costs less"
        f" than its {spent} (at a certainty of {goal.probability:g})."
    )


def photos_met(outcome: Outcome, goal: Goal) -> int:
    """On how many photos the goal is met, each by its own runs."""
    return sum(share >= goal.probability for share in outcome.shares)


def cost_words(outcome: Outcome, cost: str, plan: StudyPlan) -> str:
    """ "7 messages", or with the price where it counts "7 messages, 7.84 USD"."""
    messages = f"{outcome.spent['messages']:g} message{'s' * (outcome.spent['messages'] != 1)}"
    return messages + (f", {outcome.spent['price']:.2f} {plan.scenario.link.cost.currency}" if cost == "price" else "")
