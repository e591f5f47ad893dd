"""Trained ablations, by what their trainings left on disk: the paper's Fig. 7, 8, 9 and 16, and its Table 4."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from codec.base import CodecError
from codec.metrics import METRICS
from codec.paper.codebooks import coded
from codec.paper.intervals import Drawn, interval, of_mean
from codec.paper.plots import Curve, curves
from codec.paper.quality import bd_of
from codec.paper.result import COUNTS, POINTS, Asked, Picture, Result, Row
from codec.paper.theirs import number, said
from codec.progic.model import ProGIC, complexity
from codec.progic.shape import PRESETS

UNTRAINED = "not trained yet: `python -m codec.training.ablations`"
FULL = "full"
SEEDS = (FULL, "full-seed-2", "full-seed-3")
RUNS = {
    "fig7": {FULL: "ProGIC"} | {f"progdtd-{weight}": f"ProgDTD, λ = {weight}" for weight in (2, 4, 8)},
    "fig8": {"stages-3": "N = 3", FULL: "N = 5", "stages-8": "N = 8"},
    "fig9": {"p-0.2": "p = 0.2", FULL: "p = 0.5", "p-0.8": "p = 0.8"},
    "fig16": {FULL: "N = 5, f = 16", "fine16": "N = 16, f = 32", "fine48": "N = 48, f = 64"},
    "table4": {"bare": "Base", "modulation": "+ Modulation", "attention": "+ Attention",
               FULL: "+ Attention + Modulation"},
    "spread": dict(zip(SEEDS, SEEDS, strict=True)),
}  # fmt: skip
"""Runs of codec/training/ablations/queue.yaml, by the item that they are for, as its figure or table calls them."""
SPREAD = "its interval is widened by how far three seeds of one model are apart"


class Trained(NamedTuple):
    """One model's scores, by DISTS or what stands for it."""

    label: str
    set: str
    metric: str
    bpp: list[float]
    """Means over photos: bytes on the wire, packets' headers apart."""
    values: Any
    """float[photos, rates]."""
    trained: str
    """How, in words."""


def trained(asked: Asked, key: str) -> dict[str, Trained]:
    """What the runs of an item scored, by run. Raises CodecError for none, and for a file that is not as expected."""
    found = {name: read(path, label) for name, label in RUNS[key].items()
             if (path := asked.ablations / f"{name}.json").exists()}  # fmt: skip
    if not found:
        raise CodecError(f"its models are {UNTRAINED}; no {', '.join(RUNS[key])} in {asked.ablations}")
    return found


def read(path: Path, label: str) -> Trained:
    """One run's file, as `codec.training.ablations.scores` describes it. Raises CodecError, naming it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        metric = "dists" if "dists" in found["metrics"] else "dists-lite"
        values = np.array([found["photos"][photo][metric] for photo in sorted(found["photos"])], float)
        bpp = [float(value) for value in found["mean"]["bpp"]]
        if values.ndim != 2 or values.shape[1] != len(bpp):
            raise ValueError("not a score at each of `parts` for each photo")
        crops = f"{found['steps']} steps of {found['batch']} crops of {found['crop']}x{found['crop']}"
        size = f"{found['parameters'] / 1e6:.2f} M parameters"
        words = f"{label}: {size}, {crops}, {found['cpu_s'] / 60:.0f} minutes of one core"
        return Trained(label, f"{found['set']} at {found['side']}x{found['side']}", metric, bpp, values, words)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CodecError(f"{path}: not the scores of a trained ablation ({error}); train or score it again") from None


def missing(asked: Asked, key: str) -> list[str]:
    """A note on the runs of an item that are not there."""
    names = [name for name in RUNS[key] if not (asked.ablations / f"{name}.json").exists()]
    return [f"{UNTRAINED}: {', '.join(names)}."] if names else []


def of_curves(asked: Asked, key: str, claims: Sequence[Claim]) -> Result:
    """What the text says of an item, then its models' curves, each mean with its interval: the paper plots them."""
    models = trained(asked, key)
    rows = [claimed(asked, RUNS[key], models, claim) for claim in claims]
    for each in models.values():
        for k, bpp in enumerate(each.bpp):
            low, high = of_mean(each.values[:, k])
            rows.append(Row(f"{each.label}: {each.metric} at {bpp:.4f} bpp", "", float(each.values[:, k].mean()), low,
                            high, len(each.values), place="only plotted"))  # fmt: skip
    first = next(iter(models.values()))
    lines = [Curve(each.label, each.bpp, list(each.values.mean(axis=0))) for each in models.values()]
    caption = f"Means over {len(first.values)} photos, by what is sent."
    picture = Picture("curves.png", curves({METRICS[first.metric].label: lines}, "bits per pixel"), caption)
    return Result(rows, [picture], f"{first.set}, {len(first.values)}", "whole stages, and ProgDTD's real streams",
                  list(dict.fromkeys(each.trained for each in models.values())), missing(asked, key))  # fmt: skip


