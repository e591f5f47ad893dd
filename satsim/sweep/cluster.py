"""The same work on a Dask cluster: `dask scheduler`, `dask worker ADDRESS --nthreads 1`, `--cluster ADDRESS`.

Workers need satsim with the same own_versions as the machine that asks, and what scenarios name besides photos (traces,
orbits, weights) at the same paths. Scores are cached on each worker's own disk, at the same path.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from satsim.errors import SweepError
from satsim.sweep.plan import own_versions

Task = TypeVar("Task")
Answer = TypeVar("Answer")

CONNECT_S = 5


def check_address(address: str) -> None:
    """Raise SweepError unless something answers at `address`, tcp://HOST:PORT, or if Dask is missing."""
    if importlib.util.find_spec("distributed") is None:
        raise SweepError("--cluster needs Dask: pip install 'satsim-link[cluster]'")
    parts = re.fullmatch(r"(?:\w+://)?(.+):(\d{1,5})", address)
    if parts is None:
        raise SweepError(f"--cluster is {address!r}; expected the address of a Dask scheduler, such as tcp://host:8786")
    try:
        socket.create_connection((parts[1].strip("[]"), int(parts[2])), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise SweepError(
            f"--cluster {address}: no scheduler answers there ({error}); start one by `dask scheduler`"
        ) from None


def run_on_cluster(
    function: Callable[[Task], Answer], tasks: Sequence[Task], address: str
) -> Iterator[tuple[int, Answer]]:
    """Number and answer of each task as it is done, by the workers of the scheduler at `address`.

    What a dead worker had in hand is given to another. Raises what `function` raises, and SweepError where there is no
    scheduler, no worker, other own_versions, or where the scheduler goes away.
    """
    check_address(address)
    from distributed import Client

    for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is raised
    try:
        client: Any = Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise SweepError(f"--cluster {address}: what answers there is no scheduler ({error})") from None
    with client:
        yield from _answers(client, function, tasks, address)


def _answers(
    client: Any, function: Callable[[Task], Answer], tasks: Sequence[Task], address: str
) -> Iterator[tuple[int, Answer]]:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker, as_completed

    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError:
        raise SweepError(
            f"--cluster {address}: has no worker; start some by `dask worker {address} --nthreads 1`"
        ) from None
    found = client.run(own_versions)
    for worker, theirs in found.items():
        if other := [
            f"{name} {theirs[name]}, here {mine}" for name, mine in own_versions().items() if theirs[name] != mine
        ]:
            raise SweepError(
                f"--cluster {address}: worker {worker} has {'; '.join(other)}; install the same everywhere"
            )
    waiting = list(enumerate(tasks))[::-1]
    numbers: dict[str, int] = {}
    running: Any = as_completed(loop=client.loop)  # type: ignore[no-untyped-call]
    try:
        while waiting or numbers:
            while waiting and len(numbers) < 3 * len(found):
                number, task = waiting.pop()
                future = client.submit(function, task, pure=False)
                numbers[future.key] = number
                running.add(future)
            future = next(running)
            number = numbers.pop(future.key)
            yield number, future.result()
            future.release()
    except KilledWorker as error:
        raise SweepError(
            f"--cluster {address}: three workers died over one piece of work; is memory short? What is done is kept:"
            f" go on by --resume ({error})"
        ) from None
    except (CancelledError, OSError):
        raise SweepError(
            f"--cluster {address}: the scheduler has gone away; what is done is kept: start it again and go on by"
            " --resume"
        ) from None
