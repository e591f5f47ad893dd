"""Commands that are killed at any moment: what they leave is whole, or not there, and the next command goes on.

python benchmarks/kill_drill.py [--tries N] [--kinds run,sweep]

Each kind of command is made once to its end, and then N times again, killed at moments spread over the time that took:
by turns with all its processes (SIGKILL), alone (as when memory is short), by Ctrl-C (SIGINT, which all of them hear)
and as services and queues do it (SIGTERM, which it alone does). Encode, decode, run and study have something of theirs
at --out from before. After each kill what is at --out must be as after an uncut command, or not there if nothing was
before; after Ctrl-C and SIGTERM the exit code must be 130, the last words one line, and no hidden name be left; and no
process of a command outlives it by long. Then the same command, with --resume where it has that, must end as the uncut
one did. Exit code 1 for a single failure.

The first fifth of a second is left out: Python starts, and has not come to satsim yet. What SIGTERM ends while satsim
comes in dies by it, as any program does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from satsim.keys import read_key

STARTS_S = 0.2
WAYS = ((signal.SIGKILL, os.killpg), (signal.SIGKILL, os.kill), (signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill))
ENDS_S = 10.0
"""So long may processes of a command outlive it: workers look for their parent, and end what they started."""
STOPPED = (130, -signal.SIGINT)
"""Python ends itself by the signal where that came amid the exec of a text, as in namedtuple; shells call both 130."""
SCENARIO = """
name: story
image: {path: photo.png, width: 128, height: 96}
link: {packet_bytes: 100, interval_s: 20, loss_ratio: 0.2}
schemes:
  - {name: jpeg, codec: jpeg, options: {budget_bytes: 900}}
  - {name: webp, codec: webp, options: {budget_bytes: 900}, transport: carousel}
duration_s: 600
metrics: [psnr]
"""
RECIPE = "{lpips: 0, vgg: 0, dists: 0, batch: 2, crop: 32, quantize_from: 3, steps: 6, loaders: 1, checkpoint_s: 0}"
TWO_WORKERS = ("--workers", "2", "--cache", "cache", "--quiet")
GOAL = ["--goal", "psnr >= 15 by 200 s with 0.8", "--scales", "1", "--codec", "jpeg", "--replications", "100"]


class Kind(NamedTuple):
    """A command to be killed."""

    arguments: list[str]
    """Without --out."""
    out: str
    whole: Callable[[Path], Any]
    """What of the results must be the same each time; raises for results that are not whole."""
    before: bool = False
    """Whether something is at `out` from before."""
    partway: bool = False
    """Whether what is at `out` before the end may be of an earlier moment, whole for itself."""
    again: tuple[str, ...] = ()
    """What the next command is given besides."""


def files(folder: Path) -> dict[str, bytes]:
    """All packets of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def run_folder(folder: Path) -> Any:
    """All names, and the rows."""
    return names(folder), (folder / "timeline.csv").read_bytes()


def sweep_folder(folder: Path) -> Any:
    """All names, and the rows of all runs."""
    import pyarrow.parquet as pq

    return names(folder), pq.read_table(folder / "runs.parquet").to_pydict()


def study_folder(folder: Path) -> Any:
    """All names, and the designs."""
    return names(folder), (folder / "designs.csv").read_bytes()


