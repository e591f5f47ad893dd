"""Figures of `satsim codec analyse`: rows and pictures in, matplotlib figures out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from codec.base import Image
from codec.evaluation.intervals import mean_interval
from codec.figures import GREY, INK, PALE, PIXELS_DPI, STYLE, tidy

if TYPE_CHECKING:
    from codec.analysis.analyse import Coded, Score
    from codec.analysis.result import FolderResult, Settings

BLUE, ORANGE = "#0072B2", "#D55E00"
"""Of Okabe and Ito's palette; markers and dashes differ too, for print in grey."""
PAPER_ENTROPY_BITS = 9.80
"""What the paper's codebooks all exceed, on ImageNet, of 10 bits (its appendix C.1)."""
MOST_COLUMNS = 8
"""Pictures beside the original on a sheet, and latent maps in a figure; of more stages, evenly chosen ones."""


def codewords_figure(results: Sequence[FolderResult], settings: Settings) -> Figure:
    """Entropy of the codewords by stage (Fig. 12), a panel a folder, beside what equal use would measure."""
    with matplotlib.rc_context(STYLE):
        across = min(3, len(results))
        down = -(-len(results) // across)
        figure = Figure(figsize=(1.2 + max(2, across) * 3.1, 1.75 + 2.9 * down), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False, sharey=True)
        rows = [row for result in results for row in result.uses]
        low = min(min(row.plug_in_bits for row in rows), settings.index_bits - 0.4)
        for axes, result in zip(grid.flat, results, strict=False):
            stages = [row.stage for row in result.uses]
            equal = result.uses[0].uniform_bits
            axes.axhline(settings.index_bits, color=INK, linewidth=1.2, label="equal use of all codewords")
            axes.axhline(equal, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)),
                         label="equal use, as so few cells would show it")  # fmt: skip
            if settings.index_bits == 10:
                axes.axhline(PAPER_ENTROPY_BITS, color=GREY, linewidth=1.2, linestyle=":",
                             label=f"the paper, on ImageNet: all above {PAPER_ENTROPY_BITS:.2f}")  # fmt: skip
            axes.plot(stages, [row.plug_in_bits for row in result.uses], "o", color=BLUE, markerfacecolor="white",
                      linestyle="--", linewidth=1, markersize=6, label="observed, not corrected")  # fmt: skip
            axes.plot(stages, [row.corrected_bits for row in result.uses], "o-", color=BLUE, linewidth=2, markersize=6,
                      label="corrected (Miller-Madow)")  # fmt: skip
            axes.errorbar([stage + 0.12 for stage in stages], [row.jackknife_bits for row in result.uses],
                          yerr=[row.standard_error_bits for row in result.uses], fmt="D", color=ORANGE, markersize=5,
                          capsize=3, linewidth=1.2,
                          label="corrected (jackknife over photos, ± 1 s.e.)")  # fmt: skip
            axes.set_title(f"{result.name}: {result.uses[0].images} photos, {result.uses[0].indices:,} cells")
            axes.set(xlabel="stage", xticks=stages if len(stages) <= 8 else stages[:: len(stages) // 8])
            axes.set_ylim(low - 0.12, settings.index_bits + 0.12)
            tidy(axes)
        for axes in list(grid.flat)[len(results) :]:
            axes.set_visible(False)
        for row_of_axes in grid:
            row_of_axes[0].set_ylabel("entropy, bits a codeword\n(axis does not begin at 0)")
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=2,
                      frameon=False)  # fmt: skip
        figure.suptitle(f"How evenly {settings.model} uses its {1 << settings.index_bits:,} codewords a stage",
                        x=0.01, ha="left", weight="bold", fontsize=12)  # fmt: skip
    return figure


def range_coding_figure(results: Sequence[FolderResult], settings: Settings) -> Figure:
    """A row a folder: quality by rate with and without coding (Fig. 13), and each photo's bytes saved by stage."""
    real = results[0].savings[0].coded_bytes is not None
    how = "range-coded" if real else "ideal code length"
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10, 1.1 + 3.2 * len(results)), layout="constrained")
        grid = figure.subplots(len(results), 2, squeeze=False, width_ratios=(1, 1.35))
        for (left, right), result in zip(grid, results, strict=True):
            for coded, look, label in (
                (False, "o-", "10-bit indices as they are"),
                (True, "s--", f"{how}, stage by stage"),
            ):
                hollow = {"markerfacecolor": "white"} if coded else {}
                label = label.replace("10-bit", f"{settings.index_bits}-bit")
                left.plot(*result.curve(coded), look, color=ORANGE if coded else BLUE, label=label, **hollow)
            reached = [mean_interval(result.values(held)) for held in range(1, settings.stages + 1)]
            banded = [(bpp, *ends) for bpp, ends in zip(result.curve(False)[0], reached, strict=True) if ends]
            if banded:
                left.fill_between(*zip(*banded, strict=True), color=BLUE, alpha=0.13, linewidth=0,
                                  label="95 % interval of the mean")  # fmt: skip
            change, ends = result.bd_rate()
            if change is not None:
                told = f"rate at equal quality:\n{100 * change:+.2f} %{span(ends, 2, 100)}"
                left.plot([], [], " ", label=told.replace("-", "−"))
            better = "higher" if settings.metric.higher_is_better else "lower"
            left.set(xlabel="bits per pixel", ylabel=f"{with_unit(settings)}\n({better} is better)", xlim=(0, None))
            left.locator_params(axis="x", nbins=5)
            left.legend(frameon=False, loc=f"{'lower' if settings.metric.higher_is_better else 'upper'} right")
            left.set_title(f"{result.name}, mean of {result.uses[0].images} photos")
            kinds = list(dict.fromkeys(row.stage for row in result.savings))
            for place, kind in enumerate(kinds):
                gains = result.gains(kind)
                aside = place + 0.5 * (((np.arange(len(gains)) * 0.618) % 1) - 0.5)
                right.plot(aside, gains, "o", color=BLUE, markersize=4.5, markeredgewidth=0, alpha=0.55)
                right.hlines(gains.mean(), place - 0.33, place + 0.33, color=ORANGE, linewidth=2.5)
                if ends := mean_interval(gains):
                    right.fill_between((place - 0.33, place + 0.33), *ends, color=ORANGE, alpha=0.25, linewidth=0)
                mean = f"{gains.mean():.1f}".replace("-", "−")
                right.annotate(mean, (place, 1), xycoords=("data", "axes fraction"), xytext=(0, -2),
                               textcoords="offset points", ha="center", va="top", weight="bold")  # fmt: skip
            low, high = right.get_ylim()
            right.set_ylim(min(low, -1), max(high, 1) + 0.14 * (max(high, 1) - min(low, -1)))
            right.axhline(0, color=INK, linewidth=1)
            right.set_xticks(range(len(kinds)), [KINDS.get(kind, kind) for kind in kinds])
            right.set(xlabel="stage", ylabel="bytes saved, %\n(below 0: coding costs)")
            right.set_title("dots: photos; bars: means and 95 % intervals")
            tidy(left)
            tidy(right)
        figure.suptitle(
            f"Range coding by a static prior of {settings.prior}", x=0.01, ha="left", weight="bold", fontsize=12
        )
    return figure


