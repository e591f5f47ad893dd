"""Evaluations and analyses of codecs: by the workers of sweeps, and kept on disk as sweeps keep what they have done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from codec.base import Codec
from codec.evaluation.contenders import Contender
from codec.loading import load_codec
from satsim.scoring.coding import scored_with
from satsim.scoring.digests import coded_with, flat
from satsim.scoring.judge import digest
from satsim.sweep.results import Unfinished

FORMAT = 1
"""Of what is kept."""


@contextmanager
def kept_beside(out: Path, what: str, resume: bool, tell: Callable[[str], None]) -> Iterator[Unfinished]:
    """Where answers are kept until the block that fills `out` ends well; then they go. Raises SweepError where another
    process is at it, or where `resume` is not given and there are some.

    Each is known by what it was made of, so that what is kept of other photos, weights or options is never taken.
    """
    unfinished, plan = Unfinished(out, what), {"kind": what, "format": FORMAT}
    with unfinished.locked():
        unfinished.check(plan, resume, None, tell)
        unfinished.begin(plan)
        yield unfinished
        unfinished.remove()


def made_with(rival: Contender, metrics: Sequence[str]) -> str:
    """A digest of all that scores follow from besides photo and rates: options, files, weights, code and libraries."""
    codec: Codec = rival.codec or load_codec(rival.name, budget_bytes=1, **rival.options)
    return digest(flat(coded_with(rival.name, rival.options, codec.model_id) | scored_with(metrics)))
