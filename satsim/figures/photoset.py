"""Figures of a set of photos, from its results folder alone; quality over time is drawn here."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from satsim.figures.look import GREY, LABEL, LEFT, PALE, STYLE
from satsim.figures.page import (
    Page,
    label_ends,
    line_key,
    mark_of,
    tidy,
    time_ticks,
    time_unit,
)
from satsim.figures.setting import Link, link_lines
from satsim.figures.sheet import sheet_of_photos
from satsim.words import clock, number, sent_words, shorten, with_unit

DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))


class Curve(NamedTuple):
    """One scheme's rows of quality_vs_time_<metric>.csv; NaN: nothing to show."""

    name: str
    look: dict[str, Any]
    times_s: list[float]
    shown: list[int]
    """How many photos have a picture."""
    best: list[float]
    median: list[float]
    worst: list[float]


def draw_photoset(folder: Path) -> None:
    """Write quality_vs_time_<metric>.png and .svg by metric, best_and_worst.png and, of several schemes, wins.png.

    Reads summary.json, the tables of these names, and frames/; the same folder gives the same bytes. Raises OSError.
    """
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    with matplotlib.rc_context(STYLE):
        for metric in summary["metrics"]:
            curves = read_curves(folder / f"quality_vs_time_{metric}.csv", summary["labels"])
            figure = quality_figure(summary, metric, curves)
            figure.savefig(folder / f"quality_vs_time_{metric}.png", metadata={"Software": None})
            figure.savefig(folder / f"quality_vs_time_{metric}.svg", metadata={"Date": None, "Creator": None})
        if len(summary["schemes"]) > 1:
            from satsim.figures.wins import wins_figure

            wins_figure(summary, facts_of(summary)).savefig(folder / "wins.png", metadata={"Software": None})
        sheet_of_photos(folder, summary).savefig(folder / "best_and_worst.png", metadata={"Software": None})


def read_curves(path: Path, labels: Mapping[str, str]) -> list[Curve]:
    """A curve for each scheme, in the order of `labels`, and called so."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    curves = []
    for k, (name, label) in enumerate(labels.items()):
        own = [row for row in rows if row["scheme"] == name]
        look = {"color": mark_of(k)["color"], "linestyle": DASHES[k % len(DASHES)]}
        numbers = [[float(row[key] or "nan") for row in own]
                   for key in ("time_s", "best_quarter", "median", "worst_quarter")]  # fmt: skip
        shown = [int(row["photos_shown"]) for row in own]
        curves.append(Curve(label, look, numbers[0], shown, *numbers[1:]))
    return curves


COLUMNS, SMALL, TITLE, BETWEEN = 3, 112.0, 41.0, 24.0
"""Of the small panels: how many side by side; height, room above for words, and room below, in points."""


def quality_figure(summary: Mapping[str, Any], metric: str, curves: Sequence[Curve]) -> Figure:
    """Every scheme's median photo against time, better up; beneath, a panel for each with the middle half of photos."""
    info, end_s = summary["metrics"][metric], summary["duration_s"]
    room, rows = max(260.0, 26.0 * len(curves)), math.ceil(len(curves) / COLUMNS)
    below = rows * (SMALL + TITLE + BETWEEN) + 8
    keys = [
        line_key("median photo: half are at least so good", linewidth=2.4),
        Rectangle((0, 0), 1, 1, facecolor=GREY, alpha=0.35, label="middle half of the photos"),
        line_key("the other schemes", color=PALE, linewidth=1.4),
    ]
    facts = [*facts_of(summary), "Ranks are taken anew at each time; nothing to show is worse than any picture."]
    page = Page.around(summary, facts, keys, panels=room + below, foot=28.0)
    limits = limits_of(curves, info["higher_is_better"])
    axes = page.axes_over_time(below, room, end_s, "the photo")
    axes.set_ylim(limits)
    draw_medians(axes, info, curves, end_s, room)
    width = (page.width - LEFT - 20 - (COLUMNS - 1) * 22) / COLUMNS
    for k, curve in enumerate(curves):
        row, column = divmod(k, COLUMNS)
        y = below - 38 - (row + 1) * (SMALL + TITLE + BETWEEN) + BETWEEN
        panel = page.axes(LEFT + column * (width + 22), y, width, SMALL)
        panel.set(xlim=(0, end_s / time_unit(end_s)[0]), ylim=limits)
        panel.tick_params(labelsize=8, labelleft=column == 0, length=2)
        panel.xaxis.set_major_locator(time_ticks(end_s))
        tidy(panel)
        for other in curves:
            draw_curve(panel, other, end_s, color=PALE, linestyle="-", linewidth=1.2)
        draw_band(panel, curve, end_s)
        words = first_words(curve, summary["photos"])
        page.write(LEFT + column * (width + 22), y + SMALL + 16, shorten(curve.name, 32, 2), weight="bold",
                   color=curve.look["color"], va="bottom")  # fmt: skip
        page.write(LEFT + column * (width + 22), y + SMALL + 5, words, fontsize=8, color=GREY)
    return page.figure


