"""The gateway's side of messages to the modem: a queue, what is refused, and the numbers that are given. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from satsim.sbd.commands import MT_BYTES
from satsim.sbd.directip import MtConfirmation, MtMessage

QUEUE_MOST = 50
"""Messages that the gateway keeps for one modem."""
FLUSH, RING_ALONE, FIRST = 1, 2, 16
"""Flags of an MT message: empty the queue before it; ring, and queue nothing; put it before all others."""
UNKNOWN, TOO_LONG, EMPTY, FULL, NO_MESSAGE = -2, -3, -4, -5, -7
"""Why a message is refused."""


class Mailbox:
    """What waits at the gateway for one modem."""

    def __init__(self, imei: str, mtmsn: int = 0, waiting: Sequence[bytes] = ()) -> None:
        self._imei = imei
        self.mtmsn = mtmsn
        """The number of the next message handed over."""
        self.waiting = list(waiting)
        self._answers = 0

    def offer(self, message: MtMessage) -> tuple[MtConfirmation, bool]:
        """The gateway's answer to a message for a modem, and whether the modem's bell is to ring for it."""
        self._answers += 1
        status = self._place(message)
        rings = status > 0 or (status == 0 and bool(message.flags & RING_ALONE))
        reference = self._answers % 2**32 if status >= 0 else 0
        return MtConfirmation(message.client_id, message.imei, reference, status), rings

    def _place(self, message: MtMessage) -> int:
        if message.imei != self._imei:
            return UNKNOWN
        if len(message.payload) > MT_BYTES:
            return TOO_LONG
        if not message.payload and not message.flags & (FLUSH | RING_ALONE):
            return EMPTY
        if message.flags & FLUSH:
            self.waiting.clear()
        if message.flags & RING_ALONE or not message.payload:
            return 0
        if len(self.waiting) >= QUEUE_MOST:
            return FULL
        place = 0 if message.flags & FIRST else len(self.waiting)
        self.waiting.insert(place, message.payload)
        return place + 1

    def hand_over(self) -> tuple[int, bytes] | None:
        """The number and the bytes of the next message, which waits no more; None where none waits."""
        if not self.waiting:
            return None
        number, self.mtmsn = self.mtmsn, (self.mtmsn + 1) % 65_536
        return number, self.waiting.pop(0)
