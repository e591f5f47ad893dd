"""What happened, as rows: one for each turn in the life of a message, written once."""

from __future__ import annotations

from typing import Literal, NamedTuple

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
