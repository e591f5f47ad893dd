"""A page of panels with title, facts and key above and notices below, and the table of what is drawn beside it."""

from __future__ import annotations

import csv
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from satsim.figures.page import COLOURS, GREY, INK, MARKERS, NOTICE, PALE, wrap_notices
from satsim.figures.sweep.data import Axis, Sweep
from satsim.words import shorten

WIDTH, EDGE, RIGHT = 720.0, 20.0, 12.0
"""Of every page, in points, and its left and right margins."""
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
        self.figure.savefig(sweep.folder / f"{self.name}.png", dpi=160, metadata={"Software": None})
        return f"{self.name}.png"


def plain(value: Any) -> Any:
    """As written in a table: nothing for NaN, whole numbers without a point."""
    if isinstance(value, float):
        return "" if math.isnan(value) else int(value) if value == round(value) else value
    return value


class Sheet:
    """A page so many points wide and as high as its parts need, with room for panels between."""

    def __init__(self, sweep: Sweep, heading: str, facts: Sequence[str], keys: Sequence[Any], panels: float) -> None:
        """`panels` points of height are for panels; `keys` are handles with labels."""
        title = textwrap.wrap(sweep.manifest["title"], 78)
        headings = textwrap.wrap(heading, 92)
        lines = [line for fact in facts for line in textwrap.wrap(fact, 124)]
        notices = wrap_notices(sweep.manifest, 140)
        longest = max((len(handle.get_label()) for handle in keys), default=0)
        columns = max(1, min(len(keys), int((WIDTH - EDGE - RIGHT) // (9 * LETTER * longest + 46))))
        key_room = 12.8 * math.ceil(len(keys) / columns) + 10 if keys else 4
        self.bottom = 12.0 + 12 * len(notices)
        above = 18 + 19 * len(title) + 16 * len(headings) + 13 * len(lines)
        self.top = self.bottom + panels
        self.height = self.top + key_room + above
        self.figure = Figure(figsize=(WIDTH / 72, self.height / 72))
        y = self._text(14, "\n".join(title), fontsize=14, weight="bold")
        y = self._text(y + 4 + 19 * len(title), "\n".join(headings), fontsize=11.5, weight="bold")
        self._text(y + 16 * len(headings), "\n".join(lines), fontsize=9.5, color=GREY)
        if keys:
            at = (EDGE / WIDTH, (self.top + 4) / self.height)
            look: dict[str, Any] = {"frameon": False, "borderpad": 0, "borderaxespad": 0, "labelspacing": 0.4}
            self.figure.legend(handles=_row_by_row(keys, columns), loc="lower left", bbox_to_anchor=at, ncols=columns,
                               fontsize=9, handlelength=3, columnspacing=1.6, **look)  # fmt: skip
        self.figure.text(EDGE / WIDTH, 6 / self.height, "\n".join(notices), fontsize=8.5, color=NOTICE, va="bottom")

    def _text(self, below: float, text: str, **look: Any) -> float:
        self.figure.text(EDGE / WIDTH, 1 - below / self.height, text, va="top", **look)
        return below

    def axes(self, left: float, above: float, width: float, height: float, **more: Any) -> Axes:
        """A panel at these points from the page's left edge and from the lower edge of the room for panels."""
        box = (left / WIDTH, (self.bottom + above) / self.height, width / WIDTH, height / self.height)
        axes = self.figure.add_axes(box, **more)
        axes.tick_params(labelsize=8.5, length=0)
        return axes

    def write(self, x: float, above: float, text: str, **look: Any) -> None:
        """`text` at a point of the room for panels."""
        words: dict[str, Any] = {"fontsize": 9, "color": INK} | look
        self.figure.text(x / WIDTH, (self.bottom + above) / self.height, text, **words)


def _row_by_row(handles: Sequence[Any], columns: int) -> list[Any]:
    """In the order in which a legend, which fills columns, shows them row by row."""
    rows = math.ceil(len(handles) / columns)
    full = len(handles) - columns * (rows - 1)  # columns before this one have a handle in the last row
    heights = [rows if column < full else rows - 1 for column in range(columns)]
    return [handles[row * columns + column] for column in range(columns) for row in range(heights[column])]


def scheme_look(k: int) -> dict[str, Any]:
    """Colour, marker and line of scheme k: no two alike also without colour."""
    return {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)], "linestyle": LINES[k % len(LINES)]}


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
    places = list(range(len(axis.labels)))
    widest = 8.5 * LETTER * max(len(label) for label in axis.labels) + 5
    if widest > step and not axis.numeric:
        labels = [shorten(label, 22) or label[:22] for label in axis.labels]
        every = max(1, math.ceil(11 / step))
        room = 8.5 * LETTER * max(map(len, labels)) * math.sin(math.radians(35)) + 14
        return Ticks(places[::every], labels[::every], True, room)
    every = max(1, math.ceil(widest / step))
    return Ticks(places[::every], list(axis.labels[::every]), False, 13)


def write_ticks(axes: Axes, ticks: Ticks, at: Sequence[float]) -> None:
    """The planned labels at these positions of the horizontal axis."""
    axes.set_xticks(at)
    slant: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if ticks.slanted else {}
    axes.set_xticklabels(ticks.labels, **slant)


def located(axis: Axis, k: int, letters: int) -> str:
    """ "share of packets lost: 0.2" in so many letters; the axis is shortened, not the value."""
    value = axis.labels[k] if len(axis.labels[k]) < letters - 6 else axis.labels[k][: letters - 7] + "…"
    return f"{shorten(axis.label, letters - len(value) - 2) or '…'}: {value}"


def pick(count: int, most: int) -> list[int]:
    """At most so many of `count` places, evenly spread, with the first and the last."""
    if count <= most:
        return list(range(count))
    return sorted({round(k * (count - 1) / (most - 1)) for k in range(most)})
