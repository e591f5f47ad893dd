"""Steps a second of the trainer on this machine: 8 crops of 192x192, as `codec train` would make them.

    python benchmarks/training.py [--presets nano,small] [--steps N] [--data PHOTOS]

From random weights, with codebooks in place from the first step; photos are drawn here unless a folder is named. LPIPS,
and VGG-19 on four pictures a step, take part where their weights are at hand (SATSIM_WEIGHTS),
DISTS-lite in place of VGG-19 where they are not; once more with the PatchGAN. The first block of
five steps is not counted; of the others the median is. The time is the wall's: on a machine that others use too, it is
theirs as well.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from codec.metrics import weights
from codec.progic.shape import PRESETS
from codec.training.feed import feed
from codec.training.recipe import TrainConfig
from codec.training.train import Run

BATCH, CROP, BLOCK = 8, 192, 5


def draw_photos(folder: Path, count: int = 24) -> Path:
    """Blots of all sizes, as files that take about as long to read as photos of 320x427."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for k in range(count):
        layers = [rng.normal(0, 40 / level, (3, 3 * 2**level, 4 * 2**level)) for level in range(1, 7)]
        tones = sum(np.asarray([_grow(plane) for plane in layer]) for layer in layers)
        pixels = np.clip(128 + np.moveaxis(np.asarray(tones), 0, 2), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{k}.webp", quality=90)
    return folder


def _grow(plane: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize((427, 320), Image.Resampling.BICUBIC))


def block_seconds(config: TrainConfig, steps: int) -> list[float]:
    """Seconds of each block of steps, loading and checks included."""
    run = Run(config, PRESETS[config.preset])
    times = []
    with closing(feed(run.photos, config.seed, config.loaders, lambda step: (BATCH, CROP), 0, print)) as crops:
        for _ in range(steps // BLOCK):
            began = time.perf_counter()
            for _ in range(BLOCK):
                run.advance(next(crops), 0.5)
                run.settle(0.5)
            if run.learned.device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
    return times[1:]


def main() -> None:
    """Print one line for each preset, without and with the PatchGAN."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", default="nano,small")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--data", type=Path)
    wanted = parser.parse_args()
    os.environ.setdefault("SATSIM_WEIGHTS", "weights")
    vgg = (Path(os.environ["SATSIM_WEIGHTS"]) / "vgg19_caffe_relu3_4.safetensors").exists()
    terms: dict[str, float] = {"lpips": 0.0 if weights.missing("lpips-squeeze") else 1.0}
    terms |= {"vgg": 0.25, "dists": 0.5} if vgg else {"vgg": 0.0, "dists": 0.0, "dists_lite": 0.5}
    with tempfile.TemporaryDirectory() as folder:
        data = wanted.data or draw_photos(Path(folder) / "photos")
        for preset in wanted.presets.split(","):
            for adversarial in (0.0, 0.2):
                more = {**terms, "adversarial": adversarial}
                config = TrainConfig(
                    data=data,
                    out=Path(folder) / f"{preset}-{adversarial}",
                    preset=preset,
                    batch=BATCH,
                    crop=CROP,
                    quantize_from=0,
                    adversarial_from=0.0,
                    lpips_crops=2 * BATCH,
                    vgg_from=0.0,
                    vgg_crops=4,
                    vgg_size=CROP,
                    adversarial_crops=2 * BATCH,
                    report_steps=BLOCK,
                    checkpoint_s=1e9,
                    **more,
                )
                times = block_seconds(config, wanted.steps)
                seconds = statistics.median(times) / BLOCK
                losses = ", ".join(name for name, weight in more.items() if weight)
                print(
                    f"{preset}, {BATCH} crops of {CROP}: {1 / seconds:.3f} steps a second ({seconds:.2f} s a step, "
                    f"{min(times) / BLOCK:.2f} to {max(times) / BLOCK:.2f}); l1, {losses}; {os.cpu_count()} cores, "
                    f"{torch.get_num_threads()} threads, torch {torch.__version__}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
