"""The designs of a study: how soon a first picture, how good in the end, and at what cost."""

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

from satsim.figures.page import (
    ACROSS,
    GREY,
    INK,
    STYLE,
    Page,
    line_key,
    mark_of,
    spread,
    subtitle,
    time_ticks,
    time_unit,
)
from satsim.words import clock, number, shorten, with_unit

MOST_LETTERS = 34
"""In a line to the right of the panel."""
LINE, GAP = 11.5, 7.0
"""Height of such a line and of the gap before the next design, in points."""
MOST_KEYS = 4
"""Side by side."""
NEAR = 0.04
"""Marks closer than this share of the panel's width may not share a height for their numbers."""
AREAS = 30.0, 190.0
"""Of the marks of the cheapest and of the dearest design on the front, in square points."""


class Mark(NamedTuple):
    """A row of designs.csv or front.csv, as far as the figure needs it."""

    name: str
    codec: str
    first_s: float
    """NaN where nothing is shown at the goal's certainty."""
    final: float
    cost: float
    share: float
    over: bool
    """Whether it breaks a budget."""
    recommended: bool


def draw_study(folder: Path) -> None:
    """Write front.png from study.json, designs.csv and front.csv of a study's folder. Raises OSError."""
    summary = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    every, front = (read_marks(folder / name, summary["cost"]) for name in ("designs.csv", "front.csv"))
    with matplotlib.rc_context(STYLE):
        study_figure(summary, every, front).savefig(folder / "front.png", metadata={"Software": None})


def read_marks(path: Path, cost: str) -> list[Mark]:
    """The designs of a table, in its order."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Mark(
                name=row["design"],
                codec=row["codec"].rpartition(":")[2],
                first_s=float(row["first_image_s"] or "nan"),
                final=float(row["final"] or "nan"),
                cost=float(row[cost] or "nan"),
                share=float(row["share"]),
                over=bool(row["over_budget"]),
                recommended=row["recommended"] == "yes",
            )
            for row in csv.DictReader(file)
        ]


def study_figure(summary: Mapping[str, Any], every: Sequence[Mark], front: Sequence[Mark]) -> Figure:
    """Time to the first picture against final quality, better always up; the front numbered, and named beside."""
    shown = [mark for mark in every if math.isfinite(mark.first_s)]
    front = [mark for mark in front if math.isfinite(mark.first_s)]
    texts = [label(k, mark, summary) for k, mark in enumerate(front, 1)]
    panel = max(300.0, sum(LINE * (text.count("\n") + 1) + GAP for text in texts))
    last_s = max((mark.first_s for mark in shown), default=summary["duration_s"])
    end_s = max(1.08 * last_s, min(summary["duration_s"], 3 * summary["interval_s"]))
    facts = facts_of(summary, len(every), len(every) - len(shown))
    keys = keys_of(every, front)
    page = Page.around(summary, facts, keys, panel, columns=min(len(keys), MOST_KEYS))
    axes = page.axes_over_time(0, panel, end_s)
    draw_marks(axes, summary, shown, front, end_s, panel)
    y = panel - 4
    for text, mark in zip(texts, front, strict=True):
        weight = "bold" if mark.recommended else "normal"
        axes.text(1 + 14 / ACROSS, y / panel, text, transform=axes.transAxes, va="top", fontsize=8.5, weight=weight,
                  linespacing=1.3)  # fmt: skip
        y -= LINE * (text.count("\n") + 1) + GAP
    axes.set_xlabel(f"first picture by, in {time_unit(end_s)[1]} since the photo was taken")
    return page.figure


def draw_marks(
    axes: Axes, summary: Mapping[str, Any], shown: Sequence[Mark], front: Sequence[Mark], end_s: float, panel: float
) -> None:
    """Every design a dot; those of the front larger the dearer they are, with their numbers, linked where they rise."""
    unit_s, goal, info = time_unit(end_s)[0], summary["goal"], summary["metric"]
    finals = [mark.final for mark in shown if math.isfinite(mark.final)] + [goal["level"]]
    pad = 0.08 * (max(finals) - min(finals)) or 0.05 * abs(finals[0]) or 1.0
    bottom, top = (min(finals) - pad, max(finals) + pad)
    axes.set_ylim((bottom, top) if info["higher_is_better"] else (top, bottom))
    axes.xaxis.set_major_locator(time_ticks(end_s))
    axes.axhline(goal["level"], color=INK, linewidth=1.1, linestyle=(0, (5, 3)))
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "xytext": (3, 3), "textcoords": "offset points"}
    axes.annotate(f"goal: {number(goal['level'])}", (0, goal["level"]), fontsize=8.5, **where)
    looks = looks_of(shown)
    better = 1 if info["higher_is_better"] else -1
    rising = [mark for k, mark in enumerate(front) if all(better * mark.final > better * m.final for m in front[:k])]
    x, y = [mark.first_s / unit_s for mark in rising], [mark.final for mark in rising]
    axes.step(x, y, where="post", color=GREY, linewidth=1.2, zorder=2)
    for mark in shown:
        look = looks[mark.codec] | ({"markerfacecolor": "none", "markeredgewidth": 0.7} if mark.over else {})
        axes.plot(mark.first_s / unit_s, mark.final, markersize=4, alpha=0.55, linestyle="", zorder=2.5, **look)
    for mark in front:
        at, area = (mark.first_s / unit_s, mark.final), area_of(mark, front)
        if mark.recommended:
            axes.scatter(*at, s=2.2 * area + 90, facecolor="none", edgecolor=INK, linewidth=1.8, zorder=5)
        axes.scatter(*at, s=area, edgecolor="white", linewidth=0.8, zorder=4, **looks[mark.codec])
    write_numbers(axes, front, end_s, panel)
    if not shown:
        axes.text(0.5, 0.5, "no design shows a picture so surely", transform=axes.transAxes, ha="center", color=GREY)
    direction = "higher is better" if info["higher_is_better"] else "axis runs downwards: lower is better"
    axes.set_ylabel(f"{with_unit(info)} at the end\n{direction}  →")


def write_numbers(axes: Axes, front: Sequence[Mark], end_s: float, room: float) -> None:
    """The number of each design on the front to the right of its mark, those of marks close together one by one."""
    bottom, top = axes.get_ylim()
    columns: list[list[int]] = []
    for k in sorted(range(len(front)), key=lambda k: front[k].first_s):
        if not columns or front[k].first_s - front[columns[-1][0]].first_s > NEAR * end_s:
            columns.append([])
        columns[-1].append(k)
    for column in columns:
        wanted = [(front[k].final - bottom) / (top - bottom) * room for k in column]
        for k, y in zip(column, spread(wanted, [11.0] * len(column), room), strict=True):
            x = front[k].first_s / end_s + (8 + area_of(front[k], front) ** 0.5 / 2) / ACROSS
            axes.text(x, y / room, str(k + 1), transform=axes.transAxes, va="center", fontsize=8.5, weight="bold",
                      zorder=6)  # fmt: skip


def area_of(mark: Mark, front: Sequence[Mark]) -> float:
    """Between `AREAS`, in proportion to what the design costs more than the cheapest of the front."""
    costs = [each.cost for each in front]
    low, high = min(costs), max(costs)
    return AREAS[0] + (AREAS[1] - AREAS[0]) * ((mark.cost - low) / (high - low) if high > low else 0.5)


def looks_of(marks: Sequence[Mark]) -> dict[str, dict[str, Any]]:
    """Colour and shape of each codec's marks: no two alike also without colour."""
    codecs = dict.fromkeys(mark.codec for mark in marks)
    return {codec: mark_of(k) for k, codec in enumerate(codecs)}


