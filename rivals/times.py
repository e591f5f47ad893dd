"""How long learned rivals take on this machine, with random weights: time needs no trained ones.

    python rivals/times.py --sides 256 512 --runs 5 --threads 2

`satsim paper table2 --learned learned/bin/python` calls it in an environment of its own, which sees satsim's packages:

    python -m venv learned
    python -c "import site; print(site.getsitepackages()[0])" > "$(echo learned/lib/python*/site-packages)/satsim.pth"
    learned/bin/pip install --no-deps compressai neuralcompression einops pytorch-msssim torch-geometric xxhash
    learned/bin/pip install requests pandas

So no second torch comes in; torchvision, and what else the two import for training alone, is done without.

A line of JSON a model and size: its name, side, milliseconds of each encoding and decoding, parameters; or the name and
why it could not be run. Models take turns, run by run, so that what else the machine does weighs on all alike; both
shapes of ProGIC are among them. Strings of random weights are longer than trained ones; entropy coding is the lesser
part.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import compressai_zoo
import msillm


class Timed(NamedTuple):
    """A model of random weights."""

    parameters: int
    encode: Callable[[Any], Any]
    """Picture, 0 to 1, to what is sent."""
    decode: Callable[[Any, int], Any]
    """That, and the picture's side, to the picture."""


def rival(script: Any, model: str = "") -> Timed:
    """One that an adapter runs."""
    told = SimpleNamespace(weights="random", model=model, device="cpu")
    loaded = script.RIVAL.load(script.RIVAL.qualities[0], told)
    return Timed(
        sum(each.numel() for each in loaded.parameters()),
        lambda picture: script.RIVAL.compress(loaded, picture),
        lambda strings, side: script.RIVAL.decompress(loaded, strings, side, side),
    )


def ours(preset: str) -> Timed:
    """A shape of ProGIC."""
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    from codec.progic.model import ProGIC, complexity
    from codec.progic.shape import PRESETS

    model = ProGIC(PRESETS[preset]).eval()
    parameters = complexity(PRESETS[preset], 64, 64).parameters
    return Timed(parameters, lambda picture: model.encode(2 * picture - 1), lambda indices, side: model.decode(indices))


MODELS: dict[str, Callable[[], Timed]] = {
    "ProGIC-s": partial(ours, "small"),
    "ProGIC": partial(ours, "base"),
    "bmshj2018-hyperprior": partial(rival, compressai_zoo, "bmshj2018-hyperprior"),
    "mbt2018-mean": partial(rival, compressai_zoo, "mbt2018-mean"),
    "cheng2020-anchor": partial(rival, compressai_zoo, "cheng2020-anchor"),
    "MS-ILLM": partial(rival, msillm),
}
"""Ours; three of CompressAI, of which the last codes cell by cell; and the paper's anchor."""
ENOUGH_S = 300.0
"""No more rounds at one size after so long."""


def main() -> None:
    """Each model at each size."""
    import torch

    parser = argparse.ArgumentParser(description="Times of learned codecs with random weights.")
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    models = dict[str, Timed]()
    for name in options.models:
        try:
            models[name] = MODELS[name]()
        except ImportError as error:
            print(json.dumps({"name": name, "missing": str(error)}), flush=True)
    with torch.inference_mode():
        for side in options.sides:
            timed(models, side, options.runs)


def timed(models: dict[str, Timed], side: int, runs: int) -> None:
    """Tell what `runs` rounds took, after one that is not counted, with a random square picture."""
    import torch

    torch.manual_seed(1)
    picture, start = torch.rand(1, 3, side, side), time.perf_counter()
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for run in range(runs + 1):
        for name, model in models.items():
            began = time.perf_counter()
            sent = model.encode(picture)
            encoded = time.perf_counter()
            model.decode(sent, side)
            spent[name].append((1e3 * (encoded - began), 1e3 * (time.perf_counter() - encoded)))
        if run and time.perf_counter() - start > ENOUGH_S:
            break
    for name, each in spent.items():
        encode, decode = zip(*each[1:], strict=True)
        told = {"name": name, "side": side, "encode_ms": encode, "decode_ms": decode}
        print(json.dumps(told | {"parameters": models[name].parameters}), flush=True)


if __name__ == "__main__":
    main()
