"""The best and the worst photos of a set, with what each scheme shows of them."""

from __future__ import annotations

import csv
import math
import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from PIL import Image

from satsim.figures.look import GREY, INK, PALE, PAPER
from satsim.figures.page import Page, mark_of
from satsim.words import clock, number, shorten, with_unit


class Shot(NamedTuple):
    """A row of best_and_worst.csv."""

    group: str
    photo: str
    lead: float
    original: str
    scheme: str
    value: float
    frame: str


def read_shots(path: Path) -> list[Shot]:
    """The rows of best_and_worst.csv."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Shot(row["group"], row["photo"], float(row["lead"] or "nan"), row["original"], row["scheme"],
                 float(row["final_quality"] or "nan"), row["frame"])
            for row in csv.DictReader(file)
        ]  # fmt: skip


EDGE, GAP, NAMES, CAPTION = 24, 10, 150, 26
"""In pixels, as all lengths of the sheet: around it, between cells, the column of names, the line below a picture."""


def sheet_of_photos(folder: Path, summary: Mapping[str, Any]) -> Figure:
    """The best and the worst photos: a row each, the original and what each scheme shows at the end of the run."""
    shots = read_shots(folder / "best_and_worst.csv")
    rows = [list(row) for _, row in groupby(shots, key=lambda shot: (shot.group, shot.photo))]
    info = next(iter(summary["metrics"].values()))
    columns = 1 + len(rows[0])
    across = min(224, (1720 - 2 * EDGE - NAMES) // columns - GAP)
    with Image.open(folder / "frames" / rows[0][0].original) as image:
        tall = min(across, round(across * image.height / image.width))
    step = tall + CAPTION + GAP
    width = max(2 * EDGE + NAMES + columns * (across + GAP), 1100)
    lines = sheet_words(summary, info, int((width - 2 * EDGE) / 9.2))
    heads = [
        shorten(head, max(10, across // 9), 3)
        for head in ["original", *(summary["labels"][shot.scheme] for shot in rows[0])]
    ]
    head_room = 20 * max(head.count("\n") + 1 for head in heads) + 12
    title = shorten(summary["title"], width // 17, 3)
    below = 32 * title.count("\n") + 40
    top = EDGE + below - 2 + 22 * len(lines) + head_room
    groups = len({row[0].group for row in rows})
    page = Page(width, top + len(rows) * step + 14 * (groups - 1) + EDGE, dpi=72)
    height = page.height
    page.write(EDGE, height - EDGE, title, fontsize=26, weight="bold", va="top", linespacing=1.1)
    page.write(EDGE, height - EDGE - below, "\n".join(lines), fontsize=16, color=GREY, va="top", linespacing=1.3)
    for k, head in enumerate(heads):
        x = EDGE + NAMES + k * (across + GAP)
        page.write(x, height - top + 8, head, fontsize=15, weight="bold", va="bottom", linespacing=1.2)
        if k:
            page.fill(x, height - top + 2, across, 4, color=mark_of(k - 1)["color"])
    y, before = height - top, rows[0][0].group
    for row in rows:
        if row[0].group != before:
            page.fill(EDGE, y - 7, width - 2 * EDGE, 1.5, color=PALE)
            y -= 14
        draw_photo(page, folder / "frames", row, info, (y, across, tall))
        y, before = y - step, row[0].group
    return page.figure


def draw_photo(
    page: Page, frames: Path, row: Sequence[Shot], info: Mapping[str, Any], cell: tuple[float, int, int]
) -> None:
    """A photo's name and lead, and its pictures with their scores below, the best one bold; `cell` hangs from a y."""
    top, across, tall = cell
    name = shorten(row[0].photo, 17, 3)
    page.write(EDGE, top - 4, row[0].group, fontsize=16, weight="bold", va="top")
    page.write(EDGE, top - 28, name, fontsize=13, color=GREY, va="top", linespacing=1.2)
    lead = "" if math.isnan(row[0].lead) else f"{row[0].lead:+.3f}".replace("inf", "∞")
    if len(row) > 1:
        page.write(EDGE, top - 36 - 17 * (name.count("\n") + 1), f"lead {lead}", fontsize=14, va="top")
    best = best_of([shot.value for shot in row], info["higher_is_better"])
    files = [row[0].original, *(shot.frame for shot in row)]
    for k, file in enumerate(files):
        x, y = EDGE + NAMES + k * (across + GAP), top - tall
        if file:
            page.show(round(x), round(y), across, tall, frames / file, fitted(frames / file, across, tall))
        else:
            page.fill(x, y, across, tall, facecolor=PAPER, edgecolor=PALE, hatch="//")
            page.write(x + across / 2, y + tall / 2, "nothing", fontsize=15, color=GREY, ha="center", va="center")
        if k and file:
            look: dict[str, Any] = {"weight": "bold", "color": INK} if row[k - 1].value == best else {"color": GREY}
            page.write(x, y - 6, number(row[k - 1].value), fontsize=15, va="top", **look)


def best_of(values: Sequence[float], higher_is_better: bool) -> float:
    """The best of the scores that there are; NaN where there is none."""
    there = [value for value in values if not math.isnan(value)]
    return (max if higher_is_better else min)(there, default=math.nan)


def fitted(picture: Path, across: int, tall: int) -> tuple[int, int]:
    """Width and height at which a picture just fits a cell."""
    with Image.open(picture) as image:
        scale = min(across / image.width, tall / image.height)
        return max(1, round(scale * image.width)), max(1, round(scale * image.height))


def sheet_words(summary: Mapping[str, Any], info: Mapping[str, Any], letters: int) -> list[str]:
    """What the rows are, and how to read the numbers."""
    better = "higher" if info["higher_is_better"] else "lower"
    ranked = f"ranked by {info['label']}"
    if rivals := [summary["labels"][name] for name in summary["rivals"]]:
        named = f"{', '.join(rivals[:-1])} and {rivals[-1]}" if len(rivals) > 1 else rivals[0]
        best = "the best of " if len(rivals) > 1 else ""
        ranked = f"ranked by how far {next(iter(summary['labels'].values()))} is ahead of {best}{named} (lead)"
    return [
        *textwrap.wrap(
            f"The best and the worst of {summary['photos']} photos at the end of the run"
            f" ({clock(summary['duration_s'])}), {ranked}.",
            letters,
        ),
        f"Under each picture: {with_unit(info)}, {better} is better; the best of a row is bold.",
    ]
