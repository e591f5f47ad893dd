"""What the receiver sees, picture by picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from satsim.figures.page import GREY, NOTICE, PALE, PAPER, median_words, sender_count, subtitle, the_photo, wrap_notices
from satsim.figures.tracks import Track, TrackPoint
from satsim.words import clock, clock_words, number, shorten, with_unit

EDGE, GAP, CAPTION = 24, 12, 40
"""In pixels, as all lengths here: around the figure, between cells, and for the text below a cell."""


class Sheet:
    """An empty figure measured in pixels, y downwards from its upper edge."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=72)

    def write(self, x: float, y: float, text: str, size: float, **look: Any) -> None:
        """Text at a place, which is its upper left corner unless `look` says otherwise."""
        look = {"va": "top", "linespacing": 1.3, **look}
        self.figure.text(x / self.width, 1 - y / self.height, text, fontsize=size, **look)

    def fill(self, x: float, y: float, w: float, h: float, **look: Any) -> None:
        """A rectangle."""
        corner = x / self.width, 1 - (y + h) / self.height
        self.figure.add_artist(Rectangle(corner, w / self.width, h / self.height, linewidth=0, **look))

    def show(self, x: int, y: int, picture: Path, size: tuple[int, int]) -> None:
        """A picture, pixel for pixel where it has this size already."""
        with Image.open(picture) as image:
            pixels = image.convert("RGB")
        if pixels.size != size:
            pixels = pixels.resize(size, Image.Resampling.LANCZOS)
        self.fill(x - 1, y - 1, size[0] + 2, size[1] + 2, color=PALE, zorder=-1)
        self.figure.figimage(np.asarray(pixels), x, self.height - y - size[1])


def filmstrip(frames: Path, summary: Mapping[str, Any], metric: str, tracks: Sequence[Track]) -> Figure:
    """What the receiver sees: a row for each scheme, a column for each time of `pick_columns`, the original on top."""
    columns = pick_columns(times_of(tracks, sender_count(summary) > 1, summary["duration_s"]), summary["interval_s"])
    # Pictures are at most 256 pixels wide or high, cells always large enough for their text.
    with Image.open(frames / "original.png") as original:
        across = min(256, (1600 - 2 * EDGE - 200) // len(columns) - GAP)
        down = min(256, 1800 // len(tracks))
        scale = min(across / original.width, down / original.height)
        size = max(1, round(scale * original.width)), max(1, round(scale * original.height))
    cell_width, cell_height = max(size[0], 136), max(size[1], 100)
    roomy = cell_width > 190
    normal, large = (17, 24) if roomy else (15, 19)
    names = max(cell_width, 200)
    left = EDGE + names + GAP
    width = max(left + (cell_width + GAP) * len(columns) + EDGE, 1000)
    room = width - left - EDGE
    head, body = (34, 19) if room > 1000 else (26, 16)
    title = shorten(summary["title"], int(room / head / 0.68), 2)
    facts = [shorten(fact, int(room / body / 0.57), 2) for fact in facts_of(summary, metric, tracks, columns)]
    lines = "\n".join(facts)
    facts_at = EDGE + 1.3 * head * (title.count("\n") + 1) + 4
    top = max(EDGE + max(cell_height, 200) + 36, round(facts_at + 1.4 * body * (lines.count("\n") + 1)) + large + 20)
    notices = wrap_notices(summary, (width - 2 * EDGE) // 10)
    sheet = Sheet(width, top + (cell_height + CAPTION) * len(tracks) + 21 * len(notices) + EDGE)

    def show(x: int, y: int, file: str) -> None:
        sheet.show(x + (cell_width - size[0]) // 2, y + (cell_height - size[1]) // 2, frames / file, size)

    show(EDGE, EDGE, "original.png")
    sheet.write(EDGE, EDGE + cell_height + 7, "original", normal, color=GREY)
    sheet.write(left, EDGE - 6, title, head, weight="bold")
    sheet.write(left, facts_at, lines, body, color=GREY)
    for k, time_s in enumerate(columns):
        at = left + k * (cell_width + GAP)
        sheet.write(at, top - 8, clock(time_s, columns[-1]), large, weight="bold", va="baseline")
    for i, track in enumerate(tracks):
        y, before = top + i * (cell_height + CAPTION), ""
        under = y + cell_height + 20
        sheet.fill(EDGE, y, 6, cell_height + CAPTION - 14, color=track.colour)
        name = shorten(track.name, (names - 20) // 12, 3)
        sheet.write(EDGE + 16, y - 3, name, 19, weight="bold")
        sheet.write(EDGE + 16, y + 27 + 25 * name.count("\n"), size_words(track), 15, color=GREY)
        for k, time_s in enumerate(columns):
            x = left + k * (cell_width + GAP)
            row = [row for row in track.rows if row.time_s <= time_s][-1]
            if row.frame:
                show(x, y, row.frame)
                look = {"color": GREY} if row.frame == before else {"weight": "bold"}
                text = number(row.value)
                sheet.write(x, under, text, normal, va="baseline", **look)
                after = (0.66 * len(text) + 0.7) * normal
                held = held_words(row, track, int((cell_width + GAP - after) / (0.6 * normal)) if roomy else 0)
                sheet.write(x + after, under, held, normal, color=GREY, va="baseline")
            else:
                sheet.fill(x, y, cell_width, cell_height, facecolor=PAPER, edgecolor=PALE, hatch="//")
                text = f"waiting:\n{held_words(row, track, int(cell_width / (0.6 * normal)) if roomy else 0)}"
                look = {"color": GREY, "ha": "center", "va": "center"}
                sheet.write(x + cell_width / 2, y + cell_height / 2, text, normal, **look)
            before = row.frame
    sheet.write(EDGE, sheet.height - EDGE / 2, "\n".join(notices), 15, color=NOTICE, va="bottom")
    return sheet.figure


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
