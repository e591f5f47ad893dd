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

from satsim.figures.look import GREY, INK, LABEL, LEFT, STYLE, TEXT
from satsim.figures.page import Page, line_key, mark_of, spread, subtitle, tidy, time_ticks, time_unit
from satsim.figures.setting import in_words
from satsim.words import clock, number, shorten, span, with_unit

PANEL = 404.0
"""How wide it is, in points; the front is told to its right."""
LINE, GAP = 13.0, 8.0
"""Height of such a line and of the gap before the next design, in points."""
MOST_KEYS = 4
"""Side by side."""
NEAR = 0.06
"""Marks closer than this share of the panel's width may not share a height for their numbers."""
AREAS = 30.0, 190.0
"""Of the marks of the cheapest and of the dearest design on the front, in square points."""
PAPERED = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85}
SAME = 0.02
"""A quantity that varies by less than this share of itself over the front is no axis."""


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


class View(NamedTuple):
    """Which two of the three quantities that a front is about are drawn, as fields of `Mark`."""

    x: str
    y: str

    def sized(self) -> bool:
        """Whether the size of a mark tells its cost."""
        return "cost" not in self

    def at(self, mark: Mark) -> tuple[float, float]:
        """Where a design stands."""
        return getattr(mark, self.x), getattr(mark, self.y)


def view_of(front: Sequence[Mark]) -> View:
    """Time to the first picture and final quality; the cost instead of the one in which all of the front are alike."""
    if len(front) > 1 and alike([mark.first_s for mark in front]):
        return View("cost", "final")
    if len(front) > 1 and alike([mark.final for mark in front]):
        return View("first_s", "cost")
    return View("first_s", "final")


def alike(values: Sequence[float]) -> bool:
    """Whether a reader would see one value."""
    return max(values) - min(values) <= SAME * max(map(abs, values))


def study_figure(summary: Mapping[str, Any], every: Sequence[Mark], front: Sequence[Mark]) -> Figure:
    """Designs by two quantities, better always up, by `view_of`; the front numbered, and told beside the panel."""
    shown = [mark for mark in every if math.isfinite(mark.first_s)]
    front = [mark for mark in front if math.isfinite(mark.first_s)]
    view = view_of(front)
    texts = [label(k, mark, summary) for k, mark in enumerate(front, 1)]
    panel = max(300.0, sum(LINE * (text.count("\n") + 1) + GAP for text in texts))
    facts = facts_of(summary, len(every), len(every) - len(shown), front, view)
    keys = keys_of(every, front, view)
    page = Page.around(summary, facts, keys, panel, columns=min(len(keys), MOST_KEYS))
    axes = page.axes(LEFT, 0, PANEL, panel)
    tidy(axes)
    set_x(axes, summary, [view.at(mark)[0] for mark in shown], view)
    set_y(axes, summary, [view.at(mark)[1] for mark in shown], view)
    draw_marks(axes, shown, front, view)
    write_numbers(axes, front, view, panel)
    if not shown:
        axes.text(0.5, 0.5, "no design shows a picture so surely", transform=axes.transAxes, ha="center", color=GREY)
    y = panel - 4
    for text, mark in zip(texts, front, strict=True):
        weight = "bold" if mark.recommended else "normal"
        axes.text(1 + 14 / PANEL, y / panel, text, transform=axes.transAxes, va="top", fontsize=TEXT, weight=weight,
                  linespacing=1.3)  # fmt: skip
        y -= LINE * (text.count("\n") + 1) + GAP
    return page.figure


def set_x(axes: Axes, summary: Mapping[str, Any], values: Sequence[float], view: View) -> None:
    """From 0 to beyond the last of the values: time, or cost."""
    last = max(values, default=summary["duration_s"])
    if view.x == "cost":
        axes.set(xlim=(0, 1.08 * last), xlabel=cost_words(summary))
        return
    end_s = max(1.08 * last, min(summary["duration_s"], 3 * summary["interval_s"]))
    unit_s, unit = time_unit(end_s)
    axes.set(xlim=(0, end_s), xlabel=f"first picture by, in {unit} since the photo was taken")
    ticks = [unit_s * tick for tick in time_ticks(end_s).tick_values(0, end_s / unit_s) if 0 <= unit_s * tick <= end_s]
    axes.set_xticks(ticks, [f"{tick / unit_s:g}" for tick in ticks])


def set_y(axes: Axes, summary: Mapping[str, Any], values: Sequence[float], view: View) -> None:
    """Better is up: quality, with a line at the goal's level, or cost."""
    goal, info = summary["goal"], summary["metric"]
    finals = view.y == "final"
    known = [value for value in values if math.isfinite(value)] + ([goal["level"]] if finals or not values else [])
    pad = 0.08 * (max(known) - min(known)) or 0.05 * abs(known[0]) or 1.0
    bottom, top = min(known) - pad, max(known) + pad
    up = finals and info["higher_is_better"]
    axes.set_ylim((bottom, top) if up else (top, bottom))
    axes.yaxis.set_label_coords(-44 / PANEL, 0.5)
    what = f"{with_unit(info)} at the end" if finals else cost_words(summary)
    axes.set_ylabel(f"{what}\n{'higher is better' if up else 'axis runs downwards: lower is better'}  →")
    if finals:
        axes.axhline(goal["level"], color=INK, linewidth=1.1, linestyle=(0, (5, 3)))
        where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        axes.annotate(f"goal: {number(goal['level'])}", (0, goal["level"]), xytext=(3, 3), fontsize=TEXT, **where)


