"""What the receiver sees, picture by picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from PIL import Image

from satsim.figures.page import GREY, NOTICE, PALE, PAPER, Page, Track, TrackPoint, subtitle, wrap_notices
from satsim.words import clock, clock_words, number, shorten, with_unit

EDGE, GAP, CAPTION = 24, 12, 40
"""In pixels, as all lengths here: around the figure, between cells, and for the text below a cell."""
HANGING: dict[str, Any] = {"va": "top", "linespacing": 1.3}
"""Text below the line at which it is written."""


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

    def x(self, column: int) -> int:
        """Where a column begins."""
        return EDGE + self.names + GAP + column * (self.width + GAP)


def plan_cells(original: Path, columns: int, rows: int) -> Cell:
    """Pictures are at most 256 pixels wide or high, cells always large enough for their text."""
    with Image.open(original) as image:
        across = min(256, (1600 - 2 * EDGE - 200) // columns - GAP)
        down = min(256, 1800 // rows)
        scale = min(across / image.width, down / image.height)
        picture = max(1, round(scale * image.width)), max(1, round(scale * image.height))
    width = max(picture[0], 136)
    return Cell(width, max(picture[1], 100), picture, max(width, 200), width > 190, 17 if width > 190 else 15)


def filmstrip(frames: Path, summary: Mapping[str, Any], metric: str, tracks: Sequence[Track]) -> Figure:
    """What the receiver sees: a row for each scheme, a column for each time of `pick_columns`, the original on top."""
    columns = pick_columns(times_of(tracks, summary["duration_s"]), summary["interval_s"])
    cell = plan_cells(frames / "original.png", len(columns), len(tracks))
    left, width = cell.x(0), max(cell.x(len(columns)) + EDGE, 1000)
    room, times = width - left - EDGE, 24 if cell.roomy else 19
    large, small = (34, 19) if room > 1000 else (26, 16)
    title = shorten(summary["title"], int(room / large / 0.68), 2)
    facts = [*subtitle(summary, median=True), *reading(summary, metric, tracks, columns[-1])]
    lines = "\n".join(shorten(fact, int(room / small / 0.57), 2) for fact in facts)
    facts_at = EDGE + 1.3 * large * (title.count("\n") + 1) + 4
    top = max(EDGE + max(cell.height, 200) + 36, round(facts_at + 1.4 * small * (lines.count("\n") + 1)) + times + 20)
    notices = wrap_notices(summary, (width - 2 * EDGE) // 10)
    step, foot = cell.height + CAPTION, 21 * len(notices) + EDGE
    height = top + step * len(tracks) + foot
    page = Page(width, height, dpi=72)
    page.show(EDGE, height - EDGE - cell.height, cell.width, cell.height, frames / "original.png", cell.picture)
    page.write(EDGE, height - EDGE - cell.height - 7, "original", fontsize=cell.font, color=GREY, **HANGING)
    page.write(left, height - EDGE + 6, title, fontsize=large, weight="bold", **HANGING)
    page.write(left, height - facts_at, lines, fontsize=small, color=GREY, **HANGING)
    for k, time_s in enumerate(columns):
        page.write(cell.x(k), height - top + 8, clock(time_s, columns[-1]), fontsize=times, weight="bold")
    for i, track in enumerate(reversed(tracks)):
        draw_row(page, cell, foot + i * step, track, columns, frames)
    page.write(EDGE, EDGE / 2, "\n".join(notices), fontsize=15, color=NOTICE, va="bottom", linespacing=1.3)
    return page.figure


def draw_row(page: Page, cell: Cell, y: int, track: Track, columns: Sequence[float], frames: Path) -> None:
    """A scheme's name and its picture at the time of each column, from so far up."""
    page.fill(EDGE, y + 14, 6, cell.height + CAPTION - 14, color=track.mark["color"])
    name, top = shorten(track.name, (cell.names - 20) // 12, 3), y + cell.height + CAPTION
    page.write(EDGE + 16, top + 3, name, fontsize=19, weight="bold", **HANGING)
    page.write(EDGE + 16, top - 27 - 25 * name.count("\n"), size_words(track), fontsize=15, color=GREY, **HANGING)
    before = ""
    for k, time_s in enumerate(columns):
        x, point = cell.x(k), [point for point in track.points if point.time_s <= time_s][-1]
        if point.frame:
            page.show(x, y + CAPTION, cell.width, cell.height, frames / point.frame, cell.picture)
            write_caption(page, cell, x, y + 20, track, point, new=point.frame != before)
        else:
            page.fill(x, y + CAPTION, cell.width, cell.height, facecolor=PAPER, edgecolor=PALE, hatch="//")
            held = held_words(point, track, int(cell.width / (0.6 * cell.font)) if cell.roomy else 0)
            page.write(x + cell.width / 2, y + CAPTION + cell.height / 2, f"waiting:\n{held}", ha="center",
                       fontsize=cell.font, color=GREY, va="center", linespacing=1.3)  # fmt: skip
        before = point.frame


def write_caption(page: Page, cell: Cell, x: int, y: int, track: Track, point: TrackPoint, new: bool) -> None:
    """The score of a picture, bold if it is new, and where there is room the packets held."""
    text, size = number(point.value), cell.font
    after = (0.66 * len(text) + 0.7) * size
    held = held_words(point, track, int((cell.width + GAP - after) / (0.6 * size)) if cell.roomy else 0)
    page.write(x, y, text, fontsize=size, **{"weight": "bold"} if new else {"color": GREY})
    page.write(x + after, y, held, fontsize=size, color=GREY)


def reading(summary: Mapping[str, Any], metric: str, tracks: Sequence[Track], end_s: float) -> list[str]:
    """How to read columns and captions."""
    info, photo = summary["metrics"][metric], "the first photo" if len(tracks[0].photos) > 1 else "the photo"
    better = "higher" if info["higher_is_better"] else "lower"
    spare = " (+ repair packets)" if any(track.repairs for track in tracks) else ""
    held = f"packets held of packets needed{spare}"
    return [
        f"Columns: {clock_words(end_s)} since {photo} was taken.",
        f"Under each picture: {with_unit(info)}, {better} is better, bold if new; then {held}.",
    ]


def size_words(track: Track) -> str:
    """What a whole photo takes."""
    packets = f"{track.payload_bytes} bytes\nin {track.packets} packet{'s' * (track.packets != 1)}"
    return f"{packets}\n+ {track.repairs} for repair" if track.repairs else packets


def held_words(point: TrackPoint, track: Track, letters: int) -> str:
    """ "3 of 5 packets", or with two repair packets "6 of 5+2 packets"; without the last word if too long."""
    needed = f"{track.packets}+{track.repairs}" if track.repairs else f"{track.packets}"
    words = f"{point.packets_held} of {needed} packet{'s' * (needed != '1')}"
    return words if len(words) <= letters else words.rsplit(" ", 1)[0]


def times_of(tracks: Sequence[Track], end_s: float) -> list[float]:
    """When something changes: a packet comes or, of a median photo whose packets come and go, the picture."""
    points = [point for track in tracks for point in track.points if point.packets_held]
    if len(tracks[0].photos) > 1:
        points = [b for track in tracks for a, b in pairwise(track.points) if a.frame != b.frame] or points
    return [point.time_s for point in points] or [end_s]


def pick_columns(times_s: Iterable[float], interval_s: float, most: int = 8) -> list[float]:
    """The last of `times_s` in each slot; of these at most `most`, the first and the last among them.

    Times fall into visits, parted by more than ten slots without any, as between two passes of a satellite. Each visit
    gets its last time, and more of them, evenly chosen, as far as columns go; of too many visits, some, evenly chosen.
    """
    latest = list({time_s // interval_s: time_s for time_s in sorted(times_s)}.values())
    if len(latest) <= most:
        return latest
    visits: list[list[float]] = []
    for time_s in latest:
        if not visits or time_s - visits[-1][-1] > 10 * interval_s:
            visits.append([])
        visits[-1].append(time_s)
    ends = sorted({latest[0], *(visit[-1] for visit in visits)})
    if len(ends) >= most:
        return evenly(ends, most)
    shares = [min(2, len(visits[0])), *[1] * (len(visits) - 1)]
    while sum(shares) < most:
        k = max(range(len(visits)), key=lambda k: len(visits[k]) / shares[k])
        shares[k] += 1
    later = zip(visits[1:], shares[1:], strict=True)
    rest = [visit[round(k * len(visit) / share) - 1] for visit, share in later for k in range(1, share + 1)]
    return evenly(visits[0], shares[0]) + rest


def evenly(times: Sequence[float], most: int) -> list[float]:
    """So many of `times`, the first and the last among them; of one, the last."""
    return [times[round(k * (len(times) - 1) / (most - 1))] for k in range(most)] if most > 1 else [times[-1]]
