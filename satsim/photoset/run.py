"""A whole set of photos in one readable function: send each by every scheme, compare schemes, write one folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from codec.files import check_free, fresh_folder
from codec.folders import few
from satsim.photoset.jobs import end_pictures, run_photo
from satsim.photoset.plan import PhotosetPlan
from satsim.photoset.results import (
    job_of,
    jobs_of_picks,
    manifest_of,
    summary_of,
    write_picks,
    write_story,
    write_tables,
)
from satsim.sweep.local import run_here
from satsim.sweep.manifest import finished
from satsim.sweep.results import Unfinished
from satsim.sweep.run import Progress, Workers, resumable


def run_photoset(
    plan: PhotosetPlan,
    out: Path,
    workers: Workers,
    *,
    resume: bool = False,
    progress: Callable[[Progress], None] = lambda news: None,
    tell: Callable[[str], None] = lambda line: None,
) -> None:
    """Send every photo of `plan` by every scheme and write `out`, whole or not at all; what is done meanwhile is beside
    it. With `resume`, a set that is finished is left as it is; `tell` hears first where there is none to go on with.

    Raises SweepError, CodecError, PacketError, LinkError or OSError for what the user can mend.
    """
    began = time.perf_counter()
    check_free(out)
    unfinished, fingerprint = Unfinished(out, "run over photos"), plan.fingerprint()
    count = len(plan.photos)
    with unfinished.locked(), resumable(unfinished):
        if resume and not unfinished.parts() and finished(out) == json.loads(json.dumps(fingerprint)):
            return
        unfinished.check(fingerprint, resume, finished(out), tell)
        unfinished.begin(fingerprint)
        todo = [number for number in range(count) if not unfinished.has(number, 0)]
        progress(Progress("photos", count - len(todo), count))
        for place, done in workers(run_photo, [job_of(plan, number) for number in todo]):
            unfinished.write(todo[place], 0, json.dumps(done).encode())
            progress(Progress("photos", len(unfinished.parts()), count))
        found = [json.loads(unfinished.read(number, 0)) for number in range(count)]
        with fresh_folder(out) as folder:
            progress(Progress("writing tables and pictures", 0, 1))
            wins = write_tables(folder, plan, found)
            wanted = jobs_of_picks(plan, found)
            # To start workers that load codecs takes longer than to decode a few pictures.
            pictures = {list(wanted)[k]: seen for k, seen in run_here(end_pictures, list(wanted.values()))}
            write_picks(folder, plan, found, pictures)
            summary = summary_of(plan, found, wins, notices_of(plan, found))
            manifest = manifest_of(plan, found, fingerprint, sum(each["scored"] for each in found))
            write_story(folder, plan, summary, manifest | {"seconds": round(time.perf_counter() - began, 3)})
            progress(Progress("drawing the figures", 0, 1))
            from satsim.figures.photoset import draw_photoset

            draw_photoset(folder)
        unfinished.remove()


def notices_of(plan: PhotosetPlan, found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a reader would not guess of the set, and of schemes on any photo; of many such notes the first."""
    notices = [*plan.notices, *few(notice for each in found for notice in each["notices"])]
    if repaired := sum(each["repaired"] for each in found):
        notices.append(f"{repaired} damaged entries of the cache were found, and worked out again")
    return notices
