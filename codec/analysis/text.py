"""analysis.md: what the tables and figures of one analysis say, in words that the numbers choose."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from codec.analysis.plots import PAPER_ENTROPY_BITS, number, span, with_unit
from codec.evaluation.intervals import Floats, mean_interval

if TYPE_CHECKING:
    from codec.analysis.result import FolderResult, Settings

BRACKETS = ", in brackets their 95 % interval"
PAPER_BD_RATE = -0.0090
"""What range coding brought the paper, with a prior of all of ImageNet, on Kodak (its Table 4)."""


def analysis_text(settings: Settings, results: Sequence[FolderResult]) -> str:
    """The whole page, Markdown."""
    photos = ", ".join(f"{result.name} ({result.uses[0].images})" for result in results)
    size = "at their own size" if settings.side is None else f"as squares of {settings.side} pixels"
    better = "higher" if settings.metric.higher_is_better else "lower"
    about = f"""
        Model {settings.model} (id {settings.model_id:08x}): {settings.stages} stages of {1 << settings.index_bits:,}
        codewords, {settings.index_bits} bits each. Photos: {photos}, {size}. Quality is {with_unit(settings)}; {better}
        is better. Written by `satsim codec analyse` from the numbers in the CSV files beside it.
    """
    parts = [
        [f"# How {settings.model} spends its bits", prose(about), *(f"**Note:** {line}" for line in settings.notices)],
        codewords(settings, results),
        coding(settings, results),
        latents(results),
        pictures(settings, results),
    ]
    return "\n\n".join(paragraph for part in parts for paragraph in part) + "\n"


def codewords(settings: Settings, results: Sequence[FolderResult]) -> list[str]:
    """Section 1: the codewords' entropy, and how far so small a sample lets one believe it."""
    bits, total = settings.index_bits, 1 << settings.index_bits
    heads = ("stage", f"used of {total:,}", "observed, bits", "Miller-Madow", "perplexity", "jackknife ± s.e.")
    text = ["## 1. Codewords (the paper's Fig. 12)", "![entropy by stage](codewords.png)"]
    for result in results:
        first = result.uses[0]
        low, high = (f(result.uses, key=lambda use: use.corrected_bits) for f in (min, max))
        small = ", a small sample" if first.indices < 100 * total else ""
        sample = f"""
            **{result.name}.** {first.indices:,} cells of {first.images} photos are {first.indices / total:.1f} for each
            codeword{small}. Had all codewords been equally likely, so many independent cells would still have shown
            only {first.uniform_bits:.2f} of {bits} bits; read the observed column against that.
        """
        lines = [
            (
                f"{use.stage}",
                f"{use.used:,} ({100 * use.used_share:.0f} %)",
                f"{use.plug_in_bits:.2f}",
                f"{use.corrected_bits:.2f}",
                f"{use.perplexity:.0f}",
                plus_minus(use.jackknife_bits, use.standard_error_bits),
            )
            for use in result.uses
        ]
        reach = sum(use.corrected_bits > PAPER_ENTROPY_BITS for use in result.uses)
        paper = f"{reach} of {settings.stages} stages are above the paper's {PAPER_ENTROPY_BITS:.2f}."
        found = f"""
            Corrected (Miller-Madow), the entropy runs from {low.corrected_bits:.2f} bits (stage {low.stage}) to
            {high.corrected_bits:.2f} (stage {high.stage}). {paper if bits == 10 else ""}
        """
        text += [prose(sample), table(heads, lines), prose(found)]
    caution = """
        Miller and Madow's correction takes cells as independent; those of one photo are alike, so it is still too low.
        The jackknife over photos allows for that and spreads more. Neither knows photos unlike these, and the paper
        counted ImageNet. No estimate is let above the bits that an index has; perplexity is that of Miller and Madow's.
        Order is not counted: neighbouring cells or earlier stages could predict more than these shares do.
    """
    return [*text, prose(caution)]


def coding(settings: Settings, results: Sequence[FolderResult]) -> list[str]:
    """Section 2: bytes with and without range coding."""
    real = results[0].savings[0].coded_bytes is not None
    how = "each stream was decoded again to the same indices before its bytes were counted"
    setting = f"""
        One table of probabilities a stage, counted over {settings.prior} (at least {settings.prior_indices:,} indices a
        stage), {settings.smoothing:g} added to each codeword's count;
        {how if real else "**sizes are ideal code lengths: no stream was written**"}. Each stage is a stream of its own,
        so that it still stands alone; `total` is their sum, `joined` one stream of all stages.
    """
    text = ["## 2. Range coding with a static prior (Table 4, Fig. 13)", "![saved](range_coding.png)", prose(setting)]
    heads = ("stage", "raw bytes", "ideal", "coded", "saved, %", "s.d.", "least", "most", "photos it costs")
    for result in results:
        lines = []
        for kind in dict.fromkeys(row.stage for row in result.savings):
            rows, gains = [row for row in result.savings if row.stage == kind], result.gains(kind)
            coded = [row.coded_bytes for row in rows if row.coded_bytes is not None]
            sizes = mean(row.raw_bytes for row in rows), mean(row.ideal_bytes for row in rows)
            saved = f"{gains.mean():.2f}{span(mean_interval(gains), 2)}"
            spread = f"{gains.std(ddof=1):.2f}" if len(gains) > 1 else "-"
            costs = f"{sum(gain < 0 for gain in gains)} of {len(gains)}"
            extremes = f"{min(gains):.1f}", f"{max(gains):.1f}"
            lines.append((kind, *sizes, mean(coded) if coded else "not coded", saved, spread, *extremes, costs))
        joined = [row for row in result.savings if row.stage == "joined"]
        fewer = sum(1 - row.gain <= (settings.stages - 1) / settings.stages for row in joined)
        change, ends = result.bd_rate()
        told = "" if change is None else f"{100 * change:+.2f} %{span(ends, 2, 100)}"
        undefined = f"not defined, as mean {settings.metric.label} does not improve with every stage"
        found = f"""
            Rate at equal quality (BD-rate of the mean curve, each stage its own stream):
            {told or undefined}. The paper has {100 * PAPER_BD_RATE:+.2f} %, by
            a prior of all of ImageNet. Joined, {fewer} of {len(joined)} photos would take the bytes of one stage fewer.
        """
        means = f"**{result.name}**, means over {len(joined)} photos{BRACKETS}; s.d., least and most are over photos."
        text += [means, table(heads, lines), prose(found)]
    raw = sorted({row.raw_bytes for result in results for row in result.savings if row.stage == "1"})
    caution = f"""
        This is a measurement, not what is sent. The link sends stages of fixed length, here
        {" or ".join(map(str, raw))} bytes: one that range coding makes some bytes shorter still takes its packet. A
        lost packet costs what it costs, coded or not (section 4); but raw, all other parts of a stage stay readable,
        while nothing of a coded stream is behind a part that was lost. And a prior is one more thing that both ends
        must hold, bit for bit.
    """
    return [*text, prose(caution)]


