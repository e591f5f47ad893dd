"""Panels of cells, one for each pair of values of two axes: where they stand, and what is written in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb

from satsim.figures.look import INK, TEXT, WIDTH
from satsim.figures.page import Page
from satsim.figures.sweep.data import NO_AXIS, Axis
from satsim.figures.sweep.panels import DIGIT, EDGE, HATCHED, LETTER, RIGHT, Ticks, add_panel, plan_ticks, write_ticks
from satsim.words import shorten

SMALLEST = 8.5
"""Points; text that would be smaller is left out."""
Box = tuple[float, float, float, float]
"""Left, top, width, height, in cells from the upper left corner of a panel."""


class Board(NamedTuple):
    """Panels of `rows` by the values of an axis, in a grid on a page; measures in points."""

    x: Axis
    y_label: str
    rows: tuple[str, ...]
    columns: int
    """Panels side by side."""
    lines: int
    """Rows of panels."""
    left: float
    width: float
    """Of a cell."""
    height: float
    ticks: Ticks
    title: float
    """Room for the panels' titles."""

    uneven: bool
    """Whether the last row has fewer panels, so that an axis is written beneath the row before."""

    @property
    def line(self) -> float:
        """A row of panels with its titles, without the axis beneath."""
        return len(self.rows) * self.height + self.title + (18 if self.uneven else 8) + self.ticks.room * self.uneven

    @property
    def panels(self) -> float:
        """Height of all panels."""
        return self.lines * self.line + (8 if self.uneven else 18 + self.ticks.room)

    def axes(self, page: Page, k: int, title: str, last: bool) -> Axes:
        """Panel k, (0, 0) in its upper left corner, a cell 1 by 1; the `last` in a column has the horizontal axis."""
        column, line = k % self.columns, k // self.columns
        width, height = self.width * len(self.x.words), self.height * len(self.rows)
        left = self.left + column * (width + GAP)
        axes = add_panel(page, left, self.panels - self.line * line - self.title - height, width, height)
        axes.set(xlim=(0, len(self.x.words)), ylim=(len(self.rows), 0))
        axes.spines[:].set_visible(False)
        axes.set_title(wrap_title(title, width), fontsize=10, loc="left", pad=4)
        if last:
            write_ticks(axes, self.ticks, [place + 0.5 for place in self.ticks.places])
            axes.set_xlabel(self.x.label, fontsize=TEXT)
        else:
            axes.set_xticks([])
        every = max(1, round(TEXT / self.height + 0.4))
        places = range(0, len(self.rows), every) if column == 0 else []
        letters = int((self.left - EDGE - 12) / (TEXT * LETTER))
        axes.set_yticks([place + 0.5 for place in places])
        lines = 2 if self.height >= 22 else 1
        axes.set_yticklabels([shorten(self.rows[k], letters, lines) or self.rows[k][:letters] for k in places])
        if column == 0 and self.y_label:
            middle = self.panels - self.line * line - self.title - height / 2
            look: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center"}
            page.write(EDGE - 14 + 5.5 * Y_LINES, middle, shorten(self.y_label, y_letters(height), Y_LINES), **look)
        return axes


GAP = 14.0
MOST_HEIGHT = 640.0
"""Points; where numbers in cells would make panels higher, they are left out."""
Y_LINES = 3


def y_letters(height: float) -> int:
    """How long a line beside a panel of this height may be."""
    return max(9, int((height + 14) / (TEXT * LETTER)))


def plan_board(
    x: Axis, y: Axis | None, rows: Sequence[str], titles: Sequence[str], letters: int, height: float = 24.0
) -> Board:
    """Panels with these titles, as many side by side as leave room for texts of so many letters in every cell.

    The rows are the values of `y`, top to bottom, or, where there is none, whatever `rows` name.
    """
    longest = max(map(len, rows))
    left = EDGE + 14 + min(175.0, TEXT * LETTER * longest + 8) + (0 if y is None else 12)
    room = WIDTH - left - RIGHT
    count = len(x.words)
    needed = letters * DIGIT * SMALLEST + 2
    widths = {n: (room - GAP * (n - 1)) / n / count for n in range(1, min(3, len(titles)) + 1)}
    tall = {n: min(height, 16.0) * len(rows) * -(-len(titles) // n) for n in widths}
    columns = max((n for n, width in widths.items() if width >= needed and tall[n] <= MOST_HEIGHT), default=max(widths))
    width = min(widths[columns], 90.0)
    lines = -(-len(titles) // columns)
    height = min(height, max(16.0 if width >= needed else 6.0, MOST_HEIGHT / lines / len(rows)))
    height = height if width >= needed else min(height, max(width, 6.0))
    if y is None and TEXT * LETTER * longest > 167.0 and 24.0 * lines * len(rows) <= MOST_HEIGHT:
        height = max(height, 24.0)  # names in two lines
    title = 13 * max(wrap_title(each, width * count).count("\n") + bool(each) for each in titles) + 7
    label = "" if y is None or y is NO_AXIS else y.label
    return Board(x, label, tuple(rows), columns, lines, left, width, height, plan_ticks(x, width), title,
                 len(titles) % columns > 0)  # fmt: skip


def wrap_title(title: str, width: float) -> str:
    """`title` in at most three lines of so many points."""
    letters = max(8, int(width / (TEXT * LETTER)))
    return shorten(title, letters, 3) or title[:letters]


def upward(axis: Axis) -> list[int]:
    """Its places from top to bottom: numbers grow upwards, words are read downwards."""
    places = list(range(len(axis.values)))
    return places[::-1] if axis.numeric else places


def fill(axes: Axes, boxes: Sequence[Box], colours: Sequence[Any]) -> None:
    """Boxes in these colours, with a thin white line between."""
    _draw(axes, boxes, facecolors=list(colours), edgecolors="white", linewidths=0.6)


def fill_hatched(axes: Axes, boxes: Sequence[Box]) -> None:
    """Boxes as figures show that there is nothing to show."""
    _draw(axes, boxes, facecolors=HATCHED["facecolor"], edgecolors="white", hatch=HATCHED["hatch"], linewidths=0.6)


def _draw(axes: Axes, boxes: Sequence[Box], **look: Any) -> None:
    if boxes:
        corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in boxes]
        axes.add_collection(PolyCollection(corners, **look), autolim=False)


def font_for(board: Board, text: str, share: float = 1.0, lines: int = 1) -> float:
    """How large `text` can be in such a share of a cell's width; 0 where that is too small to read."""
    size = min(10.0, (board.width * share - 2) / (DIGIT * max(1, len(text))), 0.72 * board.height / lines)
    return size if size >= SMALLEST else 0.0


def ink_on(colour: Any) -> str:
    """Dark or white, whichever is easier to read on it (by WCAG's contrast)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "white" if luminance < 0.24 else INK
