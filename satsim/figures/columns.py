"""Which moments of many a filmstrip shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from satsim.figures.page import Track, links_of

MOST = 8
FINEST = 400
"""Into so many parts the time is cut at most."""
WAITING = 0.1
"""What a packet that changes no picture counts for, where a picture counts for 1."""
SECOND_S = 1.0
"""Closer first pictures share a column: clocks tell no less."""


class Change(NamedTuple):
    """What is new on the screen."""

    time_s: float
    pictures: int
    """Of how many schemes the picture is new; of none where only a packet came."""
    first: bool
    """Whether it is the first picture of a scheme."""


def choose_columns(tracks: Sequence[Track], summary: Mapping[str, Any]) -> list[float]:
    """Of the times when something changes: a packet comes or, of a median photo whose packets come and go, the picture.

    The end of the run where nothing ever does.
    """
    changes = [
        Change(b.time_s, int(b.frame not in ("", a.frame)), bool(track.shown) and b.time_s == track.shown[0].time_s)
        for track in tracks
        for a, b in pairwise(track.points)
        if b.packets_held
    ]
    if len(tracks[0].photos) > 1:
        changes = [change for change in changes if change.pictures] or changes
    paces_s = [link.get("interval_s", summary["interval_s"]) for link in links_of(summary)]
    return pick_columns(sorted(changes), min(paces_s), 10 * max(paces_s)) if changes else [summary["duration_s"]]


def pick_columns(changes: Sequence[Change], slot_s: float, pause_s: float, most: int = MOST) -> list[float]:
    """At most so many times, in order. What a reader looks for comes first: each scheme's first picture, when it is
    there; what is there in the end; what is there when a visit ends (changes come in visits, parted by more than
    `pause_s` without any, as between two passes of a satellite). The rest are chosen so that little is skipped.

    Changes within half a slot share a column, at the last of them, but the one at a first picture is not put off. Of
    more first pictures than columns, and of too many visits, some, evenly chosen.
    """
    moments = gather(changes, max(slot_s / 2, (changes[-1].time_s - changes[0].time_s) / FINEST))
    if len(moments) <= most:
        return [moment.time_s for moment in moments]
    times, end = [moment.time_s for moment in moments], len(moments) - 1
    firsts = [k for k, moment in enumerate(moments[:-1]) if moment.first]
    kept = {*evenly(firsts, most - 1), end}
    ends = [k for k in range(end) if times[k + 1] - times[k] > pause_s and k not in kept]
    kept |= set(evenly(ends, most - len(kept)))
    return [times[k] for k in skip_least([WAITING + moment.pictures for moment in moments], sorted(kept), most)]


def gather(changes: Sequence[Change], within_s: float) -> list[Change]:
    """Changes in order of time, those so close to the first of them as one, at the time of the last."""
    moments: list[Change] = []
    began_s = 0.0
    for time_s, pictures, first in changes:
        before = moments[-1] if moments else None
        close_s = min(within_s, SECOND_S) if first or (before and before.first) else within_s
        if before and time_s - began_s <= close_s:
            moments[-1] = Change(time_s, before.pictures + pictures, before.first or first)
        else:
            moments.append(Change(time_s, pictures, first))
            began_s = time_s
    return moments


def skip_least(weights: Sequence[float], kept: Sequence[int], most: int) -> list[int]:
    """So many places, all `kept` ones among them, with the least sum of squared weights skipped before each.

    The last place is kept, and there are more places than `most`.
    """
    places, total = np.arange(len(weights)), np.concatenate([[0.0], np.cumsum(weights)])
    skipped = (total[None, :-1] - total[1:, None]) ** 2  # from after one place to before a later one
    skipped[places[None, :] <= places[:, None]] = np.inf
    least = total[:-1] ** 2
    for k in kept:
        skipped[:k, k + 1 :] = np.inf
        least[k + 1 :] = np.inf
    steps = []
    for _ in range(most - 1):
        ways = least[:, None] + skipped
        steps.append(ways.argmin(axis=0))
        least = ways.min(axis=0)
    chosen = [len(weights) - 1]
    for step in reversed(steps):
        chosen.append(int(step[chosen[-1]]))
    return chosen[::-1]


def evenly(places: Sequence[int], most: int) -> list[int]:
    """So many of `places` at most, the first and the last among them; of one, the last."""
    if len(places) <= most:
        return list(places)
    return (
        [places[round(k * (len(places) - 1) / (most - 1))] for k in range(most)] if most > 1 else [*places[-1:]][:most]
    )