def label(k: int, mark: Mark, summary: Mapping[str, Any]) -> str:
    """The number of a design on the front, its name, when and how good it is, what it costs, how often it will do."""
    count = f"{mark.cost:g} message{'s' * (mark.cost != 1)}"
    cost = f"{mark.cost:.2f} {summary['currency']}" if summary["cost"] == "price" else count
    name = shorten(f"{k}  {mark.name}", MOST_LETTERS, 3).replace("\n", "\n    ")
    lead = "    recommended\n    " if mark.recommended else "    "
    return f"{name}\n{lead}{cost}, goal {mark.share:.1%}\n    {clock(mark.first_s)}, {number(mark.final)}"


def facts_of(summary: Mapping[str, Any], count: int, hidden: int) -> list[str]:
    """The question, the answer, and how to read the marks."""
    goal = summary["goal"]
    limits = f", {', '.join(summary['budgets'])}" if summary["budgets"] else ""
    sure = f"Every number holds in {100 * goal['probability']:.4g}% of {summary['replications']} runs."
    left = f" {hidden} of {count} designs show nothing so surely, and are left out." if hidden else ""
    photos = summary.get("photos")
    over = f" Over {len(photos)} photos, each with as many runs." if photos else ""
    return [
        f"Goal: {goal['text']}{limits}.{over}",
        *subtitle(summary),
        f"{sure}{left} To the right: cost, share of runs that meet the goal; first picture, final quality.",
    ]


def keys_of(every: Sequence[Mark], front: Sequence[Mark]) -> list[Any]:
    """What shapes and sizes mean."""
    shown = [mark for mark in every if math.isfinite(mark.first_s)]
    keys = [line_key(codec, linestyle="", markersize=7, **look) for codec, look in looks_of(shown).items()]
    hollow: dict[str, Any] = {"linestyle": "", "marker": "o", "markerfacecolor": "none"}
    if any(mark.over for mark in shown):
        keys.append(line_key("over budget", markersize=5, **hollow | {"color": GREY}))
    if front:
        keys.append(line_key("front: larger costs more", color=GREY, linewidth=1.2))
    if any(mark.recommended for mark in front):
        keys.append(line_key("recommended", markersize=12, markeredgewidth=1.8, **hollow))
    return keys
