"""Designs put to the test: coded once, then run under the same seeds, which no design but its own luck can favour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from satsim.scenario.scenario import Scenario, SchemeSpec
from satsim.scoring.coding import cached_judge
from satsim.scoring.outbox import Picture, Sending
from satsim.scoring.summary import Columns, Measures, outcomes
from satsim.simulation.simulation import simulate
from satsim.study.goal import Budget, Goal
from satsim.study.outcome import Outcome, weigh
from satsim.study.space import Design, OperatingPoint, Size, schemes
from satsim.sweep import jobs
from satsim.sweep.local import run_here
from satsim.sweep.run import Workers

TIMED_RUNS = 100
"""So many runs tell when the last message is out, where that is a matter of chance."""


@dataclass(frozen=True)
class Bench:
    """What designs are tested on."""

    scenario: Scenario
    """Its schemes do not matter."""
    reference: Picture = field(repr=False, compare=False)
    """The photo in its frame."""
    goal: Goal
    budgets: tuple[Budget, ...]
    measures: Measures
    replications: int
    cache: Path | None

    def with_schemes(self, chosen: Sequence[SchemeSpec]) -> Scenario:
        """The scenario with these schemes for its own."""
        return self.scenario.model_copy(update={"schemes": tuple(chosen)})


@dataclass(frozen=True)
class Task:
    """One design to try out, or, with no runs, a photo to code."""

    bench: Bench
    scheme: SchemeSpec
    first: int
    count: int


def code_all(bench: Bench, wanted: Sequence[OperatingPoint], workers: Workers) -> dict[OperatingPoint, Size | str]:
    """What each coding takes, or the reason why the photo cannot be coded so."""
    tasks = [Task(bench, scheme, 0, 0) for scheme in schemes([Design(each, "once", 1, 0) for each in wanted])]
    return {wanted[number]: size for number, size in workers(code_one, tasks)}


def code_one(task: Task) -> Size | str:
    """What one coding takes, or why the photo cannot be coded so; other mistakes of codec and link are raised."""
    outbox = _prepare(task).outbox
    return outbox.why_empty or Size(len(outbox.payloads), outbox.per_stage)


def try_out(
    bench: Bench,
    wanted: Sequence[Design],
    workers: Workers,
    progress: Callable[[int], None] = lambda done: None,
    first: int = 0,
) -> list[Outcome]:
    """What each design comes to under the seeds from `first` on; `progress` hears how many are done."""
    named = schemes(wanted)
    tasks = [Task(bench, scheme, first, bench.replications) for scheme in named]
    if len(tasks) == 1:
        workers = run_here
    found: dict[int, Outcome] = {}
    for number, (columns, minutes) in workers(try_one, tasks):
        found[number] = weigh(named[number].name, wanted[number], columns, minutes, bench.goal, bench.budgets)
        progress(len(found))
    return [found[number] for number in range(len(wanted))]


def try_one(task: Task) -> tuple[Columns, list[float]]:
    """The columns of all runs of a design, and the minutes until all its messages were out in some of them."""
    sending = _prepare(task)
    bench, scenario = task.bench, task.bench.with_schemes([task.scheme])
    seeds = range(scenario.seed + task.first, scenario.seed + task.first + task.count)
    showings = jobs.show(scenario, 0, sending, seeds)
    judge = cached_judge(sending, jobs.open_cache(bench.cache))
    columns = outcomes(showings, judge.look_up, bench.measures, scenario.senders.start_gap_s)
    return columns, minutes_until_out(scenario, sending, task.first)


def minutes_until_out(scenario: Scenario, sending: Sending, first: int) -> list[float]:
    """When the last message leaves, in minutes after the first photo, in one run or, where chance counts, in more."""
    (scheme,) = scenario.schemes
    link = scenario.link_of(scheme)
    chance = scheme.transport.name == "arq" or link.windows is not None
    minutes = []
    for seed in range(scenario.seed + first, scenario.seed + first + (TIMED_RUNS if chance else 1)):
        events = simulate(
            sending.outbox.messages,
            link,
            seed,
            transport=scheme.transport,
            order=sending.outbox.order,
            duration_s=scenario.duration_s,
            senders=scenario.senders,
        )
        minutes.append(max((event.time_s for event in events if event.kind == "sent"), default=0.0) / 60)
    return minutes


def _prepare(task: Task) -> Sending:
    bench = task.bench
    names = tuple(metric.name for metric in bench.measures.metrics)
    return jobs.encode(
        jobs.EncodeTask(
            scenario=bench.with_schemes([task.scheme]),
            scheme=0,
            reference=bench.reference,
            metrics=names,
            cache=bench.cache,
        )
    )
