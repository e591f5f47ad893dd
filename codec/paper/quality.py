"""Quality by bytes: the paper's Fig. 1, 5 and 17, and the BD-rates of its Tables 1 and 5."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from codec.base import CodecError
from codec.evaluation.datasets import SOURCES
from codec.evaluation.published import PublishedCurve, published_curves
from codec.evaluation.rate_plots import near
from codec.evaluation.rates import bd_rate
from codec.evaluation.rows import Measurement
from codec.metrics import METRICS, load_metric, metric_info
from codec.paper.intervals import Drawn, interval, of_mean
from codec.paper.measured import ANCHOR, RIVALS, SETS, STAGES, at_hand, counted, measure, ours, photos_of, stands_for
from codec.paper.plots import Curve, latency, rate_curves
from codec.paper.result import POINTS, Asked, Picture, Result, Row
from codec.paper.theirs import number, table
from codec.paper.theirs.published import published_lines, undrawn
from codec.paper.theirs.rivals import not_measured, paper_name, shown_name, unmeasured

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


def reach_of(found: Scores) -> tuple[float, float]:
    """The least and the most mean bits per pixel of any codec."""
    rates = [statistics.fmean(bpp for bpp, _ in each) for each in found.values()]
    return min(rates), max(rates)


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


def bd_row(asked: Asked, rows: Sequence[Measurement], name: str, metric: str, source: str, anchor: str) -> Row:
    """BD-rate against a rival, beside the paper's two numbers against MS-ILLM made one."""
    against = "VTM-23.10" if anchor == ANCHOR else paper_name(anchor)
    mine, theirs = number(source, "ProGIC-s", name), None
    if against in table(source)["rows"] and mine.value is not None:
        other = number(source, against, name).value
        theirs = None if other is None else 100 * ((1 + mine.value / 100) / (1 + other / 100) - 1)
    place = f"{mine.place}, ProGIC-s over {against}" if theirs is not None else ""
    row = Row(
        f"{name}: BD-rate of {who(asked)} against {shown(anchor)} by {METRICS[metric].label}", "%", theirs=theirs,
        place=place or "Fig. 5 (section 4.2)" * (anchor == ANCHOR), better="lower", neutral=0.0,
        side="below" if anchor == ANCHOR else "", margin=POINTS if theirs is not None else None,
        stand_in="; ".join(filter(None, [stands_for(metric), "VVenC for VTM" if anchor == ANCHOR else ""])),
    )  # fmt: skip
    n = len(photos_of(rows))
    found = scores(rows, at_hand(metric))
    percent, note = bd_of(found, ours(asked), anchor, False, range(n))
    low, high = interval(n, lambda drawn: bd_of(found, ours(asked), anchor, False, drawn)[0], draws=300)
    return replace(row, ours=percent, low=low, high=high, n=n, note=note)


def who(asked: Asked) -> str:
    """Our codec in pictures and rows."""
    return "ProGIC-s" if asked.model == "small" else f"ProGIC ({Path(asked.model).stem})"


def shown(codec: str) -> str:
    """A rival in pictures and rows."""
    return {"vvc": "VVC", "avif": "AVIF"}.get(codec, shown_name(codec))


def rivals_of(asked: Asked) -> list[str]:
    """Those that are measured, each once."""
    return list(dict.fromkeys([*RIVALS, *asked.rivals]))


def sets_at_hand(asked: Asked, also: Sequence[str] = ()) -> tuple[dict[str, list[Measurement]], list[str]]:
    """Rows of each of the paper's sets that is here, and a line for each that is not. Raises CodecError for none."""
    found, lines = {}, []
    for name in SETS:
        try:
            found[name] = measure(asked, name, rivals=rivals_of(asked), also=also)
        except CodecError as error:
            if name == "kodak":
                raise
            lines.append(f"{name} was left out: {error}")
    return found, lines


def bd_rows(asked: Asked, metric: str, source: str) -> tuple[list[Row], str, list[str]]:
    """A row a set and anchor, VVC and the rivals asked for; the photos in words; and what was left out."""
    sets, lines = sets_at_hand(asked)
    anchors = list(dict.fromkeys([ANCHOR, *asked.rivals]))
    rows = [bd_row(asked, rows, name, metric, source, each) for name, rows in sets.items() for each in anchors]
    return rows, "; ".join(counted(each) for each in sets.values()), [*lines, *unmeasured(asked.rivals)]


