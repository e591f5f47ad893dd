"""What `arithmetic=bfloat16` saves, and what its pictures score against float32's.

    python benchmarks/fast.py [--rounds 30] [--threads 1 2] [--photos FOLDER ...] [--most N]

Times: forms take turns, a picture of 256x256 pixels each, to be encoded and decoded; told is the ratio of each round to
eager float32 (`codec.progic.model`), median and 95 % interval over rounds. Scores: the mean over each folder's photos
(centre squares at 256x256) of each metric at 1 to 5 packets, and by how much bfloat16's differs, with a 95 % interval
over photos. Intervals are those of `codec.evaluation.intervals`. Exit code 1 where bfloat16 takes more than 0.6 of
eager float32, or a mean score is more than 1 % worse.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from speed import PlainProgic, synthetic_photo

from codec.evaluation.evaluate import metrics_at_hand
from codec.evaluation.intervals import interval, interval_of
from codec.evaluation.runtimes import cpu_name
from codec.folders import list_photos
from codec.photos import fit_photo
from codec.progic import layout
from codec.progic.codec import ProgicCodec

PAYLOAD_BYTES = 340
BAR_RATIO, BAR_CHANGE = 0.6, 0.01


def time_forms(codecs: dict[str, ProgicCodec], threads: int, rounds: int) -> float:
    """Print times and ratios; the ratio of bfloat16."""
    torch.set_num_threads(threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    image = synthetic_photo(256)
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in codecs}
    for _ in range(rounds + 2):
        for name, codec in codecs.items():
            began = clock()
            payloads = dict(enumerate(codec.encode(image, PAYLOAD_BYTES)))
            encoded = clock()
            codec.decode(payloads, 256, 256)
            spent[name].append((encoded - began, clock() - encoded))
    told = "process time" if threads == 1 else "wall time"
    print(f"\nencode + decode, 256x256, {threads} threads, {rounds} rounds, {told}: median ms; ratio to eager float32")
    plain = np.array(spent["eager float32"][2:]).sum(axis=1)
    ratio = 0.0
    for name, times in spent.items():
        parts = 1e3 * np.median(np.array(times[2:]), axis=0)
        ratios = np.array(times[2:]).sum(axis=1) / plain
        ratio = float(np.median(ratios))
        low, high = interval_of(lambda drawn, of=ratios: float(np.median(of[drawn])), len(ratios)) or (ratio, ratio)
        print(f"  {name:14} {parts[0]:6.1f} + {parts[1]:6.1f}   {ratio:.3f} ({low:.3f} to {high:.3f})", flush=True)
    return ratio


def score_forms(codecs: dict[str, ProgicCodec], folder: Path, most: int | None) -> bool:
    """Print mean scores of a folder's photos and what differs; whether one is worse than the bar allows."""
    torch.set_num_threads(1)
    metrics = metrics_at_hand(256)
    photos = list_photos(folder)[:most]
    scores = {name: np.empty((len(photos), 5, len(metrics))) for name in codecs}
    same = np.empty((len(photos), 5))
    for row, path in enumerate(photos):
        image = fit_photo(path, 256, 256, "crop").pixels
        grids = []
        for name, codec in codecs.items():
            payloads = dict(enumerate(codec.encode(image, PAYLOAD_BYTES)))
            grids.append(layout.join(payloads, 5, 16, 16, 10))
            for held in range(1, 6):
                shown = codec.decode({k: payloads[k] for k in range(held)}, 256, 256)
                scores[name][row, held - 1] = [metric(image, shown) for metric in metrics]
        same[row] = (grids[0] == grids[1]).mean(axis=(1, 2))
    wide, narrow = scores.values()
    print(
        f"\n{folder.name}, n = {len(photos)}; the same indices, stage by stage: {same.mean(axis=0).round(3).tolist()}"
    )
    missed = False
    for k, metric in enumerate(metrics):
        for held in range(5):
            first, second = wide[:, held, k], narrow[:, held, k]
            change = second.mean() / first.mean() - 1
            low, high = (end - 1 for end in interval(second, first))
            missed |= (-change if metric.higher_is_better else change) > BAR_CHANGE
            print(
                f"  {metric.name:14} {held + 1} packets {first.mean():8.4f} -> {second.mean():8.4f}"
                f" ({100 * change:+.2f} %, {100 * low:+.2f} to {100 * high:+.2f})",
                flush=True,
            )
    return missed


def main() -> int:
    """Print all of it; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="small")
    parser.add_argument("--rounds", type=int, default=30, help="0 for no times")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="folders to score both forms on")
    parser.add_argument("--most", type=int, help="photos of each folder (default: all)")
    asked = parser.parse_args()
    codecs = {"float32": ProgicCodec(asked.model), "bfloat16": ProgicCodec(asked.model, arithmetic="bfloat16")}
    print(f"ProGIC {asked.model}, {cpu_name()}")
    missed = False
    for threads in asked.threads if asked.rounds else []:
        missed |= time_forms({"eager float32": PlainProgic(asked.model), **codecs}, threads, asked.rounds) > BAR_RATIO
    for folder in asked.photos:
        missed |= score_forms(codecs, folder, asked.most)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
