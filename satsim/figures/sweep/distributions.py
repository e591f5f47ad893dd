"""What is on the screen at a moment, in how many runs: a bar for each scheme, at a handful of points of a sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from satsim.figures.look import GREY, INK, PALE, TEXT, WIDTH
from satsim.figures.sweep.cells import ink_on
from satsim.figures.sweep.data import Cut, Floats, Sweep
from satsim.figures.sweep.heat_maps import share_words
from satsim.figures.sweep.panels import (
    EDGE,
    HATCHED,
    LETTER,
    RIGHT,
    Drawing,
    Record,
    add_panel,
    located,
    pick,
    sweep_page,
)
from satsim.figures.sweep.quantities import setting_words
from satsim.words import shorten, span

BAR, GAP = 15.0, 16.0
NOTHING = "nothing to show"
PAPERED = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
Look = Mapping[str, Any]


def distribution(sweep: Sweep, cut: Cut, metric: str, moment_s: float) -> Drawing:
    """The figure of one metric at one moment: shares of runs by quality, the best first, and nothing to show last.

    The metric's levels part the classes; where it has none, round numbers do.
    """
    info = sweep.manifest["metrics"][metric]
    column = f"{metric}_at_{moment_s:g}_s"
    panels, across = choose(sweep)
    numbers = {at: sweep.point_at(cut, *at) for at in panels}
    wanted = [number for number in numbers.values() if number is not None]
    runs: dict[tuple[int | None, str], Floats] = {
        (point, scheme): values for point, scheme, values in sweep.runs(wanted, column)
    }
    levels = sweep.manifest["levels"].get(metric) or round_levels(list(runs.values()))
    looks = class_looks(class_names(levels, info))
    left = EDGE + min(165.0, TEXT * LETTER * max(map(len, sweep.schemes)) + 8)
    width = (WIDTH - left - RIGHT - GAP * (across - 1)) / across
    titles = [panel_title(sweep, at, width) for at in panels]
    head = 11.5 * max(title.count("\n") + 1 for title in titles) + 6 if sweep.free else 4
    letters = int((left - EDGE) / (TEXT * LETTER))
    names = [shorten(name, letters, 3) or name[:letters] for name in sweep.schemes]
    bar = max(BAR, 12.0 * max(name.count("\n") + 1 for name in names) + 2)
    height, lines = bar * len(sweep.schemes), -(-len(panels) // across)
    heading = f"{info['label']} of the picture on the receiver's screen {span(moment_s)} after the photo was taken"
    keys = [Patch(label=name, **look) for name, look in looks.items()]
    page = sweep_page(sweep, heading, facts_on(sweep, cut, len(panels)), keys, lines * (height + head + 6) + 30)
    rows: list[Record] = []
    for k, (at, title) in enumerate(zip(panels, titles, strict=True)):
        line, place = divmod(k, across)
        above = 30 + (lines - 1 - line) * (height + head + 6)
        axes = add_panel(page, left + place * (width + GAP), above, width, height)
        axes.set_title(title, fontsize=TEXT, loc="left", pad=3)
        set_shares(axes, len(sweep.schemes), written=k + across >= len(panels))
        if place == 0:
            axes.set_yticks(range(len(names)), names, color=INK)
        for s, scheme in enumerate(sweep.schemes):
            values = runs.get((numbers[at], scheme))
            if values is None:
                continue
            shares = dict(zip(looks, class_shares(values, levels, info["higher_is_better"]), strict=True))
            draw_bar(axes, s, shares, looks, width)
            known = {**sweep.settings(cut, *at), "scheme": scheme, "metric": metric, "moment_s": moment_s}
            rows += [{**known, "class": c, "share": share, "runs": len(values)} for c, share in shares.items()]
    page.write(left + (WIDTH - left - RIGHT) / 2, 4, "share of runs", ha="center", color=GREY)
    return Drawing(f"quality_{column}{cut.suffix}", page.figure, rows)


def facts_on(sweep: Sweep, cut: Cut, panels: int) -> list[str]:
    """The setting, how to read a bar, and whether so many panels are all."""
    error = spread_words(sweep.manifest["replications"])
    facts = [
        *setting_words(sweep, cut),
        f"The right end of a colour tells the share of runs with a picture at least so good{error}.",
    ]
    if panels < len(sweep.axes[0].values) * len(sweep.axes[1].values):
        facts.append("Shown are the ends and the middle of each axis; the other points are in the tables.")
    return facts


def set_shares(axes: Axes, bars: int, written: bool) -> None:
    """An axis from none to all of the runs, its labels `written` or not, beneath room for so many bars."""
    axes.set(xlim=(0, 1), ylim=(bars - 0.5, -0.5), xticks=[0, 0.25, 0.5, 0.75, 1], yticks=[])
    first, *_, last = axes.set_xticklabels(["0", "25%", "50%", "75%", "100%"])
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    axes.tick_params(labelbottom=written, colors=GREY)
    axes.grid(axis="x", color=PALE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def draw_bar(axes: Axes, s: int, shares: Mapping[str, float], looks: Mapping[str, Look], width: float) -> None:
    """The s-th bar, its classes side by side, with their shares where there is room in so many points."""
    begin = 0.0
    for name, share in shares.items():
        if share:
            axes.barh(s, share, left=begin, height=0.78, **{"edgecolor": "white", "linewidth": 0.6, **looks[name]})
        if share * width >= 25:
            ink = {"color": INK, "bbox": PAPERED} if name == NOTHING else {"color": ink_on(looks[name]["facecolor"])}
            axes.text(begin + share / 2, s, share_words(share), ha="center", va="center_baseline", fontsize=8.5, **ink)
        begin += share


def choose(sweep: Sweep) -> tuple[list[tuple[int, int]], int]:
    """The places shown, panel by panel, and how many panels side by side: ends and middle of both axes."""
    x, y = sweep.axes[:2]
    if len(y.values) == 1:
        places = [(i, 0) for i in pick(len(x.values), 6)]
        return places, min(3, len(places))
    down = pick(len(y.values), 3)
    across = pick(len(x.values), 3)
    return [(i, j) for j in (down[::-1] if y.numeric else down) for i in across], len(across)


def panel_title(sweep: Sweep, at: tuple[int, int], width: float) -> str:
    """Where in the grid a panel is, a line an axis."""
    axes = zip(sweep.axes[: sweep.free], at, strict=False)
    return "\n".join(located(axis, k, int(width / (TEXT * LETTER))) for axis, k in axes)


def class_names(levels: Sequence[float], info: dict[str, object]) -> list[str]:
    """The classes between levels, the best first, then nothing to show."""
    unit = f" {info['unit']}" if info["unit"] else ""
    hard = sorted(levels, reverse=bool(info["higher_is_better"]))
    if not hard:
        return ["a picture", NOTHING]
    between = [f"{easy:g} to {harder:g}{unit}" for harder, easy in pairwise(hard)]
    return [f"{hard[0]:g}{unit} or better", *between, f"worse than {hard[-1]:g}{unit}", NOTHING]


def class_looks(names: Sequence[str]) -> dict[str, Look]:
    """How each of `class_names` is drawn, from dark to light."""
    *shown, nothing = names
    colours = [matplotlib.colormaps["viridis"](part) for part in np.linspace(0.12, 0.97, len(shown))]
    return {name: {"facecolor": colour} for name, colour in zip(shown, colours, strict=True)} | {nothing: HATCHED}


def class_shares(values: Floats, levels: Sequence[float], higher_is_better: bool) -> list[float]:
    """The share of runs in each of `class_names`; NaN is nothing to show."""
    shown = values[~np.isnan(values)]
    hard = sorted(levels, reverse=higher_is_better)
    reached = [int((shown >= level).sum() if higher_is_better else (shown <= level).sum()) for level in hard]
    counts = np.diff([0, *reached, len(shown), len(values)])
    return [float(count) / len(values) for count in counts]


def round_levels(values: Sequence[Floats]) -> list[float]:
    """About four round numbers within the values; none where there are no two of them."""
    known = np.concatenate([v[np.isfinite(v)] for v in values]) if values else np.array([])
    if not len(known) or known.min() == known.max():
        return []
    ticks = MaxNLocator(4).tick_values(float(known.min()), float(known.max()))
    return [float(tick) for tick in ticks if known.min() < tick < known.max()]


def spread_words(runs: int) -> str:
    """How far a share of so many runs may be from the truth, by the normal approximation at one half."""
    return f", to within {math.ceil(98 / math.sqrt(runs))} points of the truth (95%)" if runs >= 30 else ""
