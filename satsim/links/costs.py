"""What a run's messages cost: credits, money, energy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Protocol, TypedDict

from satsim.links.linkspec import Cost


class MessageEvent(Protocol):
    """What counts of an Event; `sender` tells terminals apart where there are several."""

    @property
    def kind(self) -> str: ...
    @property
    def slot(self) -> int: ...
    @property
    def message_bytes(self) -> int: ...


class Bill(TypedDict):
    """What the messages of a run cost; None: not known."""

    messages: int
    """Attempts, also lost ones."""
    bytes: int
    """Of all attempts, headers included."""
    credits: int | None
    price: float | None
    currency: str
    energy_j: float | None


def costs(events: Iterable[MessageEvent], cost: Cost) -> Bill:
    """The bill for every message that was sent; the same message sent again costs again.

    Each begun credit counts; copies that the terminal makes by itself belong to their message. Where `failed_free`, a
    message of which every copy was lost costs neither credits nor money, though energy it does.
    """
    rows = list(events)
    sent = {_key(row): row.message_bytes for row in rows if row.kind == "sent"}
    billed = list(sent.values())
    if cost.failed_free:
        born = Counter(_key(row) for row in rows if row.kind in ("sent", "copied"))
        lost = Counter(_key(row) for row in rows if row.kind == "lost")
        billed = [size for key, size in sent.items() if lost[key] < born[key]]
    credits = None if cost.credit_bytes is None else sum(-(-size // cost.credit_bytes) for size in billed)
    prices = []
    if credits is not None and cost.price_per_credit is not None:
        prices.append(credits * cost.price_per_credit)
    if cost.price_per_message is not None:
        prices.append(len(billed) * cost.price_per_message)
    return {
        "messages": len(sent),
        "bytes": sum(sent.values()),
        "credits": credits,
        "price": round(sum(prices), 6) if prices else None,
        "currency": cost.currency,
        "energy_j": None if cost.joules_per_message is None else len(sent) * cost.joules_per_message,
    }


def _key(row: MessageEvent) -> tuple[int, int]:
    return getattr(row, "sender", 0), row.slot
