"""Train and score every run of `queue.yaml`, one after another.

    python -m codec.training.ablations --data PHOTOS --kodak KODAK --out results/ablations

Whatever is done stays done: started again, it goes on where it was cut, and two of them share one queue. Each leaves
OUT/NAME.json (see `scores.py`) and its folder below OUT/runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from codec.base import CodecError
from codec.files import only_one, write_whole
from codec.training.ablations import progdtd, progic
from codec.training.ablations.runs import QUEUE, Planned, read_queue
from codec.training.ablations.scores import write_scores
from codec.training.clock import read_number
from codec.training.crops import list_names
from codec.training.train import train


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m codec.training.ablations", description="The paper's ablations.")
    parser.add_argument("names", nargs="*", help="runs of the queue; all where none is named")
    parser.add_argument("--data", type=Path, required=True, help="folder of photos to train on")
    parser.add_argument("--kodak", type=Path, required=True, help="folder of photos to score")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--queue", type=Path, default=QUEUE, help="another queue")
    parser.add_argument("--steps", type=int, help="other than the queue's, to try")
    parser.add_argument("--photos", type=int, help="score the first of them alone, to try")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    try:
        failed = work(wanted)
    except (CodecError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(2 if failed else 0)


def work(wanted: argparse.Namespace) -> list[str]:
    """Go through the queue; the names of runs that failed, of which the reason was told."""
    settings = {"steps": wanted.steps} if wanted.steps else {}
    planned = read_queue(wanted.queue, wanted.data, wanted.out, settings)
    if unknown := sorted(set(wanted.names) - {run.name for run in planned}):
        raise CodecError(f"{unknown[0]} is no run of {wanted.queue}; it has {', '.join(run.name for run in planned)}")
    photos, failed = len(list_names(wanted.data)), []
    for run in planned:
        path = wanted.out / f"{run.name}.json"
        if (wanted.names and run.name not in wanted.names) or path.exists():
            continue
        run.recipe.out.mkdir(parents=True, exist_ok=True)
        with only_one(wanted.out / f"{run.name}.lock") as alone:
            if not alone or path.exists():
                continue
            try:
                with counted(run.recipe.out / "cpu_s") as cpu_s:
                    for step in steps_of(run):
                        print(f"{run.name}: step {step} of {run.recipe.steps}", flush=True)
                        cpu_s()
                coder = (progic if run.progdtd is None else progdtd).read_coder(run.recipe)
                write_scores(path, run, coder, wanted.kodak, cpu_s(), photos, wanted.photos)
                print(f"{path}: {cpu_s() / 60:.1f} CPU minutes of training", flush=True)
            except CodecError as error:
                print(f"error: {run.name}: {error}", file=sys.stderr, flush=True)
                failed.append(run.name)
    return failed


def steps_of(run: Planned) -> Iterator[int]:
    """Train the run, or go on with it; yields the steps at which it reports."""
    if run.progdtd is not None:
        yield from progdtd.train(run.recipe, run.progdtd)
        return
    for row in train(run.recipe, resume=True):
        yield row["step"]


class _Counted:
    """CPU seconds of this process since it was made, on top of those noted in the file; frozen by `stop`."""

    def __init__(self, file: Path) -> None:
        self.file, self.before_s, self.began_s = file, read_number(file) or 0.0, time.process_time()
        self.total_s: float | None = None

    def __call__(self) -> float:
        """So far; noted in the file too."""
        if self.total_s is not None:
            return self.total_s
        now_s = self.before_s + time.process_time() - self.began_s
        write_whole(self.file, f"{now_s:.1f}\n".encode())
        return now_s

    def stop(self) -> None:
        """Count no further."""
        self.total_s = self()


@contextmanager
def counted(file: Path) -> Iterator[_Counted]:
    """CPU seconds of the block, with those of blocks before it."""
    seconds = _Counted(file)
    try:
        yield seconds
    finally:
        seconds.stop()


if __name__ == "__main__":
    main()
