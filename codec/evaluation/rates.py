"""Rows to curves and Bjontegaard rates: how many bytes more or fewer a codec takes for the same quality."""

from __future__ import annotations

import importlib
import itertools
import math
import statistics
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from codec.base import CodecError
from codec.evaluation.contenders import read_contender
from codec.evaluation.intervals import Floats, interval_of, mean_interval
from codec.evaluation.rows import Measurement
from codec.metrics import metric_info

LEAST_OVERLAP = 0.2
"""A BD-rate over a smaller share of the qualities is refused."""


class RdPoint(NamedTuple):
    """One point of a rate-distortion curve: means over the pictures of a dataset; times are medians."""

    dataset: str
    codec: str
    metric: str
    rate: int
    bytes: float
    bpp: float
    value: float | None
    """Mean of the pictures that are shown; None for none."""
    low: float | None
    """Ends of the mean's 95 % interval over pictures (bootstrap); None where fewer than two are shown."""
    high: float | None
    pictures: int
    """Of the dataset."""
    missing: int
    """Of these, how many show nothing at this rate; such a point is part of no curve."""
    encode_ms: float
    decode_ms: float
    threads: int
    parameters: int | None
    gflops: float | None


class BdRate(NamedTuple):
    """Bytes against the anchor at equal quality, over the qualities that both curves reach."""

    dataset: str
    metric: str
    anchor: str
    codec: str
    percent: float | None
    """-50 is half the bytes; None where `note` says why there is none."""
    low: float | None
    """Ends of its 95 % interval: pictures drawn anew, for both codecs the same (paired bootstrap); None for none."""
    high: float | None
    overlap: float
    """Share, 0 to 1, of all qualities that either curve reaches, which both reach; see LEAST_OVERLAP."""
    note: str


def make_points(rows: Sequence[Measurement]) -> list[RdPoint]:
    """The points of all curves, in the order of the rows.

    Raises CodecError where there are no rows, and where those of several runs do not go together: one score twice, one
    label for two models, or codecs measured on other pictures of a dataset.
    """
    if not rows:
        raise CodecError("there are no rows to compare; give the rows.csv of an evaluation")
    groups: dict[tuple[str, str, str, int], list[Measurement]] = {}
    models: dict[str, str] = {}
    pictures: dict[tuple[str, str, str], set[str]] = {}
    seen = set()
    for row in rows:
        key = (row.dataset, row.codec, row.metric, row.rate)
        if (key, row.image) in seen:
            raise CodecError(f"{row.dataset}/{row.image} is scored twice for {row.codec}; give runs that differ")
        seen.add((key, row.image))
        if models.setdefault(row.codec, row.model_id) != row.model_id:
            raise CodecError(f"{row.codec} is model {models[row.codec]} and also {row.model_id}; measure one again")
        groups.setdefault(key, []).append(row)
        pictures.setdefault(key[:3], set()).add(row.image)
    first: dict[str, tuple[str, set[str]]] = {}
    for (dataset, codec, _metric), images in pictures.items():
        other, expected = first.setdefault(dataset, (codec, images))
        if images != expected:
            raise CodecError(f"{dataset}: {codec} is measured on other pictures than {other}; measure one again")
    return [_mean(group, len(first[key[0]][1])) for key, group in groups.items()]


def _mean(rows: Sequence[Measurement], pictures: int) -> RdPoint:
    row = rows[0]
    values = [each.value for each in rows if each.value is not None]
    low, high = mean_interval(values) or (None, None)
    gflops = [each.gflops for each in rows if each.gflops is not None]
    return RdPoint(
        *(row.dataset, row.codec, row.metric, row.rate),
        bytes=statistics.fmean(each.bytes for each in rows),
        bpp=statistics.fmean(each.bpp for each in rows),
        value=statistics.fmean(values) if values else None,
        low=low,
        high=high,
        pictures=pictures,
        missing=pictures - len(values),
        encode_ms=1e3 * statistics.median(each.encode_s for each in rows),
        decode_ms=1e3 * statistics.median(each.decode_s for each in rows),
        threads=row.threads,
        parameters=row.parameters,
        gflops=statistics.fmean(gflops) if gflops else None,
    )


def curve(points: Sequence[RdPoint], dataset: str, codec: str, metric: str) -> list[RdPoint]:
    """The points that every picture has a finite share in, by rising bits per pixel; equal ones once."""
    found = [
        point
        for point in points
        if (point.dataset, point.codec, point.metric) == (dataset, codec, metric)
        and not point.missing
        and point.value is not None
        and math.isfinite(point.value)
    ]
    return list({(point.bpp, point.value): point for point in sorted(found, key=lambda point: point.bpp)}.values())


def find_anchor(text: str, codecs: Sequence[str]) -> str:
    """The one of `codecs` that `text` means, by its label or as `--codec` takes it. Raises CodecError for none."""
    if text in codecs:
        return text
    named = [codec for codec in codecs if codec.partition(":")[0] == text]
    if len(named) == 1:
        return named[0]
    if not named and (label := read_contender(text).label) in codecs:
        return label
    raise CodecError(f"anchor is {text!r}; expected one of the codecs measured: {', '.join(codecs)}")


