"""What an analysis found: its settings, the rows and maps of each folder, and their CSV files."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codec.analysis.analyse import Score, StageUse
from codec.analysis.latents import StageMap
from codec.analysis.range_coding import Saving, rate_change
from codec.evaluation.rows import in_csv
from codec.metrics import Metric


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

    def mean_score(self, held: int, lost: int = 0) -> float:
        """The metric's mean over the photos, as `Score` has `held` and `lost`."""
        return statistics.fmean(score.value for score in self.scores if (score.held, score.lost) == (held, lost))

    def curve(self, coded: bool) -> tuple[list[float], list[float]]:
        """Mean bpp and mean score of the first 1 to N stages, sent raw or as one range-coded stream a stage."""
        whole = [score for score in self.scores if not score.lost]
        saved = {(row.image, row.stage): row.gain if coded else 0.0 for row in self.savings}
        bpps = []
        for held in range(1, max(score.held for score in whole) + 1):
            each = [score for score in whole if score.held == held]
            left = [statistics.fmean(1 - saved[score.image, str(k + 1)] for k in range(held)) for score in each]
            bpps.append(statistics.fmean(score.bpp * share for score, share in zip(each, left, strict=True)))
        return bpps, [self.mean_score(held + 1) for held in range(len(bpps))]

    def bd_rate(self) -> float | None:
        """Bjontegaard rate change that coding brings to the mean curve, -0.009 for 0.9% less; None if not monotone."""
        raw, quality = self.curve(coded=False)
        return rate_change(raw, self.curve(coded=True)[0], quality)


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