def latents(results: Sequence[FolderResult]) -> list[str]:
    """Section 3: where latents and residuals lie."""
    about = """
        Maps by PCA, not t-SNE: they keep distances and say how much they show. Dimensions are the participation ratio
        of the variances; energy left is the mean squared distance of y from the sum of the codewords so far, over y's
        variance.
    """
    heads = ("set", "axis 1, % of variance", "axis 2, %", "dimensions", "energy left")
    text = ["## 3. Latents (Fig. 14)", prose(about)]
    for result in results:
        lines = [
            (each.name, *(f"{100 * share:.1f}" for share in each.axis_shares), f"{each.dimensions:.1f}", left)
            for each, left in ((each, f"{each.energy_left:.3f}") for each in result.maps)
        ]
        text += [f"![{result.name}](latents_{result.name}.png)", table(heads, lines)]
        base, last = result.maps[1], result.maps[-1]
        if last is not base:
            wider = last.dimensions > base.dimensions
            found = f"""
                On {result.name} the base vectors spread over {base.dimensions:.1f} dimensions, the residuals of
                {last.name} over {last.dimensions:.1f}: {"" if wider else "not"} more evenly, which
                {"agrees" if wider else "disagrees"} with the paper.
            """
            text.append(prose(found))
    return text


def pictures(settings: Settings, results: Sequence[FolderResult]) -> list[str]:
    """Section 4: scores by stages held, what one lost stage costs, and the sheets."""
    stages = settings.stages
    sign = 1 if settings.metric.higher_is_better else -1
    heads = ("stage", "from the first to it", *(("from all but it", "change") if stages > 1 else ()))
    text = ["## 4. Pictures (Fig. 10)", f"Means of {with_unit(settings)} over photos{BRACKETS}:"]
    for result in results:
        lines = [[f"{stage}", with_interval(result.values(stage))] for stage in range(1, stages + 1)]
        text.append(f"**{result.name}**")
        if stages > 1:
            changes = [result.changes(stage) for stage in range(1, stages + 1)]
            lost = [with_interval(result.values(stages - 1, stage)) for stage in range(1, stages + 1)]
            lines = [[*line, *more] for line, *more in zip(lines, lost, map(with_sign, changes), strict=True)]
            costs = [float(-sign * each.mean()) for each in changes]
            found = f"""
                Losing stage {costs.index(max(costs)) + 1} costs most, {max(costs):.3f}; losing the last costs
                {costs[-1]:.3f}. A decoder with a hole is told how many stages it holds, not which.
            """
            text += [table(heads, lines), prose(found)]
        else:
            text.append(table(heads, lines))
        text += [f"![{page}]({page})" for page in result.pages]
    about = """
        Intervals are of photos drawn anew with replacement (bootstrap); a change is drawn in pairs, with and without
        the stage on the same photos. They say how far other photos of this kind would move a number.
    """
    return [*text, prose(about)]


def prose(text: str) -> str:
    """One paragraph on one line, however it was broken."""
    return " ".join(text.split())


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, rule, *lines))


def with_interval(values: Floats) -> str:
    """The mean of photos' scores and its 95 % interval."""
    average, ends = float(values.mean()), mean_interval(values)
    return number(average) + span(ends, 1 if abs(average) >= 10 else 3)


def with_sign(values: Floats) -> str:
    """The same of changes."""
    ends = mean_interval(values)
    return f"{values.mean():+.3f}" + (f" [{ends[0]:+.3f}, {ends[1]:+.3f}]" if ends else "")


def mean(values: Iterable[float]) -> str:
    """With one decimal."""
    return f"{statistics.fmean(values):,.1f}"


def plus_minus(value: float, error: float) -> str:
    """`9.05 ± 0.13`; a dash where there is no value, the value alone where its error is not known."""
    if math.isnan(value):
        return "-"
    return f"{value:.2f}" if math.isnan(error) else f"{value:.2f} ± {error:.2f}"
