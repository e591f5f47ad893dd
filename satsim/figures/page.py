"""What figures share: lines and labels, the axis of time, words on the links, and the page around panels."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import Locator, MaxNLocator, MultipleLocator
from PIL import Image

from satsim.figures.look import ACROSS, COLOURS, GREY, INK, LABEL, LEFT, MARKERS, NOTICE, PALE, WIDTH
from satsim.words import DAY_S, DAYS_FROM_S, HOUR_S, headline, link_words, sent_words, shorten


class TrackPoint(NamedTuple):
    """A row of timeline.csv, as far as figures need it."""

    time_s: float
    packets_held: int
    value: float
    """NaN while there is nothing to show."""
    frame: str


class Track(NamedTuple):
    """One scheme's points in one metric, and its look in every figure."""

    name: str
    link: str
    """Which of several; empty where all schemes share one."""
    packets: int
    """As many as a whole photo needs; 0 where nothing of it fits the link."""
    repairs: int
    """Packets beyond these, of which any may stand in for lost ones."""
    payload_bytes: int
    photos: list[list[TrackPoint]]
    """Each sender's points."""
    points: list[TrackPoint]
    """Those of the only photo or, where there are several, of the median one."""
    shown: list[TrackPoint]
    """The points with a picture on the screen."""
    builds_up: bool
    """Whether there was a picture before as many packets as needed were in."""
    mark: dict[str, Any]
    """Colour and marker."""

    def label(self, text: str, room: int = LABEL) -> str:
        """`text` in up to three lines and, where there are several, one for the scheme's link."""
        return "\n".join([shorten(text, room, 3), *[self.link] * bool(self.link)])


class Page:
    """A figure measured in points; y counts upwards from `bottom`, the lower edge of the room for panels."""

    def __init__(self, width: float, height: float, bottom: float = 0.0, dpi: int = 160) -> None:
        self.width, self.height, self.bottom = width, height, bottom
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=dpi)

    @classmethod
    def around(
        cls, summary: Mapping[str, Any], facts: Sequence[str], keys: Sequence[Any], panels: float, heading: str = "",
        left: float = LEFT, foot: float = 46.0, letters: int = 110, leading: float = 14.5, above_keys: float = 15.2,
        columns: int = 0, **legend: Any,
    ) -> Page:  # fmt: skip
        """Room for `panels`; above it title, heading, facts and keys, below it room for an axis, and what to note.

        Facts are lines of so many letters, `leading` apart; keys are handles with labels, in a row or in `columns`.
        """
        title, headings = textwrap.wrap(headline(summary), 78), textwrap.wrap(heading, 92)
        lines = [line for fact in facts for line in textwrap.wrap(fact, letters)]
        columns = columns or max(1, len(keys))
        key_room = 12.8 * max(1, math.ceil(len(keys) / columns)) + above_keys
        above = key_room + 18 + 19 * len(title) + 16 * len(headings) + leading * len(lines)
        bottom = foot + 14
        page = cls(WIDTH, bottom + panels + above, bottom)
        y = panels + above - 14
        page.write(left, y, "\n".join(title), fontsize=14, weight="bold", va="top")
        y -= 4 + 19 * len(title)
        page.write(left, y, "\n".join(headings), fontsize=11.5, weight="bold", va="top")
        page.write(left, y - 16 * len(headings), "\n".join(lines), fontsize=10, color=GREY, va="top")
        page.write(left, 6 - bottom, foot_note(summary), color=NOTICE, va="bottom")
        by_row = [key for column in range(columns) for key in keys[column::columns]]  # a legend fills columns
        look = {"frameon": False, "borderpad": 0, "borderaxespad": 0, "handlelength": 3.6} | legend
        look |= {"ncols": columns, "loc": "lower left", "bbox_to_anchor": page.place(left, panels + 4)}
        if keys:
            page.figure.legend(handles=by_row, **look)
        return page

    def place(self, x: float, y: float) -> tuple[float, float]:
        """The point as shares of width and height."""
        return x / self.width, (self.bottom + y) / self.height

    def axes(self, x: float, y: float, width: float, height: float, **more: Any) -> Axes:
        """A panel whose lower left corner is there."""
        return self.figure.add_axes((*self.place(x, y), width / self.width, height / self.height), **more)

    def axes_over_time(self, y: float, height: float, end_s: float, since: str = "", **more: Any) -> Axes:
        """A panel of curves over time; with words on what time counts from, its axis is beneath."""
        axes = self.axes(LEFT, y, ACROSS, height, **more)
        unit_s, unit = time_unit(end_s)
        axes.set_xlim(0, end_s / unit_s)
        axes.yaxis.set_label_coords(-44 / ACROSS, 0.5)
        tidy(axes)
        if since:
            axes.set_xlabel(f"{unit} since {since} was taken")
            axes.xaxis.set_major_locator(time_ticks(end_s))
        return axes

    def write(self, x: float, y: float, text: str, **look: Any) -> None:
        """Text that begins there, on that line unless `look` says otherwise."""
        words: dict[str, Any] = {"color": INK} | look
        self.figure.text(*self.place(x, y), text, **words)

    def fill(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """A rectangle whose lower left corner is there."""
        size = width / self.width, height / self.height
        self.figure.add_artist(Rectangle(self.place(x, y), *size, linewidth=0, **look))

    def show(self, x: int, y: int, width: int, height: int, picture: Path, size: tuple[int, int]) -> None:
        """A picture of this size, thinly framed, in the middle of such a rectangle; at 72 dpi pixel for pixel."""
        with Image.open(picture) as image:
            pixels = image.convert("RGB")
        if pixels.size != size:
            pixels = pixels.resize(size, Image.Resampling.LANCZOS)
        x, y = x + (width - size[0]) // 2, y + (height - size[1] + 1) // 2
        self.fill(x - 1, y - 1, size[0] + 2, size[1] + 2, color=PALE, zorder=-1)
        self.figure.figimage(np.asarray(pixels), x, round(self.bottom) + y)


def foot_note(summary: Mapping[str, Any]) -> str:
    """One line at most: which metric stands in for which, and where to read that and all else."""
    notices = summary["notices"]
    stand_ins = [re.match("quality is measured by (.+), not (.+?)(?::|$)", notice) for notice in notices]
    said = [f"{found[1]} stands in for {found[2]}" for found in stand_ins if found]
    count = [f"{len(notices)} note{'s' * (len(notices) > 1)} in notes.md"] if notices else []
    return "; ".join(said + count)


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


def tidy(axes: Axes) -> None:
    """A light grid behind the curves, and no frame but the axis below."""
    axes.grid(color=PALE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)


def line_key(label: str, **look: Any) -> Line2D:
    """A line or marker for the keys of a page."""
    return Line2D([], [], **{"color": INK, "label": label} | look)


def mark_of(k: int) -> dict[str, Any]:
    """Colour and marker of scheme k: no two alike also without colour."""
    return {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)]}


