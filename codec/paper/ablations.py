"""Trained ablations, by what their trainings left on disk: the paper's Fig. 7, 8, 9 and 16, and its Table 4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from codec.base import CodecError
from codec.metrics import METRICS
from codec.paper.codebooks import coded
from codec.paper.intervals import Drawn, interval
from codec.paper.plots import Curve, curves
from codec.paper.quality import bd_of
from codec.paper.result import COUNTS, POINTS, Asked, Picture, Result, Row
from codec.paper.theirs import number, said
from codec.progic.model import ProGIC, complexity
from codec.progic.shape import PRESETS

UNTRAINED = "its models are not trained yet"


class Trained(NamedTuple):
    """One model's scores."""

    label: str
    set: str
    metric: str
    bpp: list[float]
    values: Any
    """float[photos, rates]."""
    trained: str
    """How, in words."""


def trained(asked: Asked, key: str) -> dict[str, Trained]:
    """What KEY-NAME.json files hold, by name. Raises CodecError for none, and for one that is not as expected."""
    paths = sorted(asked.ablations.glob(f"{key}-*.json"))
    if not paths:
        raise CodecError(f"its models are not trained yet: no {key}-*.json in {asked.ablations}")
    return {path.stem.removeprefix(f"{key}-"): read(path) for path in paths}


def read(path: Path) -> Trained:
    """One file. Raises CodecError, naming it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        values = np.array(found["values"], float)
        if values.ndim != 2 or values.shape[1] != len(found["bpp"]) or found["metric"] not in METRICS:
            raise ValueError("values are not a row a photo with a score at each bpp")
        return Trained(found["label"], found["set"], found["metric"], found["bpp"], values, found["trained"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CodecError(f"{path}: not the scores of a trained ablation ({error}); score it again") from None


def of_curves(asked: Asked, key: str) -> Result:
    """The curves of an item's models, and each mean with its interval; the paper only plots them."""
    models = trained(asked, key)
    rows = []
    for each in models.values():
        for k, bpp in enumerate(each.bpp):
            mine = each.values[:, k]
            low, high = interval(len(mine), lambda drawn, mine=mine: float(mine[drawn].mean()))  # type: ignore[misc]
            rows.append(Row(f"{each.label}: {each.metric} at {bpp:.4f} bpp", "", float(mine.mean()), low, high,
                            len(mine), place="only plotted"))  # fmt: skip
    first = next(iter(models.values()))
    lines = [Curve(each.label, list(each.bpp), list(each.values.mean(axis=0))) for each in models.values()]
    picture = Picture(
        "curves.png", curves({METRICS[first.metric].label: lines}, "bits per pixel"), "Means over photos."
    )
    return Result(rows, [picture], photos=f"{first.set}, {len(first.values)}", bytes="whole stages, as they are sent",
                  differs=list(dict.fromkeys(each.trained for each in models.values())))  # fmt: skip


def fig7(asked: Asked) -> Result:
    """Beside ProgDTD."""
    return of_curves(asked, "fig7")


def fig8(asked: Asked) -> Result:
    """Numbers of codebooks."""
    return of_curves(asked, "fig8")


def fig9(asked: Asked) -> Result:
    """Weights p, and whether a larger one helps at few bits and a smaller one at many."""
    found = of_curves(asked, "fig9")
    models = sorted(trained(asked, "fig9").items(), key=lambda item: float(item[0].removeprefix("p")))
    small, large = models[0][1], models[-1][1]
    rows = []
    for where, k, side in (("the first stage", 0, "below"), ("the last stage", -1, "above")):
        ratios = large.values[:, k], small.values[:, k]
        low, high = interval(len(ratios[0]), lambda drawn, r=ratios: float(r[0][drawn].mean() / r[1][drawn].mean()))  # type: ignore[misc]
        mean = float(ratios[0].mean() / ratios[1].mean())
        rows.append(Row(f"{where}: {large.label} over {small.label}", "times", mean,
                        low, high, len(ratios[0]), place="section 4.4", neutral=1.0, side=side))  # fmt: skip
    return Result([*rows, *found.rows], found.pictures, found.photos, found.bytes, found.differs)


def fig16(asked: Asked) -> Result:
    """Finer steps: of the shapes what can be counted, and of trained ones their curves."""
    rows = []
    for preset, what in (("fine16", "bpp of one stage, N=16"), ("fine48", "bpp of one stage, N=48")):
        config, cell = PRESETS[preset], said(what)
        rows.append(Row(f"{preset}: bits per pixel of a stage", "bpp", config.index_bits / config.downsampling**2,
                        theirs=cell.value, place=cell.place, margin=0.00001))  # fmt: skip
    try:
        found = of_curves(asked, "fig16")
    except CodecError as error:
        return Result(rows, skipped=str(error))
    return Result([*rows, *found.rows], found.pictures, found.photos, found.bytes, found.differs)


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
    skipped, names = "", {"modulation": "+ Modulation", "attention": "+ Attention",
                        "attention-modulation": "+ Attention + Modulation"}  # fmt: skip
    photos, differs = "", list[str]()
    try:
        models = trained(asked, "table4")
        base = models.get("base") or read(asked.ablations / "table4-base.json")
        photos, differs = f"{base.set}, {len(base.values)}", [base.trained]
        rows += [module_row(base, models[name], row) for name, row in names.items() if name in models]
    except CodecError as error:
        skipped = str(error)
        for row in names.values():
            cell = number("table4", row, "bd_rate")
            rows.append(Row(f"{row}: BD-rate", "%", theirs=cell.value, neutral=0.0, place=cell.place, note=UNTRAINED))
    rows.append(coded(asked)[0])
    return Result(rows, photos=photos or "kodak", differs=differs, skipped=skipped)


def module_row(base: Trained, other: Trained, name: str) -> Row:
    """BD-rate of a model against the one without modules."""
    found = {}
    for label, each in (("base", base), ("other", other)):
        for k, bpp in enumerate(each.bpp):
            found[label, k] = [(bpp, float(value)) for value in each.values[:, k]]
    up, n, cell = METRICS[base.metric].higher_is_better, len(base.values), number("table4", name, "bd_rate")

    def change(drawn: Drawn) -> float | None:
        return bd_of(found, "other", "base", up, drawn)[0]

    low, high = interval(n, change, draws=300)
    percent, note = bd_of(found, "other", "base", up, range(n))
    stand_in = "" if base.metric == "dists" else f"{METRICS[base.metric].label} for DISTS"
    return Row(f"{name}: BD-rate", "%", percent, low, high, n, cell.value, cell.place, "lower", 0.0, margin=POINTS,
               stand_in=stand_in, note=note)  # fmt: skip
