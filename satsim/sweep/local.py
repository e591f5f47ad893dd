"""Work for several processes of this machine; a worker that dies costs nothing but its time."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from satsim.errors import SweepError

Task = TypeVar("Task")
Answer = TypeVar("Answer")

DEATHS = 5
"""So many dead pools without one answer between them end a sweep."""


def run_here(function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[tuple[int, Answer]]:
    """Number and answer of each task, one after the other, in this process."""
    for number, task in enumerate(tasks):
        yield number, function(task)


def run_in_processes(
    function: Callable[[Task], Answer], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[int, Answer]]:
    """Number and answer of each task as it is done, by `workers` processes.

    What a killed worker had in hand is done again by a new one. Raises what `function` raises, and SweepError where
    processes die and none ever answers.
    """
    todo = list(range(len(tasks)))[::-1]
    deaths = 0
    while todo:
        pool = ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=begin, initargs=(os.getpid(), workers)
        )
        running: dict[Future[Answer], int] = {}
        try:
            while todo or running:
                while todo and len(running) < 2 * workers:
                    running[pool.submit(function, tasks[todo[-1]])] = todo[-1]
                    todo.pop()
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    answer = future.result()
                    deaths = 0
                    yield running.pop(future), answer
        except BrokenProcessPool:
            todo += sorted(running.values(), reverse=True)
            deaths += 1
            if deaths >= DEATHS:
                raise SweepError(
                    f"{deaths} times in a row worker processes died without an answer; is memory short? "
                    "(try fewer --workers)"
                ) from None
        finally:
            for process in list((pool._processes or {}).values()):
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)


def begin(parent: int, workers: int) -> None:
    """Share the cores between workers, and end with the parent, however it ends."""
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
