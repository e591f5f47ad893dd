"""What benchmarks measure against: a SimPy process that does nothing but wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

import simpy


def bare(timeouts: int) -> None:
    """A fresh environment in which one process waits so many times."""
    env = simpy.Environment()

    def wait() -> Generator[simpy.Event, None, None]:
        for _ in range(timeouts):
            yield env.timeout(1.0)

    env.process(wait())
    env.run()


def seconds(job: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began
