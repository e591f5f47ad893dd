"""One folder for a set of photos: tables, pictures, what was run, and figures of these alone."""

from __future__ import annotations

import csv
import json
import math
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from satsim.notices import about_link, links_of, write_notes
from satsim.photoset.bands import Band, bands
from satsim.photoset.jobs import PhotoJob
from satsim.photoset.plan import PhotosetPlan
from satsim.photoset.wins import Win, compare_all, gain
from satsim.photoset.words import wins_page
from satsim.scenario.scenario import Scenario, save_scenario, slug
from satsim.scoring.digests import file_digest
from satsim.scoring.labels import distinct, fill
from satsim.scoring.outbox import Picture
from satsim.scoring.summary import about_metrics
from satsim.sweep.plan import own_versions

PICKED = 5
"""So many best photos, and so many worst."""
Found = Sequence[Mapping[str, Any]]
"""What `jobs.run_photo` says of each photo."""
PLAIN = ("packets_sent", "packets_lost", "packets_delivered", "bytes_sent")
TABLE = (
    "photo", "seed", "width", "height", "scheme", "metric", "first_image_s", "last_change_s", "first_quality",
    "final_quality", *PLAIN, "payloads", "payload_bytes",
)  # fmt: skip
"""Columns of photos.csv."""


class Pick(NamedTuple):
    """One scheme's picture of a photo that is shown for being among the best or the worst; a row of best_and_worst.csv.

    `lead` is what photos are ranked by.
    """

    group: str
    """best, or worst."""
    place: int
    """From 1, the best of all or the worst of all."""
    photo: str
    lead: float
    original: str
    """File in frames/."""
    scheme: str
    metric: str
    final_quality: float
    frame: str
    """File in frames/; empty where nothing is shown."""


def write_tables(folder: Path, plan: PhotosetPlan, found: Found) -> list[Win]:
    """photos.csv, timeline.csv, quality_vs_time_<metric>.csv, wins.csv and wins.md; the wins."""
    write_rows(folder / "photos.csv", TABLE, photo_rows(plan, found))
    write_rows(
        folder / "timeline.csv", ("photo", "scheme", "metric", "time_s", "value"),
        (
            (photo.name, scheme.name, metric, time_s, value)
            for photo, each in zip(plan.photos, found, strict=True)
            for scheme, track in zip(plan.scenario.schemes, each["schemes"], strict=True)
            for metric, values in track["values"].items()
            for time_s, value in zip(track["times_s"], values, strict=True)
        ),
    )  # fmt: skip
    for metric in plan.measures.metrics:
        rows = [
            band
            for k, scheme in enumerate(plan.scenario.schemes)
            for band in bands(scheme.name, [each["schemes"][k] for each in found], metric)
        ]
        write_rows(folder / f"quality_vs_time_{metric.name}.csv", Band._fields, rows)
    wins = list(compare_all(plan, found))
    write_rows(folder / "wins.csv", Win._fields, wins)
    (folder / "wins.md").write_text(wins_page(plan, wins, labels_of(plan, found)), encoding="utf-8")
    return wins


def photo_rows(plan: PhotosetPlan, found: Found) -> Iterator[tuple[Any, ...]]:
    """A row for each photo, scheme and metric."""
    for k, (photo, each) in enumerate(zip(plan.photos, found, strict=True)):
        height, width = plan.sizes[k]
        for scheme, track in zip(plan.scenario.schemes, each["schemes"], strict=True):
            columns, sizes = track["columns"], track["payload_bytes"]
            for metric in plan.measures.metrics:
                quality = [columns[f"{when}_{metric.name}"] for when in ("first", "final")]
                times = columns["first_image_s"], columns["last_change_s"]
                yield (
                    photo.name, plan.scenario.seed + k, width, height, scheme.name, metric.name, *times, *quality,
                    *(columns[name] for name in PLAIN), len(sizes), sum(sizes),
                )  # fmt: skip