def table5(asked: Asked) -> Result:
    """BD-rates by DISTS."""
    rows, photos, lines = bd_rows(asked, "dists", "table5")
    notes = [
        "Table 5 has no VTM, so that against VVC only the side is compared: Fig. 5 has VTM's curves above ProGIC's.",
        *lines,
    ]
    return Result(rows, photos=photos, bytes=REAL_BYTES, differs=[COMPUTE, VVC], notes=notes)


def fig5(asked: Asked) -> Result:
    """LPIPS and DISTS by bits per pixel, on each set."""
    found = by_rate(asked, dict.fromkeys(("lpips-vgg", "dists"), ("below", "section 4.2")))
    return replace(found, notes=[*found.notes, *not_measured(asked.rivals)])


def fig17(asked: Asked) -> Result:
    """PSNR and MS-SSIM, and CLIP-IQA where its weights are."""
    lags = "below", "appendix E.4: ProGIC lags behind in pixel-level metrics"
    metrics, bare, lacks = {"psnr": lags, "ms-ssim": lags}, list[Row](), list[str]()
    try:
        load_metric("clip-iqa")
        metrics["clip-iqa"] = "", "only plotted"
    except CodecError as error:
        bare.append(Row("CLIP-IQA", place="only plotted", note=f"not measured here: {error}"))
        lacks.append("CLIP-IQA is not drawn.")
    found = by_rate(asked, metrics)
    notes = [*found.notes, *unmeasured(asked.rivals)]
    return replace(found, rows=[*found.rows, *bare], notes=notes, lacks=lacks)


def by_rate(asked: Asked, metrics: Mapping[str, tuple[str, str]]) -> Result:
    """Curves, our means, and ours over VVC's at equal bytes, photo by photo.

    By metric on which side of 1 the paper's text puts that ratio, if it does, and where it has the metric.
    """
    sets, lines = sets_at_hand(asked, [each for each in metrics if each not in METRICS])
    rows, pictures = list[Row](), list[Picture]()
    for name, measured in sets.items():
        published = [each for each in published_curves(measured[0].dataset) if each.rival]
        if published and len(photos_of(measured)) < SOURCES[name].photos:
            lines.append(f"{name}: published curves are means over all {SOURCES[name].photos} photos, and drawn where"
                         f" all are measured (--photos {SOURCES[name].photos}).")  # fmt: skip
            published = []
        panels, drawn = dict[str, list[Curve]](), list[PublishedCurve]()
        for metric, told in metrics.items():
            used = at_hand(metric) if metric in ("lpips-vgg", "dists") else metric
            found = scores(measured, used)
            if found:
                lines += undrawn(published, metric, used, name)
                foreign = near([each for each in published if each.metric == used], *reach_of(found))
                panels[used] = measured_curves(asked, found) + published_lines(foreign)
                drawn += foreign
                rows += stage_rows(asked, found, name, metric, *told)
        if panels:
            pictures.append(rate_picture(name, measured, panels, drawn))
    return Result(rows, pictures, photos="; ".join(counted(each) for each in sets.values()), bytes=REAL_BYTES,
                  differs=[COMPUTE, VVC], notes=list(dict.fromkeys(lines)))  # fmt: skip


def measured_curves(asked: Asked, found: Scores) -> list[Curve]:
    """Ours first, then the rivals that show something."""
    n = len(next(iter(found.values())))
    names = [each for each in (ours(asked), *rivals_of(asked)) if any(codec == each for codec, _ in found)]
    return [
        Curve(f"{who(asked)} (ours)" if each == ours(asked) else shown(each), *mean_curve(found, each, range(n)))
        for each in names
    ]


def rate_picture(name: str, measured: Sequence[Measurement], panels: Mapping[str, Sequence[Curve]],
                 published: Sequence[PublishedCurve]) -> Picture:  # fmt: skip
    """The picture of a set, with how many photos each kind of curve is a mean of, and whose the published ones are."""
    under = f"Means over {photos_in_words(measured)} of {name}, {sizes_of(measured)} pixels; real bytes."
    caption = f"{name}: {under}"
    if published:
        whole = " Thin and dashed: published, not measured here, means over the same photos."
        files = dict.fromkeys(f"{each.label} from {each.source}" for each in published)
        under, caption = under + whole, f"{caption}{whole} Sources: {'; '.join(files)}."
    return Picture(f"rd-{name}.png", rate_curves(panels, f"Rate-distortion on {name}", under), caption)


