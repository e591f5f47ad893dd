"""Points and BD-rates as tables: for the terminal, for a page in Markdown, and as CSV."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from codec.evaluation.rates import BdRate, RdPoint
from codec.metrics import metric_info


class PlainTable(NamedTuple):
    """A table before it has a form."""

    title: str
    headings: list[str]
    lines: list[list[str]]


def point_sheets(points: Sequence[RdPoint]) -> list[PlainTable]:
    """One a dataset: a line each codec and rate, a column each metric."""
    sheets = []
    for dataset in dict.fromkeys(point.dataset for point in points):
        mine = [point for point in points if point.dataset == dataset]
        metrics = list(dict.fromkeys(point.metric for point in mine))
        lines = []
        for codec, rate in dict.fromkeys((point.codec, point.rate) for point in mine):
            found = {point.metric: point for point in mine if (point.codec, point.rate) == (codec, rate)}
            one = next(iter(found.values()))
            scores = [_score(found.get(metric)) for metric in metrics]
            times = [_ms(one.encode_ms), _ms(one.decode_ms)]
            lines.append([codec, str(rate), f"{one.bytes:.0f}", f"{one.bpp:.4f}", *scores, *times])
        arrows = [f"{metric} {'↑' if metric_info(metric).higher_is_better else '↓'}" for metric in metrics]
        means = f"means over {mine[0].pictures} pictures, ± half of the 95 % interval"
        title = f"{dataset}: {means}; times are medians, {_threads(mine)}"
        sheets.append(PlainTable(title, ["codec", "rate", "bytes", "bpp", *arrows, "encode ms", "decode ms"], lines))
    return sheets


def bd_sheets(points: Sequence[RdPoint], rates: Sequence[BdRate]) -> list[PlainTable]:
    """One a dataset, after the paper's Table 1: cost of each codec, and its BD-rate in each metric."""
    sheets = []
    anchor = rates[0].anchor if rates else None
    for dataset in dict.fromkeys(point.dataset for point in points):
        mine = [point for point in points if point.dataset == dataset]
        metrics = list(dict.fromkeys(point.metric for point in mine))
        lines = []
        for codec in dict.fromkeys(point.codec for point in mine):
            own = [point for point in mine if point.codec == codec]
            found = {rate.metric: rate for rate in rates if (rate.dataset, rate.codec) == (dataset, codec)}
            cost = [
                f"{own[0].parameters / 1e6:.2f}" if own[0].parameters else "–",
                f"{own[0].gflops:.2f}" if own[0].gflops else "–",
                _ms(statistics.median(point.encode_ms for point in own)),
                _ms(statistics.median(point.decode_ms for point in own)),
            ]
            shown = ["anchor" if codec == anchor else _percent(found.get(metric)) for metric in metrics]
            lines.append([codec, *cost, *shown])
        told = "below 0 % is fewer bytes; (95 % interval), [overlap of the qualities]"
        title = f"{dataset}: BD-rate against {anchor}; {told}"
        headings = ["codec", "parameters, M", "GFLOPs", "encode ms", "decode ms", *metrics]
        sheets.append(PlainTable(title, headings, lines))
    return sheets


def _score(point: RdPoint | None) -> str:
    if point is None:
        return "–"
    if point.value is None:
        return "none"
    spread = "" if point.low is None or point.high is None else f" ±{(point.high - point.low) / 2:.4f}"
    return f"{point.value:.4f}{spread}" + (f" ({point.missing} none)" if point.missing else "")


def _percent(rate: BdRate | None) -> str:
    if rate is None:
        return "–"
    if rate.percent is None:
        return rate.note
    ends = "" if rate.low is None or rate.high is None else f" ({rate.low:+.1f} to {rate.high:+.1f})"
    return f"{rate.percent:+.1f} %{ends} [{rate.overlap:.0%}]"


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _threads(points: Sequence[RdPoint]) -> str:
    numbers = sorted({point.threads for point in points})
    return f"{', '.join(map(str, numbers))} thread{'s' if numbers != [1] else ''} of torch"


def in_markdown(sheet: PlainTable) -> str:
    """The table under its title as a heading."""
    bars = [" | ".join(cell.replace("|", "\\|") for cell in line) for line in (sheet.headings, *sheet.lines)]
    rule = "|---|" + "---:|" * (len(sheet.headings) - 1)
    return "\n".join([f"## {sheet.title}", "", f"| {bars[0]} |", rule, *(f"| {bar} |" for bar in bars[1:])]) + "\n"
