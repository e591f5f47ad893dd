"""What scores of an evaluation follow from, so that what is kept of others is not taken for them."""

from __future__ import annotations

from collections.abc import Sequence

from codec.base import Codec
from codec.evaluation.contenders import Contender
from codec.loading import load_codec
from codec.metrics import Metric
from satsim.scoring.coding import scored_with
from satsim.scoring.digests import coded_with, flat
from satsim.scoring.judge import digest


def made_with(rival: Contender, metrics: Sequence[str]) -> str:
    """A digest of all that scores follow from besides photo and rates: options, files, weights, code and libraries."""
    codec: Codec = rival.codec or load_codec(rival.name, budget_bytes=1, **rival.options)
    return digest(flat(coded_with(rival.name, rival.options, codec.model_id) | scored_with(metrics)))


def decoded_with(metric: Metric) -> str:
    """As `made_with`, of an analysis, besides the model."""
    name = metric.loads_as or metric.name
    return digest(flat(coded_with("progic", {}, 0) | scored_with([name])))
