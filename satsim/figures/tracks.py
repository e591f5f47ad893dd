"""The rows that figures are drawn from: one story for each scheme, that of its only photo or of its median one."""

from __future__ import annotations

import csv
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from satsim.figures.page import COLOURS, MARKERS, sender_count


class TrackPoint(NamedTuple):
    """A row of timeline.csv, as far as figures need it."""

    time_s: float
    packets_held: int
    value: float
    """NaN while there is nothing to show."""
    frame: str


class Track(NamedTuple):
    """One scheme's rows in one metric, and its look in every figure."""

    name: str
    packets: int
    """As many as a whole photo needs."""
    repairs: int
    """Packets beyond these, of which any may stand in for lost ones."""
    payload_bytes: int
    photos: list[list[TrackPoint]]
    """Each sender's rows."""
    rows: list[TrackPoint]
    """Those of the only photo or, where there are several, of the median one."""
    shown: list[TrackPoint]
    """The rows with a picture on the screen."""
    builds_up: bool
    """Whether there was a picture before as many packets as needed were in."""
    colour: str
    marker: str


def read_tracks(folder: Path, summary: Mapping[str, Any], metric: str) -> list[Track]:
    """One track for each scheme, in the summary's order. Folders of one sender may lack the column for it."""
    count, higher = sender_count(summary), summary["metrics"][metric]["higher_is_better"]
    found: dict[str, list[list[TrackPoint]]] = {name: [[] for _ in range(count)] for name in summary["schemes"]}
    with (folder / "timeline.csv").open(newline="", encoding="utf-8") as file:
        for r in csv.DictReader(file):
            if r["metric"] == metric:
                row = TrackPoint(float(r["time_s"]), int(r["packets_held"]), float(r["value"] or "nan"), r["frame"])
                found[r["scheme"]][int(r.get("sender") or 0)].append(row)
    tracks = []
    for k, (name, scheme) in enumerate(summary["schemes"].items()):
        photos, packets, repairs = found[name], scheme["payloads"], scheme.get("repair_packets", 0)
        rows = median_rows(photos, higher) if count > 1 else photos[0]
        if count > 1 or repairs:
            rows = same_frames(rows)
        tracks.append(
            Track(
                name,
                packets,
                repairs,
                scheme["payload_bytes"],
                photos,
                rows,
                [row for row in rows if row.frame],
                any(row.frame and row.packets_held < packets for photo in photos for row in photo),
                COLOURS[k % len(COLOURS)],
                MARKERS[k % len(MARKERS)],
            )
        )
    return tracks


def same_frames(rows: Sequence[TrackPoint]) -> list[TrackPoint]:
    """The rows, but a picture as good as the one before is that one: other packets can decode to the same picture."""
    steady: list[TrackPoint] = []
    for row in rows:
        if steady and row.frame and row.value == steady[-1].value:
            row = row._replace(frame=steady[-1].frame)
        steady.append(row)
    return steady


Rank = tuple[bool, float, int, float, str]
"""Nothing to show, badness, minus packets held; then value and frame. The better photo has the lower rank."""
NOTHING: Rank = (True, 0.0, 0, float("nan"), "")


def median_rows(photos: Sequence[Sequence[TrackPoint]], higher_is_better: bool) -> list[TrackPoint]:
    """What at least half of the photos look as good as, at each time at which that changes.

    That is the middle photo, the worse one of two; one of which there is nothing to show, also because it is not yet
    taken, is worse than any picture.
    """
    rows = sorted(
        ((row.time_s, sender, row) for sender, photo in enumerate(photos) for row in photo), key=itemgetter(0)
    )
    now = [NOTHING] * len(photos)
    ranked = list(now)
    median: list[TrackPoint] = []
    before: tuple[Any, ...] = ()
    for time_s, changes in groupby(rows, key=itemgetter(0)):
        for _, sender, row in changes:
            badness = -row.value if higher_is_better else row.value
            rank = (False, badness, -row.packets_held, row.value, row.frame)
            if not row.frame:
                rank = (True, 0.0, -row.packets_held, *NOTHING[3:])
            del ranked[bisect_left(ranked, now[sender])]
            insort(ranked, rank)
            now[sender] = rank
        nothing, badness, minus_held, value, frame = ranked[len(ranked) // 2]
        if before != (nothing, badness, minus_held):
            median.append(TrackPoint(time_s, -minus_held, value, frame))
        before = (nothing, badness, minus_held)
    return median
