"""What a trained run's pictures are worth, photo by photo, as one JSON file a run: OUT/NAME.json.

name        of the run in queue.yaml
of          the paper's tables and figures it is for: "table4", "fig8" ...; "spread" for another seed of `full`
codec       "progic" or "progdtd"; with "lambda" where it is ProgDTD, else null
changes     keys of the recipe that differ from the common ones, such as {"earlier_stages": 0.2}
shape       of ProGIC: channels, stages, index_bits, downsampling ...; empty for ProgDTD
seed, steps, batch, crop, training_photos     the budget: how many photos, not crops
cpu_s       CPU seconds of the training, one thread; steps done again after a kill count again
parameters, flops    codebooks included; FLOPs to code and decode one photo of 256x256 (2 a multiply-accumulate)
set, side   the photos scored: "kodak", centre squares of so many pixels
parts       what was decoded: the first 1, 2 ... of N stages; of ProgDTD: latent channels kept
metrics     name -> {"label", "unit", "higher_is_better", "trained_on": whether it was in the run's loss}
photos      photo -> {"bytes": [...], name of a metric: [...] ...}, a number for each of `parts`
mean        the same keys and "bpp", means over photos
rate        in words, what `bytes` are: packets' headers are not in them
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from codec.base import CodecError, Image
from codec.files import write_whole
from codec.folders import list_photos, read_photo
from codec.metrics import METRICS, find_weights, load_metric, metric_info
from codec.training.ablations.runs import Planned

SIDE = 256


class Decoded(NamedTuple):
    """A picture, and what it took."""

    part: int
    size_bytes: int
    picture: Image


class Coder(NamedTuple):
    """A trained model."""

    decode_parts: Callable[[Image], Iterator[Decoded]]
    """A photo decoded from its first parts, fewest first; the same parts for every photo."""
    parameters: int
    flops: int
    shape: dict[str, Any]
    rate: str


def metrics_at_hand() -> list[str]:
    """Names of all metrics whose weights are here."""
    return [name for name, info in METRICS.items() if all(map(find_weights, info.files))]


def score(coder: Coder, folder: Path, names: list[str], limit: int | None = None) -> dict[str, Any]:
    """The keys `parts`, `photos` and `mean` of the module's docstring. Raises CodecError where there is no photo."""
    metrics = {name: load_metric(name) for name in names}
    parts: list[int] = []
    photos: dict[str, dict[str, list[float]]] = {}
    for path in list_photos(folder)[:limit]:
        image = read_photo(path, SIDE).pixels
        found = list(coder.decode_parts(image))
        parts = [each.part for each in found]
        photos[path.stem] = {"bytes": [float(each.size_bytes) for each in found]} | {
            name: [round(metric(image, each.picture), 6) for each in found] for name, metric in metrics.items()
        }
    columns = {key: np.array([each[key] for each in photos.values()]) for key in ("bytes", *names)}
    mean = {key: column.mean(axis=0).round(6).tolist() for key, column in columns.items()}
    mean["bpp"] = [round(8 * size / SIDE**2, 6) for size in mean["bytes"]]
    return {"parts": parts, "photos": photos, "mean": mean}


def write_scores(
    path: Path, planned: Planned, coder: Coder, folder: Path, cpu_s: float, training_photos: int, limit: int | None
) -> None:
    """Score the run and write its file, whole or not at all. Raises CodecError, OSError."""
    names, recipe = metrics_at_hand(), planned.recipe
    if not names:
        raise CodecError("no metric's weights are at hand")
    trained_on = {f"lpips-{recipe.lpips_network}"} if recipe.lpips else set()
    infos = {name: metric_info(name) for name in names}
    told = {
        "name": planned.name,
        "of": planned.of,
        "codec": "progic" if planned.progdtd is None else "progdtd",
        "lambda": planned.progdtd,
        "changes": planned.changes,
        "shape": coder.shape,
        **{key: getattr(recipe, key) for key in ("seed", "steps", "batch", "crop")},
        "training_photos": training_photos,
        "cpu_s": round(cpu_s, 1),
        "parameters": coder.parameters,
        "flops": coder.flops,
        "set": folder.name,
        "side": SIDE,
        "rate": coder.rate,
        "metrics": {
            name: {key: dataclasses.asdict(info)[key] for key in ("label", "unit", "higher_is_better")}
            | {"trained_on": name in trained_on}
            for name, info in infos.items()
        },
        **score(coder, folder, names, limit),
    }
    write_whole(path, (json.dumps(told, indent=1) + "\n").encode())
