"""How long most runs take to a first picture, or to a good one, over two axes of a sweep: a panel for each scheme."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize, to_rgba
from matplotlib.patches import Patch

from satsim.figures.look import GREY, INK, WIDTH
from satsim.figures.page import Page
from satsim.figures.sweep.cells import Board, Box, fill, fill_hatched, font_for, ink_on, plan_board, upward
from satsim.figures.sweep.curves import LOG_FROM, time_locator
from satsim.figures.sweep.data import Cut, Estimates, Sweep
from satsim.figures.sweep.panels import EDGE, HATCHED, Drawing, Record, add_panel, sweep_page
from satsim.figures.sweep.quantities import Quantity, most_runs, setting_words
from satsim.words import clock, clock_words, span

COLOURS = matplotlib.colormaps["viridis"]
"""Perceptually uniform; its lightness only grows, so it stays a scale in grey and for the colour-blind."""
NEVER = "never"
PAPERED = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
"""Beneath text on hatching."""
FEW = "#E9ECEF"
"""Of cells with no time, because fewer runs than a figure tells of ever get there: paler than all of the scale."""
Map = tuple[str, list[tuple[int, int, int]]]
"""A panel's title, and the x, y and scheme of each of its cells, row by row."""


def heat_map(sweep: Sweep, cut: Cut, quantity: Quantity) -> Drawing:
    """The figure of one time, and of every cell its estimate, interval and text.

    A cell of a time that is not within the run in enough runs is pale and tells in how many of them it is, and hatched
    where in none. Along a single axis, schemes are the rows of one panel.
    """
    times, shares = (sweep.table[quantity.name, kind] for kind in ("certainty", "share"))
    value = cut.of_grid(times.value)
    known = value[np.isfinite(value)]
    end_s = float(known.max()) if len(known) else 0.0
    board, maps = lay_out(sweep, cut, max([len(clock(time_s, end_s)) for time_s in known] + [5]))
    scale = scale_of(known)
    facts = [*setting_words(sweep, cut), *reading(sweep, quantity, end_s, bool(len(known)))]
    panels = [[cell_row(sweep, cut, quantity, times, shares, cell, end_s) for cell in cells] for _, cells in maps]
    rows = [row for panel in panels for row in panel]
    size = min((write_in(board, row["written"])[1] for row in rows if row["written"]), default=0.0)
    small = not size
    if small:
        facts.append("Cells are too small for their numbers, which are in the table beside this figure.")
    keys = keys_of(sweep, rows, small)
    bar = 40.0 if len(known) else 0.0
    page = sweep_page(sweep, heading(sweep, quantity), facts, keys, board.panels + bar)
    for k, ((title, _), panel) in enumerate(zip(maps, panels, strict=True)):
        axes = board.axes(page, k, title, last=k + board.columns >= len(maps))
        draw_cells(axes, board, panel, scale, size)
    if len(known):
        draw_scale(page, scale, board.panels, end_s)
    return Drawing(f"heat_{quantity.name}{cut.suffix}", page.figure, rows)


def draw_cells(axes: Axes, board: Board, rows: Sequence[Record], scale: Normalize, size: float) -> None:
    """Each cell in the colour of its value, or pale or hatched where that is not known; empty where nothing was run.

    Text has this size; there is none where that is 0.
    """
    hot: list[tuple[Box, tuple[float, ...]]] = []
    never: list[Box] = []
    for at, row in enumerate(rows):
        if not row["runs"]:
            continue
        down, right = divmod(at, len(board.x.words))
        colour = None if np.isnan(row["value"]) else COLOURS(scale(row["value"]))
        none = row["written"] == NEVER
        if none:
            never.append((right, down, 1, 1))
        else:
            hot.append(((right, down, 1, 1), colour or to_rgba(FEW)))
        if size:
            look = {"color": ink_on(colour)} if colour else {"color": INK} | ({"bbox": PAPERED} if none else {})
            text, _ = write_in(board, row["written"])
            middle = "center" if "\n" in text else "center_baseline"
            axes.text(right + 0.5, down + 0.5, text, ha="center", va=middle, fontsize=size, linespacing=1.0, **look)
    fill(axes, [box for box, _ in hot], [colour for _, colour in hot])
    fill_hatched(axes, never)


def write_in(board: Board, written: str) -> tuple[str, float]:
    """A cell's text, in two lines where it is too long for one, and the size of its font; 0 where it is too small."""
    if size := font_for(board, written):
        return written, size
    lines = written.split(" ")
    return "\n".join(lines), font_for(board, max(lines, key=len), lines=len(lines))


