"""A panel of a sweep's curves: lines and bands over an axis, and a lane for what is not within the run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, MaxNLocator, MultipleLocator, NullLocator
from matplotlib.transforms import Affine2D, ScaledTranslation

from satsim.figures.look import GREY, PALE, PAPER, TEXT
from satsim.figures.page import tidy
from satsim.figures.sweep.data import Axis, Floats
from satsim.figures.sweep.panels import LETTER, Ticks, plan_ticks, scheme_look, write_ticks
from satsim.figures.sweep.quantities import Quantity
from satsim.words import clock

LOG_FROM = 100.0
"""A scale whose values differ by more than this factor is logarithmic."""
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)
"""Steps of time axes."""
SIDE = 9.0
"""Points left and right of the curves, for their markers."""
FROM_ZERO = 0.3
"""Axes of shares begin at 0 where any is below this, and else near the least."""
ARROW = Path([(0, 0), (0, 1), (-0.2, 0.75), (0, 1), (0.2, 0.75)])
Flags = npt.NDArray[np.bool_]
Limits = tuple[float, float]
"""Of the vertical axis: its lower edge, then its upper one."""


def intervals(part: Sequence[Floats], few: bool) -> list[Floats]:
    """Value, low and high as they are drawn: no interval where an end is not known, or where runs are too `few`."""
    value, low, high = part[:3]
    known = ~np.isnan(value + low + high) & (not few)
    return [value, np.where(known, low, np.nan), np.where(known, high, np.nan)]


def open_ended(part: Sequence[Floats], few: bool) -> Flags:
    """Where there is a value whose interval goes beyond the run, which is told by an arrow."""
    value, low, high = part[:3]
    beyond: Flags = ~np.isnan(value) & (np.isnan(low) != np.isnan(high)) & (not few)
    return beyond


def y_limits(part: Sequence[Floats], quantity: Quantity, share: bool, arrows: bool = False) -> Limits:
    """What a row of panels shows of what is drawn: the earlier a time the lower, the better a quality the higher; with
    room for arrows on the bad side.
    """
    known = np.concatenate([array[np.isfinite(array)] for array in part[:3]])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if share:
        low = max(0.0, min(low, high - 0.1)) if low >= FROM_ZERO else 0.0
        return (low - 0.06 * (high - low), high + 0.06 * (high - low or 1.0))
    if quantity.is_time:
        if low > 0 and high / low > LOG_FROM:
            return (low / 1.5, high * (2.2 if arrows else 1.5))
        return (-0.04 * high, (1.18 if arrows else 1.08) * high) if high else (0.0, 1.0)
    pad = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    bad = 2 * pad if arrows else pad
    return (low - bad, high + pad) if quantity.higher_is_better else (high + bad, low - pad)


def draw_panel(
    axes: Axes, x: Axis, quantity: Quantity, part: Sequence[Floats], beyond: Flags, limits: Limits, share: bool
) -> None:
    """Value, low and high, [values of `x`, schemes], as lines in bands, or as points with bars where `x` is words.

    A band ends where there is no interval; one with none beside it is a bar, and one that goes `beyond` the run an
    arrow.
    """
    bottom, top = limits
    log = quantity.is_time and not share and bottom > 0
    axes.set(ylim=limits, yscale="log" if log else "linear")
    axes.yaxis.set_minor_locator(NullLocator())
    if share:
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda part, _: f"{100 * part:.4g}%" if part <= 1 else ""))
    elif quantity.is_time:
        axes.yaxis.set_major_locator(time_locator(bottom, top))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda time_s, _: clock(time_s, top)))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    tidy(axes)
    value, low, high = part[:3]
    places, count = positions(x), value.shape[1]
    for s in range(count):
        look = scheme_look(s) | {"markersize": 5 if len(places) <= 15 else 3, "linewidth": 1.7, "zorder": 3}
        at, moved, alone, color = places, axes.transData, ~np.isnan(low[:, s]), look["color"]
        if x.numeric:
            hair = beside(s, count, min(2.4, 8 / count)) / 72
            moved = axes.transData + ScaledTranslation(hair, hair / 2, axes.figure.dpi_scale_trans)
            axes.fill_between(at, low[:, s], high[:, s], color=color, alpha=0.15, linewidth=0, transform=moved)
            around = np.pad(alone, 1)
            alone = alone & ~(around[:-2] | around[2:])
        else:
            at = places + beside(s, count, 0.8 / count)
            look["linestyle"] = ""
        axes.vlines(at[alone], low[alone, s], high[alone, s], color=color, linewidth=1.4, transform=moved)
        out, up = beyond[:, s], quantity.is_time and not share
        arrow: dict[str, Any] = {
            "marker": ARROW if up else ARROW.transformed(Affine2D().scale(1, -1)),
            "markersize": 30,
        }
        axes.plot(at[out], value[out, s], color=color, transform=moved, linestyle="", fillstyle="none", **arrow)
        axes.plot(at, value[:, s], transform=moved, clip_on=False, **look)


def draw_lane(axes: Axes, x: Axis, part: Sequence[Floats], text: str) -> None:
    """A marker for each scheme where its value is not within the run; `text` stands left of the lane."""
    value, runs = part[0], part[3]
    places, count = positions(x), value.shape[1]
    axes.set(ylim=(count - 0.4, -0.6))
    axes.set_facecolor(PAPER)
    axes.spines[:].set_visible(False)
    axes.set_yticks([(count - 1) / 2] if text else [])
    axes.set_yticklabels([text] if text else [])
    axes.grid(axis="x", color=PALE, linewidth=0.7)
    axes.set_axisbelow(True)
    for s in range(count):
        where = (places if x.numeric else places + beside(s, count, 0.8 / count))[
            np.isnan(value[:, s]) & (runs[:, s] > 0)
        ]
        axes.plot(where, [s] * len(where), **scheme_look(s) | {"linestyle": "", "markersize": 4})


def beside(s: int, count: int, step: float) -> float:
    """How far from its place on the axis scheme s of so many is drawn, a `step` beside the one before."""
    return (s - (count - 1) / 2) * step


def positions(x: Axis) -> Floats:
    """Where the axis has its values: numbers where they are, words side by side."""
    return np.array(x.values if x.numeric else range(len(x.values)), np.float64)


def set_x(axes: Axes, x: Axis, width: float) -> None:
    """The horizontal axis of a panel so many points wide, without its labels."""
    places = positions(x)
    first, last = float(places.min()), float(places.max())
    if x.numeric and first > 0 and last / first > LOG_FROM / 4:
        side = (last / first) ** (SIDE / (width - 2 * SIDE))
        axes.set(xscale="log", xlim=(first / side, last * side))
    else:
        side = (last - first) * SIDE / (width - 2 * SIDE) if x.numeric else 0.5
        axes.set(xlim=(first - side, last + side))
    axes.xaxis.set_minor_locator(NullLocator())


def x_ticks(x: Axis, width: float) -> Ticks:
    """Which values are written beneath a panel: words as they fit, numbers where they do not touch."""
    if not x.numeric:
        return plan_ticks(x, width / len(x.values))
    places = positions(x)
    scaled = np.log(places) if places.min() > 0 and places.max() / places.min() > LOG_FROM / 4 else places
    points = (scaled - scaled.min()) / (scaled.max() - scaled.min()) * (width - 2 * SIDE)
    order = [int(k) for k in np.argsort(points)]
    halves = [TEXT * LETTER * len(label) / 2 + 2 for label in x.words]
    fits = (
        order[::every]
        for every in range(1, len(order) + 1)
        if all(points[b] - points[a] >= halves[a] + halves[b] for a, b in pairwise(order[::every]))
    )
    kept = next(fits)
    return Ticks(kept, [x.words[k] for k in kept], False, 13)


def write_x(axes: Axes, x: Axis, ticks: Ticks, written: bool) -> None:
    """Ticks at the planned values, with their labels or without."""
    write_ticks(axes, ticks, list(positions(x)[ticks.places]))
    axes.tick_params(labelbottom=written, colors=GREY)


def time_locator(bottom: float, top: float) -> Locator:
    """At most six ticks that clocks have."""
    if bottom > 0:
        steps = [step for step in STEPS_S if bottom <= step <= top]
        return FixedLocator(steps[:: 1 + len(steps) // 8])
    return MultipleLocator(next((step for step in STEPS_S if top / step <= 6), STEPS_S[-1]))
