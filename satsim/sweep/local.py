"""Work for several processes of this machine; a worker that dies costs nothing but its time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, TypeVar

from satsim.errors import SweepError

Task = TypeVar("Task")
Answer = TypeVar("Answer")

PATIENCE_S = 5.0
"""So long may a worker take to end what it started."""
DEATHS = 5
"""So many dead workers in a row without one answer between them end a sweep."""


def run_here(function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[tuple[int, Answer]]:
    """Number and answer of each task, one after the other, in this process."""
    for number, task in enumerate(tasks):
        yield number, function(task)


class Worker(NamedTuple):
    """A process at work and the number of the task it has in hand."""

    process: BaseProcess
    number: int


def run_in_processes(
    function: Callable[[Task], Answer], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[int, Answer]]:
    """Number and answer of each task as it is done, by `workers` processes.

    What a killed worker had in hand is done again by a new one; each has a pipe of its own, so that half an answer of
    one that dies as it speaks blocks nobody. Raises what `function` raises, and SweepError where processes die and none
    ever answers.
    """
    todo = list(range(len(tasks)))[::-1]
    crew: dict[Connection, Worker] = {}
    deaths = 0
    try:
        while todo or crew:
            while todo and len(crew) < workers:
                pipe, process = hire(function, workers)
                crew[pipe] = hand_over(pipe, process, todo, tasks)
            heard = set(wait(crew))
            for pipe in crew.keys() & heard:
                worker = crew.pop(pipe)
                try:
                    answer, error = pipe.recv()
                except (EOFError, OSError):
                    pipe.close()
                    todo.append(worker.number)
                    deaths += 1
                    if deaths >= DEATHS:
                        raise SweepError(
                            f"{deaths} times in a row worker processes died without an answer; is memory short? "
                            "(try fewer --workers)"
                        ) from None
                    continue
                if error is not None:
                    raise error
                deaths = 0
                if todo:
                    crew[pipe] = hand_over(pipe, worker.process, todo, tasks)
                else:
                    pipe.close()
                yield worker.number, answer
    finally:
        for worker in crew.values():
            worker.process.terminate()
        for worker in crew.values():
            worker.process.join(PATIENCE_S)
            worker.process.kill()
            worker.process.join()


def hire(function: Callable[[Any], Any], workers: int) -> tuple[Connection, BaseProcess]:
    """A new process that answers what comes through the pipe until that is closed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, function, workers), daemon=True)
    with deaf():
        process.start()
    theirs.close()
    return ours, process


@contextmanager
def deaf() -> Iterator[None]:
    """Processes that start meanwhile do not hear Ctrl-C, not even while they import; this one hears it afterwards."""
    if os.name == "nt":
        yield
        return
    from multiprocessing.resource_tracker import ensure_running

    ensure_running()  # now, as what is blocked is not so any more when it has started
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def hand_over(pipe: Connection, process: BaseProcess, todo: list[int], tasks: Sequence[Any]) -> Worker:
    """Give the next task to a worker that has none."""
    number = todo.pop()
    # One that is dead by now is found out when its answer is due.
    with suppress(OSError):
        pipe.send(tasks[number])
    return Worker(process, number)


def serve(pipe: Connection, function: Callable[[Any], Any], workers: int) -> None:
    """What a worker does: it answers tasks, and ends with the parent, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and says what to do
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that commands of codecs end with it
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        if os.name == "nt":  # where os.kill would end this process at once
            signal.raise_signal(signal.SIGTERM)
        else:
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PATIENCE_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        answer(pipe, function)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is left to end; Python tidies up, and must not complain


def answer(pipe: Connection, function: Callable[[Any], Any]) -> None:
    """(answer, None) or (None, error) for each task that comes through, until the pipe is closed."""
    while True:
        try:
            task = pipe.recv()
        except (EOFError, ConnectionResetError):
            return
        found, failure = None, None
        try:
            found = function(task)
        except Exception as error:
            error.add_note(traceback.format_exc())
            failure = error
        try:
            pipe.send((found, failure))
        except (BrokenPipeError, ConnectionResetError):
            return  # nobody waits for it any more
