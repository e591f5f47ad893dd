"""What `progic-full` is worth beside plain ProGIC: colours and quality early, and without the first packet.

    python benchmarks/full.py [--base FILE] [--model NAME] [--bytes N ...] [--photos N] [--cards FOLDER] [SET ...]

Centre squares of 256x256 of the photos in SATSIM_DATA/eval (kodak, fire, aerial), LPIPS by the weights in
SATSIM_WEIGHTS. "small" is --model, and "full N" the same by `progic-full` in messages of N bytes with a header of 20;
--base (default SATSIM_WEIGHTS/progic-small-gpu.safetensors) is what ratios are to. Packets held: 1, 2, 4, 5, and
"lost", the last four of five. CIEDE2000 is that of means over 8x8 pixels. Intervals are of 95 % by bootstrap over
photos, paired. Last, LPIPS of "lost" over that of 4. --cards writes a picture a photo: the original, the decode of 1
packet and of the last four, plain and full.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from PIL import Image

from codec import load_codec
from codec.evaluation.intervals import interval
from codec.folders import list_photos, read_photo
from codec.metrics import load_metric
from codec.metrics.colours import colour_error

DATA = Path(os.environ.get("SATSIM_DATA", "data")) / "eval"
WEIGHTS = Path(os.environ.setdefault("SATSIM_WEIGHTS", "weights"))
HEADER_BYTES, SIDE, DRAWS = 20, 256, 2000
HELD = {"1": (0,), "2": (0, 1), "4": (0, 1, 2, 3), "5": (0, 1, 2, 3, 4), "lost": (1, 2, 3, 4)}
METRICS = {"CIEDE2000": colour_error} | {
    label: load_metric(name)
    for label, name in {
        "LPIPS": "lpips-squeeze",
        "DISTS-lite": "dists-lite",
        "MS-SSIM": "ms-ssim",
        "PSNR": "psnr",
    }.items()
}


def gather(asked):
    """By contender: codec, and bytes of its messages."""
    contenders = {"gpu": (load_codec("progic", model=str(asked.base)), 340)}
    contenders |= {asked.model: (load_codec("progic", model=asked.model), 340)}
    full = load_codec("progic-full", model=asked.model)
    return contenders | {f"full {size}": (full, size) for size in asked.bytes}


def pictures_of(image, contenders):
    """(contender, held) -> what a receiver sees."""
    shown = {}
    for name, (codec, message_bytes) in contenders.items():
        payloads = codec.encode(image, message_bytes - HEADER_BYTES)
        for held, indices in HELD.items():
            shown[name, held] = codec.decode({k: payloads[k] for k in indices}, *image.shape[:2])
    return shown


def evenly(paths, number):
    """So many of them, evenly picked; all for None."""
    count = min(number or len(paths), len(paths))
    return [paths[k * len(paths) // count] for k in range(count)]


def as_ratio(one, other):
    """The ratio of means and its 95 % interval."""
    low, high = interval(one, other, DRAWS, seed=0)
    return f"{one.mean() / other.mean():.3f} ({low:.3f} to {high:.3f})"


def report(folder, rows, contenders):
    """The table of one set; `rows` maps (contender, held, metric) to scores by photo."""
    count = len(rows["gpu", "1", "PSNR"])
    print(f"\n{folder}, {count} photos: mean, and ratio to gpu\n\n| held | contender | {' | '.join(METRICS)} |")
    print("|---|---|" + "---|" * len(METRICS))
    for held in HELD:
        for name in contenders:
            cells = []
            for metric in METRICS:
                scores, base = (np.array(rows[each, held, metric]) for each in (name, "gpu"))
                cells.append(f"{scores.mean():.4g}" + (f", {as_ratio(scores, base)}" if name != "gpu" else ""))
            print(f"| {held} | {name} | {' | '.join(cells)} |", flush=True)
    print("\nLPIPS of lost over 4:")
    for name in contenders:
        lost, four = (np.array(rows[name, held, "LPIPS"]) for held in ("lost", "4"))
        print(f"  {name}: {as_ratio(lost, four)}", flush=True)


def save_card(path, image, shown, plain, full):
    """Original; 1 packet plain and full; the last four, plain and full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tiles = [image, *(shown[name, held] for held in ("1", "lost") for name in (plain, full))]
    Image.fromarray(np.concatenate(tiles, axis=1)).save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["kodak", "fire", "aerial"], metavar="SET")
    parser.add_argument("--base", type=Path, default=WEIGHTS / "progic-small-gpu.safetensors")
    parser.add_argument("--model", default="small")
    parser.add_argument("--bytes", type=int, nargs="+", default=[360], help="of messages")
    parser.add_argument("--photos", type=int, help="so many of a set, evenly picked  [default: all]")
    parser.add_argument("--cards", type=Path)
    asked = parser.parse_args()
    contenders = gather(asked)
    for folder in asked.sets:
        rows = {}
        for path in evenly(list_photos(DATA / folder), asked.photos):
            image = read_photo(path, SIDE).pixels
            shown = pictures_of(image, contenders)
            for (name, held), picture in shown.items():
                for label, metric in METRICS.items():
                    rows.setdefault((name, held, label), []).append(metric(image, picture))
            if asked.cards:
                save_card(asked.cards / f"{folder}-{path.stem}.png", image, shown, asked.model, list(contenders)[2])
        report(folder, rows, contenders)


if __name__ == "__main__":
    main()
