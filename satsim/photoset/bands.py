"""Quality over time of all photos of a set together: the median photo, and the middle half."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from codec.metrics import MetricInfo
from satsim.scoring.summary import Floats


class Band(NamedTuple):
    """What photos look like from `time_s` on; a row of quality_vs_time_<metric>.csv. NaN: nothing to show."""

    scheme: str
    time_s: float
    photos_shown: int
    """How many photos have a picture."""
    best_quarter: float
    """What a quarter of the photos are at least as good as."""
    median: float
    """What half of them are at least as good as."""
    worst_quarter: float
    """What three quarters of them are at least as good as."""


def bands(scheme: str, tracks: Sequence[Mapping[str, Any]], metric: MetricInfo) -> Iterator[Band]:
    """A row for each time at which any photo's screen changes; `tracks` has one scheme's entry of each photo.

    Ranks are taken anew each time, so that it need not be one photo throughout; nothing to show is worse than any
    picture, and of two photos in the middle the worse one counts.
    """
    better = -1.0 if metric.higher_is_better else 1.0
    times_s = np.unique(np.concatenate([track["times_s"] for track in tracks]))
    badness = np.stack([better * at_all(track, metric.name, times_s) for track in tracks])
    shown = (~np.isnan(badness)).sum(axis=0)
    badness.sort(axis=0)  # NaN comes last
    count = len(tracks)
    rows = [better * badness[min(count - 1, int(share * count))] for share in (0.25, 0.5, 0.75)]
    before = None
    for k, time_s in enumerate(times_s.tolist()):
        band = Band(scheme, time_s, int(shown[k]), *(float(row[k]) for row in rows))
        if before is None or repr(band[2:]) != before:
            yield band
        before = repr(band[2:])


def at_all(track: Mapping[str, Any], metric: str, times_s: Floats) -> Floats:
    """What the screen of one photo is worth at each of these times."""
    last = np.searchsorted(track["times_s"], times_s, side="right") - 1
    return np.asarray(track["values"][metric], dtype=np.float64)[last]
