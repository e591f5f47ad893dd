"""What `progic-full` is worth: colours and quality at one packet and without the first, beside its neighbours.

    python benchmarks/full.py [--guess FILE] [--payloads N ...] [--most N ...] [--photos N] [SET ...]

Centre squares of 256x256 of the photos in SATSIM_DATA/eval, payloads of --payloads bytes (default 320 340): `progic`,
`progic-sketch` where it fits, and `progic-full` by the guess of --guess (default: the one at hand), with first sketches
of at most --most bytes (default as shipped). CIEDE2000 is that of means over 8x8 pixels. Last: LPIPS without the first
packet, over that of the first four in order; and how many bytes a packet is full of.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from codec import load_codec
from codec.base import BudgetError
from codec.folders import list_photos, read_photo
from codec.metrics import load_metric
from codec.metrics.colours import colour_error
from codec.progic.extras import full

DATA = Path(os.environ.get("SATSIM_DATA", "../shared/data")) / "eval"
SIDE = 256
HELD = {"first": (0,), "lost": (1, 2, 3, 4), "four": (0, 1, 2, 3), "all": (0, 1, 2, 3, 4)}
COLUMNS = [("first", "CIEDE2000"), ("first", "LPIPS"), ("lost", "LPIPS"), ("lost", "DISTS-lite"), ("lost", "CIEDE2000")]
COLUMNS += [("four", "LPIPS"), ("all", "LPIPS"), ("all", "CIEDE2000")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["kodak", "fire", "aerial"], metavar="SET")
    parser.add_argument("--guess", default=True)
    parser.add_argument("--payloads", type=int, nargs="+", default=[320, 340])
    parser.add_argument("--most", type=int, nargs="+", default=[full.MOST])
    parser.add_argument("--photos", type=int, help="so many of a set, evenly picked  [default: all]")
    asked = parser.parse_args()
    codecs = {name: load_codec(name) for name in ("progic", "progic-sketch")}
    codecs["progic-full"] = load_codec("progic-full", guess=asked.guess)
    metrics = {
        "CIEDE2000": colour_error,
        "LPIPS": load_metric("lpips-squeeze"),
        "DISTS-lite": load_metric("dists-lite"),
    }
    runs = [(name, size, most) for name in codecs for size in asked.payloads for most in asked.most]
    runs = [run for run in runs if run[0] == "progic-full" or run[2] == asked.most[0]]
    for folder in asked.sets:
        paths = list_photos(DATA / folder)
        count = min(asked.photos or len(paths), len(paths))
        labels = " | ".join(" ".join(each) for each in COLUMNS)
        print(f"\n{folder}, {count} photos\n\n| codec | {labels} | ratio | bytes |")
        print("|---|" + "---|" * (len(COLUMNS) + 2))
        images = [read_photo(paths[k * len(paths) // count], SIDE).pixels for k in range(count)]
        for name, size, most in runs:
            full.MOST, rows, lengths = most, [], []
            try:
                for image in images:
                    payloads = codecs[name].encode(image, size)
                    lengths.append([len(each) for each in payloads])
                    shown = {
                        held: codecs[name].decode({k: payloads[k] for k in HELD[held]}, SIDE, SIDE) for held in HELD
                    }
                    rows.append([metrics[metric](image, shown[held]) for held, metric in COLUMNS])
            except BudgetError:
                continue
            means = np.mean(rows, axis=0)
            label = f"{name} {size}" + (f", {most}" if len(asked.most) > 1 and name == "progic-full" else "")
            cells = [*(f"{mean:.4g}" for mean in means), f"{means[2] / means[5]:.2f}", f"{np.mean(lengths):.0f}"]
            print(f"| {label} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
