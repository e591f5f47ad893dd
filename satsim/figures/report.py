"""The report of a run: one page for a browser that shows it second by second, with all that it needs inside."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from satsim.figures.page import Track, subtitle
from satsim.words import headline

LARGEST = 5_000_000
"""Bytes of the page."""
MOST_EVENTS = 2_000_000
"""Bytes of events.csv; a page with more marks than these would not move any more."""


def write_report(folder: Path, summary: Mapping[str, Any], tracks: Mapping[str, Sequence[Track]]) -> None:
    """Write report.html of a results folder, at most `LARGEST` bytes; `tracks` are those of each metric.

    Reads events.csv and the frames shown; the same folder gives the same bytes. Raises OSError.
    """
    shown = (point.frame for own in tracks.values() for track in own for point in track.shown)
    frames = list(dict.fromkeys(["original.png", *shown]))
    places = {frame: k for k, frame in enumerate(frames)} | {"": -1}
    schemes: list[dict[str, Any]] = []
    for track in next(iter(tracks.values())):
        schemes.append({"name": track.name, "solid": track.builds_up, **track.mark, "points": {}})
    for metric, own in tracks.items():
        for scheme, track in zip(schemes, own, strict=True):
            rows = [(time_s, held, f"{value:.6g}", places[frame]) for time_s, held, value, frame in track.points]
            scheme["points"][metric] = rows
    notes, path = [], folder / "events.csv"
    events = path.read_text(encoding="utf-8") if path.exists() else ""
    if not events or len(events) > MOST_EVENTS:
        why = f"has {len(events):,} bytes, too many to mark each packet here" if events else "is missing"
        notes, events = [f"events.csv {why}."], ""
    data = {"summary": summary, "facts": subtitle(summary, median=True), "schemes": schemes, "events": events}
    paths = [folder / "frames" / frame for frame in frames]
    pictures = [data_uri("png", path.read_bytes()) for path in paths]
    content = page_of(headline(summary), {**data, "pictures": pictures, "frames": frames, "notes": notes})
    if len(content) > LARGEST:
        from satsim.figures.smaller import smaller

        room = LARGEST - len(content) + sum(map(len, pictures)) - 500
        files, note = smaller(paths, room)
        pictures = [data_uri("webp", file) for file in files]
        content = page_of(headline(summary), {**data, "pictures": pictures, "frames": frames, "notes": [*notes, note]})
    (folder / "report.html").write_bytes(content)


def page_of(title: str, data: Mapping[str, Any]) -> bytes:
    """The page; whatever is in its texts, they neither end the script that holds them nor become part of the page."""
    before, after = Path(__file__).with_name("report.html").read_text(encoding="utf-8").split("@DATA@")
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return (before.replace("@TITLE@", html.escape(title)) + text + after).encode("utf-8", "replace")


def data_uri(kind: str, content: bytes) -> str:
    """A picture as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
