"""From events to rows: what the receiver's screen shows at each moment, and how good it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from satsim.scenario.spec import slug
from satsim.simulation.events import ENDED, Event

Picture = npt.NDArray[np.uint8]


class Metric(Protocol):
    """A score of a picture against its reference."""

    @property
    def name(self) -> str: ...

    @property
    def higher_is_better(self) -> bool: ...

    def __call__(self, reference: Picture, image: Picture) -> float: ...


class Point(NamedTuple):
    """One score of what one scheme's receiver shows from `time_s` on; a row of timeline.csv."""

    scheme: str
    time_s: float
    packets_held: int
    bytes_held: int
    """On the air, headers included, of the packets held."""
    metric: str
    value: float | None
    """None while there is nothing to show."""
    frame: str
    """File of the picture shown; empty while there is none."""
    sender: int = 0


class Frame(NamedTuple):
    """One distinct picture on the screen."""

    values: tuple[float, ...]
    file: str


class Screen:
    """What one scheme's receiver shows for each set of payloads it may hold.

    Each set is decoded once, and each picture scored once.
    """

    def __init__(
        self,
        scheme: str,
        payloads: Sequence[bytes],
        decode: Callable[[Mapping[int, bytes]], Picture | None],
        reference: Picture,
        metrics: Sequence[Metric],
    ) -> None:
        self.scheme = scheme
        self.metrics = metrics
        self.pictures: dict[str, Picture] = {}
        """By file name, as in the rows."""
        self._payloads = payloads
        self._decode = decode
        self._reference = reference
        self._frames: dict[frozenset[int], Frame | None] = {frozenset(): None}
        self._known: dict[bytes, Frame] = {}
        """By the bytes of the picture: what looks the same is one frame."""

    def show(self, held: frozenset[int]) -> Frame | None:
        """The frame of these payloads; None for nothing to show."""
        if held not in self._frames:
            picture = self._decode({k: self._payloads[k] for k in sorted(held)})
            self._frames[held] = None if picture is None else self._frame_of(picture)
        return self._frames[held]

    def _frame_of(self, picture: Picture) -> Frame:
        pixels = picture.tobytes()
        if pixels not in self._known:
            values = tuple(metric(self._reference, picture) for metric in self.metrics)
            file = f"{slug(self.scheme)}_{len(self.pictures) + 1:03d}.png"
            self.pictures[file] = picture
            self._known[pixels] = Frame(values, file)
        return self._known[pixels]


def build_timeline(events: Sequence[Event], screen: Screen, sender: int = 0, created_s: float = 0.0) -> list[Point]:
    """Rows of one sender's photo, one for each metric when it is taken and whenever the screen may change."""
    points: list[Point] = []
    held: frozenset[int] = frozenset()
    held_bytes = 0

    def note(time_s: float) -> None:
        frame = screen.show(held)
        for k, metric in enumerate(screen.metrics):
            value, file = (frame.values[k], frame.file) if frame else (None, "")
            points.append(Point(screen.scheme, time_s, len(held), held_bytes, metric.name, value, file, sender))

    note(created_s)
    for event in events:
        if event.kind == "shown" and event.sender == sender:
            held |= {event.payload_index}
            held_bytes += event.message_bytes
            note(event.time_s)
    return points


def summarise(
    points: Sequence[Point], events: Sequence[Event], metrics: Sequence[Metric], levels: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """One scheme's story in numbers: first image, time to each quality level, final quality, packets and bytes.

    Times are seconds since the picture was taken; None means never within the run. With several senders times and
    qualities are medians over them, the worse of two where their number is even; a photo that never comes counts last.
    """
    senders = sorted({point.sender for point in points})
    photos = [[point for point in points if point.sender == sender] for sender in senders]
    reached: dict[str, dict[str, float | None]] = {}
    first: dict[str, float | None] = {}
    final: dict[str, float | None] = {}
    for metric in metrics:
        rows = [[point for point in photo if point.metric == metric.name] for photo in photos]
        better = -1.0 if metric.higher_is_better else 1.0
        ends = [None if mine[-1].value is None else better * mine[-1].value for mine in rows]
        starts = [next((better * p.value for p in mine if p.value is not None), None) for mine in rows]
        first[metric.name], final[metric.name] = (
            None if middle is None else better * middle for middle in (_median(starts), _median(ends))
        )
        reached[metric.name] = {
            f"{level:g}": _median([_time_to(mine, level, metric.higher_is_better) for mine in rows])
            for level in levels.get(metric.name, ())
        }
    kinds: Counter[str] = Counter(event.kind for event in events)
    firsts = [_first_image(photo) for photo in photos]
    story: dict[str, Any] = {
        "first_image_s": _median(firsts),
        "last_change_s": _median([_last_change(photo) for photo in photos]),
        "time_to_quality_s": reached,
        "first_quality": first,
        "final_quality": final,
        "packets_sent": kinds["sent"],
        **{f"packets_{kind}": kinds[kind] for kind in (*ENDED, "copied", "acknowledged")},
        "bytes_sent": sum(event.message_bytes for event in events if event.kind == "sent"),
    }
    if len(photos) > 1:
        story["photos"] = len(photos)
        story["photos_shown"] = sum(first is not None for first in firsts)
        story["last_first_image_s"] = None if None in firsts else max(first for first in firsts if first is not None)
    return story


def _median(values: Sequence[float | None]) -> float | None:
    """The one in the middle, of two the larger; None counts as larger than any."""
    ordered = sorted(values, key=lambda value: inf if value is None else value)
    return ordered[len(ordered) // 2]


def _first_image(photo: Sequence[Point]) -> float | None:
    return next((point.time_s - photo[0].time_s for point in photo if point.value is not None), None)


def _time_to(photo: Sequence[Point], level: float, higher_is_better: bool) -> float | None:
    return next((p.time_s - photo[0].time_s for p in photo if _reaches(p.value, level, higher_is_better)), None)


def _reaches(value: float | None, level: float, higher_is_better: bool) -> bool:
    if value is None:
        return False
    return value >= level if higher_is_better else value <= level


def _last_change(photo: Sequence[Point]) -> float | None:
    shown = [point for point in photo if point.value is not None]
    changes = [b.time_s for a, b in zip([None, *shown], shown, strict=False) if a is None or a.frame != b.frame]
    return changes[-1] - photo[0].time_s if changes else None
