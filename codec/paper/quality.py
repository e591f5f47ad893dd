"""Quality by bytes: the paper's Fig. 1, 5 and 17, and the BD-rates of its Tables 1 and 5."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from codec.base import CodecError
from codec.evaluation.rates import bd_rate
from codec.evaluation.rows import Measurement
from codec.metrics import METRICS
from codec.paper.intervals import Drawn, interval, of_mean
from codec.paper.measured import ANCHOR, RIVALS, SETS, STAGES, at_hand, counted, measure, ours, photos_of, stands_for
from codec.paper.plots import Curve, curves, scatter
from codec.paper.result import POINTS, Asked, Picture, Result, Row
from codec.paper.theirs import number, table

LEAST_OVERLAP = 0.2
REAL_BYTES = "real ones of every photo; headers that both ends know are not counted, nor the 20 of a message"
COMPUTE = (
    "our `small` was trained for minutes of a GPU and some CPU hours on some thousand photos; the paper's for 2 million"
    " steps of 16 crops of ImageNet"
)
VVC = "VVenC stands for VTM: another encoder of the same format"
Scores = dict[tuple[str, int], list[tuple[float, float]]]
"""(codec, rate): bpp and score of each photo, in one order."""


def scores(rows: Sequence[Measurement], metric: str) -> Scores:
    """Rates at which a photo shows nothing are left out."""
    order = {image: k for k, image in enumerate(photos_of(rows))}
    found: dict[tuple[str, int], dict[int, tuple[float, float]]] = {}
    for row in rows:
        if row.metric == metric and row.value is not None:
            found.setdefault((row.codec, row.rate), {})[order[row.image]] = row.bpp, row.value
    whole = {key: each for key, each in found.items() if len(each) == len(order)}
    return {key: [each[k] for k in range(len(order))] for key, each in sorted(whole.items())}


def mean_curve(found: Scores, codec: str, drawn: Sequence[int] | Drawn) -> tuple[list[float], list[float]]:
    """Mean bpp and score at each rate over drawn photos."""
    mine = [each for (name, _), each in found.items() if name == codec]
    return (
        [statistics.fmean(each[k][0] for k in drawn) for each in mine],
        [statistics.fmean(each[k][1] for k in drawn) for each in mine],
    )


def bd_of(found: Scores, codec: str, anchor: str, up: bool, drawn: Sequence[int] | Drawn) -> tuple[float | None, str]:
    """Percent of bytes against the anchor, or why there is none."""
    sides = []
    for name in (anchor, codec):
        bpp, value = mean_curve(found, name, drawn)
        quality = value if up else [-each for each in value]
        rising = [k for k in range(len(bpp)) if not k or quality[k] > max(quality[:k])]
        if len(rising) < 2:
            return None, f"{name} has no curve"
        sides.append(([bpp[k] for k in rising], [quality[k] for k in rising]))
    percent, overlap, note = bd_rate(*sides[0], *sides[1])
    if percent is not None and overlap < LEAST_OVERLAP:
        return None, f"the curves share {overlap:.0%} of their qualities, below {LEAST_OVERLAP:.0%}"
    return percent, note


def bd_row(asked: Asked, rows: Sequence[Measurement], name: str, metric: str, source: str) -> Row:
    """BD-rate against the anchor, beside the paper's two numbers against MS-ILLM made one."""
    mine, anchor = number(source, "ProGIC-s", name), number("table1", "VTM-23.10", name)
    theirs = None
    if source == "table1" and mine.value is not None and anchor.value is not None:
        theirs = 100 * ((1 + mine.value / 100) / (1 + anchor.value / 100) - 1)
    row = Row(
        f"{name}: BD-rate of ProGIC-s against VVC by {METRICS[metric].label}", "%", theirs=theirs, better="lower",
        place=f"{mine.place}, ProGIC-s over VTM" if theirs is not None else "Fig. 5 (section 4.2)", neutral=0.0,
        side="below", margin=POINTS if theirs is not None else None,
        stand_in="; ".join(filter(None, [stands_for(metric), "VVenC for VTM"])),
    )  # fmt: skip
    n = len(photos_of(rows))
    found = scores(rows, at_hand(metric))
    percent, note = bd_of(found, ours(asked), ANCHOR, False, range(n))
    low, high = interval(n, lambda drawn: bd_of(found, ours(asked), ANCHOR, False, drawn)[0], draws=300)
    return replace(row, ours=percent, low=low, high=high, n=n, note=note)


def sets_at_hand(asked: Asked) -> tuple[dict[str, list[Measurement]], list[str]]:
    """Rows of each of the paper's sets that is here, and a line for each that is not. Raises CodecError for none."""
    found, lines = {}, []
    for name in SETS:
        try:
            found[name] = measure(asked, name)
        except CodecError as error:
            if name == "kodak":
                raise
            lines.append(f"{name} was left out: {error}")
    return found, lines