def draw_marks(axes: Axes, shown: Sequence[Mark], front: Sequence[Mark], view: View) -> None:
    """Every design a dot; those of the front larger, the dearer where size tells it, and linked where they rise."""
    looks = looks_of(shown)
    bottom, top = axes.get_ylim()
    better = 1 if top > bottom else -1
    order = sorted((view.at(mark) for mark in front), key=lambda at: (at[0], -better * at[1]))
    rising = [at for k, at in enumerate(order) if all(better * at[1] > better * other[1] for other in order[:k])]
    axes.step([x for x, _ in rising], [y for _, y in rising], where="post", color=GREY, linewidth=1.2, zorder=2)
    for mark in shown:
        look = looks[mark.codec] | ({"markerfacecolor": "none", "markeredgewidth": 0.7} if mark.over else {})
        axes.plot(*view.at(mark), markersize=4, alpha=0.55, linestyle="", zorder=2.5, **look)
    for mark in front:
        area = area_of(mark, front, view)
        if mark.recommended:
            axes.scatter(*view.at(mark), s=ring_of(area), facecolor="none", edgecolor=INK, linewidth=1.8, zorder=5)
        axes.scatter(*view.at(mark), s=area, edgecolor="white", linewidth=0.8, zorder=4, **looks[mark.codec])


def write_numbers(axes: Axes, front: Sequence[Mark], view: View, room: float) -> None:
    """The number of each design on the front to the right of its mark, those of marks close together one by one."""
    (bottom, top), (_, end) = axes.get_ylim(), axes.get_xlim()
    across = [view.at(mark)[0] / end for mark in front]
    columns: list[list[int]] = []
    for k in sorted(range(len(front)), key=lambda k: across[k]):
        if not columns or across[k] - across[columns[-1][-1]] > NEAR:
            columns.append([])
        columns[-1].append(k)
    for column in columns:
        wanted = [(view.at(front[k])[1] - bottom) / (top - bottom) * room for k in column]
        for k, y in zip(column, spread(wanted, [13.0] * len(column), room), strict=True):
            area = area_of(front[k], front, view)
            beside = 4 + (ring_of(area) if front[k].recommended else area) ** 0.5 / 2
            axes.text(across[k] + beside / PANEL, y / room, str(k + 1), transform=axes.transAxes, va="center",
                      fontsize=TEXT, weight="bold", zorder=6, bbox=PAPERED)  # fmt: skip


def ring_of(area: float) -> float:
    """The area of the ring around a mark."""
    return 2.2 * area + 90


def area_of(mark: Mark, front: Sequence[Mark], view: View) -> float:
    """Between `AREAS`, in proportion to what the design costs more than the cheapest of the front, if that is told."""
    if not view.sized():
        return 90.0
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
    name = shorten(f"{k}  {in_words(mark.name)}", LABEL, 3)
    lines = ["recommended"] * mark.recommended + [
        f"{cost}, goal met in {mark.share:.1%}", f"first {clock(mark.first_s)}, final {number(mark.final)}",
    ]  # fmt: skip
    return "\n    ".join([*name.split("\n"), *lines])


def cost_words(summary: Mapping[str, Any]) -> str:
    """What designs are compared by."""
    return f"price in {summary['currency']}" if summary["cost"] == "price" else "messages sent"


def facts_of(summary: Mapping[str, Any], count: int, hidden: int, front: Sequence[Mark], view: View) -> list[str]:
    """The question, in what all of the front are alike, and what is left out."""
    goal, info = summary["goal"], summary["metric"]
    limits = [f"; {limit.replace('<=', 'at most')}" for limit in summary["budgets"]]
    unit = f" {info['unit']}" * bool(info["unit"])
    asked = f"{info['label']} of {goal['level']:g}{unit} or better by {span(goal['by_s'])}"
    sure = f"Every number holds in {100 * goal['probability']:.4g}% of {summary['replications']} runs."
    left = f" {hidden} of {count} designs show nothing so surely, and are left out." if hidden else ""
    same = ""
    if view.x == "cost":
        same = f" All that are numbered have their first picture by {clock(front[0].first_s)}."
    elif view.y == "cost":
        same = f" All that are numbered end at {number(front[0].final)}."
    photos = summary.get("photos")
    over = f" Over {len(photos)} photos, each with as many runs." if photos else ""
    return [
        f"Goal: {asked} in {100 * goal['probability']:.4g}% of runs{''.join(limits)}.{over}",
        *subtitle(summary),
        f"{sure}{left}{same}",
    ]


def keys_of(every: Sequence[Mark], front: Sequence[Mark], view: View) -> list[Any]:
    """What shapes and sizes mean."""
    shown = [mark for mark in every if math.isfinite(mark.first_s)]
    keys = [line_key(in_words(codec), linestyle="", markersize=7, **look) for codec, look in looks_of(shown).items()]
    hollow: dict[str, Any] = {"linestyle": "", "marker": "o", "markerfacecolor": "none"}
    if any(mark.over for mark in shown):
        keys.append(line_key("over budget", markersize=5, **hollow | {"color": GREY}))
    if front:
        keys.append(
            line_key(
                "front: no design is better in all" if not view.sized() else "front: larger costs more",
                color=GREY,
                linewidth=1.2,
            )
        )
    if any(mark.recommended for mark in front):
        keys.append(line_key("recommended", markersize=12, markeredgewidth=1.8, **hollow))
    return keys
