"""On how many photos of a set the first scheme is better than each of the others, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from satsim.figures.look import COLOURS, GREY, PALE
from satsim.figures.page import Page
from satsim.words import shorten

BETTER, WORSE = COLOURS[0], COLOURS[1]
ROW, HEAD, LABELS, BAR = 16.0, 26.0, 210.0, 380.0
"""Heights of a row and of the heading above some, widths of the column of labels and of a bar, in points."""


def wins_figure(summary: Mapping[str, Any], facts: Sequence[str]) -> Figure:
    """A bar for each rival, metric and moment: photos where the first scheme is better, equal, worse; p beside it."""
    ours, count = next(iter(summary["schemes"])), summary["photos"]
    labels = summary["labels"]
    wins = [win for win in summary["wins"] if win["first"] == ours]
    blocks = [(rival, list(rows)) for rival, rows in groupby(wins, key=lambda win: str(win["second"]))]
    keys = [
        Rectangle((0, 0), 1, 1, facecolor=colour, label=label)
        for colour, label in (
            (BETTER, f"{shorten(labels[ours], 30)} is better"),
            (PALE, "equal"),
            (WORSE, "it is worse"),
        )
    ]
    lines = [
        *facts,
        "Both schemes are compared at equal time; first: when both show a picture for the first time. A picture is"
        " better than none. p: exact two-sided sign test, equal photos left out, not corrected for the number of rows.",
    ]
    panels = sum(HEAD + ROW * len(rows) for _, rows in blocks)
    page = Page.around(summary, lines, keys, panels, foot=16.0, left=24.0)
    y = panels
    for rival, rows in blocks:
        y -= HEAD
        page.write(24, y + 6, f"against {labels[rival]}", fontsize=10, weight="bold")
        for win in rows:
            y -= ROW
            page.write(24, y + 4, row_words(win, summary["metrics"]), color=GREY)
            draw_bar(page, LABELS, y, win, count)
            page.write(LABELS + BAR + 12, y + 4, f"p {p_words(win['p'])}", fontsize=8.5)
    middle = LABELS + BAR / 2
    page.fill(middle - 0.4, 0, 0.8, panels - HEAD + 4, color="white", zorder=3)
    return page.figure


def draw_bar(page: Page, x: float, y: float, win: Mapping[str, Any], count: int) -> None:
    """Better from the left, worse from the right, each with its number of photos where there is room."""
    for key, colour, ink in (("better", BETTER, "white"), ("equal", PALE, GREY), ("worse", WORSE, "white")):
        width = BAR * win[key] / count
        page.fill(x, y + 1.5, width, ROW - 3, color=colour)
        if width >= 14:
            page.write(x + 5, y + 4.5, str(win[key]), fontsize=8, color=ink, zorder=4)
        x += width


def row_words(win: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """What is compared when."""
    if win["metric"] not in metrics:
        return "sooner a first picture"
    when = {"first": "at first", "end": "at the end"}.get(win["at"], f"after {win['at']}")
    return f"{metrics[win['metric']]['label']}, {when}"


def p_words(p: float) -> str:
    """Two digits, or that it is very small."""
    return "< 0.0001" if p < 0.0001 else f"= {p:.2g}"
