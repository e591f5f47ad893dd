"""Rate-distortion figures after the paper's Fig. 5, from the points of an evaluation."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from codec.evaluation.published import PublishedCurve
from codec.evaluation.rates import RdPoint, curve
from codec.figures import GREY, INK, STYLE, tidy
from codec.metrics import metric_info

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B87D00", "#56B4E9", "#000000", "#7A5230", "#8C8C8C"]
"""Okabe and Ito's palette with its yellows darkened for white paper; markers and dashes differ too."""
MARKERS = "osD^vPX<>"
DASHES: list[Any] = ["-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2))]
PUBLISHED = "Thin and dashed: published, not measured here; codec/evaluation/published names the source of each."
TICKS = [m * 10.0**e for e in range(-4, 2) for m in (1, 2, 5)]


def rate_figure(points: Sequence[RdPoint], dataset: str, published: Sequence[PublishedCurve] = ()) -> Figure:
    """Quality by bits per pixel, a panel a metric, a curve a codec; a codec looks the same for all datasets.

    Curves that others published are drawn thin and dashed, over the rates measured here.
    """
    codecs = list(dict.fromkeys(point.codec for point in points))
    mine = [point for point in points if point.dataset == dataset]
    metrics = list(dict.fromkeys(point.metric for point in mine))
    across = 2 if len(metrics) == 4 else min(3, len(metrics))
    down = -(-len(metrics) // across)
    present = [codec for codec in codecs if any(point.codec == codec for point in mine)]
    reach = [point.bpp for point in mine]
    theirs = near([each for each in published if each.metric in metrics], min(reach), max(reach))
    others = list(dict.fromkeys(each.label for each in theirs))
    named = [*present, *(f"{label} (published)" for label in others)]
    columns = max(1, min(len(named), int(4 * across * 12 / (max(map(len, named)) + 8))))
    notes = gaps(mine, metrics) + [PUBLISHED] * bool(others)
    notes = [line for note in notes for line in textwrap.wrap(note, 54 * max(2, across))]
    bottom = 0.25 + 0.21 * -(-len(named) // columns) + 0.16 * len(notes)
    height = 0.62 + 3.5 * down + bottom
    with matplotlib.rc_context(STYLE):
        room = (0, bottom / height, 1, 1 - (bottom + 0.58) / height)
        layout = ConstrainedLayoutEngine(rect=room, h_pad=0.09, w_pad=0.09)
        figure = Figure(figsize=(max(5.5, 4 * across), height), layout=layout)
        grid = figure.subplots(down, across, squeeze=False)
        for axes, metric in zip(grid.flat, metrics, strict=False):
            for codec in present:
                found = curve(mine, dataset, codec, metric)
                axes.plot(
                    [point.bpp for point in found],
                    [point.value for point in found],
                    **look(codecs.index(codec)),
                )
                banded = [(p.bpp, p.low, p.high) for p in found if p.low is not None and p.high is not None]
                if banded:
                    axes.fill_between(*zip(*banded, strict=True), color=look(codecs.index(codec))["color"],
                                      alpha=0.13, linewidth=0)  # fmt: skip
            for each in theirs:
                if each.metric == metric:
                    axes.plot(*zip(*each.points, strict=True), **foreign(others.index(each.label)))
            panel(axes, metric, reach)
        for axes in list(grid.flat)[len(metrics) :]:
            axes.set_visible(False)
        first = mine[0]
        shade = "" if first.low is None else " Shaded: 95 % interval."
        figure.text(0.012, 1 - 0.1 / height, f"Rate-distortion on {dataset}", fontsize=13, weight="bold", va="top")
        means = f"Means over {first.pictures} pictures; real bytes; headers that both ends know are not sent.{shade}"
        figure.text(0.012, 1 - 0.37 / height, means, color=GREY, va="top")
        keys = [Line2D([], [], label=codec, **look(codecs.index(codec))) for codec in present]
        keys += [Line2D([], [], label=name, **foreign(n)) for n, name in enumerate(named[len(present) :])]
        figure.legend(handles=keys, loc="lower left", bbox_to_anchor=(0.012, (0.1 + 0.16 * len(notes)) / height),
                      ncols=columns, frameon=False, borderpad=0, borderaxespad=0, handlelength=4)  # fmt: skip
        figure.text(0.012, 0.05 / height, "\n".join(notes), color=GREY, fontsize=8, va="bottom")
    return figure


def near(published: Sequence[PublishedCurve], low: float, high: float) -> list[PublishedCurve]:
    """The curves with their points at rates that the figure shows; none of a curve without any."""
    kept = [
        each._replace(points=[point for point in each.points if low / 1.15 <= point[0] <= high * 1.15])
        for each in published
    ]
    return [each for each in kept if each.points]


def foreign(number: int) -> dict[str, Any]:
    """Thin, grey and dashed, with a small marker of its own: what was not measured here."""
    shade = ("#5A5A5A", "#8C8C8C", "#A0785A")[number % 3]
    return {
        "color": shade,
        "marker": "x+1234|_"[number % 8],
        "linestyle": (0, (3, 2)),
        "linewidth": 1.0,
        "markersize": 5,
        "zorder": 1.5,
    }


def look(number: int) -> dict[str, Any]:
    """Colour, marker and dashes of the codec with this number."""
    hollow = {"markerfacecolor": "white", "markeredgewidth": 1.5} if number % 2 else {}
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": DASHES[number % len(DASHES)],
        "linewidth": 1.9,
        "markersize": 6,
        **hollow,
    }


def panel(axes: Axes, metric: str, bpp: Sequence[float]) -> None:
    """Axes and their names; rates go up by factors, as Bjontegaard rates weigh them."""
    info = metric_info(metric)
    low, high = min(bpp), max(bpp)
    axes.set_xscale("log")
    axes.set_xlim(low / 1.15, high * 1.15)
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if low / 1.15 <= tick <= high * 1.15] or [low]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("bits per pixel (log scale)")
    axes.set_ylabel(f"{info.label} in {info.unit}" if info.unit else info.label)
    up = info.higher_is_better
    axes.set_title(f"{info.label}: {'higher' if up else 'lower'} is better")
    # The corner with the fewest bytes and the best quality; curves run from it to the other three.
    tip, tail = ((0.035, 0.965), (0.125, 0.875)) if up else ((0.035, 0.035), (0.125, 0.125))
    arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", tip, tail, xycoords="axes fraction", textcoords="axes fraction", arrowprops=arrow)
    axes.annotate("better", tail, xytext=(3, 0), xycoords="axes fraction", textcoords="offset points", va="center",
                  fontsize=8, color=INK)  # fmt: skip
    tidy(axes)


def gaps(points: Sequence[RdPoint], metrics: Sequence[str]) -> list[str]:
    """A line for each codec with points that are not drawn, since some pictures show nothing there."""
    lines = []
    for codec in dict.fromkeys(point.codec for point in points):
        own = [point for point in points if point.codec == codec and point.metric == metrics[0] and point.missing]
        if own:
            where = "; ".join(f"rate {point.rate}: {point.missing} of {point.pictures}" for point in own)
            lines.append(f"{codec} is not drawn where pictures do not fit or show nothing ({where}).")
    return lines
