"""What the receiver sees, picture by picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from PIL import Image

from satsim.figures.page import (
    GREY,
    NOTICE,
    PALE,
    PAPER,
    Page,
    median_words,
    sender_count,
    subtitle,
    the_photo,
    wrap_notices,
)
from satsim.figures.tracks import Track, TrackPoint
from satsim.words import clock, clock_words, number, shorten, with_unit

EDGE, GAP, CAPTION = 24, 12, 40
"""In pixels, as all lengths here: around the figure, between cells, and for the text below a cell."""
HANGING: dict[str, Any] = {"va": "top", "linespacing": 1.3}
"""Text below the line at which it is written."""


class Cell(NamedTuple):
    """A cell of the filmstrip, in pixels."""

    width: int
    height: int
    picture: tuple[int, int]
    """Width and height of the picture in its middle."""
    names: int
    """Width of the column left of all cells."""

    @property
    def roomy(self) -> bool:
        """Whether there is room for many words."""
        return self.width > 190

    @property
    def fonts(self) -> tuple[int, int]:
        """Of captions, and of the times above the columns."""
        return (17, 24) if self.roomy else (15, 19)

    def x(self, column: int) -> int:
        """Where a column begins."""
        return EDGE + self.names + GAP + column * (self.width + GAP)


def plan_cell(original: Path, columns: int, rows: int) -> Cell:
    """Pictures are at most 256 pixels wide or high, cells always large enough for their text."""
    with Image.open(original) as image:
        across = min(256, (1600 - 2 * EDGE - 200) // columns - GAP)
        down = min(256, 1800 // rows)
        scale = min(across / image.width, down / image.height)
        picture = max(1, round(scale * image.width)), max(1, round(scale * image.height))
    width = max(picture[0], 136)
    return Cell(width, max(picture[1], 100), picture, max(width, 200))


class Head(NamedTuple):
    """What stands above the pictures, to the right of the original."""

    title: str
    facts: str
    fonts: tuple[int, int]
    """Of the title and the facts."""
    facts_at: float
    """How far below the figure's upper edge facts begin, in pixels, and where they end."""
    end: float


def plan_head(title: str, facts: Sequence[str], room: float) -> Head:
    """Title and facts shortened to so many pixels."""
    large, small = (34, 19) if room > 1000 else (26, 16)
    title = shorten(title, int(room / large / 0.68), 2)
    lines = "\n".join(shorten(fact, int(room / small / 0.57), 2) for fact in facts)
    facts_at = EDGE + 1.3 * large * (title.count("\n") + 1) + 4
    return Head(title, lines, (large, small), facts_at, facts_at + 1.4 * small * (lines.count("\n") + 1))


