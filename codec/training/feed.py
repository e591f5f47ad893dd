"""Crops for one step after another, cut by processes ahead of when they are asked for.

    process k of n <-- a line of JSON: {"step": 7, "batch": 8, "crop": 192, "look": false}
                   --> a line of JSON: {"shape": [8, 192, 192, 3], "photos": 4759, "news": []}, then the bytes

Processes, since decoding and resizing would hold up the thread that feeds a GPU. Each is a fresh Python without torch;
its standard input ends when the process that trains does, and so it ends as well, however that one died.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import IO, Any

import numpy as np

from codec.base import CodecError, Image
from codec.training.crops import KEPT_BYTES, Photos, crops_of

AHEAD = 2
"""Steps that each process is asked for ahead."""
LOOK_S = 5.0
"""Between two looks for new photos, where more may come."""

Cut = tuple[Image, list[str], int]
"""One step's crops, what its process has to tell of photos since its last answer, photos it knows."""
Plan = Callable[[int], tuple[int, int]]
Tell = Callable[[str], None]


def feed(
    photos: Photos, seed: int, loaders: int, plan: Plan, first: int, tell: Tell, growing: bool = False
) -> Generator[Image]:
    """The crops of step `first`, then of the next ..., uint8[batch, crop, crop, 3], of plan(step) = batch, crop.

    They depend on the photos, the seed and the step alone. With `growing` the folder is looked at again now and then,
    and its new photos and packs are drawn from too. `tell` is told once of each photo that cannot be read.
    Raises CodecError where no photo can be read, or a loader process ends by itself.
    """
    if loaders:
        with closing(Loaders(photos, seed, loaders, plan, first, growing)) as made:
            told: set[str] = set()
            at_hand = len(photos.names)
            while True:
                crops, news, photo_count = made.next()
                for line in news:
                    if line not in told:
                        tell(line)
                        told.add(line)
                if photo_count > at_hand:
                    tell(f"{photo_count} photos at hand")
                    at_hand = photo_count
                yield crops
    looked = time.monotonic()
    for step in count(first):
        if growing and time.monotonic() - looked > LOOK_S:
            photos.look()
            looked = time.monotonic()
        crops = crops_of(photos, seed, step, *plan(step))
        for line in photos.news:
            tell(line)
        photos.news = []
        yield crops


class Loaders:
    """Processes that cut crops, and a thread that asks them and takes what they cut, in the order of the steps."""

    def __init__(self, photos: Photos, seed: int, loaders: int, plan: Plan, first: int, growing: bool) -> None:
        self.plan, self.first, self.growing = plan, first, growing
        self.ready: queue.Queue[Cut | CodecError] = queue.Queue(4)
        self.stopping = threading.Event()
        room = KEPT_BYTES // loaders
        job = {"folder": str(photos.folder), "seed": seed, "kept_bytes": room, "names": photos.names}
        line = json.dumps(job).encode() + b"\n"
        command = [sys.executable, "-c", "from codec.training.feed import main; main()"]
        places = os.pathsep.join(path or os.curdir for path in sys.path)  # where this process found its modules
        environment = {**os.environ, "PYTHONPATH": places, "OMP_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        self.processes = [  # in sessions of their own, where they hear no Ctrl-C as they import
            subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, start_new_session=True)
            for _ in range(loaders)
        ]
        self.looked = [time.monotonic()] * loaders
        self.thread = threading.Thread(target=self._run, args=(line,), daemon=True)
        self.thread.start()

    def next(self) -> Cut:
        """The next step's."""
        made = self.ready.get()
        if isinstance(made, CodecError):
            raise made
        return made

    def close(self) -> None:
        """End the processes and the thread."""
        self.stopping.set()
        for process in self.processes:
            process.kill()
        self.thread.join()
        for process in self.processes:
            process.wait()
            for end in (process.stdin, process.stdout):
                assert end is not None
                with suppress(OSError):  # what was not sent yet has no reader left
                    end.close()

    def _run(self, job: bytes) -> None:
        try:
            for process in self.processes:
                _send(process, job)
            window = AHEAD * len(self.processes)
            for step in range(self.first, self.first + window):
                self._ask(step)
            for step in count(self.first):
                made = self._take(step)
                self._ask(step + window)
                if not self._put(made):
                    return
        except (OSError, ValueError) as error:  # a pipe that broke, an answer that was cut
            ends = [process.poll() for process in self.processes]
            self._put(CodecError(f"a loader process ended by itself ({error or 'no answer'}; exit codes {ends})"))
        except CodecError as error:
            self._put(error)

    def _ask(self, step: int) -> None:
        number = step % len(self.processes)
        now = time.monotonic()
        look = self.growing and now - self.looked[number] > LOOK_S
        if look:
            self.looked[number] = now
        batch, crop = self.plan(step)
        request = {"step": step, "batch": batch, "crop": crop, "look": look}
        _send(self.processes[number], json.dumps(request).encode() + b"\n")

    def _take(self, step: int) -> Cut:
        stream = self.processes[step % len(self.processes)].stdout
        assert stream is not None
        answer = json.loads(stream.readline())
        if "error" in answer:
            raise CodecError(answer["error"])
        crops = np.empty(answer["shape"], np.uint8)
        if stream.readinto(crops.data.cast("B")) != crops.nbytes:  # type: ignore[attr-defined]
            raise ValueError
        return crops, answer["news"], answer["photos"]

    def _put(self, made: Cut | CodecError) -> bool:
        while not self.stopping.is_set():
            with suppress(queue.Full):
                self.ready.put(made, timeout=0.1)
                return True
        return False


def _send(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(line)
    process.stdin.flush()


def main() -> None:
    """A loader process: answers requests from standard input until that ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not mix with the crops
    with suppress(BrokenPipeError, KeyboardInterrupt):
        serve(sys.stdin.buffer, answers)
    os._exit(0)


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer each request; see the module's docstring."""
    job: dict[str, Any] = json.loads(requests.readline() or b"{}")
    photos = Photos(Path(job["folder"]), job["names"], job["kept_bytes"]) if job else None
    for line in requests:
        assert photos is not None
        asked = json.loads(line)
        try:
            if asked["look"]:
                photos.look()
            crops = crops_of(photos, job["seed"], asked["step"], asked["batch"], asked["crop"])
        except CodecError as error:
            answers.write(json.dumps({"error": str(error)}).encode() + b"\n")
        else:
            head = {"shape": crops.shape, "photos": len(photos.names), "news": photos.news}
            photos.news = []
            answers.write(json.dumps(head).encode() + b"\n")
            answers.write(crops.data)
        answers.flush()