def names(folder: Path) -> list[str]:
    """Of all files in a folder, and below it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def picture(path: Path) -> bytes:
    """All pixels of a picture."""
    with Image.open(path) as image:
        return image.tobytes()


def key(path: Path) -> int:
    """The sender of a key that can be read; its secret is another each time."""
    return read_key(path).key.sender


def weights(folder: Path) -> Any:
    """Every tensor of a run of training; None before its first checkpoint."""
    from safetensors.numpy import load_file

    path = folder / "model.safetensors"
    return {name: tensor.tobytes() for name, tensor in load_file(path).items()} if path.exists() else None


KINDS = {
    "encode": Kind(["encode", "photo.png", "--codec", "jpeg", "--option", "budget_bytes=4000"], "air", files, True),
    "decode": Kind(["decode", "sent"], "deep/seen.png", picture, True),
    "key": Kind(["key", "new", "--sender", "7"], "mine.key", key),
    "run": Kind(["run", "story.yaml", "--quiet"], "out", run_folder, True),
    "sweep": Kind(
        ["sweep", "story.yaml", "--vary", "link.loss_ratio=0:0.4:0.1", "--replications", "2000", *TWO_WORKERS],
        "out",
        sweep_folder,
        again=("--resume",),
    ),
    "study": Kind(["study", "story.yaml", *GOAL, *TWO_WORKERS], "out", study_folder, True),
    "train": Kind(
        ["codec", "train", "toy.yaml", "--data", "photos"], "out", weights, partway=True, again=("--resume",)
    ),
}


def desk(folder: Path) -> Path:
    """A new folder with all that the commands read."""
    folder.mkdir()
    chance = np.random.default_rng(1)
    (folder / "photos").mkdir()
    for name in ("photo.png", "photos/a.png", "photos/b.png"):
        tones = chance.integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(tones).resize((256, 192), Image.Resampling.BICUBIC).save(folder / name)
    (folder / "story.yaml").write_text(SCENARIO)
    (folder / "toy.yaml").write_text(RECIPE)
    return folder


def start(kind: Kind, folder: Path, *more: str) -> subprocess.Popen[str]:
    """The command, at work in `folder` as leader of a session."""
    out = [kind.out] if kind.arguments[0] == "key" else ["--out", kind.out]
    command = [sys.executable, "-m", "satsim", *kind.arguments, *more, *out]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def finish(kind: Kind, folder: Path, *more: str) -> tuple[Any, float]:
    """What an uncut command makes, and the seconds that takes."""
    began = time.monotonic()
    running = start(kind, folder, *more)
    _, said = running.communicate()
    if running.returncode:
        raise RuntimeError(f"exit code {running.returncode}: {said.strip()[-300:]}")
    return kind.whole(folder / kind.out), time.monotonic() - began


def killed(kind: Kind, folder: Path, way: tuple[signal.Signals, Any], after_s: float, expected: Any) -> list[str]:
    """What was wrong after one kill and the command after it."""
    sent, send = way
    out, wrong = folder / kind.out, []
    running = start(kind, folder)
    time.sleep(after_s)
    if running.poll() is None:
        send(running.pid, sent)
    _, said = running.communicate()
    if not wait_until(lambda: is_over(running.pid)):
        wrong.append("left processes at work")
        os.killpg(running.pid, signal.SIGKILL)
    if sent is not signal.SIGKILL and running.returncode != -signal.SIGTERM:
        lines = said.splitlines()
        if running.returncode not in (0, *STOPPED):
            wrong.append(f"exit code {running.returncode}, saying {lines[-3:]}")
        if running.returncode in STOPPED and (not lines or not lines[-1].startswith("stopped") or "Traceback" in said):
            wrong.append(f"says {lines[-3:]}")
        if hidden := [name for name in names(folder) if "/." in f"/{name}"]:
            wrong.append(f"left {hidden}")
    try:
        if kind.before and not out.exists():
            wrong.append(f"lost what was at {kind.out}")
        if out.exists() and kind.whole(out) != expected and not kind.partway:
            wrong.append(f"left another {kind.out}")
        if kind.arguments[0] != "key" or not out.exists():  # no key is ever overwritten
            made, _ = finish(kind, folder, *kind.again)
            if made != expected:
                wrong.append("ended otherwise afterwards")
    except Exception as error:
        wrong.append(f"{type(error).__name__}: {error}")
    return wrong


def is_over(group: int) -> bool:
    """Whether no process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until(true: Callable[[], bool]) -> bool:
    """Whether something becomes true soon."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > ENDS_S:
            return False
        time.sleep(0.05)
    return True


def drill(name: str, tries: int, place: Path) -> int:
    """Print how many kills of a kind were tried and failed; return the latter."""
    kind, uncut = KINDS[name], desk(place / "uncut")
    if name == "decode":
        finish(KINDS["encode"]._replace(out="sent"), uncut)
    expected, seconds = finish(kind, uncut)
    if not kind.before:
        for path in (uncut / kind.out, uncut / "cache"):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    failed = 0
    for k in range(tries):
        way = WAYS[k % len(WAYS)]
        after_s = STARTS_S + (seconds - STARTS_S) * (k + 0.5) / tries
        folder = place / str(k)
        shutil.copytree(uncut, folder)
        wrong = killed(kind, folder, way, after_s, expected)
        failed += bool(wrong)
        for line in wrong:
            print(f"  {name}, {way[0].name} after {after_s:.2f} s: {line}")
        shutil.rmtree(folder)
    print(f"{name:8}{tries:6} tried{failed:6} failed   ({seconds:.1f} s uncut)", flush=True)
    return failed


def main() -> int:
    """Drill each kind; 1 if any kill did harm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=8, help="kills of each kind")
    parser.add_argument("--kinds", default=",".join(KINDS), help="those to try")
    arguments = parser.parse_args()
    failed = 0
    for name in arguments.kinds.split(","):
        with tempfile.TemporaryDirectory() as place:
            failed += drill(name, arguments.tries, Path(place))
    print(f"failures: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