def bd_rates(points: Sequence[RdPoint], anchor: str, rows: Sequence[Measurement] = ()) -> list[BdRate]:
    """Every codec against `anchor`, for each dataset and metric; with the `rows` of the points, intervals too.

    Raises CodecError where `bjontegaard` is missing.
    """
    load_bjontegaard()
    curves = dict.fromkeys((point.dataset, point.metric, point.codec) for point in points)
    tables = by_picture(rows)
    found = []
    for dataset, metric, codec in curves:
        if codec == anchor:
            continue
        sign = 1 if metric_info(metric).higher_is_better else -1
        pair = [curve(points, dataset, label, metric) for label in (anchor, codec)]
        sides = [
            Side(label, [p.bpp for p in own], [sign * p.value for p in own if p.value is not None])
            for label, own in zip((anchor, codec), pair, strict=True)
        ]
        percent, overlap, note = compare(*sides)
        low = high = None
        if percent is not None and rows:
            table = [
                np.array([tables[dataset, label, metric, point.rate] for point in own]) * [[[1.0], [sign]]]
                for label, own in zip((anchor, codec), pair, strict=True)
            ]
            low, high = interval_of(partial(_of_drawn, table), table[0].shape[2]) or (None, None)
        found.append(BdRate(dataset, metric, anchor, codec, percent, low, high, overlap, note))
    return found


class Side(NamedTuple):
    """A curve that is compared; quality rises as pictures get better."""

    label: str
    bpp: list[float]
    quality: list[float]


def by_picture(rows: Sequence[Measurement]) -> dict[tuple[str, str, str, int], list[list[float]]]:
    """Of each point, bits per pixel and values of its pictures, by their names."""
    groups: dict[tuple[str, str, str, int], list[Measurement]] = {}
    for row in rows:
        groups.setdefault((row.dataset, row.codec, row.metric, row.rate), []).append(row)
    return {
        key: [[row.bpp for row in own], [math.nan if row.value is None else row.value for row in own]]
        for key, group in groups.items()
        for own in [sorted(group, key=lambda row: row.image)]
    }


def _of_drawn(tables: Sequence[Floats], drawn: Any) -> float | None:
    """The BD-rate of the pictures drawn, from float[points, 2, pictures] of the anchor and of the codec."""
    means = [table[:, :, drawn].mean(2) for table in tables]
    return compare(*(Side("", *mean[mean[:, 0].argsort()].T.tolist()) for mean in means))[0]


def compare(anchor: Side, codec: Side) -> tuple[float | None, float, str]:
    """As `bd_rate`, for any curves."""
    for side in (anchor, codec):
        if len(side.bpp) < 2:
            return None, 0.0, f"a curve needs 2 points; {side.label} has {len(side.bpp)}"
        if any(later <= earlier for earlier, later in itertools.pairwise(side.quality)):
            return None, 0.0, f"{side.label}: more bytes do not always bring more quality"
    return bd_rate(anchor.bpp, anchor.quality, codec.bpp, codec.quality)


def bd_rate(
    anchor_bpp: Sequence[float], anchor_quality: Sequence[float], bpp: Sequence[float], quality: Sequence[float]
) -> tuple[float | None, float, str]:
    """Percent of bytes more (below 0: fewer) than the anchor, overlap (0 to 1), and a note where there is no percent.

    Both curves rise in bpp and in quality (a metric for which lower is better goes in negated), with 2 points or more.
    Log rate over quality is interpolated by PCHIP and compared over the qualities both reach, as in the paper's
    appendix E.1. Where they share less than LEAST_OVERLAP of all qualities there is no percent.
    """
    low, high = max(anchor_quality[0], quality[0]), min(anchor_quality[-1], quality[-1])
    if high <= low:
        worse = "worse" if quality[-1] <= anchor_quality[0] else "better"
        return None, 0.0, f"no overlap: always {worse} than the anchor"
    overlap = (high - low) / (max(anchor_quality[-1], quality[-1]) - min(anchor_quality[0], quality[0]))
    if overlap < LEAST_OVERLAP:
        return None, overlap, f"refused: both reach only {overlap:.0%} of the qualities, under {LEAST_OVERLAP:.0%}"
    percent = load_bjontegaard().bd_rate(
        *(anchor_bpp, anchor_quality, bpp, quality), method="pchip", require_matching_points=False, min_overlap=0
    )
    return float(percent), overlap, ""


def load_bjontegaard() -> Any:
    """The package that BD-rates come from; CodecError with the mend where it is missing."""
    try:
        return importlib.import_module("bjontegaard")
    except ImportError:
        raise CodecError("BD-rates need the package bjontegaard (mend: pip install 'satsim-link[research]')") from None
