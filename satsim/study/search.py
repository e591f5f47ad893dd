"""Every design of a small space, or those of a large one that an optimizer picks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from satsim.errors import StudyError
from satsim.study.bench import Bench, code_all, try_out
from satsim.study.front import cost_of, front_of
from satsim.study.outcome import Outcome
from satsim.study.space import Design, OperatingPoint, Size, Space, codings, designs, make_coding, plainest, schemes
from satsim.sweep.run import Workers

BATCH = 32
"""Designs that the optimizer picks at a time."""
FIRST_LOOK = 50
"""Runs, or a few more, after which hopeless designs are left alone, where all are to have four times as many."""
Progress = Callable[[str], None]


@dataclass
class Found:
    """What a search has seen."""

    how: str = "all"
    """all, or the name of the optimizer."""
    outcomes: list[Outcome] = field(default_factory=list)
    sizes: dict[OperatingPoint, Size | str] = field(default_factory=dict)

    def whole(self, replications: int) -> list[Outcome]:
        """The designs with so many runs, not just a first look."""
        return [each for each in self.outcomes if each.runs == replications]

    @property
    def left_out(self) -> dict[str, str]:
        """Codings that cannot be made, and why."""
        return {str(coding): size for coding, size in self.sizes.items() if isinstance(size, str)}


def search(bench: Bench, space: Space, trials: int, workers: Workers, progress: Progress) -> Found:
    """The outcomes of all designs, or of `trials` where there are more. Raises StudyError where there are none."""
    ways = len(space.transports) * len(space.copies) * len(space.repair)
    every = codings(space)
    if len(every) * ways > 20 * trials:
        found = pick(bench, space, trials, workers, progress)
    else:
        progress(f"coding the photo in {len(every)} ways")
        found = Found(sizes=code_all(bench, every, workers))
        sizes = [(coding, size) for coding, size in found.sizes.items() if isinstance(size, Size)]
        wanted = [each for coding, size in sizes for each in designs(space, coding, size, bench.scenario.link)]
        if len(wanted) > trials:
            found = pick(bench, space, trials, workers, progress, found.sizes)
        else:
            found.outcomes = weigh(bench, wanted, workers, progress)
    if not found.outcomes:
        reasons = "; ".join(list(found.left_out.values())[:2]) or "no transport of the space makes sense on this link"
        raise StudyError(f"no design is left to weigh: {reasons}")
    return found


def weigh(bench: Bench, wanted: Sequence[Design], workers: Workers, progress: Progress) -> list[Outcome]:
    """The outcomes of all designs; those that a first look finds hopeless have been run `first_look` times only.

    Hopeless is what breaks a budget by half of it or more, or meets the goal so rarely as a design that is good enough
    would with a chance of 0.1% at most. What is on the front of the first look goes on in any case, as does the best.
    """
    look = first_look(len(bench.names))
    if bench.replications < 4 * look:
        return try_out(bench, wanted, workers, lambda n: progress(f"{n} of {len(wanted)} designs"))
    glance = replace(bench, replications=look)
    first = try_out(glance, wanted, workers, lambda n: progress(f"first look: {n} of {len(wanted)} designs"))
    front, best = front_of(first, bench.goal, cost_of(first)), max((each.share for each in first), default=0.0)
    hopeful = [each for each in first if each in front or each.share == best or may_meet(each, bench)]
    chosen = [each.design for each in hopeful]
    again = try_out(bench, chosen, workers, lambda n: progress(f"{n} of {len(chosen)} designs"))
    named = {design: replace(new, name=old.name) for design, new, old in zip(chosen, again, hopeful, strict=True)}
    return [named.get(each.design, each) for each in first]


def first_look(photos: int) -> int:
    """Runs of a first look: `FIRST_LOOK`, or as few more as give each photo the same number."""
    return photos * math.ceil(FIRST_LOOK / photos)


def may_meet(outcome: Outcome, bench: Bench) -> bool:
    """Whether more runs may show that the goal is met, within budgets or nearly."""
    near = all(outcome.spent[budget.quantity] <= 1.5 * budget.limit for budget in bench.budgets)
    return near and at_most(round(outcome.share * outcome.runs), outcome.runs, bench.goal.probability) > 0.001


def at_most(came: int, runs: int, probability: float) -> float:
    """The chance that of `runs`, each of which meets the goal with this probability, at most `came` do (binomial)."""
    return sum(math.comb(runs, k) * probability**k * (1 - probability) ** (runs - k) for k in range(came + 1))


def pick(
    bench: Bench,
    space: Space,
    trials: int,
    workers: Workers,
    progress: Progress,
    sizes: dict[OperatingPoint, Size | str] | None = None,
) -> Found:
    """The outcomes of `trials` designs that NSGA-II picks, the same ones each time.

    It seeks early, good and cheap designs; those that miss the goal or a budget give way to those that miss it by less.
    """
    optuna = _optuna()
    sampler = optuna.samplers.NSGAIISampler(seed=bench.scenario.seed % 2**32, population_size=BATCH)
    study = optuna.create_study(directions=["minimize"] * 3, sampler=sampler)
    found, known = Found("NSGA-II", sizes=dict(sizes or {})), dict[Design, Outcome]()
    idle = 0
    while len(known) < trials and idle < 20:
        asked = [study.ask() for _ in range(min(BATCH, trials - len(known)))]
        chosen = [choose(trial, space, bench) for trial in asked]
        new = dict.fromkeys(each.coding for each in chosen if each.coding not in found.sizes)
        found.sizes |= code_all(bench, list(new), workers)
        plain = [plain_or_none(each, found.sizes[each.coding], bench) for each in chosen]
        fresh = [each for each in dict.fromkeys(plain) if each is not None and each not in known]
        known |= zip(fresh, try_out(bench, fresh, workers), strict=True)
        idle = 0 if fresh else idle + 1
        for trial, picked in zip(asked, plain, strict=True):
            tell(study, trial, known[picked] if picked else None, bench)
        progress(f"{len(known)} of at most {trials} designs")
    named = zip(known.values(), schemes(list(known)), strict=True)
    found.outcomes = [replace(outcome, name=scheme.name) for outcome, scheme in named]
    return found


def choose(trial: Any, space: Space, bench: Bench) -> Design:
    """The design that an optimizer's trial means."""
    codec, scale, stages, transport, copies, repair = (
        trial.suggest_categorical(name, getattr(space, name))
        for name in ("codecs", "scales", "stages", "transports", "copies", "repair")
    )
    return Design(make_coding(codec, scale, stages), transport, copies, repair)


