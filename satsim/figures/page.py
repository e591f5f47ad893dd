"""The look that figures share: colours, line styles, and the frame of those whose axis is time."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import Locator, MaxNLocator, MultipleLocator

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
LEFT, WIDTH = 76, 452
"""Where curves begin and how wide they are, in points of a figure 720 wide; labels stand to their right."""


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


class Frame:
    """A figure with title, subtitle and key above, notices below, and panels between, in points from the bottom."""

    def __init__(self, summary: Mapping[str, Any], facts: Sequence[str], panels: float) -> None:
        self.title = textwrap.wrap(summary["title"], 78)
        self.facts = [line for fact in facts for line in textwrap.wrap(fact, 116)]
        self.notices = wrap_notices(summary, 140)
        self.bottom = 46 + 12 * len(self.notices)
        """Where panels begin, above the time axis."""
        self.top = self.bottom + panels
        self.height = self.top + 46 + 19 * len(self.title) + 14 * len(self.facts)
        self.figure = Figure(figsize=(10, self.height / 72))
        self._end_s = summary["duration_s"]
        self._since = the_photo(summary)

    def axes(self, above: float, height: float, **more: Any) -> Axes:
        """A panel, so far above the first one's lower edge."""
        return self.figure.add_axes(
            (LEFT / 720, (self.bottom + above) / self.height, WIDTH / 720, height / self.height), **more
        )

    def write_around(self, keys: Sequence[Any]) -> None:
        """Title, subtitle, key and notices."""
        figure, left, height = self.figure, LEFT / 720, self.height
        figure.text(left, 1 - 14 / height, "\n".join(self.title), fontsize=14, weight="bold", va="top")
        below = 1 - (18 + 19 * len(self.title)) / height
        figure.text(left, below, "\n".join(self.facts), fontsize=9.5, color=GREY, va="top")
        at = (left, (self.top + 4) / height)
        figure.legend(handles=keys, loc="lower left", bbox_to_anchor=at, ncols=len(keys), frameon=False, fontsize=9,
                      borderpad=0, borderaxespad=0, handlelength=4.5)  # fmt: skip
        figure.text(left, 6 / height, "\n".join(self.notices), fontsize=8.5, color=NOTICE, va="bottom")

    def tell_time(self, axes: Axes) -> None:
        """The time axis, beneath this panel."""
        axes.set_xlabel(f"{time_unit(self._end_s)[1]} since {self._since} was taken")
        axes.xaxis.set_major_locator(time_ticks(self._end_s))


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
        leader = [1, 1 + 12 / WIDTH], [end / room, y / room]
        axes.plot(*leader, transform=axes.transAxes, color=colour, linewidth=0.9, clip_on=False)
        axes.text(1 + (16 + 10 * marks) / WIDTH, y / room, label, transform=axes.transAxes, va="center", fontsize=8.5)
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
