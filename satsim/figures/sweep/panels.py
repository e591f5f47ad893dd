"""A page of panels with title, facts and key above and notices below, and the table of what is drawn beside it."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from satsim.figures.look import PALE, TEXT, WIDTH
from satsim.figures.page import Page, mark_of
from satsim.figures.sweep.data import Axis, Sweep
from satsim.words import shorten

EDGE, RIGHT = 20.0, 12.0
"""Left and right margins, in points."""
LETTER, DIGIT = 0.56, 0.64
"""How wide letters and digits are, as a share of the height of their font."""
HATCHED: dict[str, Any] = {"facecolor": PALE, "edgecolor": "white", "hatch": "//////", "linewidth": 0.0}
"""How figures show that there is nothing to show."""
LINES = ["-", (0, (6, 2)), (0, (2, 1.5)), (0, (7, 2, 1.5, 2))]
Record = Mapping[str, Any]


class Drawing(NamedTuple):
    """A figure and the rows of what it shows."""

    name: str
    figure: Figure
    rows: list[Record]

    def save(self, sweep: Sweep) -> str:
        """Write <name>.png and <name>.csv into the sweep's folder; the figure's file name."""
        with (sweep.folder / f"{self.name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            for row in self.rows:
                writer.writerow({key: plain(value) for key, value in row.items()})
        self.figure.savefig(sweep.folder / f"{self.name}.png", metadata={"Software": None})
        return f"{self.name}.png"


def plain(value: Any) -> Any:
    """As written in a table: nothing for NaN, whole numbers without a point."""
    if isinstance(value, float):
        return "" if math.isnan(value) else int(value) if value == round(value) else value
    return value


def sweep_page(sweep: Sweep, heading: str, facts: Sequence[str], keys: Sequence[Any], panels: float) -> Page:
    """A page on a sweep with so many points of room for panels; `keys` in columns as wide as the longest needs."""
    longest = max((len(handle.get_label()) for handle in keys), default=0)
    columns = max(1, min(len(keys), int((WIDTH - EDGE - RIGHT) // (TEXT * LETTER * longest + 46))))
    return Page.around(
        sweep.manifest, facts, keys, panels, heading, left=EDGE, foot=12.0, letters=116, leading=13.5, above_keys=10.0,
        columns=columns, handlelength=3, columnspacing=1.6, labelspacing=0.4,
    )  # fmt: skip


def add_panel(page: Page, x: float, y: float, width: float, height: float) -> Axes:
    """A panel whose lower left corner is there, with small labels and no marks beside them."""
    axes = page.axes(x, y, width, height)
    axes.tick_params(labelsize=TEXT, length=0)
    return axes


def scheme_look(k: int) -> dict[str, Any]:
    """Colour, marker and line of scheme k."""
    return mark_of(k) | {"linestyle": LINES[k % len(LINES)]}


def letter(k: int) -> str:
    """How cells name scheme k: A, B, C."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[k % 26] + (str(k // 26) if k >= 26 else "")


class Ticks(NamedTuple):
    """Which values of an axis are written beneath a panel, and how."""

    places: list[int]
    labels: list[str]
    slanted: bool
    room: float
    """Points of height that they take."""


def plan_ticks(axis: Axis, step: float) -> Ticks:
    """Labels for values `step` points apart: all where they fit, else every second or so, or slanted where words."""
    places = list(range(len(axis.words)))
    widest = TEXT * LETTER * max(len(label) for label in axis.words) + 5
    if widest > step and not axis.numeric:
        labels = [shorten(label, 22) or label[:22] for label in axis.words]
        every = max(1, math.ceil(11 / step))
        room = TEXT * LETTER * max(map(len, labels)) * math.sin(math.radians(35)) + 14
        return Ticks(places[::every], labels[::every], True, room)
    every = max(1, math.ceil(widest / step))
    return Ticks(places[::every], list(axis.words[::every]), False, 13)


def write_ticks(axes: Axes, ticks: Ticks, at: Sequence[float]) -> None:
    """The planned labels at these positions of the horizontal axis."""
    axes.set_xticks(at)
    slant: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if ticks.slanted else {}
    axes.set_xticklabels(ticks.labels, **slant)


def located(axis: Axis, k: int, letters: int) -> str:
    """ "share of packets lost: 0.2" in so many letters; the axis is shortened, not the value."""
    value = axis.words[k] if len(axis.words[k]) < letters - 6 else axis.words[k][: letters - 7] + "…"
    return f"{shorten(axis.label, letters - len(value) - 2) or '…'}: {value}"


def pick(count: int, most: int) -> list[int]:
    """At most so many of `count` places, evenly spread, with the first and the last."""
    if count <= most:
        return list(range(count))
    return sorted({round(k * (count - 1) / (most - 1)) for k in range(most)})