def limits_of(curves: Sequence[Curve], higher_is_better: bool) -> tuple[float, float]:
    """Lower and upper end of the axis of quality, better up."""
    every = [value for c in curves for value in (*c.best, *c.median, *c.worst) if math.isfinite(value)]
    low, high = (min(every), max(every)) if every else (0.0, 1.0)
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return (low - pad, high + pad) if higher_is_better else (high + pad, low - pad)


def first_words(curve: Curve, count: int) -> str:
    """When half of a scheme's photos have a picture, and how many have one in the end."""
    half = [time_s for time_s, shown in zip(curve.times_s, curve.shown, strict=True) if 2 * shown >= count]
    soon = f"half have a picture by {clock(half[0])}" if half else "half never have a picture"
    return f"{soon}, in the end {curve.shown[-1]} of {count}"


def draw_medians(axes: Axes, info: Mapping[str, Any], curves: Sequence[Curve], end_s: float, room: float) -> None:
    """A line for each scheme, labelled at its end."""
    bottom, top = axes.get_ylim()
    for curve in curves:
        draw_curve(axes, curve, end_s, linewidth=2.4, **curve.look)
    drawn = [curve for curve in curves if not math.isnan(curve.median[-1])]
    heights = [min(1.0, (curve.median[-1] - bottom) / (top - bottom)) * room for curve in drawn]
    labels = [shorten(f"{number(curve.median[-1])} {info['unit']}  {curve.name}", LABEL, 3) for curve in drawn]
    label_ends(axes, labels, [curve.look["color"] for curve in drawn], heights, room)
    if not drawn:
        axes.text(0.5, 0.5, "the median photo shows nothing", transform=axes.transAxes, ha="center",
                  color=GREY)  # fmt: skip
    direction = "higher is better" if info["higher_is_better"] else "axis runs downwards: lower is better"
    axes.set_ylabel(f"{with_unit(info)}\n{direction}  →")


def draw_curve(axes: Axes, curve: Curve, end_s: float, **look: Any) -> None:
    """The median photo's quality; nothing while it shows nothing. An infinite PSNR rides at the upper edge."""
    unit_s, _ = time_unit(end_s)
    edge = max(axes.get_ylim())
    values = [min(value, edge) for value in [*curve.median, curve.median[-1]]]
    axes.step([time_s / unit_s for time_s in [*curve.times_s, end_s]], values, where="post", **look)


def draw_band(axes: Axes, curve: Curve, end_s: float) -> None:
    """The middle half; it runs out of the panel below where a quarter of the photos show nothing."""
    (bottom, top), (unit_s, _) = axes.get_ylim(), time_unit(end_s)
    times = [time_s / unit_s for time_s in [*curve.times_s, end_s]]
    best, worst = ([*values, values[-1]] for values in (curve.best, curve.worst))
    ends = [bottom if math.isnan(value) else min(value, max(bottom, top)) for value in worst]
    starts = [bottom if math.isnan(value) else min(value, max(bottom, top)) for value in best]
    axes.fill_between(times, starts, ends, step="post", alpha=0.3, linewidth=0, facecolor=curve.look["color"])
    draw_curve(axes, curve, end_s, color=curve.look["color"], linewidth=2.2)


def facts_of(summary: Mapping[str, Any]) -> list[str]:
    """The link, the photos, and by how many senders."""
    sizes = summary["sizes"]
    size = f"of {sizes[0].replace('x', ' × ')} pixels" if len(sizes) == 1 else f"of {len(sizes)} sizes"
    photos = f"{summary['photos']} photo{'s' * (summary['photos'] > 1)} {size}, each in a run of its own."
    links = [Link(*(link[key] for key in Link._fields)) for link in summary["links"]]
    lines = link_lines(links, summary["senders"], f"{sent_words(summary['schemes'].values())}{photos}")
    if (count := summary["senders"]["count"]) > 1:
        lines.append(f"In each run {count} senders send the same photo; the median one counts.")
    return lines
