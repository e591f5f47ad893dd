"""Which scheme is best where: a panel for each quantity over two axes of a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from satsim.figures.look import COLOURS, INK, PALE, TEXT
from satsim.figures.sweep.cells import SMALLEST, Board, Box, fill, fill_hatched, font_for, ink_on, plan_board, upward
from satsim.figures.sweep.data import Cut, Floats, Sweep
from satsim.figures.sweep.panels import HATCHED, Drawing, Record, letter, sweep_page
from satsim.figures.sweep.quantities import Quantity, few_words, final, first_images, most_runs, setting_words, times_to
from satsim.words import span

MOST_SLICES = 4
"""A tie of more schemes has no colours."""
PAPERED: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.9}


class Verdict(NamedTuple):
    """Which schemes are best in a cell."""

    best: int | None
    """None where no scheme gets there."""
    tied: tuple[int, ...]
    """All that may be the best, the one that seems so first."""

    @property
    def outcome(self) -> str:
        """One word for it."""
        return "none" if self.best is None else "tie" if len(self.tied) > 1 else "win"


def judge(value: Floats, low: Floats, high: Floats, higher_is_better: bool) -> Verdict:
    """The best of some schemes, and those whose interval overlaps with the best one's.

    NaN as a value is worse than any number. NaN as one end of an interval leaves it open on that side; where both ends
    are NaN there is no interval, and only equal values tie. What is beyond the run with its whole interval ties with
    nothing. As all schemes run under the same random numbers, overlap is a careful test: it calls too many cells a tie,
    not too few.
    """
    bad, near, far = (-value, -high, -low) if higher_is_better else (value, low, high)
    bare = np.isnan(near) & np.isnan(far)
    bad = np.where(np.isnan(bad), np.inf, bad)
    near = np.where(bare, bad, np.where(np.isnan(near), -np.inf, near))
    far = np.where(bare, bad, np.where(np.isnan(far), np.inf, far))
    order = np.argsort(bad, kind="stable")
    best = int(order[0])
    if np.isinf(bad[best]):
        return Verdict(None, ())
    return Verdict(best, tuple(int(k) for k in order if k == best or (near[k] <= far[best] and near[k] < np.inf)))


def win_map(sweep: Sweep, cut: Cut, metric: str, first: bool = True) -> Drawing:
    """The figure of one metric, and of every cell its verdict; the first metric's also tells of the first picture."""
    quantities = [*(first_images(sweep) if first else []), *times_to(sweep, metric), final(sweep, metric)]
    x, y = sweep.axes[:2]
    down = upward(y)
    names = [quantity.short for quantity in quantities]
    strips = len(y.values) == 1
    board = plan_board(x, None if strips else y, names if strips else [y.words[j] for j in down],
                       [""] if strips else names, 4, height=32.0)  # fmt: skip
    free = [axis.label for axis in sweep.axes[: sweep.free]]
    heading = f"Which scheme is best, by {' and '.join(free)}"
    page = sweep_page(sweep, heading, [*setting_words(sweep, cut), reading(sweep)], keys(sweep), board.panels)
    panels = [board.axes(page, k, title, last=k + board.columns >= (1 if strips else len(names)))
              for k, title in enumerate([""] if strips else names)]  # fmt: skip
    rows: list[Record] = []
    for k, quantity in enumerate(quantities):
        axes = panels[0] if strips else panels[k]
        never: list[Box] = []
        parts: list[tuple[Box, str]] = []
        for i, j, verdict, row in verdicts(sweep, cut, quantity):
            corner = (i, k if strips else down.index(j))
            rows.append(row)
            if verdict.best is None:
                never.append((*corner, 1, 1))
            parts += slices(corner, verdict)
            write_verdict(axes, board, corner, verdict, row["written"])
        fill(axes, [box for box, _ in parts], [colour for _, colour in parts])
        fill_hatched(axes, never)
    return Drawing(f"wins_{metric}{cut.suffix}", page.figure, rows)


def verdicts(sweep: Sweep, cut: Cut, quantity: Quantity) -> Iterator[tuple[int, int, Verdict, Record]]:
    """Places on both axes, the verdict, and it as a row of the table beside the figure; of what was run."""
    value, low, high, runs = (cut.of_grid(array) for array in sweep.table[quantity.name, "certainty"])
    latest = float(np.nanmax(value, initial=0.0))
    for j in upward(sweep.axes[1]):
        for i in range(len(sweep.axes[0].values)):
            if not runs[j, i].any():
                continue
            verdict = judge(value[j, i], low[j, i], high[j, i], quantity.higher_is_better)
            at = (j, i, verdict.best or 0)
            numbers = {name: float(a[at]) for name, a in (("value", value), ("low", low), ("high", high))}
            none = verdict.best is None
            yield i, j, verdict, {
                **sweep.settings(cut, i, j), "quantity": quantity.name, "certainty": sweep.certainty,
                "outcome": verdict.outcome, "best": "" if none else sweep.schemes[at[2]],
                "tied": "; ".join(sweep.schemes[s] for s in verdict.tied) if verdict.outcome == "tie" else "",
                **numbers, "written": "none" if none else quantity.words(numbers["value"], latest),
            }  # fmt: skip


