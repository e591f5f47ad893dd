"""Sets of packets that a sweep decodes and scores in a second, here and by another checkout, say of an earlier version.

    python benchmarks/sets.py CHECKOUT [--sets 12] [--side 512] [--metric dists-lite]

A photo of 512x512 pixels goes in twenty packets of 360 bytes, of which random sets are held; each is judged as a sweep
does, by one process for each form, of one thread. Forms take turns, set by set: told are the medians of process times,
and of the ratios of sets a second to the other checkout's, with their 95 % interval (`codec.evaluation.intervals`) over
sets. The forms are float32 in both checkouts and bfloat16 here. Scores of float32 are compared, too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

REPO = Path(__file__).resolve().parent.parent


def serve(photo: str, side: int, metric: str, arithmetic: str) -> None:
    """Judge the sets on stdin, a line of numbers each; a line of process time and score each on stdout."""
    import time

    import torch

    from satsim.scenario.scenario import make_scenario
    from satsim.scoring.cache import Cache
    from satsim.scoring.coding import cached_judge, prepare
    from satsim.scoring.outbox import load_photo

    torch.set_num_threads(1)
    options = {} if arithmetic == "float32" else {"arithmetic": arithmetic}
    image = {"path": photo, "width": side, "height": side}
    scheme = {"name": "ProGIC", "codec": "progic", "options": options}
    data = {"name": "sets", "image": image, "schemes": [scheme], "metrics": [metric], "duration_s": 600}
    scenario, cache = make_scenario(data, "here", Path(photo).parent), Cache(None)
    sending = prepare(scenario, scenario.schemes[0], load_photo(scenario.image).pixels, (metric,), cache)
    judge = cached_judge(sending, cache)
    print(len(sending.outbox.payloads), flush=True)
    for line in sys.stdin:
        began = time.process_time()
        score = judge.look_up(frozenset(map(int, line.split())))
        print(time.process_time() - began, score.values[0], flush=True)


def main() -> None:
    """Print all of it."""
    if sys.argv[1] == "--serve":
        serve(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--sets", type=int, default=12)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--metric", default="dists-lite")
    asked = parser.parse_args()
    from PIL import Image
    from speed import synthetic_photo

    from codec.evaluation.intervals import interval_of

    forms = {
        "float32, other checkout": (asked.checkout.resolve(), "float32"),
        "float32": (REPO, "float32"),
        "bfloat16": (REPO, "bfloat16"),
    }
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(synthetic_photo(asked.side)).save(photo := f"{folder}/photo.png")
        own = [str(Path(__file__).resolve()), "--serve", photo, str(asked.side), asked.metric]
        workers = {
            name: subprocess.Popen(
                [sys.executable, *own, arithmetic],
                env=os.environ | {"PYTHONPATH": str(place), "OMP_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for name, (place, arithmetic) in forms.items()
        }
        packets = {name: int(worker.stdout.readline()) for name, worker in workers.items()}["bfloat16"]
        rng = np.random.default_rng(1)
        answers: dict[str, list[list[float]]] = {name: [] for name in forms}
        for _ in range(asked.sets + 2):
            held = np.flatnonzero(rng.random(packets) < 0.8)
            for name, worker in workers.items():
                print(*held, file=worker.stdin, flush=True)
                answers[name].append([float(word) for word in worker.stdout.readline().split()])
        for worker in workers.values():
            worker.stdin.close()
            worker.wait()
    print(f"{asked.sets} sets of {packets} packets, {asked.side}x{asked.side}, scored by {asked.metric}, 1 thread")
    times = {name: np.array(rows)[2:, 0] for name, rows in answers.items()}  # the first load codec and metric
    for name, spent in times.items():
        ratios = next(iter(times.values())) / spent
        median = float(np.median(ratios))
        low, high = interval_of(lambda drawn, of=ratios: float(np.median(of[drawn])), len(ratios)) or (median, median)
        ms = 1e3 * np.median(spent)
        print(f"  {name:24} {ms:6.1f} ms a set; {median:.2f} times the sets ({low:.2f} to {high:.2f})")
    one, other = (np.array(answers[name])[:, 1] for name in ("float32, other checkout", "float32"))
    print(f"  largest difference of a float32 score: {np.abs(one - other).max():.1g}")


if __name__ == "__main__":
    main()
