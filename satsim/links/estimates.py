"""What a ProGIC photo needs on a link if nothing is lost, by arithmetic: nothing is simulated or coded."""

from __future__ import annotations

from typing import NamedTuple

from satsim.air.compact import MAX_COUNT
from satsim.air.packets import COMPACT_BYTES, HEADER_BYTES, STAGE_BYTES
from satsim.links.costs import costs
from satsim.links.linkspec import LinkSpec, LognormalDelay, Own, PeriodicWindows, RenewalWindows, WaitForPass, Windows

STAGES, CELLS, INDEX_BITS = 5, 256, 10
"""A ProGIC photo of 256x256 pixels: five stages of 320 bytes each."""


def first_contact_s(windows: Windows) -> float | None:
    """Mean wait for contact from a random moment; None where it hangs on a list or an orbit."""
    match windows:
        case PeriodicWindows(first_s="random"):
            return (windows.period_s - windows.open_s) ** 2 / (2 * windows.period_s)
        case PeriodicWindows(first_s=float(first)):
            return first
        case RenewalWindows():
            return windows.mean_closed_s**2 / (windows.mean_open_s + windows.mean_closed_s)
        case _:
            return None


class Photo(NamedTuple):
    """A ProGIC photo of 256x256 pixels on a link."""

    messages: int
    message_bytes: int
    """Header included."""
    header_bytes: int
    messages_per_stage: int
    stages_per_message: int
    seconds: float | None
    """From the first moment to the last arrival if nothing is lost, waits at their mean or median."""
    price: float | None


def photo_on(link: LinkSpec) -> Photo | None:
    """What the five stages need on `link`, by the same cut as codec.progic.layout; None where not one index fits.

    Messages are neither sealed nor do they tell a position; their header is that of `satsim.air.forms`.
    """
    if link.packet_bytes - HEADER_BYTES < STAGE_BYTES:
        photo = _photo_under(COMPACT_BYTES, link)
        if photo and photo.messages <= MAX_COUNT:
            return photo
    return _photo_under(HEADER_BYTES, link)


def _photo_under(header_bytes: int, link: LinkSpec) -> Photo | None:
    fitting = (link.packet_bytes - header_bytes) * 8 // INDEX_BITS
    if fitting < 1:
        return None
    per_message = max((d for d in range(1, STAGES + 1) if STAGES % d == 0 and d * CELLS <= fitting), default=1)
    per_stage = -(-CELLS // min(fitting, CELLS))
    indices = per_message * CELLS if per_stage == 1 else -(-CELLS // per_stage)
    count = STAGES // per_message * per_stage
    size = header_bytes + -(-indices * INDEX_BITS // 8)
    bill = costs((_Sent(slot, size) for slot in range(count)), link.cost)
    return Photo(count, size, header_bytes, per_stage, per_message, _seconds(link, count, size), bill["price"])


class _Sent(NamedTuple):
    slot: int
    message_bytes: int
    kind: str = "sent"


def _seconds(link: LinkSpec, count: int, size: int) -> float | None:
    wait = 0.0
    match link.windows:
        case None:
            rounds, length = 0, 0.0
        case PeriodicWindows(period_s=length, open_s=opened) | RenewalWindows(mean_open_s=opened, mean_closed_s=length):
            if isinstance(link.windows, RenewalWindows):
                length += opened
            wait = first_contact_s(link.windows) or 0.0
            in_one = max(1, -int(-opened // link.interval_s))
            rounds = (count - 1) // in_one
            count -= rounds * in_one
        case _:
            return None
    sending = wait + rounds * length + (count - 1) * link.interval_s
    arriving = link.delay_s + link.delay_s_per_byte * size
    match link.delay:
        case LognormalDelay() as delay:
            reached = [row.median_s for row in delay.larger if row.from_bytes <= size]
            arriving += reached[-1] if reached else delay.median_s
        case WaitForPass(windows=windows):
            pause = first_contact_s(windows)
            if pause is None:
                return None
            arriving += pause
        case Own():
            return None
    return sending + arriving