def plain_or_none(design: Design, size: Size | str, bench: Bench) -> Design | None:
    """`plainest`; None also for a design whose photo cannot be coded."""
    return plainest(design, size, bench.scenario.link) if isinstance(size, Size) else None


def tell(study: Any, trial: Any, outcome: Outcome | None, bench: Bench) -> None:
    """Tell the optimizer what came of a trial: three numbers to be small, and by how much it breaks each rule."""
    if outcome is None:
        study.tell(trial, state=_optuna().trial.TrialState.FAIL)
        return
    goal, end_s = bench.goal, bench.scenario.duration_s
    trial.set_constraint("goal", goal.probability - outcome.share)
    for budget in bench.budgets:
        spent = outcome.spent[budget.quantity]
        trial.set_constraint(str(budget), spent - budget.limit if math.isfinite(spent) else 1e9)
    first_s = outcome.first_image_s if math.isfinite(outcome.first_image_s) else 2 * end_s
    worst = 0.0 if goal.higher_is_better else 1.0
    final = outcome.final if math.isfinite(outcome.final) else worst
    study.tell(trial, [first_s, -final if goal.higher_is_better else final, outcome.spent[cost_of([outcome])]])


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise StudyError(
            "more designs than --trials need the library Optuna: pip install 'satsim-link[study]' (or raise --trials)"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
