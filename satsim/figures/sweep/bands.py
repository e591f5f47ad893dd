"""Curves of a sweep over its longest axis, with 95% confidence bands: a line for each scheme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from satsim.figures.page import GREY, WIDTH
from satsim.figures.sweep.curves import draw_lane, draw_panel, set_x, write_x, x_ticks, y_limits
from satsim.figures.sweep.data import Cut, Floats, Sweep
from satsim.figures.sweep.panels import (
    EDGE,
    LETTER,
    RIGHT,
    Drawing,
    Record,
    add_panel,
    located,
    pick,
    scheme_look,
    sweep_page,
)
from satsim.figures.sweep.quantities import Quantity, final, first_images, most_runs, setting_words, times_to
from satsim.words import shorten, span

LEFT, GAP = 62.0, 16.0
MOST_PANELS = 4


def time_bands(sweep: Sweep, cut: Cut, metrics: Sequence[str]) -> Drawing:
    """Times to a first picture and to each level of these metrics."""
    quantities = [*first_images(sweep), *(q for metric in metrics for q in times_to(sweep, metric))]
    lines = [(quantity, "certainty", quantity.title) for quantity in quantities]
    facts = [f"A curve tells by when {most_runs(sweep, verb=True)} what its panel names."]
    return bands(sweep, cut, f"bands_times{cut.suffix}", "Times", lines, facts)


def final_bands(sweep: Sweep, cut: Cut, metric: str) -> Drawing:
    """A metric when the run ends."""
    quantity = final(sweep, metric)
    good = "a picture at least as good as this"
    facts = [f"A curve tells how good the final picture is: {most_runs(sweep, verb=True)} {good}."]
    return bands(sweep, cut, f"bands_{quantity.name}{cut.suffix}", "Final quality",
                 [(quantity, "certainty", quantity.title)], facts)  # fmt: skip


def share_bands(sweep: Sweep, cut: Cut, metrics: Sequence[str]) -> Drawing:
    """In how many runs there is a first picture, and each level of these metrics is reached."""
    quantities = [*first_images(sweep), *(q for metric in metrics for q in times_to(sweep, metric))]
    lines = [(q, "share", f"Share of runs with {q.what}") for q in quantities]
    facts = [f"A curve tells the share of runs that get there within {span(sweep.manifest['duration_s'])}."]
    return bands(sweep, cut, f"bands_shares{cut.suffix}", "Share of runs that get there", lines, facts)


def bands(
    sweep: Sweep, cut: Cut, name: str, what: str, lines: Sequence[tuple[Quantity, str, str]], facts: Sequence[str]
) -> Drawing:
    """A row of panels for each quantity, of which statistic and with which title; a column for each second value."""
    x, y = sweep.axes[:2]
    columns = pick(len(y.values), MOST_PANELS)
    width = (WIDTH - LEFT - RIGHT - GAP * (len(columns) - 1)) / len(columns)
    facts = [*setting_words(sweep, cut), *facts]
    if len(columns) < len(y.values):
        facts.append(f"{len(columns)} of the {len(y.values)} values of {y.label} are shown.")
    if len(sweep.schemes) > 1 and x.numeric:
        facts[-1] += " Curves that coincide are drawn a hair apart."
    keys: list[Any] = [
        Line2D([], [], linewidth=2, markersize=6, label=name, **scheme_look(k)) for k, name in enumerate(sweep.schemes)
    ]
    if sweep.manifest["replications"] > 1:
        look: dict[str, Any] = {"facecolor": GREY, "alpha": 0.3, "linewidth": 0}
        if x.numeric:
            keys.append(Patch(label="95% confidence band", **look))
        else:
            keys.append(Line2D([], [], color=GREY, linewidth=1.2, label="bar: 95% confidence interval"))
    missing = "never" if sweep.manifest["replications"] == 1 else f"not in\n{most_runs(sweep).replace(' of runs', '')}"
    ticks = x_ticks(x, width)
    plot, head, foot = (132.0 if len(lines) > 1 else 200.0), 20.0, ticks.room + 8
    top = 20.0 if len(y.values) > 1 else 0.0
    parts = [[cut.of_grid(array)[columns] for array in sweep.table[q.name, statistic]] for q, statistic, _ in lines]
    lanes = [lane_height(part, statistic) for part, (_, statistic, _) in zip(parts, lines, strict=True)]
    height = top + foot + len(lines) * (head + plot + 10) + sum(lanes)
    by = " and ".join(axis.label for axis in sweep.axes[: sweep.free])
    page = sweep_page(sweep, f"{what}, by {by}", facts, keys, height)
    rows: list[Record] = []
    below = height - top
    for (quantity, statistic, title), part, lost in zip(lines, parts, lanes, strict=True):
        below -= head
        page.write(EDGE, below + 6, shorten(title, 120), fontsize=9.5, weight="bold")
        over = lost if quantity.is_time else 0.0  # later is up, and never still further up
        share = statistic == "share"
        limits = y_limits(part, quantity, share)
        for column, j in enumerate(columns):
            left = LEFT + column * (width + GAP)
            mine = [array[column] for array in part]
            axes = add_panel(page, left, below - over - plot, width, plot)
            at = below - lost + 3 if over else below - plot - lost
            strips = [add_panel(page, left, at, width, lost - 3)] if lost else []
            for each in [axes, *strips]:
                set_x(each, x, width)
                write_x(each, x, ticks, written=False)
            draw_panel(axes, x, quantity, mine, limits, share)
            for strip in strips:
                draw_lane(strip, x, mine, (missing if over else "nothing\nto show") if column == 0 else "")
            if quantity is lines[-1][0]:
                write_x(strips[0] if lost and not over else axes, x, ticks, written=True)
            axes.tick_params(labelleft=column == 0)
            if quantity is lines[0][0] and len(y.values) > 1:
                heading = located(y, j, int(width / (9 * LETTER)))
                page.write(left + width / 2, height - 14, heading, ha="center")
            rows += panel_rows(sweep, cut, j, quantity, statistic, mine)
        below -= plot + lost + 10
    page.write(LEFT + (WIDTH - LEFT - RIGHT) / 2, 2, x.label, ha="center")
    return Drawing(name, page.figure, rows)


def lane_height(part: Sequence[Floats], statistic: str) -> float:
    """Room for the markers of values that are not within the run, where there are any."""
    value, runs = part[0], part[3]
    lost = statistic == "certainty" and bool((np.isnan(value) & (runs > 0)).any())
    return 5.0 + 6 * value.shape[-1] if lost else 0.0


def panel_rows(
    sweep: Sweep, cut: Cut, j: int, quantity: Quantity, statistic: str, part: Sequence[Floats]
) -> list[Record]:
    """What a panel shows."""
    return [
        {**sweep.settings(cut, i, j), "scheme": scheme, "quantity": quantity.name, "statistic": statistic,
         "certainty": sweep.certainty if statistic == "certainty" else float("nan"),
         **{name: float(array[i, s]) for name, array in zip(("value", "low", "high", "runs"), part, strict=True)}}
        for s, scheme in enumerate(sweep.schemes)
        for i in range(len(sweep.axes[0].values))
        if part[3][i, s]
    ]  # fmt: skip
