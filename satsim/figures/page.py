"""The look that figures share: colours, lines and labels, the axis of time, and the page around panels."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import Locator, MaxNLocator, MultipleLocator
from PIL import Image

from satsim.words import DAY_S, DAYS_FROM_S, HOUR_S, shorten, span

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A5230", "#8C8C8C", "#B8A800"]
"""Okabe and Ito's palette, its yellow darkened for thin lines on white, with a brown and a grey."""
MARKERS = "os^DvPX<>*"
INK, GREY, PALE, PAPER, NOTICE = "#1F2328", "#656D76", "#D5DADF", "#F1F3F5", "#8A3B00"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "text.parse_math": False,
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "satsim",
}
WIDTH = 720.0
"""Of a page with a head, in points."""
LEFT, ACROSS = 76.0, 452.0
"""Where curves over time begin and how wide they are; labels stand to their right."""


class Margins(NamedTuple):
    """Where the words around panels stand, in points."""

    left: float
    foot: float
    """Between the notices and the lowest panel."""
    letters: int
    """Of a line of facts."""
    leading: float
    """From one line of facts to the next."""
    above_keys: float
    keys: Mapping[str, float]
    """Lengths and distances in the legend, in heights of its font."""


OVER_TIME = Margins(LEFT, 46.0, 116, 14.0, 15.2, {"handlelength": 4.5})