def bd_rows(asked: Asked, metric: str, source: str) -> tuple[list[Row], str, list[str]]:
    """A row a set, the photos in words, and what was left out."""
    sets, lines = sets_at_hand(asked)
    rows = [bd_row(asked, rows, name, metric, source) for name, rows in sets.items()]
    return rows, "; ".join(counted(each) for each in sets.values()), lines


def table5(asked: Asked) -> Result:
    """BD-rates by DISTS."""
    rows, photos, lines = bd_rows(asked, "dists", "table5")
    notes = [
        "Table 5 has no VTM, so that only the side can be compared: its Fig. 5 has VTM's curves above ours.",
        *lines,
    ]
    return Result(rows, photos=photos, bytes=REAL_BYTES, differs=[COMPUTE, VVC], notes=notes)


def fig5(asked: Asked) -> Result:
    """LPIPS and DISTS by bits per pixel, on each set."""
    return by_rate(asked, ("lpips-vgg", "dists"), "below", "section 4.2")


def fig17(asked: Asked) -> Result:
    """PSNR and MS-SSIM; CLIP-IQA is named."""
    found = by_rate(asked, ("psnr", "ms-ssim"), "below", "appendix E.4: ProGIC lags behind in pixel-level metrics")
    bare = Row(
        "CLIP-IQA", place="only plotted", note="CLIP-IQA is not measured here: its network's weights are not at hand"
    )
    return replace(found, rows=[*found.rows, bare])


def by_rate(asked: Asked, metrics: Sequence[str], side: str, place: str) -> Result:
    """Curves, our means, and ours over VVC's at equal bytes, photo by photo, which the paper's text puts below 1."""
    sets, lines = sets_at_hand(asked)
    rows, pictures = [], []
    for name, measured in sets.items():
        panels = {}
        for metric in metrics:
            used = at_hand(metric) if metric in ("lpips-vgg", "dists") else metric
            stand_in = stands_for(metric) if used != metric else ""
            found, n = scores(measured, used), len(photos_of(measured))
            if not found:
                continue
            names = [each for each in (ours(asked), *RIVALS) if any(codec == each for codec, _ in found)]
            panels[METRICS[used].label] = [
                Curve("ProGIC-s" if each == ours(asked) else each, *mean_curve(found, each, range(n))) for each in names
            ]
            for stage in range(1, 6):
                mine = [value for _, value in found.get((ours(asked), stage), [])]
                other = (
                    [value for _, value in found.get((ANCHOR, STAGES.index(stage) + 1), [])] if stage in STAGES else []
                )
                if mine:
                    low, high = of_mean(mine)
                    rows.append(Row(f"{name}: {METRICS[used].label}, {stage} of 5 stages", METRICS[used].unit,
                                    statistics.fmean(mine), low, high, n, place="only plotted"))  # fmt: skip
                if mine and other:
                    low, high = of_mean(mine, other)
                    ratio = statistics.fmean(mine) / statistics.fmean(other)
                    rows.append(Row(f"{name}: {METRICS[used].label}, ours over VVC's at the bytes of {stage}", "times",
                                    ratio, low, high, n, place=place, neutral=1.0, side=side,
                                    stand_in="; ".join(filter(None, [stand_in, "VVenC for VTM"]))))  # fmt: skip
        if panels:
            pictures.append(Picture(f"rd-{name}.png", curves(panels, "bits per pixel", log=True), f"{name}: means."))
    return Result(rows, pictures, photos="; ".join(counted(each) for each in sets.values()), bytes=REAL_BYTES,
                  differs=[COMPUTE, VVC], notes=lines)  # fmt: skip


def fig1(asked: Asked) -> Result:
    """BD-rate by decoding time: the paper's points from its Tables 1 and 5, and ours against VVC."""
    rows, photos, _ = bd_rows(asked, "dists", "table5")
    kodak = measure(asked, "kodak")
    ms = 1e3 * statistics.median(row.decode_s for row in kodak if row.codec == ours(asked) and row.rate == 5)
    theirs = {}
    for name in table("table5")["rows"]:
        at, change = number("table1", name, "decode_ms").value, number("table5", name, "kodak").value
        if at is not None and change is not None:
            theirs[name] = (at, change)
    time = Row("decoding time of ProGIC-s, Kodak", "ms", ms, n=len(photos_of(kodak)), better="lower",
               place="Table 1: 7.66 ms of an A100", note="another processor's time")  # fmt: skip
    points = {"ProGIC-s, ours: CPU, against VVC": (ms, rows[0].ours)} if rows[0].ours is not None else {}
    picture = Picture("latency.png", scatter(theirs, points, "decoding, ms (log scale)", "BD-rate by DISTS, %"),
                      "Hollow: the paper's own points (Tables 1 and 5, an A100, against MS-ILLM). Filled: ours, on this"
                      " CPU, by a stand-in for DISTS and against VVC: the two lie on different scales.")  # fmt: skip
    return Result([rows[0], time], [picture], photos=photos, bytes=REAL_BYTES, differs=[COMPUTE, VVC])