def rank_photos(plan: PhotosetPlan, found: Found) -> list[tuple[float, int]]:
    """How far the first scheme is ahead of the best rival at the end of the run, by the first metric, and the number
    of the photo; the best photo first. Of a scheme without rivals, how good it is.
    """
    metric, rivals = plan.measures.metrics[0], rivals_of(plan.scenario)
    ranked = []
    for number, each in enumerate(found):
        finals = [track["columns"][f"final_{metric.name}"] for track in each["schemes"]]
        sign = 1.0 if metric.higher_is_better else -1.0
        alone = -math.inf if math.isnan(finals[0]) else sign * finals[0]
        leads = [gain(finals[0], finals[k], metric.higher_is_better) for k in rivals]
        ranked.append((min(leads, default=alone), number))
    return sorted(ranked, key=lambda pair: (-pair[0], pair[1]))


def rivals_of(scenario: Scenario) -> list[int]:
    """Numbers of the schemes with another codec than the first one's; where there is none, all but the first.

    A codec and its file that is sent whole are one: their last pictures are the same.
    """
    codecs = [scheme.codec.removesuffix("-whole") for scheme in scenario.schemes]
    others = [k for k, codec in enumerate(codecs) if codec != codecs[0]]
    return others or list(range(1, len(codecs)))


