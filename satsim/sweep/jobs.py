"""The two kinds of work that a sweep hands out: to code a photo, and to run some replications at one point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from satsim.scenario.scenario import Scenario
from satsim.scoring.cache import Cache
from satsim.scoring.coding import cached_judge, prepare
from satsim.scoring.judge import Judge
from satsim.scoring.outbox import Picture, Sending
from satsim.scoring.summary import Columns, Measures, outcomes
from satsim.simulation.events import Showings
from satsim.simulation.runs import show_runs

CHECKED = 3
"""Runs of each scheme and point that are made by the table and event by event, to compare."""

KEPT = 64
"""Schemes whose judges a process remembers."""


@dataclass(frozen=True)
class EncodeTask:
    """To code one scheme's photo and pack it."""

    scenario: Scenario
    scheme: int
    reference: Picture
    metrics: tuple[str, ...]
    cache: Path | None


@dataclass(frozen=True)
class Job:
    """Replications `first` to `first + count` - 1 of every scheme at one point."""

    point: int
    scenario: Scenario
    sendings: tuple[Sending, ...]
    """One for each scheme."""
    first: int
    count: int
    measures: Measures
    cache: Path | None

    @property
    def runs(self) -> int:
        """Runs of one scheme each."""
        return self.count * len(self.sendings)


class Done(NamedTuple):
    """What came of a job."""

    columns: Columns
    """Rows by scheme, then by replication."""
    engines: tuple[str, ...]
    """How the runs of each scheme were made: table, or events."""
    checked: int
    """Runs that were made both ways."""
    scored: int
    """Pictures that were decoded and scored, since the cache had them not."""
    repaired: int
    """Cache entries that were unreadable, and made again."""
    notices: tuple[str, ...]


def encode(task: EncodeTask) -> Sending:
    """The photo of one scheme, coded, or taken from the cache. Raises CodecError or PacketError."""
    scheme = task.scenario.schemes[task.scheme]
    return prepare(task.scenario, scheme, task.reference, task.metrics, open_cache(task.cache))


def run_job(job: Job) -> Done:
    """Make the runs of `job`, score what they show, and sum them up."""
    cache = open_cache(job.cache)
    repaired, noticed = cache.repaired, len(cache.notices)
    seeds = range(job.scenario.seed + job.first, job.scenario.seed + job.first + job.count)
    parts: list[Columns] = []
    engines = []
    checked = scored = 0
    for number, sending in enumerate(job.sendings):
        showings = show(job.scenario, number, sending, seeds)
        if showings.engine == "table" and job.first == 0:
            some = seeds[:CHECKED]
            compare(showings, show(job.scenario, number, sending, some, "events"), job, number)
            checked += len(some)
        judge = judge_of(sending, cache)
        before = judge.decoded
        parts.append(outcomes(showings, judge.look_up, job.measures, job.scenario.senders.start_gap_s))
        scored += judge.decoded - before
        engines.append(showings.engine)
    columns: Columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Done(columns, tuple(engines), checked, scored, cache.repaired - repaired, tuple(cache.notices[noticed:]))


def show(
    scenario: Scenario, number: int, sending: Sending, seeds: Sequence[int], engine: str | None = None
) -> Showings:
    """What receivers of one scheme decode under each seed."""
    scheme = scenario.schemes[number]
    return show_runs(
        sending.outbox.messages,
        scenario.link_of(scheme),
        seeds,
        transport=scheme.transport,
        order=sending.outbox.order,
        duration_s=scenario.duration_s,
        senders=scenario.senders,
        engine=engine,
    )


def compare(table: Showings, events: Showings, job: Job, number: int) -> None:
    """Raise AssertionError, for a bug of ours, unless the first runs of `table` are those of `events`."""
    count = len(events.bytes_sent)
    steps = events.time_s.shape[2]
    same = (
        np.array_equal(table.time_s[:count, :, :steps], events.time_s)
        and np.array_equal(table.index[:count, :, :steps], events.index)
        and bool((table.index[:count, :, steps:] == -1).all())
        and all(np.array_equal(table.counts[kind][:count], events.counts[kind]) for kind in events.counts)
    )
    if not same:
        raise AssertionError(
            f"scheme {job.scenario.schemes[number].name!r}, point {job.point}: the runs made by table differ from those"
            " made event by event; please report this with the manifest of the sweep"
        )


@lru_cache(maxsize=4)
def open_cache(folder: Path | None) -> Cache:
    """The cache in `folder`, one a process."""
    return Cache(folder)


_judges: dict[tuple[object, ...], Judge] = {}


def judge_of(sending: Sending, cache: Cache) -> Judge:
    """The judge of `sending`, with all that this process knows already; the last few are kept."""
    # The key is that of the payloads; what else follows from received packets depends on the repair packets, too.
    name = sending.key, tuple(sending.outbox.repairs), cache.folder
    if name not in _judges:
        while len(_judges) >= KEPT:
            del _judges[next(iter(_judges))]
        _judges[name] = cached_judge(sending, cache)
    return _judges[name]
