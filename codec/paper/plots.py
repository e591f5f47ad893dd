"""Figures of `satsim paper` as PNG files: numbers in, bytes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from codec.analysis.analyse import Floats
from codec.evaluation.rate_plots import TICKS, look
from codec.figures import INK, STYLE, png, tidy


def latent_maps(maps: Mapping[str, Floats], luma: Floats) -> bytes:
    """A panel a set of vectors, each with axes of its own (Fig. 14)."""
    across = min(3, len(maps))
    down = -(-len(maps) // across)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.2, 0.6 + 3.1 * down), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False)
        for axes, (name, points) in zip(grid.flat, maps.items(), strict=False):
            shown = axes.scatter(*points.T, s=5, c=luma, cmap="cividis", vmin=0, vmax=255, linewidths=0)
            axes.set_title(name)
            axes.set_aspect("equal", adjustable="datalim")
            axes.set(xticks=[], yticks=[])
            tidy(axes)
        for axes in list(grid.flat)[len(maps) :]:
            axes.set_visible(False)
        figure.colorbar(shown, ax=grid, label="mean luma of a cell's pixels (0 black, 255 white)", shrink=0.6,
                        aspect=35)  # fmt: skip
    return png(figure)


class Curve(NamedTuple):
    """One line."""

    label: str
    x: list[float]
    y: list[float]


def curves(panels: Mapping[str, Sequence[Curve]], across: str, log: bool = False) -> bytes:
    """A panel a quantity, the same lines in each; axes are named by `across` and the panels' keys."""
    names = list(dict.fromkeys(each.label for lines in panels.values() for each in lines))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(max(5.5, 4.4 * len(panels)), 3.9), layout="constrained")
        grid = figure.subplots(1, len(panels), squeeze=False)
        for axes, (name, lines) in zip(grid.flat, panels.items(), strict=True):
            for each in lines:
                axes.plot(each.x, each.y, label=each.label, **look(names.index(each.label)))
            if log:
                axes.set_xscale("log")
                ticks = [
                    tick for tick in TICKS if any(min(e.x) <= tick * 1.15 and tick <= max(e.x) * 1.15 for e in lines)
                ]
                axes.xaxis.set_major_locator(FixedLocator(ticks))
                axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set(xlabel=f"{across} (log scale)" if log else across, ylabel=name)
            tidy(axes)
        handles = [Line2D([], [], label=name, **look(k)) for k, name in enumerate(names)]
        figure.legend(handles=handles, loc="outside lower left", ncols=min(5, len(names)), frameon=False)
    return png(figure)


def scatter(
    theirs: Mapping[str, tuple[float, float]], ours: Mapping[str, tuple[float, float]], across: str, up: str
) -> bytes:
    """Named points, the paper's hollow and ours filled, times by factors."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.4), layout="constrained")
        axes = figure.subplots()
        for points, fill in ((theirs, "white"), (ours, "#D55E00")):
            for name, place in points.items():
                axes.plot(*place, "o", color="#D55E00" if fill != "white" else INK, markerfacecolor=fill, markersize=7)
                axes.annotate(name, place, xytext=(6, 5), textcoords="offset points", fontsize=8)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.margins(0.2, 0.12)
        axes.set(xlabel=across, ylabel=up)
        tidy(axes)
    return png(figure)
