"""What goes on beside the ways in: a decoder that is kept alive, lag, refusals and the service's state in words."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from satsim.inbox.database import connect
from satsim.inbox.guard import Guard
from satsim.inbox.store import counts, lag
from satsim.inbox.ways.door import Door, Tell, aside

GOODBYE_S = 5.0
"""For a decoder to end by itself."""
WATCH_S, REFUSALS_S = 0.5, 5.0
LONGEST_PAUSE_S = 30.0
"""Before a decoder that keeps dying is started again."""
LAG_S = 60.0
"""Behind by so much, and the service says so; again after as long."""


class Decoding(NamedTuple):
    """By what to decode, beside what is shipped."""

    model: str | None = None
    """A ProGIC weights file."""
    codec: str | None = None
    """A "module:Class", for packets that name no codec of ours."""
    allow_code: bool = False
    guess: bool = False
    """Whether ProGIC guesses what is lost."""


async def tell_refusals(guard: Guard, tell: Tell) -> None:
    """Tell what was turned away since the last time, in numbers, until cancelled."""
    told: Counter[str] = Counter()
    while True:
        await asyncio.sleep(REFUSALS_S)
        if guard.refused != told:
            tell("refused", since_last=dict(guard.refused - told), last_from=guard.latest[-1].address)
            told = Counter(guard.refused)


async def keep_decoding(path: Path, decoding: Decoding, tell: Tell) -> None:
    """A decoder in a process of its own, started again when it dies, until cancelled; tells when it lags."""
    pause_s, began_s = 1.0, 0.0
    process: Any = None
    db = await aside(partial(connect, path))
    said_s, images, oldest = float("-inf"), 0, None
    try:
        while True:
            if process is None or not process.is_alive():
                if process is not None:
                    pause_s = 1.0 if time.monotonic() - began_s > LONGEST_PAUSE_S else min(2 * pause_s, LONGEST_PAUSE_S)
                    tell("decoder", status="ended", code=process.exitcode, again_in_s=pause_s)
                    await asyncio.sleep(pause_s)
                process, began_s = _start_decoder(path, decoding), time.monotonic()
                tell("decoder", status="started", process=process.pid)
            await asyncio.sleep(WATCH_S)
            with suppress(sqlite3.OperationalError):  # another program has it all for itself for a while
                images, oldest = lag(db)
            behind_s = time.time() - oldest if oldest else 0.0
            if behind_s > LAG_S and time.monotonic() > said_s + LAG_S:
                tell("lag", images=images, behind_s=round(behind_s))
                said_s = time.monotonic()
    finally:
        db.close()
        if process is not None:
            process.terminate()
            with suppress(asyncio.CancelledError):
                await asyncio.to_thread(process.join, GOODBYE_S)
            process.kill()


def _start_decoder(path: Path, decoding: Decoding) -> Any:
    """A process that ends with this one, whatever ends this one."""
    process = multiprocessing.get_context("spawn").Process(
        target=_decode, args=(path, decoding, os.getpid()), name="decoder", daemon=True
    )
    process.start()
    return process


def _decode(path: Path, decoding: Decoding, parent: int) -> None:
    from codec.own import CODE_ALLOWED
    from satsim.inbox.decoding import decode_forever  # with all that decoding takes, which the service need not hold
    from satsim.receiving import Wanted

    CODE_ALLOWED.set(decoding.allow_code)
    decode_forever(path, Wanted(model=decoding.model, own_codec=decoding.codec, guess=decoding.guess), parent)


class Status:
    """What the service says of itself; asked more often than once a second, it says the same again."""

    def __init__(self, path: Path, door: Door) -> None:
        self.path, self.door = path, door
        self.began_unix_s = time.time()
        self._said: dict[str, Any] = {}
        self._said_s = float("-inf")
        self._lock = asyncio.Lock()

    async def told(self) -> Mapping[str, Any]:
        """Counts of messages and images, how far decoding is behind, and what was turned away."""
        async with self._lock:
            if time.monotonic() > self._said_s + 1:
                self._said, self._said_s = await asyncio.to_thread(self._stored), time.monotonic()
        intake, guard = self.door.intake, self.door.guard
        return {
            **self._said,
            "since_start": {"seconds": round(time.time() - self.began_unix_s), **intake.counts},
            "waiting": intake.waiting,
            "slowest_commit_s": round(intake.slowest_s, 3),
            "connections": guard.connections,
            "refused": dict(guard.refused),
            "latest_refusals": [refusal._asdict() for refusal in guard.latest],
        }

    def _stored(self) -> dict[str, Any]:
        db = connect(self.path)
        try:
            with suppress(sqlite3.OperationalError):  # another program has it all for itself for a while
                images, oldest = lag(db)
            behind_s = max(0.0, time.time() - oldest) if oldest else 0.0
            return {"messages": counts(db), "lag": {"images": images, "behind_s": round(behind_s, 1)}}
        finally:
            db.close()
