"""From events to rows: what the receiver's screen shows at each moment, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from satsim.scenario.spec import slug
from satsim.scoring.judge import Judge
from satsim.simulation.events import Event


class TimelineRow(NamedTuple):
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


def build_timeline(
    scheme: str, events: Sequence[Event], judge: Judge, created_s: Sequence[float]
) -> tuple[list[TimelineRow], dict[str, str]]:
    """Rows of each sender's photo, one for each metric when it is taken and whenever the screen may change.

    And the digest of the picture in each file that they name. `created_s` tells when each sender takes its photo.
    """
    rows: list[TimelineRow] = []
    files: dict[str, str] = {}
    for sender, taken_s in enumerate(created_s):
        held, held_bytes = frozenset[int](), 0
        steps = [event for event in events if event.kind == "shown" and event.sender == sender]
        for event in [None, *steps]:
            if event is not None:
                held |= {event.payload_index}
                held_bytes += event.message_bytes
            frame, values = judge.look_up(held)
            file = files.setdefault(frame, f"{slug(scheme)}_{len(files) + 1:03d}.png") if frame else ""
            time_s = taken_s if event is None else event.time_s
            for metric, value in zip(judge.sending.metrics, values, strict=True):
                shown = value if frame else None
                rows.append(TimelineRow(scheme, time_s, len(held), held_bytes, metric, shown, file, sender))
    return rows, {file: frame for frame, file in files.items()}