def photos_in_words(measured: Sequence[Measurement]) -> str:
    """How many."""
    n = len(photos_of(measured))
    return f"{n} photo{'s' * (n != 1)}"


def sizes_of(measured: Sequence[Measurement]) -> str:
    """Sizes of the photos in words."""
    sizes = sorted({f"{max(row.width, row.height)}x{min(row.width, row.height)}" for row in measured})
    return sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"


def stage_rows(asked: Asked, found: Scores, name: str, metric: str, side: str, place: str) -> list[Row]:
    """Our means by stages held, and these over VVC's where the paper measured such bytes."""
    used = at_hand(metric) if metric in ("lpips-vgg", "dists") else metric
    info, rows = metric_info(used), []
    for stage in range(1, 6):
        mine = [value for _, value in found.get((ours(asked), stage), [])]
        rate = STAGES.index(stage) + 1 if stage in STAGES else 0
        other = [value for _, value in found.get((ANCHOR, rate), [])]
        if mine:
            low, high = of_mean(mine)
            rows.append(Row(f"{name}: {info.label}, {stage} of 5 stages", info.unit, statistics.fmean(mine), low, high,
                            len(mine), place="only plotted"))  # fmt: skip
        if mine and other:
            low, high = of_mean(mine, other)
            ratio = statistics.fmean(mine) / statistics.fmean(other)
            stand_in = "; ".join(filter(None, [stands_for(metric) if used != metric else "", "VVenC for VTM"]))
            rows.append(Row(f"{name}: {info.label}, ours over VVC's at the bytes of {stage}", "times", ratio, low, high,
                            len(mine), place=place, neutral=1.0, side=side, stand_in=stand_in))  # fmt: skip
    return rows


def fig1(asked: Asked) -> Result:
    """BD-rate by decoding time: the paper's points from its Tables 1 and 5, and ours against VVC."""
    rows, photos, lines = bd_rows(asked, "dists", "table5")
    kodak = measure(asked, "kodak", rivals=rivals_of(asked))
    found, n = scores(kodak, at_hand("dists")), len(photos_of(kodak))
    theirs, here, times, note = {}, {}, list[Row](), "another processor's time"
    for name in table("table5")["rows"]:
        at, change = number("table1", name, "decode_ms").value, number("table5", name, "kodak").value
        if at is not None and change is not None:
            theirs[name] = (at, change)
    for codec in (ours(asked), *rivals_of(asked)):
        name = who(asked) if codec == ours(asked) else shown(codec)
        rate = 5 if codec == ours(asked) else STAGES.index(5) + 1
        spent = [row.decode_s for row in kodak if row.codec == codec and row.rate == rate and row.metric == "psnr"]
        percent = 0.0 if codec == ANCHOR else bd_of(found, codec, ANCHOR, False, range(n))[0]
        if spent:
            ms = 1e3 * statistics.median(spent)
            row = Row(f"decoding time of {name}, Kodak", "ms", ms, n=len(spent), better="lower", note=note)
            cell = number("table1", name, "decode_ms") if name in table("table1")["rows"] else None
            times.append(replace(row, theirs=cell.value, place=f"{cell.place}, an A100") if cell else row)
            if percent is not None:
                here[name] = (ms, percent)
    label, threads = METRICS[at_hand("dists")].label, kodak[0].threads
    sides = {
        f"The paper: {len(theirs)} codecs, an A100": (theirs, "BD-rate by DISTS against MS-ILLM, %"),
        f"Here: CPU, {threads} thread{'s' * (threads > 1)} of torch": (here, f"BD-rate by {label} against VVC, %"),
    }
    of = f"{photos_in_words(kodak)}, {sizes_of(kodak)} pixels"
    under = f"Lower left is better. Here: {of}; each panel has scales of its own."
    caption = (
        f"Left: the paper's own points (Tables 1 and 5, an A100, against MS-ILLM). Right: measured here, {of}, on this"
        f" CPU, by {label} and against VVC, each photo decoded once beside whatever else the machine did. The two have"
        " different scales."
    )
    picture = Picture("latency.png", latency(sides, "BD-rate by decoding time, Kodak", under, who(asked)), caption)
    return Result([*rows, *times], [picture], photos=photos, bytes=REAL_BYTES, differs=[COMPUTE, VVC], notes=lines)