class Page:
    """A figure measured in points; y counts upwards from `bottom`, the lower edge of the room for panels."""

    def __init__(self, width: float, height: float, bottom: float = 0.0, dpi: int = 160) -> None:
        self.width, self.height, self.bottom = width, height, bottom
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=dpi)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """The point as shares of width and height."""
        return x / self.width, (self.bottom + y) / self.height

    def axes(self, x: float, y: float, width: float, height: float, **more: Any) -> Axes:
        """A panel whose lower left corner is there."""
        return self.figure.add_axes((*self.place(x, y), width / self.width, height / self.height), **more)

    def write(self, x: float, y: float, text: str, **look: Any) -> None:
        """Text that begins there, on that line unless `look` says otherwise."""
        words: dict[str, Any] = {"fontsize": 9, "color": INK} | look
        self.figure.text(*self.place(x, y), text, **words)

    def fill(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """A rectangle whose lower left corner is there."""
        size = width / self.width, height / self.height
        self.figure.add_artist(Rectangle(self.place(x, y), *size, linewidth=0, **look))

    def show(self, x: int, y: int, picture: Path, size: tuple[int, int]) -> None:
        """A picture whose lower left corner is there, thinly framed; on a page of 72 dpi pixel for pixel."""
        with Image.open(picture) as image:
            pixels = image.convert("RGB")
        if pixels.size != size:
            pixels = pixels.resize(size, Image.Resampling.LANCZOS)
        self.fill(x - 1, y - 1, size[0] + 2, size[1] + 2, color=PALE, zorder=-1)
        self.figure.figimage(np.asarray(pixels), x, round(self.bottom) + y)


def headed_page(
    summary: Mapping[str, Any], facts: Sequence[str], keys: Sequence[Any], panels: float,
    heading: str = "", margins: Margins = OVER_TIME, columns: int = 0,
) -> Page:  # fmt: skip
    """A page with so many points of room for panels; above it title, heading, facts and keys, below it the notices.

    `keys` are handles with labels, in a row or in so many columns.
    """
    title, headings = textwrap.wrap(summary["title"], 78), textwrap.wrap(heading, 92)
    lines = [line for fact in facts for line in textwrap.wrap(fact, margins.letters)]
    notices = wrap_notices(summary, 140)
    columns = columns or max(1, len(keys))
    key_room = 12.8 * max(1, math.ceil(len(keys) / columns)) + margins.above_keys
    above = key_room + 18 + 19 * len(title) + 16 * len(headings) + margins.leading * len(lines)
    bottom = margins.foot + 12 * len(notices)
    page = Page(WIDTH, bottom + panels + above, bottom)
    left, y = margins.left, panels + above - 14
    page.write(left, y, "\n".join(title), fontsize=14, weight="bold", va="top")
    y -= 4 + 19 * len(title)
    page.write(left, y, "\n".join(headings), fontsize=11.5, weight="bold", va="top")
    page.write(left, y - 16 * len(headings), "\n".join(lines), fontsize=9.5, color=GREY, va="top")
    page.write(left, 6 - bottom, "\n".join(notices), fontsize=8.5, color=NOTICE, va="bottom")
    by_row = [key for column in range(columns) for key in keys[column::columns]]  # a legend fills columns
    page.figure.legend(handles=by_row, ncols=columns, loc="lower left", bbox_to_anchor=page.place(left, panels + 4),
                       frameon=False, borderpad=0, borderaxespad=0, fontsize=9, **margins.keys)  # fmt: skip
    return page


def line_look(solid: bool, k: int = 0) -> dict[str, Any]:
    """Solid and filled, or dashed and hollow; the dashes of even and odd k show through each other."""
    if solid:
        return {"marker": "o", "linewidth": 2.6, "markersize": 7}
    hollow = {"marker": "o", "markersize": 7, "markerfacecolor": "white", "markeredgewidth": 1.5}
    return {"linestyle": (4 * (k % 2), (4, 4)), "linewidth": 1.8, **hollow}


def time_unit(end_s: float) -> tuple[float, str]:
    """Length and name of the unit of a time axis: minutes up to 2 hours, hours up to 4 days, then days."""
    if end_s <= 2 * HOUR_S:
        return 60, "minutes"
    return (HOUR_S, "hours") if end_s <= DAYS_FROM_S else (DAY_S, "days")


def time_ticks(end_s: float) -> Locator:
    """At most nine ticks; hours are told by steps that make up a day."""
    unit_s, unit = time_unit(end_s)
    if unit != "hours":
        return MaxNLocator(8, steps=[1, 2, 5, 10])
    return MultipleLocator(next(step for step in (0.5, 1, 2, 3, 6, 12) if end_s / unit_s / step <= 8))


def tell_time(axes: Axes, summary: Mapping[str, Any]) -> None:
    """The time axis, beneath this panel."""
    end_s = summary["duration_s"]
    axes.set_xlabel(f"{time_unit(end_s)[1]} since {the_photo(summary)} was taken")
    axes.xaxis.set_major_locator(time_ticks(end_s))


def tidy(axes: Axes) -> None:
    """A light grid behind the curves, and no frame but the axis below."""
    axes.grid(color=PALE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)


def label_height(label: str) -> float:
    """Points that a label of one or more lines takes."""
    return 11.0 * label.count("\n") + 14


def end_label(text: str) -> str:
    """`text` in at most two lines that fit to the right of the curves."""
    return shorten(text, 33, 2)


def label_ends(
    axes: Axes, labels: Sequence[str], colours: Sequence[str], ends: Sequence[float], room: float, marks: int = 0
) -> list[float]:
    """Write each label to the right of where its curve ends, in points above the axis; the heights they come to.

    So many `marks` find room before each label.
    """
    heights = spread(ends, [label_height(label) for label in labels], room)
    for label, colour, end, y in zip(labels, colours, ends, heights, strict=True):
        leader = [1, 1 + 12 / ACROSS], [end / room, y / room]
        axes.plot(*leader, transform=axes.transAxes, color=colour, linewidth=0.9, clip_on=False)
        axes.text(1 + (16 + 10 * marks) / ACROSS, y / room, label, transform=axes.transAxes, va="center", fontsize=8.5)
    return heights


def sender_count(summary: Mapping[str, Any]) -> int:
    """How many senders the run had; older folders do not say, and had one."""
    return int(summary.get("senders", {}).get("count", 1))


def the_photo(summary: Mapping[str, Any]) -> str:
    """What times count from."""
    return "the first photo" if sender_count(summary) > 1 else "the photo"


def subtitle(summary: Mapping[str, Any]) -> list[str]:
    """The link and the photo; of several senders, how they share the receiver; a line each."""
    image, count = summary["image"], sender_count(summary)
    links = [scheme["link"] for scheme in summary.get("schemes", {}).values() if "link" in scheme]
    links = links or [summary.get("link", {})]
    presets = list(dict.fromkeys(link["preset"] for link in links if link.get("preset")))
    shared = count > 1 and bool(summary["senders"].get("slot_s"))
    pace = f"{'At most one' if shared else 'One'} packet every {summary['interval_s']:g} s"
    each = f"{pace}{' from each' if count > 1 else ''}; photo of {image['width']} × {image['height']} pixels."
    lines = [f"Link{'s' * (len(presets) > 1)}: {', '.join(presets)}. {each}" if presets else each]
    if count > 1:
        gap_s, slot_s = summary["senders"].get("start_gap_s"), summary["senders"].get("slot_s")
        taken = f"{span(gap_s)} apart" if gap_s else "at the same time"
        channel = f"one channel for all, a slot every {span(slot_s)}" if slot_s else "each has a channel of its own"
        lines.append(f"{count} senders, photos taken {taken}; {channel}. Times run from the first photo.")
    return lines


def median_words(summary: Mapping[str, Any]) -> list[str]:
    """Which of several photos is shown."""
    if sender_count(summary) == 1:
        return []
    return ["Shown is the median photo: at each time, half of the photos look at least this good."]


def wrap_notices(summary: Mapping[str, Any], letters: int) -> list[str]:
    """The lines the reader must see: that a metric stands in for another, say."""
    return [line for notice in summary["notices"] for line in textwrap.wrap(f"Note: {notice}", letters)]


def spread(wanted: Sequence[float], sizes: Sequence[float], room: float) -> list[float]:
    """Centres, as near to `wanted` as can be, where labels of these sizes neither overlap nor leave 0 to `room`.

    They keep the order of `wanted`. Sizes that together exceed `room` are all reduced by one factor.
    """
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    squeeze = min(1.0, room / (sum(sizes) or 1.0))
    needs = [squeeze * sizes[k] for k in order]
    offsets = [sum(needs[:k]) + needs[k] / 2 for k in range(len(needs))]
    # With the offsets taken away labels may meet but not swap: average neighbours that did (isotonic regression).
    pools: list[list[float]] = []
    for k, offset in zip(order, offsets, strict=True):
        pools.append([wanted[k] - offset])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    bases = [min(max(float(np.mean(pool)), 0.0), room - sum(needs)) for pool in pools for _ in pool]
    centres = {k: base + offset for k, base, offset in zip(order, bases, offsets, strict=True)}
    return [centres[k] for k in range(len(wanted))]