def filmstrip(frames: Path, summary: Mapping[str, Any], metric: str, tracks: Sequence[Track]) -> Figure:
    """What the receiver sees: a row for each scheme, a column for each time of `pick_columns`, the original on top."""
    columns = pick_columns(times_of(tracks, sender_count(summary) > 1, summary["duration_s"]), summary["interval_s"])
    cell = plan_cell(frames / "original.png", len(columns), len(tracks))
    width = max(cell.x(len(columns)) + EDGE, 1000)
    head = plan_head(summary["title"], facts_of(summary, metric, tracks, columns), width - cell.x(0) - EDGE)
    normal, large = cell.fonts
    notices = wrap_notices(summary, (width - 2 * EDGE) // 10)
    top = max(EDGE + max(cell.height, 200) + 36, round(head.end) + large + 20)
    step, foot = cell.height + CAPTION, 21 * len(notices) + EDGE
    page = Page(width, top + step * len(tracks) + foot, dpi=72)
    y = round(page.height) - EDGE - cell.height
    show(page, cell, EDGE, y, frames / "original.png")
    page.write(EDGE, y - 7, "original", fontsize=normal, color=GREY, **HANGING)
    page.write(cell.x(0), page.height - EDGE + 6, head.title, fontsize=head.fonts[0], weight="bold", **HANGING)
    page.write(cell.x(0), page.height - head.facts_at, head.facts, fontsize=head.fonts[1], color=GREY, **HANGING)
    for k, time_s in enumerate(columns):
        page.write(cell.x(k), page.height - top + 8, clock(time_s, columns[-1]), fontsize=large, weight="bold")
    for i, track in enumerate(reversed(tracks)):
        draw_row(page, cell, foot + i * step, track, columns, frames)
    page.write(EDGE, EDGE / 2, "\n".join(notices), fontsize=15, color=NOTICE, va="bottom", linespacing=1.3)
    return page.figure


def draw_row(page: Page, cell: Cell, y: int, track: Track, columns: Sequence[float], frames: Path) -> None:
    """A scheme's name and its picture at the time of each column, from so far up."""
    page.fill(EDGE, y + 14, 6, cell.height + CAPTION - 14, color=track.colour)
    name, top = shorten(track.name, (cell.names - 20) // 12, 3), y + cell.height + CAPTION
    page.write(EDGE + 16, top + 3, name, fontsize=19, weight="bold", **HANGING)
    below = top - 27 - 25 * name.count("\n")
    page.write(EDGE + 16, below, size_words(track), fontsize=15, color=GREY, **HANGING)
    before = ""
    for k, time_s in enumerate(columns):
        point = [point for point in track.rows if point.time_s <= time_s][-1]
        if point.frame:
            show(page, cell, cell.x(k), y + CAPTION, frames / point.frame)
            write_caption(page, cell, cell.x(k), y + 20, track, point, new=point.frame != before)
        else:
            draw_wait(page, cell, cell.x(k), y + CAPTION, track, point)
        before = point.frame


def show(page: Page, cell: Cell, x: int, y: int, picture: Path) -> None:
    """A picture in the middle of its cell."""
    width, height = cell.picture
    page.show(x + (cell.width - width) // 2, y + (cell.height - height + 1) // 2, picture, cell.picture)


def write_caption(page: Page, cell: Cell, x: int, y: int, track: Track, point: TrackPoint, new: bool) -> None:
    """The score of a picture, bold if it is new, and where there is room the packets held."""
    text, size = number(point.value), cell.fonts[0]
    after = (0.66 * len(text) + 0.7) * size
    held = held_words(point, track, int((cell.width + GAP - after) / (0.6 * size)) if cell.roomy else 0)
    page.write(x, y, text, fontsize=size, **{"weight": "bold"} if new else {"color": GREY})
    page.write(x + after, y, held, fontsize=size, color=GREY)


def draw_wait(page: Page, cell: Cell, x: int, y: int, track: Track, point: TrackPoint) -> None:
    """A hatched cell: there is nothing to show yet, with so many packets held."""
    page.fill(x, y, cell.width, cell.height, facecolor=PAPER, edgecolor=PALE, hatch="//")
    text = f"waiting:\n{held_words(point, track, int(cell.width / (0.6 * cell.fonts[0])) if cell.roomy else 0)}"
    look = {"fontsize": cell.fonts[0], "color": GREY, "ha": "center", "va": "center", "linespacing": 1.3}
    page.write(x + cell.width / 2, y + cell.height / 2, text, **look)


def facts_of(summary: Mapping[str, Any], metric: str, tracks: Sequence[Track], columns: Sequence[float]) -> list[str]:
    """What a reader needs to know: the link, the photos, and how to read columns and captions."""
    info = summary["metrics"][metric]
    better = "higher" if info["higher_is_better"] else "lower"
    spare = " (+ repair packets)" if any(track.repairs for track in tracks) else ""
    return [
        *subtitle(summary),
        *median_words(summary),
        f"Columns: {clock_words(columns[-1])} since {the_photo(summary)} was taken.",
        f"Under each picture: {with_unit(info)}, {better} is better, bold if new; then packets held of packets needed"
        f"{spare}.",
    ]


def size_words(track: Track) -> str:
    """What a whole photo takes."""
    packets = f"{track.payload_bytes} bytes\nin {count_packets(track.packets)}"
    return f"{packets}\n+ {track.repairs} for repair" if track.repairs else packets


def held_words(row: TrackPoint, track: Track, letters: int) -> str:
    """ "3 of 5 packets", or with two repair packets "6 of 5+2 packets"; without the last word if too long."""
    needed = f"{track.packets}+{track.repairs} packets" if track.repairs else count_packets(track.packets)
    words = f"{row.packets_held} of {needed}"
    return words if len(words) <= letters else words.rsplit(" ", 1)[0]


def count_packets(count: int) -> str:
    """ "1 packet" or "5 packets"."""
    return f"{count} packet" + "s" * (count != 1)


def times_of(tracks: Sequence[Track], many: bool, end_s: float) -> list[float]:
    """When something changes: a packet comes or, of a median photo whose packets come and go, the picture."""
    rows = [row for track in tracks for row in track.rows if row.packets_held]
    if many:
        new = [b for track in tracks for a, b in zip(track.rows, track.rows[1:], strict=False) if a.frame != b.frame]
        rows = new or rows
    return [row.time_s for row in rows] or [end_s]


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
    shares = [1] * len(visits)
    shares[0] = min(2, len(visits[0]))
    for _ in range(most - sum(shares)):
        k = max(range(len(visits)), key=lambda k: len(visits[k]) / shares[k])
        shares[k] += 1
    rest = [
        visit[round((k + 1) * len(visit) / share) - 1]
        for visit, share in zip(visits[1:], shares[1:], strict=True)
        for k in range(share)
    ]
    return evenly(visits[0], shares[0]) + rest


def evenly(times: Sequence[float], most: int) -> list[float]:
    """So many of `times`, the first and the last among them; of one, the last."""
    return [times[round(k * (len(times) - 1) / (most - 1))] for k in range(most)] if most > 1 else [times[-1]]