def keys_of(sweep: Sweep, rows: Sequence[Record], small: bool) -> list[Patch]:
    """What pale and hatched cells are, where there are some."""
    within = f"within {span(sweep.manifest['duration_s'])}"
    late = f"fewer than {most_runs(sweep)} have it {within}{'' if small else '; written is the share that has it'}"
    keys = []
    if any(np.isnan(row["value"]) and row["written"] not in ("", NEVER) for row in rows):
        keys.append(Patch(facecolor=FEW, edgecolor=GREY, linewidth=0.5, label=late))
    if any(row["written"] == NEVER for row in rows):
        keys.append(Patch(**HATCHED, label=f"no run has it {within}"))
    return keys


def lay_out(sweep: Sweep, cut: Cut, letters: int) -> tuple[Board, list[Map]]:
    """The board, and which cells each of its panels has."""
    x, y = sweep.axes[:2]
    schemes = range(len(sweep.schemes))
    across = range(len(x.values))
    if len(y.values) == 1:
        board = plan_board(x, None, sweep.schemes, [""], letters)
        return board, [("", [(i, 0, s) for s in schemes for i in across])]
    down = upward(y)
    board = plan_board(x, y, [y.words[j] for j in down], sweep.schemes, letters)
    return board, [(sweep.schemes[s], [(i, j, s) for j in down for i in across]) for s in schemes]


def cell_row(
    sweep: Sweep, cut: Cut, quantity: Quantity, times: Estimates, shares: Estimates, cell: tuple[int, int, int],
    end_s: float,
) -> Record:  # fmt: skip
    """What is drawn in a cell, as a row of the table beside the figure."""
    x, y, s = cell
    value, low, high, runs = (float(cut.of_grid(array)[y, x, s]) for array in times)
    share = float(cut.of_grid(shares.value)[y, x, s])
    written = quantity.words(value, end_s) if np.isfinite(value) else late_words(share, sweep.certainty)
    return {
        **sweep.settings(cut, x, y),
        "scheme": sweep.schemes[s],
        "quantity": quantity.name,
        "certainty": sweep.certainty,
        "value": value,
        "low": low,
        "high": high,
        "share_within_run": share,
        "runs": runs,
        "written": written if runs else "",
    }


def late_words(share: float, certainty: float) -> str:
    """ "never", or in which share of the runs, that is not rounded to what is enough: "in 94%" is below 95%."""
    if not share > 0:
        return NEVER
    enough = f"{100 * certainty:g}%"
    return f"in {share_words(share if share_words(share) != enough else share - 0.01)}"


def share_words(share: float) -> str:
    """ "never", or a share of runs that is not rounded to none or all of them."""
    if not share > 0:
        return NEVER
    return "<1%" if share < 0.01 else f"{min(99, round(100 * share))}%" if share < 1 else "100%"


def heading(sweep: Sweep, quantity: Quantity) -> str:
    """What is shown over which axes."""
    free = [axis.label for axis in sweep.axes[: max(1, sweep.free)]]
    return f"{quantity.title}, by {' and '.join(free)}"


def reading(sweep: Sweep, quantity: Quantity, end_s: float, any_known: bool) -> list[str]:
    """How to read a cell."""
    if not any_known:
        return [f"There is no cell in which {most_runs(sweep, verb=True)} {quantity.what} within the run."]
    return [f"A cell tells by when {most_runs(sweep, verb=True)} {quantity.what}, in {clock_words(end_s)}."]


def scale_of(known: np.ndarray) -> Normalize:
    """Colours for all panels of a figure: by the logarithm where times differ that much."""
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if low > 0 and high / low > LOG_FROM:
        return LogNorm(low, high)
    return Normalize(0, max(high, 1.0))


def draw_scale(page: Page, scale: Normalize, above: float, end_s: float) -> None:
    """The colours and the times that they stand for, above the panels."""
    axes = add_panel(page, EDGE + 60, above + 22, WIDTH * 0.5, 10)
    axes.imshow(np.linspace(0, 1, 256)[None, :], cmap=COLOURS, aspect="auto", extent=(0, 1, 0, 1))
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    first, last = float(scale.inverse(0)), float(scale.inverse(1))
    times = [time_s for time_s in time_locator(first, last).tick_values(first, last) if first <= time_s <= last]
    axes.set_xticks([float(scale(time_s)) for time_s in times])
    axes.set_xticklabels([clock(float(time_s), end_s) for time_s in times])
    look = {"color": GREY, "va": "center"}
    page.write(EDGE, above + 27, "sooner", **look)
    page.write(EDGE + 68 + WIDTH * 0.5, above + 27, "later", **look)
