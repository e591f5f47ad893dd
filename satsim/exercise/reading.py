"""A run that was saved as an exercise: the messages that arrived, and when.

The photo is coded anew, which gives the same messages as then; what each became is read from events.csv.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from codec.photos import open_photo, reduced
from satsim.errors import ScenarioError
from satsim.pipeline import code
from satsim.scenario.scenario import Scenario, SchemeSpec, load_scenario
from satsim.scoring.outbox import Outbox, load_photo

FILES = ("scenario.yaml", "events.csv", "summary.json", "frames/original.png")
CAME, SPOILT = ("delivered", "duplicate"), ("damaged", "undetected")
"""Kinds of events: what arrived as it was sent, and what arrived otherwise, which nothing can make anew."""


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
