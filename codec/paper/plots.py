"""Figures of `satsim paper` as PNG files: numbers in, bytes out."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from codec.analysis.analyse import Floats
from codec.evaluation.rate_plots import COLOURS, foreign, look, panel
from codec.figures import GREY, INK, STYLE, png, tidy


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
    published: bool = False
    """By others, and not measured here."""


def curves(panels: Mapping[str, Sequence[Curve]], across: str) -> bytes:
    """A panel a quantity, the same lines in each; axes are named by `across` and the panels' keys."""
    names = list(dict.fromkeys(each.label for lines in panels.values() for each in lines))
    with matplotlib.rc_context(STYLE):
        width = max(5.5, 4.4 * len(panels))
        figure = Figure(figsize=(width, 3.9), layout="constrained")
        grid = figure.subplots(1, len(panels), squeeze=False)
        for axes, (name, lines) in zip(grid.flat, panels.items(), strict=True):
            for each in lines:
                axes.plot(each.x, each.y, label=each.label, **look(names.index(each.label)))
            if all(place == int(place) for each in lines for place in each.x):
                axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set(xlabel=across, ylabel=name)
            tidy(axes)
        handles = [Line2D([], [], label=name, **look(k)) for k, name in enumerate(names)]
        figure.legend(handles=handles, loc="outside lower left", ncols=beside(names, width), frameon=False)
    return png(figure)


def beside(names: Collection[str], width: float) -> int:
    """How many of a legend's names fit into a line of `width` inches."""
    return max(1, min(len(names), int(13 * width / (max(map(len, names)) + 8))))


def rate_curves(panels: Mapping[str, Sequence[Curve]], title: str, under: str) -> bytes:
    """Quality by bits per pixel, a panel a metric by its name; what was published thin and dashed."""
    lines = [each for panel_lines in panels.values() for each in panel_lines]
    mine, others = (dict.fromkeys(each.label for each in lines if each.published == side) for side in (False, True))
    looks = {name: look(k) for k, name in enumerate(mine)} | {name: foreign(k) for k, name in enumerate(others)}
    reach = [bpp for each in lines if not each.published for bpp in each.x]
    width = max(6.4, 5.0 * len(panels))
    columns = beside(looks, width)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, 4.6 + 0.2 * -(-len(looks) // columns)), layout="constrained")
        grid = figure.subplots(1, len(panels), squeeze=False)
        for axes, (metric, drawn) in zip(grid.flat, panels.items(), strict=True):
            for each in drawn:
                axes.plot(each.x, each.y, **looks[each.label])
            panel(axes, metric, reach)
        headed(figure, title, under)
        handles = [Line2D([], [], label=name, **how) for name, how in looks.items()]
        figure.legend(handles=handles, loc="outside lower left", ncols=columns, frameon=False, handlelength=4)
    return png(figure)


def headed(figure: Figure, title: str, under: str) -> None:
    """A title, and below it in grey what is to be known, both from the left."""
    lines = textwrap.wrap(under, int(17 * figure.get_figwidth()))
    figure.suptitle(title + "\n" * len(lines), x=0.012, ha="left", fontsize=13, weight="bold", linespacing=1.15)
    top = 1 - 0.31 / figure.get_figheight()
    figure.text(0.012, top, "\n".join(lines), color=GREY, va="top")


Points = Mapping[str, tuple[float, float]]


def latency(sides: Mapping[str, tuple[Points, str]], title: str, under: str, first: str) -> bytes:
    """A panel a machine, of named points (decoding time in ms, BD-rate) and the name of its axis; `first` is ours."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.0 * len(sides), 4.4), layout="constrained")
        grid = figure.subplots(1, len(sides), squeeze=False)
        for axes, (name, (points, up)) in zip(grid.flat, sides.items(), strict=True):
            for label, place in points.items():
                mine = label.startswith(("ProGIC", first))
                axes.plot(*place, "o", color=COLOURS[1] if mine else INK, markersize=7,
                          markerfacecolor=COLOURS[1] if mine else "white")  # fmt: skip
                axes.annotate(label, place, xytext=(6, 5), textcoords="offset points", fontsize=8)
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.margins(0.22, 0.12)
            axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
            axes.set(title=name, xlabel="decoding, ms (log scale)", ylabel=up)
            tidy(axes)
        headed(figure, title, under)
    return png(figure)
