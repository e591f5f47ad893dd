"""What the receiver sees, picture by picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from PIL import Image

from satsim.figures.look import CAPTION, EDGE, GAP, GREY, HANGING, NAME, NAME_LOOKS, NAMES, NOTICE, PALE, PAPER, SIZE
from satsim.figures.page import Page, Track, TrackPoint, foot_note, subtitle
from satsim.words import clock, clock_words, headline, number, original_words, shorten, with_unit


class Cell(NamedTuple):
    """The cells of a filmstrip."""

    width: int
    height: int
    picture: tuple[int, int]
    """Width and height of the picture in the middle."""
    names: int
    """Width of the column left of all cells."""
    roomy: bool
    """Whether there is room for many words."""
    font: int
    """Of what is written in and below cells; as large as is read where the figure is printed 16 cm wide."""

    def x(self, column: int) -> int:
        """Where a column begins."""
        return EDGE + self.names + GAP + column * (self.width + GAP)


def plan_cells(original: Path, columns: int, rows: int) -> Cell:
    """Pictures are at most 256 pixels wide or high, cells always large enough for their text."""
    with Image.open(original) as image:
        across = min(256, (1600 - 2 * EDGE - NAMES) // columns - GAP)
        down = min(256, 1800 // rows)
        scale = min(across / image.width, down / image.height)
        picture = max(1, round(scale * image.width)), max(1, round(scale * image.height))
    width = max(picture[0], 136)
    return Cell(width, max(picture[1], 100), picture, NAMES, width > 190, 22 if width > 190 else 20)


def filmstrip(frames: Path, summary: Mapping[str, Any], metric: str, tracks: Sequence[Track]) -> Figure:
    """What the receiver sees: a row for each scheme, a column for each time of `pick_columns`, the original on top."""
    columns = columns_of(tracks, summary)
    cell = plan_cells(frames / "original.png", len(columns), len(tracks))
    left, width = cell.x(0), max(cell.x(len(columns)) + EDGE, 1000)
    room, times = width - left - EDGE, 26 if cell.roomy else 23
    large, small = (34, 22) if room > 900 else (26, 17)
    title = shorten(headline(summary), int(room / large / 0.68), 2)
    facts = [*subtitle(summary, median=True), *reading(summary, metric, tracks, columns[-1])]
    lines = "\n".join(shorten(fact, int(room / small / 0.57), 4) for fact in facts)
    facts_at = EDGE + 1.3 * large * (title.count("\n") + 1) + 4
    top = max(EDGE + max(cell.height, 200) + 36, round(facts_at + 1.4 * small * (lines.count("\n") + 1)) + times + 20)
    blocks = [name_words(track) for track in tracks]
    step = max([cell.height + CAPTION, *(round(31 * len(name) + 26 * len(size) + 12) for name, size in blocks)])
    foot = 28 + EDGE
    height = top + step * len(tracks) + foot
    page = Page(width, height, dpi=72)
    page.show(EDGE, height - EDGE - cell.height, cell.width, cell.height, frames / "original.png", cell.picture)
    page.write(
        EDGE, height - EDGE - cell.height - 5, original_words(summary), fontsize=cell.font, color=GREY, **HANGING
    )
    page.write(left, height - EDGE + 6, title, fontsize=large, weight="bold", **HANGING)
    page.write(left, height - facts_at, lines, fontsize=small, color=GREY, **HANGING)
    for k, time_s in enumerate(columns):
        page.write(cell.x(k), height - top + 8, clock(time_s, columns[-1]), fontsize=times, weight="bold")
    for i, (track, block) in enumerate(zip(tracks, blocks, strict=True), 1):
        y = foot + (len(tracks) - i) * step
        page.fill(EDGE, y + 14, 6, step - 14, color=track.mark["color"])
        for words, below, look in zip(block, (0, 31 * len(block[0])), NAME_LOOKS, strict=True):
            page.write(EDGE + 16, y + step + 3 - below, "\n".join(words), **look, **HANGING)
        draw_row(page, cell, y + step - cell.height - CAPTION, track, columns, frames)
    page.write(EDGE, EDGE / 2, foot_note(summary), fontsize=SIZE, color=NOTICE, va="bottom")
    return page.figure


def draw_row(page: Page, cell: Cell, y: int, track: Track, columns: Sequence[float], frames: Path) -> None:
    """A scheme's picture at the time of each column, from so far up."""
    before = ""
    for k, time_s in enumerate(columns):
        x, point = cell.x(k), [point for point in track.points if point.time_s <= time_s][-1]
        if point.frame:
            page.show(x, y + CAPTION, cell.width, cell.height, frames / point.frame, cell.picture)
            write_caption(page, cell, x, y + 22, track, point, new=point.frame != before)
        else:
            page.fill(x, y + CAPTION, cell.width, cell.height, facecolor=PAPER, edgecolor=PALE, hatch="//")
            held = held_words(point, track, int(cell.width / (0.6 * cell.font)) if cell.roomy else 0)
            words = f"waiting:\n{held}" if track.packets else "nothing\nfits"
            page.write(x + cell.width / 2, y + CAPTION + cell.height / 2, words, ha="center",
                       fontsize=cell.font, color=GREY, va="center", linespacing=1.3)  # fmt: skip
        before = point.frame