def line_look(solid: bool, k: int = 0) -> dict[str, Any]:
    """Solid and filled, or dashed and hollow; the dashes of even and odd k show through each other."""
    if solid:
        return {"marker": "o", "linewidth": 2.6, "markersize": 7}
    hollow = {"marker": "o", "markersize": 7, "markerfacecolor": "white", "markeredgewidth": 1.5}
    return {"linestyle": (4 * (k % 2), (4, 4)), "linewidth": 1.8, **hollow}


def height_of(label: str) -> float:
    """Points that it takes."""
    return 12.0 * label.count("\n") + 16


def label_ends(
    axes: Axes, labels: Sequence[str], colours: Sequence[str], ends: Sequence[float], room: float, marks: int = 0
) -> list[float]:
    """Write wrapped labels, after room for so many `marks`, right of where curves end; their heights, in points."""
    heights = spread(ends, [height_of(label) for label in labels], room)
    aside: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False}
    x = 1 + (16 + 10 * marks) / ACROSS
    for label, colour, end, y in zip(labels, colours, ends, heights, strict=True):
        axes.plot([1, 1 + 12 / ACROSS], [end / room, y / room], color=colour, linewidth=0.9, **aside)
        axes.text(x, y / room, label, va="center", **aside)
    return heights


def spread(wanted: Sequence[float], sizes: Sequence[float], room: float) -> list[float]:
    """Centres, as near to `wanted` as can be, where labels of these sizes neither overlap nor leave 0 to `room`.

    They keep the order of `wanted`. Sizes that together exceed `room` are all reduced by one factor.
    """
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    needs = [min(1.0, room / (sum(sizes) or 1.0)) * sizes[k] for k in order]
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


def links_of(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Each link that a scheme sends on, once; folders of earlier versions tell less of it, or nothing."""
    told = [scheme["link"] for scheme in summary.get("schemes", {}).values() if "link" in scheme]
    told = told or [summary.get("link", {})]
    return [link for k, link in enumerate(told) if link not in told[:k]]


def subtitle(summary: Mapping[str, Any], median: bool = False) -> list[str]:
    """The links and the photo; of several senders, how they share the receiver, and that the median photo is shown."""
    links, senders = links_of(summary), summary.get("senders", {})
    sent = sent_words(summary.get("schemes", {}).values())
    photo = f"{sent}Photo of {summary['image']['width']} × {summary['image']['height']} pixels."
    if len(links) > 1 or (senders.get("count") or 1) > 1:
        from satsim.figures.setting import link_lines, make_links, sharing

        return [*link_lines(make_links(links, summary), senders, photo), *sharing(senders, median)]
    return [f"{link_words({'interval_s': summary['interval_s']} | dict(links[0]))} {photo}"]
