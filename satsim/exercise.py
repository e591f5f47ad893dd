"""A run that was saved, played into a command post: its messages as they arrived, by the clock or faster.

The photo is coded anew, which gives the same messages as then; what each became is read from events.csv.
"""

from __future__ import annotations

import asyncio
import csv
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from codec.photos import open_photo, reduced
from satsim.errors import ScenarioError
from satsim.inbox.store import Arrival, Store
from satsim.modem.delivery import Delivery
from satsim.modem.settings import Target, read_target
from satsim.pipeline import code
from satsim.sbd.directip import MoMessage
from satsim.scenario.scenario import Scenario, SchemeSpec, load_scenario
from satsim.scoring.outbox import Outbox, load_photo

FILES = ("scenario.yaml", "events.csv", "summary.json", "frames/original.png")
CAME, SPOILT = ("delivered", "duplicate"), ("damaged", "undetected")
"""Kinds of events: what arrived as it was sent, and what arrived otherwise, which nothing can make anew."""
FIRST_IMEI = 300234010000000
"""Of the modem of sender 0; the others follow."""


class Played(NamedTuple):
    """A message, and when it arrived."""

    time_s: float
    sender: int
    payload_index: int
    message: bytes


class Exercise(NamedTuple):
    """What a command post is to see of one scheme."""

    label: str
    messages: list[Played]
    """In the order in which they arrived."""
    spoilt: int
    """Messages that arrived spoilt, and are left out."""


def read_exercise(folder: Path, scheme: str | None = None) -> Exercise:
    """One scheme of the run in `folder`, the first unless it is named by its label or its name.

    Raises ScenarioError for a folder of anything else, no such scheme, packets that are sealed, or ones that are coded
    otherwise here than then; what coding the photo raises.
    """
    for name in FILES:
        if not (folder / name).is_file():
            raise ScenarioError(f"{folder}: {name} is missing; expected a folder that `satsim run` wrote")
    scenario = load_scenario(folder / "scenario.yaml")
    label, spec = _scheme_of(folder, scenario, scheme)
    if scenario.header.tag_bytes:
        raise ScenarioError(
            f"{folder}: packets are sealed by keys of the simulation, which no inbox has; run it with"
            " --set header.tag_bytes=0"
        )
    outbox = _outbox(folder, scenario, spec)
    messages, spoilt = [], 0
    for row in _rows(folder / "events.csv", label):
        spoilt += row["kind"] in SPOILT
        if row["kind"] in CAME:
            messages.append(_played(row, outbox, folder, label))
    if not messages:
        raise ScenarioError(f"{folder}: of {label!r} nothing arrived")
    return Exercise(label, sorted(messages, key=lambda each: each.time_s), spoilt)


def _scheme_of(folder: Path, scenario: Scenario, wanted: str | None) -> tuple[str, SchemeSpec]:
    """The label and the settings of a scheme; the summary has the labels in the scenario's order."""
    try:
        labels = list(json.loads((folder / "summary.json").read_text(encoding="utf-8"))["schemes"])
    except (ValueError, KeyError, TypeError):
        labels = []
    if len(labels) != len(scenario.schemes):
        raise ScenarioError(f"{folder / 'summary.json'}: does not tell of the schemes of scenario.yaml")
    schemes = dict(zip(labels, scenario.schemes, strict=True))
    if wanted is None:
        return labels[0], schemes[labels[0]]
    for label, spec in schemes.items():
        if wanted in (label, spec.name):
            return label, spec
    raise ScenarioError(f"--scheme {wanted!r}: not in {folder}; expected {', '.join(map(repr, labels))}")


def _outbox(folder: Path, scenario: Scenario, spec: SchemeSpec) -> Outbox:
    pixels, _ = load_photo(scenario.image)
    sent, _ = open_photo(folder / "frames" / "original.png")
    if not np.array_equal(pixels, np.asarray(sent)):
        raise ScenarioError(f"{folder}: the photo of scenario.yaml is not the one that was sent, frames/original.png")
    photo = reduced(pixels, spec.scale)
    return code(photo, scenario, spec)[0]


def _rows(path: Path, label: str) -> Iterator[Mapping[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row.get("scheme") == label and row.get("kind") is not None:
                yield row


def _played(row: Mapping[str, str], outbox: Outbox, folder: Path, label: str) -> Played:
    """An event's message, made anew."""
    try:
        time_s, sender, place = float(row["time_s"]), int(row["sender"]), int(row["payload_index"])
        message = outbox.messages[sender][place]
        is_same = len(message) == int(row["message_bytes"]) and sender >= 0 and 0 <= time_s < float("inf")
    except (KeyError, ValueError, TypeError, IndexError):
        is_same = False
    if not is_same:
        raise ScenarioError(
            f"{folder / 'events.csv'}: {label!r} sent other messages than its photo is coded to here; were codec,"
            " weights or files changed since?"
        )
    return Played(time_s, sender, place, message)


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
