"""Curves of a sweep over its longest axis, with 95% confidence bands: a line for each scheme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.patches import Patch

from satsim.figures.look import GREY, TEXT, WIDTH
from satsim.figures.page import Page, line_key
from satsim.figures.sweep.curves import (
    ARROW,
    Flags,
    Limits,
    draw_lane,
    draw_panel,
    intervals,
    open_ended,
    set_x,
    write_x,
    x_ticks,
    y_limits,
)
from satsim.figures.sweep.data import Axis, Cut, Floats, Sweep
from satsim.figures.sweep.panels import (
    EDGE,
    LETTER,
    RIGHT,
    Drawing,
    Record,
    Ticks,
    add_panel,
    located,
    pick,
    scheme_look,
    sweep_page,
)
from satsim.figures.sweep.quantities import Quantity, few_words, final, first_images, most_runs, setting_words, times_to
from satsim.words import shorten, span

LEFT, GAP, HEAD = 80.0, 16.0, 20.0
"""Points: left of the first panel, between two, and for the title above a row of them."""
MOST_PANELS = 4


class Curves(NamedTuple):
    """A row of panels: one quantity, a panel for each second value that is shown."""

    quantity: Quantity
    statistic: str
    title: str
    part: list[Floats]
    """Value, low, high and runs: arrays [second values, first values, schemes]."""
    few: bool
    """Whether there are too few runs for intervals."""

    @property
    def share(self) -> bool:
        """Whether curves tell a share of the runs."""
        return self.statistic == "share"

    @property
    def lane(self) -> float:
        """Room for the markers of values that are not within the run, where there are any."""
        value, runs = self.part[0], self.part[3]
        lost = not self.share and bool((np.isnan(value) & (runs > 0)).any())
        return max(26.0, 5.0 + 6 * value.shape[-1]) if lost else 0.0

    @property
    def limits(self) -> Limits:
        """Of the vertical axis, in all panels of the row."""
        return y_limits(intervals(self.part, self.few), self.quantity, self.share, bool(self.beyond.any()))

    @property
    def beyond(self) -> Flags:
        """Where intervals go beyond the run."""
        return open_ended(self.part, self.few)


class Grid(NamedTuple):
    """What all panels of a figure have in common."""

    x: Axis
    width: float
    height: float
    """Points, without the lane."""
    ticks: Ticks
    missing: str
    """What stands beside a lane of times."""


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
    grid = plan_grid(sweep, len(columns), len(lines))
    shares = lines[0][1] == "share"
    few = bool(sweep.few) and not shares
    facts = [*setting_words(sweep, cut), *[few_words(sweep)] * (few and sweep.manifest["replications"] > 1), *facts]
    each = [Curves(*line, [cut.of_grid(array)[columns] for array in sweep.table[line[0].name, line[1]]], few)
            for line in lines]  # fmt: skip
    if any(curves.share and curves.limits[0] > 0 for curves in each):
        facts[-1] += " Not every axis begins at 0%."
    if len(columns) < len(y.values):
        facts.append(f"{len(columns)} of the {len(y.values)} values of {y.label} are shown.")
    if len(sweep.schemes) > 1 and x.numeric:
        facts[-1] += " Curves that coincide are drawn a hair apart."
    top = 20.0 if len(y.values) > 1 else 0.0
    height = top + grid.ticks.room + 8 + sum(HEAD + grid.height + curves.lane + 10 for curves in each)
    by = " and ".join(axis.label for axis in sweep.axes[: sweep.free])
    page = sweep_page(sweep, f"{what}, by {by}", facts, keys(sweep, each), height)
    for column, j in enumerate(columns if top else []):
        heading = located(y, j, int(grid.width / (TEXT * LETTER)))
        page.write(LEFT + column * (grid.width + GAP) + grid.width / 2, height - 14, heading, ha="center")
    rows: list[Record] = []
    below = height - top
    for curves in each:
        below -= HEAD
        page.write(EDGE, below + 6, shorten(curves.title, 100), fontsize=10, weight="bold")
        for column, j in enumerate(columns):
            draw_cell(page, grid, curves, column, below, lowest=curves is each[-1])
            rows += rows_of(sweep, cut, j, curves, column)
        below -= grid.height + curves.lane + 10
    page.write(LEFT + (WIDTH - LEFT - RIGHT) / 2, 2, x.label, ha="center")
    return Drawing(name, page.figure, rows)


def plan_grid(sweep: Sweep, columns: int, rows: int) -> Grid:
    """So many panels side by side, in so many rows."""
    width = (WIDTH - LEFT - RIGHT - GAP * (columns - 1)) / columns
    missing = "never" if sweep.manifest["replications"] == 1 else f"fewer than\n{most_runs(sweep)}"
    return Grid(sweep.axes[0], width, 132.0 if rows > 1 else 200.0, x_ticks(sweep.axes[0], width), missing)


def keys(sweep: Sweep, rows: Sequence[Curves]) -> list[Any]:
    """A line for each scheme, and what an interval looks like, where there are some."""
    each: list[Any] = [
        line_key(name, linewidth=2, markersize=6, **scheme_look(k)) for k, name in enumerate(sweep.schemes)
    ]
    if rows[0].few or sweep.manifest["replications"] == 1:
        return each
    if sweep.axes[0].numeric:
        each.append(Patch(label="95% confidence band", facecolor=GREY, alpha=0.3, linewidth=0))
    else:
        each.append(line_key("bar: 95% confidence interval", color=GREY, linewidth=1.2))
    if any(curves.beyond.any() for curves in rows):
        look: dict[str, Any] = {"marker": ARROW, "markersize": 14, "linestyle": "", "fillstyle": "none"}
        each.append(line_key("arrow: it has no end within the run", color=GREY, **look))
    return each


def draw_cell(page: Page, grid: Grid, curves: Curves, column: int, below: float, lowest: bool) -> None:
    """The panel of one second value, and where there is one its lane: over times, for later is up, else under it."""
    left, lane = LEFT + column * (grid.width + GAP), curves.lane
    mine = [array[column] for array in curves.part]
    over = lane if curves.quantity.is_time else 0.0
    axes = add_panel(page, left, below - over - grid.height, grid.width, grid.height)
    at = below - lane + 3 if over else below - grid.height - lane
    strips = [add_panel(page, left, at, grid.width, lane - 3)] if lane else []
    for each in [axes, *strips]:
        set_x(each, grid.x, grid.width)
        write_x(each, grid.x, grid.ticks, written=False)
    drawn = intervals(mine, curves.few)
    draw_panel(axes, grid.x, curves.quantity, drawn, curves.beyond[column], curves.limits, curves.share)
    for strip in strips:
        draw_lane(strip, grid.x, mine, (grid.missing if over else "nothing\nto show") if column == 0 else "")
    if lowest:
        write_x(strips[0] if lane and not over else axes, grid.x, grid.ticks, written=True)
    axes.tick_params(labelleft=column == 0)


def rows_of(sweep: Sweep, cut: Cut, j: int, curves: Curves, column: int) -> list[Record]:
    """What a panel shows."""
    part = [array[column] for array in curves.part]
    certainty = float("nan") if curves.share else sweep.certainty
    return [
        {**sweep.settings(cut, i, j), "scheme": scheme, "quantity": curves.quantity.name,
         "statistic": curves.statistic, "certainty": certainty,
         **{name: float(array[i, s]) for name, array in zip(("value", "low", "high", "runs"), part, strict=True)}}
        for s, scheme in enumerate(sweep.schemes)
        for i in range(len(sweep.axes[0].values))
        if part[3][i, s]
    ]  # fmt: skip
