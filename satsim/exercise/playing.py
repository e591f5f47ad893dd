"""An exercise played into a command post, by the clock or faster.

By DirectIP or a web hook the inbox sees what the Iridium gateway would send it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from satsim.errors import ScenarioError
from satsim.exercise.reading import Exercise, Played
from satsim.inbox.store import Arrival, Store
from satsim.modem.delivery import Delivery
from satsim.modem.settings import Target, read_target
from satsim.sbd.directip import MoMessage

FIRST_IMEI = 300234010000000
"""Of the modem of sender 0; the others follow."""
Tell = Callable[[Mapping[str, Any]], None]
"""Told of each message that goes, and of trouble."""


def destination(to: str) -> Target | Path:
    """Where to play to: directip:HOST:PORT, http://HOST:PORT/PATH, or an inbox's folder or database, which is there.

    Raises ScenarioError for anything else.
    """
    if ":" in to:
        return read_target(to)
    path = Path(to, "inbox.db") if Path(to).is_dir() else Path(to)
    if not path.is_file():
        raise ScenarioError(
            f"--to {to}: there is no inbox; start one (satsim inbox --db {path} ...), or give directip:HOST:PORT or"
            " http://HOST:PORT/PATH"
        )
    return path


def play(exercise: Exercise, to: Target | Path, speed: float, tell: Tell) -> None:
    """Play it, to a server as the gateway does: each message again until it is taken. Raises ScenarioError, OSError."""
    if isinstance(to, Target):
        asyncio.run(_deliver(exercise, to, speed, tell))
        return
    store = Store(to)
    try:
        began_s = time.monotonic()
        for number, played in enumerate(exercise.messages):
            time.sleep(max(0.0, began_s + played.time_s / speed - time.monotonic()))
            about: dict[str, Any] = {"imei": imei_of(played.sender), "momsn": number % 65_536}
            [taken] = store.take([Arrival(played.message, "replay", time.time(), about)])
            tell(_said(played) | {"status": taken.status, "reason": taken.reason})
    finally:
        store.close()


async def _deliver(exercise: Exercise, target: Target, speed: float, tell: Tell) -> None:
    delivery = Delivery(target, True, lambda words: tell({"event": "trouble", "words": words}))
    task = asyncio.create_task(delivery.run())
    began_s = time.monotonic()
    for number, played in enumerate(exercise.messages):
        await asyncio.sleep(max(0.0, began_s + played.time_s / speed - time.monotonic()))
        message = MoMessage(
            imei_of(played.sender), number % 65_536, 0, 0, int(time.time()), played.message, cdr=number % 2**32
        )
        delivery.put(message)
        tell(_said(played))
    while delivery.waiting and not task.done():
        await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def imei_of(sender: int) -> str:
    """The modem of a simulated sender."""
    return str(FIRST_IMEI + sender)


def _said(played: Played) -> dict[str, Any]:
    about = {"time_s": played.time_s, "sender": played.sender, "packet": played.payload_index}
    return {"event": "message", **about, "bytes": len(played.message)}
