"""What receivers show in runs of one scheme, as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

import numpy as np
import numpy.typing as npt

from satsim.links.costs import costs
from satsim.links.linkspec import Cost
from satsim.simulation.events import ENDED, Event

COUNTED = ("sent", "copied", *ENDED, "acknowledged")
BILLED: tuple[Literal["messages", "credits", "price", "energy_j"], ...] = ("messages", "credits", "price", "energy_j")
KIND = attrgetter("kind")


@dataclass(frozen=True, eq=False)
class Showings:
    """What receivers decode in many runs of one scheme, and what was sent for it."""

    time_s: npt.NDArray[np.float64]
    """[runs, senders, steps], ascending: when the k-th new message is on the screen; inf beyond the last. There are as
    many steps as a sender has messages."""
    index: npt.NDArray[np.int32]
    """[runs, senders, steps]: place of that message among the sender's (payload index, then repair packets); -1 beyond
    the last."""
    counts: dict[str, npt.NDArray[np.int64]]
    """[runs] by kind of event: those of COUNTED."""
    bytes_sent: npt.NDArray[np.int64]
    """[runs]"""
    bill: dict[str, npt.NDArray[np.float64]]
    """[runs] by item of BILLED, as `costs.costs` has them; NaN where it is not known."""
    engine: Literal["table", "events"]

    def part(self, runs: slice) -> Showings:
        """Some of the runs, as views: what is written to them is written here."""
        return Showings(
            self.time_s[runs],
            self.index[runs],
            {kind: counts[runs] for kind, counts in self.counts.items()},
            self.bytes_sent[runs],
            {item: values[runs] for item, values in self.bill.items()},
            self.engine,
        )


def blank(messages: Sequence[Sequence[bytes]], runs: int, engine: Literal["table", "events"]) -> Showings:
    """So many runs in which nothing is sent, to be filled in."""
    shape = runs, len(messages), max(map(len, messages), default=0)
    return Showings(
        np.full(shape, np.inf),
        np.full(shape, -1, dtype=np.int32),
        {kind: np.zeros(runs, dtype=np.int64) for kind in COUNTED},
        np.zeros(runs, dtype=np.int64),
        {item: np.full(runs, np.nan) for item in BILLED},
        engine,
    )


def note_run(showings: Showings, run: int, events: Sequence[Event], cost: Cost) -> None:
    """Write what `events` show, and what was sent for it, to run number `run`."""
    shown = [event for event in events if event.kind == "shown"]
    senders = showings.time_s.shape[1]
    for sender in range(senders):
        own = [event for event in shown if event.sender == sender] if senders > 1 else shown
        showings.time_s[run, sender, : len(own)] = [event.time_s for event in own]
        showings.index[run, sender, : len(own)] = [event.payload_index for event in own]
    kinds = Counter(map(KIND, events))
    for kind in kinds.keys() & showings.counts.keys():
        showings.counts[kind][run] = kinds[kind]
    bill = costs(events, cost)
    showings.bytes_sent[run] = bill["bytes"]
    for item in BILLED:
        value = bill[item]
        showings.bill[item][run] = np.nan if value is None else value
