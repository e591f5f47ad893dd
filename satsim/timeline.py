"""From events to rows: what the receiver's screen shows at each moment, and how good it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from satsim.scenario import slug
from satsim.simulation import Event

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


class Frame(NamedTuple):
    """One distinct picture on the screen."""

    picture: Picture
    values: tuple[float, ...]
    file: str


def build_timeline(
    scheme: str,
    events: Sequence[Event],
    payloads: Sequence[bytes],
    decode: Callable[[Mapping[int, bytes]], Picture | None],
    reference: Picture,
    metrics: Sequence[Metric],
) -> tuple[list[Point], dict[str, Picture]]:
    """Rows, one for each metric at time 0 and whenever the screen may change, and the pictures by file name.

    Each distinct set of payloads is decoded and scored once.
    """
    screens: dict[frozenset[int], Frame | None] = {frozenset(): None}
    pictures: dict[str, Picture] = {}
    points: list[Point] = []
    held: frozenset[int] = frozenset()
    held_bytes = 0

    def note(time_s: float) -> None:
        screen = screens[held]
        for k, metric in enumerate(metrics):
            value, file = (screen.values[k], screen.file) if screen else (None, "")
            points.append(Point(scheme, time_s, len(held), held_bytes, metric.name, value, file))

    note(0.0)
    for event in events:
        if event.kind != "shown":
            continue
        held |= {event.payload_index}
        held_bytes += event.message_bytes
        if held not in screens:
            picture = decode({k: payloads[k] for k in sorted(held)})
            if picture is None:
                screens[held] = None
            else:
                values = tuple(metric(reference, picture) for metric in metrics)
                file = f"{slug(scheme)}_{len(pictures) + 1:03d}.png"
                pictures[file] = picture
                screens[held] = Frame(picture, values, file)
        note(event.time_s)
    return points, pictures


def summarise(
    points: Sequence[Point], events: Sequence[Event], metrics: Sequence[Metric], levels: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """One scheme's story in numbers: first image, time to each quality level, final quality, packets and bytes.

    Times are seconds since the picture was taken; None means never within the run.
    """
    shown = [point for point in points if point.value is not None]
    reached: dict[str, dict[str, float | None]] = {}
    final: dict[str, float | None] = {}
    for metric in metrics:
        mine = [point for point in shown if point.metric == metric.name]
        final[metric.name] = mine[-1].value if mine else None
        reached[metric.name] = {
            f"{level:g}": next((p.time_s for p in mine if _reaches(p.value, level, metric.higher_is_better)), None)
            for level in levels.get(metric.name, ())
        }
    sent = [event for event in events if event.kind == "sent"]
    return {
        "first_image_s": shown[0].time_s if shown else None,
        "last_change_s": _last_change(shown),
        "time_to_quality_s": reached,
        "final_quality": final,
        "packets_sent": len(sent),
        "packets_lost": sum(event.kind == "lost" for event in events),
        "bytes_sent": sum(event.message_bytes for event in sent),
    }


def _reaches(value: float | None, level: float, higher_is_better: bool) -> bool:
    if value is None:
        return False
    return value >= level if higher_is_better else value <= level


def _last_change(shown: Sequence[Point]) -> float | None:
    changes = [b.time_s for a, b in zip([None, *shown], shown, strict=False) if a is None or a.frame != b.frame]
    return changes[-1] if changes else None
