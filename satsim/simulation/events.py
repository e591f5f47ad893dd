"""What happened, as rows: one for each turn in the life of a message, written once; and of many runs, as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from satsim.links.costs import costs
from satsim.links.linkspec import Cost

Kind = Literal[
    "sent", "copied", "lost", "delivered", "duplicate", "damaged", "undetected", "late", "in_flight",
    "acknowledged", "gave_up", "shown",
]  # fmt: skip
ENDED = ("lost", "delivered", "duplicate", "damaged", "undetected", "late", "in_flight")
"""Each message that was sent or copied has exactly one row of these kinds."""


class Event(NamedTuple):
    """One thing that happened to one message."""

    time_s: float
    """When it happened, on the simulation clock; of an in_flight row, when the run ended."""
    kind: Kind
    """sent; copied (by the terminal's own repetition, or by the network); lost; delivered (new to the receiver);
    duplicate; damaged (no packet any more); undetected (damaged, and the checksum did not see it); late (thrown away
    for its age); in_flight (under way when the run ended); acknowledged (the sender hears that it got through); gave_up
    (the sender tries it no more, for now); shown (decoded with it)."""
    slot: int
    """Number of the sender's slot in which the message left."""
    payload_index: int
    """Its place among the sender's messages: payload index, then repair packets."""
    message_bytes: int
    """Length on the air, header included."""
    created_s: float
    """When the picture was taken; never changes, also not on a retransmission."""
    sender: int = 0


class Log:
    """The rows of a run, in order of time. Half of a run's time goes into them, so they are made the short way."""

    def __init__(self) -> None:
        self.rows: list[Event] = []
        self.heard: list[Event] = []
        """What the senders hear, apart, as it comes after all else at one time."""

    def sent(self, time_s: float, slot: int, index: int, message_bytes: int, created_s: float, sender: int) -> Event:
        """Note that a message leaves, and return its first row."""
        row = _new(Event, (time_s, "sent", slot, index, message_bytes, created_s, sender))
        self.rows.append(row)
        return row

    def note(self, time_s: float, kind: Kind, sent: Event) -> None:
        """Note what happens to a message, of which `sent` is the first row."""
        self.rows.append(_new(Event, (time_s, kind, *sent[2:])))

    def hear(self, time_s: float, kind: Kind, sent: Event) -> None:
        """Note what a sender learns of a message."""
        self.heard.append(_new(Event, (time_s, kind, *sent[2:])))


_new = tuple.__new__
"""As Event._make, without its checks."""
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