def reading(sweep: Sweep) -> str:
    """What makes a scheme the best."""
    if sweep.manifest["replications"] == 1:
        return "Best is the scheme whose run is soonest or ends best; with one run each, this may be luck."
    if sweep.few:
        return f"{few_words(sweep)} Schemes between which they cannot tell tie, so most cells are ties."
    return (
        f"A scheme's value is what {most_runs(sweep)} are at least as fast, or as good, as; the best one is written in"
        " the cell where there is room. Schemes whose 95% confidence intervals overlap with the best one's tie."
    )


def keys(sweep: Sweep) -> list[Patch]:
    """A patch for each scheme, and what else a cell can be."""
    named = [
        Patch(facecolor=COLOURS[k % len(COLOURS)], label=f"{letter(k)}  {name}") for k, name in enumerate(sweep.schemes)
    ]
    tie = "framed: tie (a number: of so many schemes)"
    return [
        *named,
        Patch(facecolor="white", edgecolor=INK, linewidth=0.8, label=tie),
        Patch(
            **HATCHED, label=f"no scheme gets there in {most_runs(sweep)} within {span(sweep.manifest['duration_s'])}"
        ),
    ]


def slices(corner: tuple[int, int], verdict: Verdict) -> list[tuple[Box, str]]:
    """The parts of a cell and their colours: one for each scheme that may be the best, or a pale one where many may."""
    left, top = corner
    share = 1 / max(1, len(verdict.tied))
    if len(verdict.tied) > MOST_SLICES:
        return [((left, top, 1, 1), PALE)]
    return [((left + k * share, top, share, 1), COLOURS[s % len(COLOURS)]) for k, s in enumerate(verdict.tied)]


def write_verdict(axes: Axes, board: Board, corner: tuple[int, int], verdict: Verdict, written: str) -> None:
    """The winner's letter, or the letters of all that tie or how many they are, and below it the best value."""
    (left, top), count, parts = corner, len(verdict.tied), slices(corner, verdict)
    if not parts:
        return
    two_lines = board.height >= 28 and font_for(board, written, lines=2) > 0
    middle = top + (0.33 if two_lines else 0.5)
    center: dict[str, Any] = {"ha": "center", "va": "center_baseline"}
    size = min(font_for(board, "A", parts[0][0][2], lines=2 if two_lines else 1), 10.0 if count < 4 else SMALLEST)
    if size and len(parts) == count:
        for s, ((x, _, width, _), colour) in zip(verdict.tied, parts, strict=True):
            look = center | {"color": ink_on(colour), "fontsize": size, "weight": "bold"}
            axes.text(x + width / 2, middle, letter(s), **look)
    else:
        text, size = name_tie(board, verdict)
        axes.text(left + 0.5, middle, text, fontsize=min(size, TEXT), bbox=PAPERED | {"pad": 0.4}, **center)
    if count > 1:
        line = 1.3 if board.width > 18 else 0.7
        axes.add_patch(_frame(left, top, (line / board.width, line / board.height), line))
    if two_lines:
        look = {"bbox": PAPERED, "color": INK} if count > 1 else {"color": ink_on(parts[0][1])}
        axes.text(left + 0.5, top + 0.75, written, fontsize=font_for(board, written, lines=2), **look, **center)


def name_tie(board: Board, verdict: Verdict) -> tuple[str, float]:
    """The letters of all that tie, or how many they are, and the size of the font."""
    letters, count = "".join(letter(s) for s in verdict.tied), len(verdict.tied)
    for text in (letters, f"{count} tie"):
        room = text if len(text) == 2 else f"{text} "  # capitals are wide, but two of them just fit
        if size := font_for(board, room):
            return text, size
    return f"{count}", SMALLEST


def _frame(left: float, top: float, inset: tuple[float, float], line: float) -> Patch:
    """The frame of a tie, just within the cell."""
    dx, dy = inset
    return Rectangle((left + dx, top + dy), 1 - 2 * dx, 1 - 2 * dy, fill=False, edgecolor=INK, linewidth=line, zorder=2)