KINDS = {"total": "sum of\nstages", "joined": "one joint\nstream"}
"""Ticks of `Saving.stage`."""


def latents_figure(result: FolderResult, settings: Settings) -> Figure:
    """Maps of the latents and of each stage's codewords on their own two principal axes (Fig. 14, by PCA)."""
    chosen = [result.maps[k] for k in (0, *(1 + k for k in evenly(settings.stages, MOST_COLUMNS)))]
    across = min(3, len(chosen))
    down = -(-len(chosen) // across)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.2, 1 + 3.25 * down), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False)
        cells = int(chosen[0].counts.sum())
        scatter = None
        for number, (axes, each) in enumerate(zip(grid.flat, chosen, strict=False)):
            sizes = np.clip(14 * each.counts / each.counts.mean(), 3, 120) if number else np.full(cells, 4)
            order = np.argsort(-sizes, kind="stable")
            scatter = axes.scatter(*each.points[order].T, s=sizes[order], c=each.luminance[order], cmap="cividis",
                                   vmin=0, vmax=255, linewidths=0.25, edgecolors="white" if number else "none",
                                   rasterized=True)  # fmt: skip
            title = (
                "y, not quantized" if number == 0 else each.name + (": base vector" if number == 1 else ": residual")
            )
            axes.set_title(title)
            first, second = each.axis_shares
            axes.set(xlabel=f"axis 1: {100 * first:.1f} % of variance", ylabel=f"axis 2: {100 * second:.1f} %")
            axes.set_aspect("equal", adjustable="datalim")
            axes.text(0.99, 0.99, f"spread over {each.dimensions:.1f} dimensions", transform=axes.transAxes, ha="right",
                      va="top", fontsize=8, color=GREY)  # fmt: skip
            tidy(axes)
        for axes in list(grid.flat)[len(chosen) :]:
            axes.set_visible(False)
        assert scatter is not None
        figure.colorbar(
            scatter, ax=grid, label="mean luma of a cell's pixels (0 black, 255 white)", shrink=0.6, aspect=35
        )
        figure.suptitle(f"Latents of {settings.model} on {result.name}: {cells:,} cells; each map has its own axes and"
                        " scale", x=0.01, ha="left", weight="bold", fontsize=12)  # fmt: skip
    return figure


def sheets(
    name: str, page: Sequence[tuple[Coded, list[tuple[Score, Image]]]], settings: Settings
) -> Mapping[str, Figure]:
    """A page of photos as their stages come (Fig. 10), and, for more than one stage, one with a single stage lost."""
    stages = settings.stages
    chosen = evenly(stages, MOST_COLUMNS)
    better = "higher is better" if settings.metric.higher_is_better else "lower is better"
    label = f"{with_unit(settings)}, {better}"
    growing = sheet(
        f"{name}: what {settings.model} shows as stages arrive",
        f"Under each picture: {label}; then the bits per pixel of these stages.",
        ["original", *(f"{k + 1} stage" + "s" * (k > 0) for k in chosen)],
        [(photo, [cases[k] for k in chosen]) for photo, cases in page],
        lambda score, full: (number(score.value), f"{score.bpp:.4f} bpp"),
    )
    if stages == 1:
        return {"progression": growing}
    lost = sheet(
        f"{name}: what {settings.model} shows when one stage is lost",
        f"Under each picture: {label}; then its change against all {stages} stages.",
        ["original", f"all {stages} stages", *(f"without stage {k + 1}" for k in chosen)],
        [(photo, [cases[k] for k in (stages - 1, *(stages + k for k in chosen))]) for photo, cases in page],
        lambda score, full: (number(score.value), change(score.value - full.value) if score.lost else ""),
    )
    return {"progression": growing, "lost_stage": lost}


def sheet(
    title: str,
    subtitle: str,
    headings: Sequence[str],
    rows: Sequence[tuple[Coded, list[tuple[Score, Image]]]],
    caption: Callable[[Score, Score], tuple[str, str]],
) -> Figure:
    """Pictures pixel for pixel: a row a photo, the original first; a caption is bold text, then grey, under each.

    `caption` is given a picture's score and that of the first column with all stages.
    """
    edge, gap, under, top = 24, 12, 44, 118
    cell_width = max(176, *(photo.image.shape[1] for photo, _ in rows))
    heights = [photo.image.shape[0] + under for photo, _ in rows]
    width = 2 * edge + len(headings) * (cell_width + gap) - gap
    height = top + sum(heights) + edge // 2
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width / PIXELS_DPI, height / PIXELS_DPI), dpi=PIXELS_DPI)

        def write(x: float, y: float, text: str, size: float, **look: Any) -> None:
            figure.text(x / width, 1 - y / height, text, fontsize=size, va="baseline", **look)

        write(edge, 46, title, 28, weight="bold")
        write(edge, 74, subtitle, 17, color=GREY)
        for column, heading in enumerate(headings):
            write(edge + column * (cell_width + gap), top - 10, heading, 18, weight="bold")
        y = top
        for (photo, cases), row_height in zip(rows, heights, strict=True):
            full = max((score for score, _ in cases), key=lambda score: score.held)
            for column, picture in enumerate([photo.image, *(picture for _, picture in cases)]):
                x, bottom = edge + column * (cell_width + gap), height - y - picture.shape[0]
                box = (x - 1) / width, (bottom - 1) / height
                size = (picture.shape[1] + 2) / width, (picture.shape[0] + 2) / height
                figure.add_artist(Rectangle(box, *size, color=PALE, linewidth=0, zorder=-1))
                figure.figimage(picture, x, bottom)
                baseline = y + picture.shape[0] + 21
                if column == 0:
                    name = (
                        photo.name if len(photo.name) <= cell_width // 11 else f"{photo.name[: cell_width // 11 - 1]}…"
                    )
                    write(x, baseline, name, 16, color=GREY)
                else:
                    strong, weak = caption(cases[column - 1][0], full)
                    write(x, baseline, strong, 16, weight="bold")
                    write(x + 11 * len(strong) + 10, baseline, weak, 16, color=GREY)
            y += row_height
    return figure


def evenly(count: int, most: int) -> list[int]:
    """0 to count - 1, or of more than `most` so many evenly chosen ones, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(k * (count - 1) / (most - 1)) for k in range(most)]


def number(value: float) -> str:
    """A score with three digits or so."""
    return "∞" if math.isinf(value) else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def span(ends: tuple[float, float] | None, digits: int, times: float = 1.0) -> str:
    """The ends of an interval, in brackets behind a number; nothing for none."""
    return f" [{times * ends[0]:.{digits}f}, {times * ends[1]:.{digits}f}]" if ends else ""


def change(value: float) -> str:
    """The difference of two scores, with its sign; infinite scores have none."""
    if not math.isfinite(value):
        return ""
    return f"{value:+.1f}" if abs(value) >= 10 else f"{value:+.3f}"


def with_unit(settings: Settings) -> str:
    """The metric's label, with its unit where it has one."""
    return f"{settings.metric.label} in {settings.metric.unit}" if settings.metric.unit else settings.metric.label
