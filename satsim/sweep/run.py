"""A whole sweep in one readable function: code each photo once, run every point, sum up."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from codec.files import check_free, fresh_folder
from codec.folders import few
from satsim.errors import SweepError
from satsim.links.linkspec import LinkSpec
from satsim.notices import scheme_notices
from satsim.scoring.judge import digest
from satsim.scoring.outbox import Sending, load_photo
from satsim.sweep.jobs import EncodeTask, Job, encode, run_job
from satsim.sweep.local import run_here
from satsim.sweep.manifest import SweepRecord, cells, finished, write_manifest
from satsim.sweep.plan import SweepPlan
from satsim.sweep.results import Unfinished

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Workers(Protocol):
    """Where the work is done: `local.run_here`, `local.run_in_processes` or a cluster, with all but two arguments."""

    def __call__(
        self, function: Callable[[Task], Answer], tasks: Sequence[Task], /
    ) -> Iterator[tuple[int, Answer]]: ...


class Progress(NamedTuple):
    """How far a sweep is."""

    step: str
    done: int
    of: int
    """In scheme-runs while points run, else in photos."""


def run_sweep(
    plan: SweepPlan,
    out: Path,
    workers: Workers,
    *,
    resume: bool = False,
    progress: Callable[[Progress], None] = lambda news: None,
    tell: Callable[[str], None] = lambda line: None,
    draw: bool = True,
) -> SweepRecord:
    """Run `plan` and write `out`, whole or not at all; what is done meanwhile is beside it.

    With `resume`, a sweep that is finished is left as it is, and `tell` hears first where there is none to go on with.
    Returns what it found out about itself.

    Raises SweepError, ScenarioError, PhotoError, codec.CodecError, OSError for what the user can mend.
    """
    from satsim.sweep.tables import as_part  # before anything is made: its library may be missing

    began = time.perf_counter()
    check_free(out)
    unfinished = Unfinished(out)
    with unfinished.locked(), resumable(unfinished):
        fingerprint, there = plan.fingerprint(), finished(out)
        unfinished.check(fingerprint, resume, there, tell)
        sendings = code_photos(plan, workers, progress)
        keys = sorted({sending.key for row in sendings for sending in row})
        fingerprint |= {"model, or code of a codec": digest(keys)}
        if resume and not unfinished.parts() and there == fingerprint:
            return SweepRecord()
        unfinished.check(fingerprint, resume, there, tell)
        unfinished.begin(fingerprint)
        story = SweepRecord(notices=notes(plan, sendings))
        jobs = open_jobs(plan, sendings, unfinished)
        before = plan.runs - sum(job.runs for job in jobs)
        progress(Progress("running", before, plan.runs))
        for number, done in workers(run_job, jobs):
            job = jobs[number]
            unfinished.write(job.point, job.first, as_part(done.columns))
            story.hear(done, job)
            progress(Progress("running", before + story.runs, plan.runs))
        with fresh_folder(out) as folder:
            progress(Progress("writing the tables", 0, 1))
            write_tables(plan, unfinished, folder)
            write_manifest(folder, plan, sendings, story, fingerprint, time.perf_counter() - began)
            if draw:
                progress(Progress("drawing the figures", 0, 1))
                from satsim.figures.sweep.draw import draw_sweep

                draw_sweep(folder)
        unfinished.remove()
    return story


@contextmanager
def resumable(unfinished: Unfinished) -> Iterator[None]:
    """Where the disk is full, say what is kept. Raises SweepError for that."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC or not unfinished.parts():
            raise
        raise SweepError(
            f"{unfinished.folder}: the disk is full; what is done is kept there: free some space, and go on by --resume"
        ) from None


def code_photos(plan: SweepPlan, workers: Workers, progress: Callable[[Progress], None]) -> list[tuple[Sending, ...]]:
    """For each point the photo as each scheme sends it; what is the same at several points is coded once."""
    metrics = tuple(metric.loads_as or metric.name for metric in plan.measures.metrics)
    images = {place.scenario.image for place in plan.places}
    photos = {image: load_photo(image).pixels for image in images}
    numbers: dict[str, int] = {}
    codings: list[EncodeTask] = []
    wanted = []
    for place in plan.places:
        scenario, row = place.scenario, []
        for k, scheme in enumerate(scenario.schemes):
            bare = scenario.model_copy(update=NOT_CODED), scheme.model_copy(update={"link": None})
            same = repr((*bare, scenario.link_of(scheme).packet_bytes))
            if same not in numbers:
                numbers[same] = len(codings)
                codings.append(EncodeTask(scenario, k, photos[scenario.image], metrics, plan.cache))
            row.append(numbers[same])
        wanted.append(row)
    made: dict[int, Sending] = {}
    progress(Progress("coding the photo", 0, len(codings)))
    # To start workers that load codecs takes longer than to code a few photos, or to find them in the cache.
    for number, sending in (run_here if len(codings) <= FEW else workers)(encode, codings):
        made[number] = replace(sending, reference=codings[number].reference)  # one copy for all, not one each
        progress(Progress("coding the photo", len(made), len(codings)))
    return [tuple(made[number] for number in row) for row in wanted]


FEW = 12
NOT_CODED: dict[str, Any] = {"link": LinkSpec(), "duration_s": 1.0, "schemes": (), "metrics": ("",), "title": ""}
"""Parts of a scenario of which coded photos know nothing, each with a value in its place."""


def notes(plan: SweepPlan, sendings: Sequence[tuple[Sending, ...]]) -> list[str]:
    """What a reader would not guess of schemes at any point, such as stages cut to fit; of many notes the first."""
    return few(
        note
        for place, row in zip(plan.places, sendings, strict=True)
        for scheme, sending in zip(place.scenario.schemes, row, strict=True)
        for note in scheme_notices(place.scenario, scheme, sending.outbox)
    )


def open_jobs(plan: SweepPlan, sendings: Sequence[tuple[Sending, ...]], unfinished: Unfinished) -> list[Job]:
    """The jobs that are still to be done."""
    jobs = []
    for point, place in enumerate(plan.places):
        for first, count in plan.blocks(place):
            if not unfinished.has(point, first):
                jobs.append(Job(point, place.scenario, sendings[point], first, count, plan.measures, plan.cache))
    return jobs


def write_tables(plan: SweepPlan, unfinished: Unfinished, folder: Path) -> None:
    """Both tables, point by point, so that memory holds one point at a time."""
    from satsim.sweep.tables import Tables, by_scheme

    schemes = [scheme.name for scheme in plan.first.schemes]
    tables = Tables(folder, plan.first.seed, plan.measures.metrics)
    for point, place in enumerate(plan.places):
        parts = [unfinished.read(point, first) for first, _ in plan.blocks(place)]
        tables.add(point, cells(plan.axes, place), schemes, by_scheme(parts, len(schemes)))
    tables.close()
