"""What an analysis found: its settings, the rows and maps of each folder, and their CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codec.analysis.analyse import Score, StageUse
from codec.analysis.latents import StageMap
from codec.analysis.range_coding import Saving, rate_change
from codec.evaluation.intervals import Floats, interval_of
from codec.evaluation.rows import in_csv
from codec.metrics import Metric

Ends = tuple[float, float] | None
"""Of a 95 % interval (`codec.evaluation.intervals`); None where there is none."""


@dataclass(frozen=True)
class Settings:
    """How an analysis was made."""

    model: str
    model_id: int
    stages: int
    index_bits: int
    side: int | None
    """Pixels of the centre square; None for photos as they are."""
    prior: str
    """Whose codewords the prior counted, in words."""
    prior_indices: int
    """Indices that each stage's prior was counted from, at least."""
    smoothing: float
    metric: Metric
    notices: tuple[str, ...]


@dataclass(frozen=True)
class FolderResult:
    """All numbers of one folder of photos."""

    name: str
    uses: list[StageUse]
    savings: list[Saving]
    maps: list[StageMap]
    scores: list[Score]
    pages: list[str]
    """Files of the visual sheets."""

    def values(self, held: int, lost: int = 0) -> Floats:
        """The metric's values float[photos], as `Score` has `held` and `lost`."""
        return np.array([score.value for score in self.scores if (score.held, score.lost) == (held, lost)])

    def changes(self, lost: int) -> Floats:
        """What losing one stage changes, photo by photo."""
        stages = max(score.held for score in self.scores)
        return self.values(stages - 1, lost) - self.values(stages)

    def gains(self, stage: str) -> Floats:
        """Percent of the bytes that range coding saves float[photos], as `Saving` has `stage`."""
        return np.array([100 * row.gain for row in self.savings if row.stage == stage])

    def rates(self) -> tuple[Floats, Floats, Floats]:
        """Bits per pixel raw, the same as a range-coded stream a stage, and scores: each float[photos, N].

        Column k has the first k stages, from 1.
        """
        whole = [score for score in self.scores if not score.lost]
        stages = range(1, max(score.held for score in whole) + 1)
        raw = np.array([[score.bpp for score in whole if score.held == held] for held in stages]).T
        left = np.array([1 - self.gains(str(stage)) / 100 for stage in stages]).T
        return raw, raw * left.cumsum(1) / np.arange(1, len(stages) + 1), np.array([self.values(k) for k in stages]).T

    def curve(self, coded: bool) -> tuple[list[float], list[float]]:
        """Mean bpp and mean score of the first 1 to N stages, sent raw or as one range-coded stream a stage."""
        *bpps, quality = self.rates()
        return bpps[coded].mean(0).tolist(), quality.mean(0).tolist()

    def bd_rate(self) -> tuple[float | None, Ends]:
        """Bjontegaard rate change that coding brings to the mean curve, -0.009 for 0.9% less, and its 95 % interval.

        None if not monotone, or not finite; the interval is of photos drawn anew.
        """
        raw, coded, quality = self.rates()
        if not np.isfinite(quality).all():
            return None, None

        def change(drawn: Any) -> float | None:
            means = (list(each[drawn].mean(0)) for each in (raw, coded, quality))
            return rate_change(*means)

        return change(slice(None)), interval_of(change, len(raw))


def write_tables(results: Sequence[FolderResult], out: Path) -> None:
    """codewords.csv, range_coding.csv, scores.csv and latents.csv, a row as its NamedTuple has it."""
    uses = [row for result in results for row in result.uses]
    (out / "codewords.csv").write_bytes(in_csv(StageUse._fields, uses))
    saved = [(*row, row.gain) for result in results for row in result.savings]
    (out / "range_coding.csv").write_bytes(in_csv((*Saving._fields, "gain"), saved))
    (out / "scores.csv").write_bytes(in_csv(Score._fields, [row for result in results for row in result.scores]))
    maps = [
        (result.name, m.name, int(m.counts.sum()), len(m.points), *m.axis_shares, m.dimensions, m.energy_left)
        for result in results
        for m in result.maps
    ]
    fields = ("folder", "set", "cells", "points", "axis1_share", "axis2_share", "dimensions", "energy_left")
    (out / "latents.csv").write_bytes(in_csv(fields, maps))
