"""How well DISTS-lite agrees with its teachers on photos that it was not trained on: the tables of its card.

    python benchmarks/metric_agreement.py [--images N] [--cache FOLDER] [--weights FILE]

Centre squares of 256x256 of the photos in SATSIM_DATA/eval, damaged in every way of
`codec/training/distill/distortions.py` and by the stages and holes of ProGIC. The teachers' weights are those in
SATSIM_WEIGHTS; their scores, which take most of the time, are kept in the cache folder.
Exit code 1 says that a bar was missed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from codec.folders import list_photos, read_photo
from codec.metrics.dists_lite import WEIGHTS, DistsLite, load_dists_lite
from codec.progic.model import ProGIC, load_model
from codec.progic.shape import DEFAULT_MODEL, model_path
from codec.training.distill.distortions import CODECS, SYNTHETIC, progic_pictures
from codec.training.distill.lessons import pearson, spearman
from codec.training.distill.teachers import STAGES, TO_DISTS, TO_LPIPS, TO_TEACHER, Teachers

REPO = Path(__file__).resolve().parent.parent
SETS = ("kodak", "fire", "aerial")
SIDE = 256
HOLES = 3
KINDS = (
    *(("progic", stage) for stage in STAGES),
    *(("progic holes", str(k)) for k in range(HOLES)),
    *((codec, strength) for codec in CODECS for strength in ("0.2", "0.5", "0.8")),
    *((kind, strength) for kind in SYNTHETIC for strength in ("0.3", "0.7")),
)
"""What is done to every photo, in order."""
BARS = {"overall": 0.97, "codec": 0.9, "monotone": 0.98}


class Row(NamedTuple):
    """One damaged picture."""

    folder: str
    photo: str
    kind: str
    strength: str
    lpips: float
    dists: float
    teacher: float
    lite: float


def damage(path: Path) -> np.ndarray:
    """uint8[1 + len(KINDS), 256, 256, 3]: the photo, then what KINDS make of it."""
    image, rng = read_photo(path, SIDE).pixels, np.random.default_rng(sum(path.stem.encode()))
    model, _ = load_model(model_path(DEFAULT_MODEL))
    pictures = [image, *progic_pictures(model, image, [*STAGES, *["hole"] * HOLES], rng)]
    for kind, strength in KINDS[len(STAGES) + HOLES :]:
        pictures.append({**CODECS, **SYNTHETIC}[kind](image, float(strength), rng))
    return np.stack(pictures)


@torch.inference_mode()
def falls(path: Path, model: ProGIC, network: DistsLite) -> bool:
    """Whether every further stage of ProGIC brings a better score."""
    image = read_photo(path, SIDE).pixels
    pictures = np.stack([image, *progic_pictures(model, image, STAGES, np.random.default_rng(0))])
    taps = network.features(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255)
    scores = network.distance([tap[:1] for tap in taps], [tap[1:] for tap in taps]).tolist()
    return all(a > b for a, b in itertools.pairwise(scores))


def judged(path: Path, cache: Path, teachers: Callable[[], Teachers]) -> dict[str, torch.Tensor]:
    """`pictures` of one photo and their `terms` by the teachers, from the cache where it has them."""
    kept = cache / f"{path.parent.name}-{path.stem}.safetensors"
    if not kept.exists():
        pictures = damage(path)
        teacher = teachers()
        first = teacher.features(pictures[:1])
        terms = [teacher.terms(first, teacher.features(pictures[k : k + 1])) for k in range(1, len(pictures))]
        partial = kept.with_suffix(f".{os.getpid()}")
        save_file({"pictures": torch.from_numpy(pictures), "terms": torch.cat(terms)}, partial)
        os.replace(partial, kept)
    return load_file(kept)


@torch.inference_mode()
def rows_of(path: Path, held: dict[str, torch.Tensor], network: DistsLite) -> list[Row]:
    """A row for each damaged picture."""
    pictures = held["pictures"].permute(0, 3, 1, 2).float() / 255
    first = network.features(pictures[:1])
    lite = [float(network.distance(first, network.features(pictures[k : k + 1]))) for k in range(1, len(pictures))]
    sums = [(held["terms"] @ weights).tolist() for weights in (TO_LPIPS, TO_DISTS, TO_TEACHER)]
    return [Row(path.parent.name, path.stem, *kind, *values) for kind, *values in zip(KINDS, *sums, lite, strict=True)]


def line(name: str, rows: Sequence[Row]) -> str:
    """A row of the Markdown table: Spearman and Pearson with the teacher and both of its halves."""
    lite = [row.lite for row in rows]
    cells = []
    for field in ("teacher", "lpips", "dists"):
        theirs = [getattr(row, field) for row in rows]
        cells.append(f"{spearman(lite, theirs):.3f} / {pearson(lite, theirs):.3f}")
    return f"| {name} | {' | '.join(cells)} | {len(rows)} |"


def share_monotone(rows: Sequence[Row], field: str) -> tuple[int, int]:
    """Photos whose score falls with every further stage of ProGIC, and all photos."""
    photos: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row.kind == "progic":
            photos.setdefault((row.folder, row.photo), []).append(getattr(row, field))
    falling = [all(a > b for a, b in itertools.pairwise(scores)) for scores in photos.values()]
    return sum(falling), len(falling)


def main() -> int:
    """Print the tables; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, help="photos of each set, evenly picked  [default: all]")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--cache", type=Path, default=REPO / "runs/metric_agreement")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="weights of DISTS-lite")
    asked = parser.parse_args()
    data = Path(os.environ.get("SATSIM_DATA", "data")) / "eval"
    weights = Path(os.environ.setdefault("SATSIM_WEIGHTS", "weights"))
    asked.cache.mkdir(parents=True, exist_ok=True)
    network, loaded = load_dists_lite(asked.weights), []

    def teachers() -> Teachers:
        loaded[:] = loaded or [Teachers(weights / "vgg19_caffe_relu3_4.safetensors")]
        return loaded[0]

    rows: list[Row] = []
    for folder in asked.sets:
        photos = list_photos(data / folder)
        count = min(asked.images or len(photos), len(photos))
        for path in [photos[k * len(photos) // count] for k in range(count)]:
            rows += rows_of(path, judged(path, asked.cache, teachers), network)
    kinds = list(dict.fromkeys(row.kind for row in rows))
    print("Spearman / Pearson correlation of DISTS-lite with\n")
    print("| pictures | teacher | LPIPS-squeeze | DISTS-VGG19 | number |\n|---|---|---|---|---|")
    print(line("all", rows))
    for folder in asked.sets:
        print(line(folder, [row for row in rows if row.folder == folder]))
    for kind in kinds:
        print(line(kind, [row for row in rows if row.kind == kind]))
    print("\nPhotos whose score falls with each of ProGIC's stages:", end="")
    for field in ("lite", "teacher", "lpips", "dists"):
        falling, photos_seen = share_monotone(rows, field)
        print(f" {field} {falling} of {photos_seen};", end="")
    halves = spearman([row.lpips for row in rows], [row.dists for row in rows])
    print(f"\nSpearman of LPIPS-squeeze with DISTS-VGG19: {halves:.3f}")
    lite, teacher = [row.lite for row in rows], [row.teacher for row in rows]
    codecs = [kind for kind in kinds if kind not in SYNTHETIC]
    within = {k: [(row.lite, row.teacher) for row in rows if row.kind == k] for k in codecs}
    worst = min(spearman(*map(list, zip(*pairs, strict=True))) for pairs in within.values())
    model, _ = load_model(model_path(DEFAULT_MODEL))
    verdicts = [falls(path, model, network) for folder in asked.sets for path in list_photos(data / folder)]
    falling, photos_seen = sum(verdicts), len(verdicts)
    print(f"On all photos of these sets, by DISTS-lite: {falling} of {photos_seen}")
    found = {"overall": spearman(lite, teacher), "codec": worst, "monotone": falling / photos_seen}
    for name, bar in BARS.items():
        print(f"{name}: {found[name]:.3f} (bar {bar}): {'reached' if found[name] >= bar else 'MISSED'}")
    return int(any(found[name] < bar for name, bar in BARS.items()))


if __name__ == "__main__":
    sys.exit(main())