def pick(plan: PhotosetPlan, found: Found) -> list[tuple[str, int, float, int]]:
    """Group, place, lead and number of the photos to show: the best, and of the others the worst."""
    ranked = rank_photos(plan, found)
    best = ranked[: min(PICKED, (len(ranked) + 1) // 2)]
    worst = ranked[len(best) :][-PICKED:][::-1]
    groups = [("best", best), ("worst", worst)]
    return [(name, place, *pair) for name, group in groups for place, pair in enumerate(group, 1)]


def write_picks(
    folder: Path, plan: PhotosetPlan, found: Found, pictures: Mapping[int, tuple[Picture, list[Picture | None]]]
) -> None:
    """best_and_worst.csv, and the pictures that it names in frames/; `pictures` are those of `jobs.end_pictures`."""
    (folder / "frames").mkdir()
    metric, rows = plan.measures.metrics[0].name, []
    for group, place, lead, number in pick(plan, found):
        original, seen = pictures[number]
        files = [f"{number + 1:04d}_original.png"]
        files += [f"{number + 1:04d}_{slug(scheme.name)}.png" for scheme in plan.scenario.schemes]
        for file, picture in zip(files, [original, *seen], strict=True):
            if picture is not None:
                Image.fromarray(picture).save(folder / "frames" / file)
        name = plan.photos[number].name
        for k, scheme in enumerate(plan.scenario.schemes):
            quality = found[number]["schemes"][k]["columns"][f"final_{metric}"]
            file = files[k + 1] if seen[k] is not None else ""
            rows.append(Pick(group, place, name, lead, files[0], scheme.name, metric, quality, file))
    write_rows(folder / "best_and_worst.csv", Pick._fields, rows)


def jobs_of_picks(plan: PhotosetPlan, found: Found) -> dict[int, PhotoJob]:
    """By number of the photo: the jobs of the pictures that `write_picks` wants."""
    return {number: job_of(plan, number) for _, _, _, number in pick(plan, found)}


def job_of(plan: PhotosetPlan, number: int) -> PhotoJob:
    """All that is to be done for one photo."""
    return PhotoJob(plan.photos[number].name, plan.scenario_of(number), plan.measures, plan.cache)


def summary_of(plan: PhotosetPlan, found: Found, wins: Sequence[Win], notices: Sequence[str]) -> dict[str, Any]:
    """summary.json: the set in numbers."""
    scenario = plan.scenario
    return {
        "scenario": scenario.name,
        "title": scenario.title or scenario.name,
        "photos": len(plan.photos),
        "duration_s": scenario.duration_s,
        "links": [about_link(link) for link in dict.fromkeys(links_of(scenario))],
        "senders": scenario.senders.model_dump(),
        "sizes": sorted({f"{width}x{height}" for height, width in plan.sizes}),
        "metrics": about_metrics(plan.measures.metrics),
        "moments": [moment.name for moment in plan.moments],
        "rivals": [scenario.schemes[k].name for k in rivals_of(scenario)],
        "labels": labels_of(plan, found),
        "schemes": {
            scheme.name: over_photos(plan, [each["schemes"][k] for each in found])
            | {"transport": {"name": scheme.transport.name}}
            for k, scheme in enumerate(scenario.schemes)
        },
        "wins": [win._asdict() for win in wins],
        "notices": list(notices),
    }


def labels_of(plan: PhotosetPlan, found: Found) -> dict[str, str]:
    """By a scheme's name, what it is called in figures and words: the name, filled in with what it sends of all photos.

    Tables have the name itself, which is the same for every set.
    """
    labels: dict[str, str] = {}
    for k, scheme in enumerate(plan.scenario.schemes):
        facts = [each["schemes"][k]["facts"] for each in found]
        labels[scheme.name] = distinct(fill(scheme.name, facts), labels.values())
    return labels


def over_photos(plan: PhotosetPlan, tracks: Found) -> dict[str, Any]:
    """One scheme over all photos: how many show a picture, and of each number the median and the middle half."""
    columns = [track["columns"] for track in tracks]
    told: dict[str, Any] = {"photos_shown": sum(not math.isnan(each["first_image_s"]) for each in columns)}
    for name in ("first_image_s", "last_change_s", *PLAIN):
        told[name] = quarters([each[name] for each in columns])
    for when in ("first", "final"):
        told[f"{when}_quality"] = {
            m.name: quarters([each[f"{when}_{m.name}"] for each in columns], m.higher_is_better)
            for m in plan.measures.metrics
        }
    return told


def quarters(values: Sequence[float], higher_is_better: bool = False) -> dict[str, float]:
    """What a quarter, a half and three quarters of `values` are at least as good as, ranked as in `bands`."""
    sign = -1.0 if higher_is_better else 1.0
    ordered = sorted(values, key=lambda value: (math.isnan(value), sign * value))
    places = {"best_quarter": 0.25, "median": 0.5, "worst_quarter": 0.75}
    return {name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in places.items()}


def manifest_of(plan: PhotosetPlan, found: Found, fingerprint: Mapping[str, Any], scored: int) -> dict[str, Any]:
    """manifest.json, but for the time it took: what was run, by what, and how any row can be run again."""
    return {
        "again": "satsim run scenario.yaml --image PATH --seed SEED gives the numbers of a photo",
        "photos": [
            {"name": photo.name, "path": str(photo.path), "digest": file_digest(photo.path),
             "seed": plan.scenario.seed + k, "codings": [track["coding"] for track in each["schemes"]]}
            for k, (photo, each) in enumerate(zip(plan.photos, found, strict=True))
        ],
        "schemes": {
            scheme.name: {"made_with": track["made_with"]}
            for scheme, track in zip(plan.scenario.schemes, found[0]["schemes"], strict=True)
        },
        "sets_scored": scored,
        "platform": platform.platform(),
        "versions": own_versions(),
        "fingerprint": dict(fingerprint),
    }  # fmt: skip


def write_story(folder: Path, plan: PhotosetPlan, summary: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    """summary.json, manifest.json, scenario.yaml and notes.md."""
    for name, told in (("summary.json", summary), ("manifest.json", manifest)):
        (folder / name).write_text(json.dumps(plain(told), indent=2) + "\n", encoding="utf-8")
    save_scenario(plan.scenario, folder / "scenario.yaml")
    write_notes(folder, summary["notices"])


def plain(value: Any) -> Any:
    """`value` as JSON has it: NaN, which is nothing, as null, and infinities as the texts "inf" and "-inf"."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def write_rows(path: Path, fields: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """A CSV file; NaN, which is nothing, is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(fields)
        for row in rows:
            writer.writerow(["" if isinstance(cell, float) and math.isnan(cell) else cell for cell in row])