class Claim(NamedTuple):
    """A sentence of the paper on two models at one stage of the first: the ratio of their scores is on a side of 1."""

    what: str
    one: str
    other: str
    stage: int
    """Index into the first's rates; the other is read off its curve there."""
    side: str
    place: str


def claimed(asked: Asked, labels: Mapping[str, str], models: Mapping[str, Trained], claim: Claim) -> Row:
    """The claim's ratio, with an interval over photos and seeds; no number while one of both is not trained."""
    row = Row(f"{claim.what}: {labels[claim.other]} over {labels[claim.one]}", "times", place=claim.place, neutral=1.0,
              side=claim.side)  # fmt: skip
    if claim.one not in models or claim.other not in models:
        return replace(row, note=UNTRAINED)
    one, other = models[claim.one], models[claim.other]
    bpp = one.bpp[claim.stage]
    if not other.bpp[0] * 0.9 <= bpp <= other.bpp[-1] * 1.1:
        return replace(
            row, note=f"{other.label} has no picture at {bpp:.4f} bpp: {other.bpp[0]:.4f} to {other.bpp[-1]:.4f}"
        )
    mine: list[float] = list(one.values[:, claim.stage])
    its = [float(np.interp(math.log(bpp), np.log(other.bpp), photo)) for photo in other.values]
    low, high = of_mean(its, mine)
    apart = seeds(asked, lambda a, b: abs(math.log(a.values[:, claim.stage].mean() / b.values[:, claim.stage].mean())))
    if low is not None and high is not None and apart is not None:
        low, high = low * math.exp(-apart), high * math.exp(apart)
    return replace(row, ours=sum(its) / sum(mine), low=low, high=high, n=len(mine), note=told(apart))


def seeds(asked: Asked, distance: Callable[[Trained, Trained], float | None]) -> float | None:
    """The largest distance of two seeds of the full model; None while not all are trained."""
    models = trained(asked, "spread") if (asked.ablations / f"{FULL}.json").exists() else {}
    apart = [distance(a, b) for a, b in combinations(models.values(), 2)]
    return max((each for each in apart if each is not None), default=None) if len(models) == len(SEEDS) else None


def told(apart: float | None) -> str:
    """What the interval holds."""
    return "its interval is over photos alone, not over seeds" if apart is None else SPREAD


def fig7(asked: Asked) -> Result:
    """Beside ProgDTD."""
    place = "section 4.2"
    return of_curves(asked, "fig7", [
        Claim("few bits, the first stage", FULL, "progdtd-2", 0, "above", place),
        Claim("many bits, the last stage", FULL, "progdtd-2", -1, "", f"{place} calls it similar"),
        Claim("a larger λ, at the bits of half of λ = 2's parts", "progdtd-2", "progdtd-8", 3, "above", place),
    ])  # fmt: skip


def fig8(asked: Asked) -> Result:
    """Numbers of codebooks: with more of them the first pictures get worse."""
    return of_curves(asked, "fig8", [
        Claim("the first stage", FULL, "stages-8", 0, "above", "section 4.4"),
        Claim("the first stage", "stages-3", FULL, 0, "above", "section 4.4"),
    ])  # fmt: skip