def write_caption(page: Page, cell: Cell, x: int, y: int, track: Track, point: TrackPoint, new: bool) -> None:
    """The score of a picture, bold if it is new, and where there is room the packets held."""
    text, size = number(point.value), cell.font
    after = (0.66 * len(text) + (0.7 if cell.roomy else 0.35)) * size
    held = held_words(point, track, int((cell.width + GAP - after) / (0.6 * size)) if cell.roomy else 0)
    page.write(x, y, text, fontsize=size, **{"weight": "bold"} if new else {"color": GREY})
    page.write(x + after, y, held, fontsize=size, color=GREY)


def reading(summary: Mapping[str, Any], metric: str, tracks: Sequence[Track], end_s: float) -> list[str]:
    """How to read columns and captions."""
    info, photo = summary["metrics"][metric], "the first photo" if len(tracks[0].photos) > 1 else "the photo"
    better = "higher" if info["higher_is_better"] else "lower"
    spare = " (+ repair packets)" if any(track.repairs for track in tracks) else ""
    held = f"packets held of needed{spare}"
    return [
        f"Columns: {clock_words(end_s)} since {photo} was taken.",
        f"Below each: {with_unit(info)}, {better} is better, bold if new; then {held}.",
    ]


def name_words(track: Track) -> tuple[list[str], list[str]]:
    """A scheme's name, and what a whole photo takes and over which link, in lines of the first column."""
    name = shorten(track.name, int((NAMES - 20) / (0.66 * NAME)), 5).split("\n")
    size = [f"{track.payload_bytes} bytes", f"in {track.packets} packet{'s' * (track.packets != 1)}"]
    size += [f"+ {track.repairs} for repair"] * bool(track.repairs)
    over = shorten(track.link, int((NAMES - 20) / (0.6 * SIZE)), 2).split("\n") if track.link else []
    return name, (size if track.packets else ["nothing fits the link"]) + over


def held_words(point: TrackPoint, track: Track, letters: int) -> str:
    """ "3 of 5 packets", or with two repair packets "6 of 5+2 packets"; without the last word if too long."""
    needed = f"{track.packets}+{track.repairs}" if track.repairs else f"{track.packets}"
    words = f"{point.packets_held} of {needed} packet{'s' * (needed != '1')}"
    return words if len(words) <= letters else words.rsplit(" ", 1)[0]


def columns_of(tracks: Sequence[Track], summary: Mapping[str, Any]) -> list[float]:
    """When a packet comes; of many such times, or of some close together, the ones that tell most."""
    times = sorted({point.time_s for track in tracks for point in track.points if point.packets_held})
    apart = all(b - a > summary["interval_s"] / 2 for a, b in pairwise(times))
    if len(tracks[0].photos) == 1 and 1 <= len(times) <= 8 and apart:
        return times
    from satsim.figures.columns import choose_columns

    return choose_columns(tracks, summary)
