"""How sessions end here: the modem's code, and what becomes of the message whatever the modem says; errors in words."""

from __future__ import annotations

import os
from typing import Any

from satsim.sbd.device import Session
from satsim.simulation.sessions import Attempt

Line = dict[str, Any]
"""Something that the emulator tells, by key."""
RADIO_OFF, NO_NETWORK, QUEUE_FULL, NO_ANSWER, LOST = 34, 32, 11, 17, 18
"""Codes that the emulated modem gives where it fails."""


def about(session: Session) -> Line:
    """What a session carries."""
    message = session.message
    return {"momsn": session.momsn, "bytes": None if message is None else len(message)}


def code_of(attempt: Attempt) -> int:
    """What the modem says of it."""
    if not attempt.in_contact:
        return NO_NETWORK
    if not attempt.taken:
        return LOST
    return 0 if attempt.heard else NO_ANSWER


def fate_of(attempt: Attempt) -> str:
    """What becomes of a message, whatever the modem hears."""
    if not attempt.taken:
        return "lost"
    if attempt.lost_below:
        return "lost behind the gateway"
    if attempt.late:
        return "too old on arrival"
    return "arrives" + " twice" * attempt.twice + " damaged" * attempt.damaged


def words_of(error: Exception) -> str:
    """What went wrong, without the system's number of it."""
    if isinstance(error, OSError) and error.strerror:
        return (os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror).lower()
    return str(error) or type(error).__name__