def fig9(asked: Asked) -> Result:
    """Weights p: a larger one helps at few bits and a smaller one at many."""
    return of_curves(asked, "fig9", [
        Claim("the first stage", "p-0.2", "p-0.8", 0, "below", "section 4.4"),
        Claim("the last stage", "p-0.2", "p-0.8", -1, "above", "section 4.4"),
    ])  # fmt: skip


def fig16(asked: Asked) -> Result:
    """Finer steps: of the shapes what can be counted, and of trained ones their curves."""
    rows = []
    for preset, what in (("fine16", "bpp of one stage, N=16"), ("fine48", "bpp of one stage, N=48")):
        config, cell = PRESETS[preset], said(what)
        rows.append(Row(f"{preset}: bits per pixel of a stage", "bpp", config.index_bits / config.downsampling**2,
                        theirs=cell.value, place=cell.place, margin=0.00001))  # fmt: skip
    try:
        found = of_curves(asked, "fig16", [])
    except CodecError as error:
        return Result(rows, skipped=str(error))
    return replace(found, rows=[*rows, *found.rows])


def attention_share() -> float:
    """FLOPs of both attention modules of base, in percent of what is left without them."""
    import torch

    whole = complexity(PRESETS["base"], 512, 768).flops
    with torch.device("meta"):
        model = ProGIC(PRESETS["base"])
    cells, spent = 32 * 48, 0
    for part in (model.analysis.attention, model.synthesis.attention):
        for module in part.modules():
            if isinstance(module, torch.nn.Conv2d):
                spent += cells * module.out_channels * (2 * module.weight[0].numel() + 1)
    return 100 * spent / (whole - spent)


def table4(asked: Asked) -> Result:
    """Attention's FLOPs, entropy coding, and what each module brings where its models are trained."""
    cell = said("attention, FLOPs")
    rows = [Row("attention: FLOPs", "%", attention_share(), theirs=cell.value, place=cell.place, neutral=0.0,
                margin=COUNTS * (cell.value or 0))]  # fmt: skip
    names = [name for name in RUNS["table4"] if name != "bare"]
    photos, differs, skipped = "kodak", list[str](), ""
    try:
        models = trained(asked, "table4")
        if base := models.get("bare"):
            photos, differs = f"{base.set}, {len(base.values)}", list(dict.fromkeys(e.trained for e in models.values()))
            rows += [module_row(asked, base, models[name]) for name in names if name in models]
    except CodecError as error:
        skipped = str(error)
        for row in (RUNS["table4"][name] for name in names):
            cell = number("table4", row, "bd_rate")
            rows.append(Row(f"{row}: BD-rate", "%", theirs=cell.value, neutral=0.0, place=cell.place, note=UNTRAINED))
    rows.append(coded(asked)[0])
    return Result(rows, photos=photos, differs=differs, skipped=skipped, notes=missing(asked, "table4"))


def module_row(asked: Asked, base: Trained, other: Trained) -> Row:
    """BD-rate of a model against the one without modules."""
    n, cell = len(base.values), number("table4", other.label, "bd_rate")

    def change(one: Trained, two: Trained, drawn: Sequence[int] | Drawn) -> tuple[float | None, str]:
        found = {}
        for label, each in (("one", one), ("two", two)):
            for k, bpp in enumerate(each.bpp):
                found[label, k] = [(bpp, float(value)) for value in each.values[:, k]]
        return bd_of(found, "two", "one", METRICS[one.metric].higher_is_better, drawn)

    percent, note = change(base, other, range(n))
    low, high = interval(n, lambda drawn: change(base, other, drawn)[0], draws=300)
    apart = seeds(asked, lambda one, two: None if (found := change(one, two, range(n))[0]) is None else abs(found))
    if low is not None and high is not None and apart is not None:
        low, high = low - apart, high + apart
    stand_in = "" if base.metric == "dists" else f"{METRICS[base.metric].label} for DISTS"
    return Row(f"{other.label}: BD-rate", "%", percent, low, high, n, cell.value, cell.place, "lower", 0.0,
               margin=POINTS, stand_in=stand_in, note="; ".join(filter(None, [note, told(apart)])))  # fmt: skip
