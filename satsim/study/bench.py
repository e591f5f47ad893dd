"""Designs put to the test: coded once, then run under the same seeds, which no design but its own luck can favour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

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
    references: tuple[Picture, ...] = field(repr=False, compare=False)
    """Each photo in its frame."""
    names: tuple[str, ...]
    """Of the photos."""
    goal: Goal
    budgets: tuple[Budget, ...]
    measures: Measures
    replications: int
    """Runs of each design, as many on each photo."""
    cache: Path | None

    @property
    def each(self) -> int:
        """Runs of a design on each photo."""
        return self.replications // len(self.names)

    def with_schemes(self, chosen: Sequence[SchemeSpec]) -> Scenario:
        """The scenario with these schemes for its own."""
        return self.scenario.model_copy(update={"schemes": tuple(chosen)})


@dataclass(frozen=True)
class Task:
    """One design to try out on one photo, or, with no runs, a photo to code."""

    bench: Bench
    """Without its pictures, of which a worker needs one."""
    reference: Picture = field(repr=False, compare=False)
    name: str
    """Of the photo."""
    scheme: SchemeSpec
    first: int
    count: int


def code_all(bench: Bench, wanted: Sequence[OperatingPoint], workers: Workers) -> dict[OperatingPoint, Size | str]:
    """What each coding takes, of several photos at most, or the reason why one of them cannot be coded so."""
    tasks = tasks_of(bench, schemes([Design(each, "once", 1, 0) for each in wanted]), 0, 0)
    sizes = dict(workers(code_one, tasks))
    count = len(bench.names)
    return {coding: largest([sizes[number * count + k] for k in range(count)]) for number, coding in enumerate(wanted)}


def tasks_of(bench: Bench, named: Sequence[SchemeSpec], first: int, count: int) -> list[Task]:
    """Each scheme on each photo, `count` runs each, under seeds that no other photo has, from `first` on."""
    light, photos = replace(bench, references=()), list(zip(bench.references, bench.names, strict=True))
    return [
        Task(light, reference, name, scheme, first + k * count, count)
        for scheme in named
        for k, (reference, name) in enumerate(photos)
    ]


def largest(sizes: Sequence[Size | str]) -> Size | str:
    """As many messages as the largest takes, or the first reason why one cannot be."""
    known = [size for size in sizes if isinstance(size, Size)]
    if len(known) < len(sizes):
        return next(size for size in sizes if isinstance(size, str))
    return Size(*map(max, zip(*known, strict=True)))


def code_one(task: Task) -> Size | str:
    """What one coding takes, or why the photo cannot be coded so; other mistakes of codec and link are raised."""
    outbox = _prepare(task).outbox
    if outbox.why_empty:
        return f"{task.name}: {outbox.why_empty}" if task.name else outbox.why_empty
    return Size(len(outbox.payloads), outbox.per_stage)


def try_out(
    bench: Bench,
    wanted: Sequence[Design],
    workers: Workers,
    progress: Callable[[int], None] = lambda done: None,
    first: int = 0,
    each: int | None = None,
) -> list[Outcome]:
    """What each design comes to under the seeds from `first` on, in `each` runs on each photo, or the bench's.

    `progress` hears how many designs are done.
    """
    named, photos = schemes(wanted), len(bench.names)
    tasks = tasks_of(bench, named, first, bench.each if each is None else each)
    if len(tasks) == 1:
        workers = run_here
    parts: dict[int, dict[int, tuple[Columns, list[float]]]] = {}
    found: dict[int, Outcome] = {}
    for number, part in workers(try_one, tasks):
        design, photo = divmod(number, photos)
        mine = parts.setdefault(design, {})
        mine[photo] = part
        if len(mine) == photos:
            whole, name = joined([mine[k] for k in range(photos)]), named[design].name
            del parts[design]
            found[design] = weigh(name, wanted[design], *whole, bench.goal, bench.budgets, photos)
            progress(len(found))
    return [found[design] for design in range(len(wanted))]


def joined(parts: Sequence[tuple[Columns, list[float]]]) -> tuple[Columns, list[float]]:
    """The runs on all photos one after the other."""
    columns: Columns = {name: np.concatenate([part[name] for part, _ in parts]) for name in parts[0][0]}
    return columns, [each for _, minutes in parts for each in minutes]


def try_one(task: Task) -> tuple[Columns, list[float]]:
    """The columns of all runs of a design on a photo, and the minutes until all messages were out in some of them."""
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
    chance = scheme.transport.name not in ("once", "carousel") or link.windows is not None
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
    names = tuple(metric.loads_as or metric.name for metric in bench.measures.metrics)
    return jobs.encode(
        jobs.EncodeTask(
            scenario=bench.with_schemes([task.scheme]),
            scheme=0,
            reference=task.reference,
            metrics=names,
            cache=bench.cache,
        )
    )
