"""Figures of a run, from its results folder alone: how good the receiver's picture is over time, and the filmstrip."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from satsim.figures.filmstrip import filmstrip
from satsim.figures.look import ACROSS, GREY, STYLE
from satsim.figures.page import Page, Track, TrackPoint, height_of, label_ends, line_key, line_look, mark_of, subtitle
from satsim.figures.report import write_report
from satsim.words import clock, number, with_unit


def draw_run(folder: Path) -> None:
    """Write time_vs_<metric>.png and .svg for each metric of a results folder, filmstrip.png for the first.

    And report.html, all in one; where several senders share the receiver, also photos_vs_time.png and .svg, and the
    others show the median photo.
    Reads its tables, summary.json and frames/; the same folder gives the same bytes. Raises OSError.
    """
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    every = {metric: read_tracks(folder, summary, metric) for metric in summary["metrics"]}
    with matplotlib.rc_context(STYLE):
        for k, (metric, tracks) in enumerate(every.items()):
            save(time_figure(summary, metric, tracks), folder / f"time_vs_{metric}")
            if k == 0:
                film = filmstrip(folder / "frames", summary, metric, tracks)
                film.savefig(folder / "filmstrip.png", metadata={"Software": None})
            if k == 0 and len(tracks[0].photos) > 1:
                from satsim.figures.photos import photos_figure

                save(photos_figure(summary, metric, tracks), folder / "photos_vs_time")
    write_report(folder, summary, every)


def save(figure: Figure, path: Path) -> None:
    """Write the figure as .png and .svg, without dates and versions; metric names may hold dots."""
    figure.savefig(f"{path}.png", metadata={"Software": None})
    figure.savefig(f"{path}.svg", metadata={"Date": None, "Creator": None})


def read_tracks(folder: Path, summary: Mapping[str, Any], metric: str) -> list[Track]:
    """One track for each scheme, in the summary's order. Folders of one sender may lack the column for it."""
    count = summary.get("senders", {}).get("count", 1)
    found: dict[str, list[list[TrackPoint]]] = {name: [[] for _ in range(count)] for name in summary["schemes"]}
    with (folder / "timeline.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["metric"] == metric:
                value = float(row["value"] or "nan")
                point = TrackPoint(float(row["time_s"]), int(row["packets_held"]), value, row["frame"])
                found[row["scheme"]][int(row.get("sender") or 0)].append(point)
    named: dict[str, str] = {}
    if len({str(scheme.get("link")) for scheme in summary["schemes"].values()}) > 1:
        from satsim.figures.setting import name_links

        named = name_links(summary)
    tracks = []
    for k, (name, scheme) in enumerate(summary["schemes"].items()):
        photos, packets, repairs = found[name], scheme["payloads"], scheme.get("repair_packets", 0)
        points = photos[0]
        if count > 1 or repairs:
            from satsim.figures.photos import shown_photo

            points = shown_photo(photos, summary["metrics"][metric]["higher_is_better"])
        shown = [point for point in points if point.frame]
        builds = any(point.frame and point.packets_held < packets for photo in photos for point in photo)
        tracks.append(Track(name, named.get(name, ""), packets, repairs, scheme["payload_bytes"], photos, points, shown,
                            builds, mark_of(k)))  # fmt: skip
    return tracks


def time_figure(summary: Mapping[str, Any], metric: str, tracks: Sequence[Track]) -> Figure:
    """The metric against time, better always up; beneath it, for how long each scheme leaves the screen empty."""
    info, end_s = summary["metrics"][metric], summary["duration_s"]
    waiting = [track.label(f"{track.name}, {since(track, tracks)}") for track in tracks]
    bars = sum(map(height_of, waiting))
    curves = max(265.0, sum(height_of(track.label(ending(track, info))) for track in tracks if track.shown))
    keys = [
        line_key("picture builds up packet by packet", **line_look(True)),
        line_key("picture only when complete", **line_look(False)),
        Rectangle((0, 0), 1, 1, facecolor="white", edgecolor=GREY, hatch="//////", label="nothing to show yet"),
    ]
    several = len(tracks[0].photos) > 1
    page = Page.around(summary, subtitle(summary, median=True), keys, panels=bars + 10 + curves)
    axes = page.axes_over_time(bars + 10, curves, end_s)
    waits = page.axes_over_time(0, bars, end_s, "the first photo" if several else "the photo", sharex=axes)
    draw_curves(axes, info, tracks, end_s, curves)
    draw_waits(waits, tracks, waiting, end_s)
    what = "median\nphoto on\nthe screen" if several else "picture on\nthe screen"
    waits.text(-5 / ACROSS, 0.5, what, transform=waits.transAxes, color=GREY, ha="right", va="center")
    axes.tick_params(labelbottom=False, length=0)
    return page.figure


def draw_curves(axes: Axes, info: Mapping[str, Any], tracks: Sequence[Track], end_s: float, room: float) -> None:
    """A step curve for each scheme that ever shows a picture, its last value and its name at the end."""
    unit_s = end_s / axes.get_xlim()[1]
    finite = [point.value for track in tracks for point in track.shown if math.isfinite(point.value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    pad = 0.09 * (high - low) or 0.05 * abs(high) or 1.0
    bottom, top = (low - pad, high + pad) if info["higher_is_better"] else (high + pad, low - pad)
    axes.set(ylim=(bottom, top))
    drawn = sorted((track for track in tracks if track.shown), key=lambda track: not track.builds_up)
    ends: list[float] = []
    for k, track in enumerate(drawn):
        times = [point.time_s / unit_s for point in track.shown]
        # An exact copy has infinite PSNR: it rides near the upper edge.
        values = [min(point.value, high + 0.6 * pad) for point in track.shown]
        new = [k for k, point in enumerate(track.shown) if k == 0 or point.frame != track.shown[k - 1].frame]
        look = line_look(track.builds_up, k) | track.mark | {"markersize": 7 if len(new) <= 20 else 4}
        axes.step([*times, end_s / unit_s], [*values, values[-1]], where="post", **look | {"marker": ""})
        axes.plot(times, values, markevery=new, clip_on=False, zorder=4, **look | {"linestyle": ""})
        ends.append((values[-1] - bottom) / (top - bottom) * room)
    labels = [track.label(ending(track, info)) for track in drawn]
    label_ends(axes, labels, [track.mark["color"] for track in drawn], ends, room)
    if not drawn:
        axes.text(0.5, 0.5, "no picture within this run", transform=axes.transAxes, ha="center", color=GREY)
    direction = "higher is better" if info["higher_is_better"] else "axis runs downwards: lower is better"
    axes.set_ylabel(f"{with_unit(info)}\n{direction}  →")  # rotated, so that the arrow points up


def ending(track: Track, info: Mapping[str, Any]) -> str:
    """The last value of a scheme that shows a picture, and its name."""
    return f"{number(track.shown[-1].value)} {info['unit']}  {track.name}"


def since(track: Track, tracks: Sequence[Track]) -> str:
    """From when on a scheme shows a picture."""
    if not track.packets:
        return "nothing fits"
    last_s = max((track.shown[0].time_s for track in tracks if track.shown), default=0.0)
    return f"from {clock(track.shown[0].time_s, last_s)}" if track.shown else "never"


def draw_waits(axes: Axes, tracks: Sequence[Track], labels: Sequence[str], end_s: float) -> None:
    """A bar for each scheme, hatched while there is nothing to show; beside it its label."""
    unit_s = end_s / axes.get_xlim()[1]
    aside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False}
    y = 0.0
    for track, label in zip(tracks, labels, strict=True):
        y += height_of(label) / 2
        first = (track.shown[0].time_s if track.shown else end_s) / unit_s
        axes.barh(y, first, height=8, color="white", edgecolor=GREY, hatch="//////", linewidth=0.6)
        axes.barh(y, end_s / unit_s - first, left=first, height=8, color=track.mark["color"])
        axes.plot(1 + 8 / ACROSS, y, **line_look(track.builds_up) | track.mark | {"markersize": 5.5} | aside)
        axes.text(1 + 16 / ACROSS, y, label, va="center", **aside)
        y += height_of(label) / 2
    axes.set(ylim=(y, 0), yticks=[])
