"""What outlives the emulator: the modem's number, and what the gateway holds for it. One JSON file, written whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from codec.files import write_whole
from satsim.errors import ScenarioError
from satsim.sbd.commands import MT_BYTES


class State(NamedTuple):
    """As it is at a moment."""

    imei: str
    """Whose it is."""
    momsn: int = 0
    """Of the next session."""
    mtmsn: int = 0
    """Of the next message handed to the modem."""
    cdr: int = 0
    """The gateway's number of the last session."""
    waiting: tuple[bytes, ...] = ()
    """Messages for the modem."""


def read_state(path: Path, imei: str) -> State:
    """The state of the modem `imei` in this file; a new one where there is none. Raises ScenarioError, or OSError."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return State(imei)
    try:
        data = json.loads(text)
        waiting = tuple(bytes.fromhex(each) for each in data["waiting"])
        whose = str(data["imei"])[:40]
        numbers = (_whole(data, "momsn", 65_535), _whole(data, "mtmsn", 65_535), _whole(data, "cdr", 2**32 - 1))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ScenarioError(f"{path}: not the state of a modem; name another file by --state, or delete it") from None
    if any(not 0 < len(each) <= MT_BYTES for each in waiting):
        raise ScenarioError(f"{path}: waiting holds a message that is not of 1 to {MT_BYTES} bytes; delete the file")
    if whose != imei:
        raise ScenarioError(f"{path}: is of modem {whose}, not of {imei}; give its --imei, or name another file")
    return State(imei, *numbers, waiting)


def write_state(path: Path, state: State) -> None:
    """Keep it; a power cut leaves this or what was kept before. Raises OSError."""
    data = state._asdict() | {"waiting": [each.hex() for each in state.waiting]}
    write_whole(path, json.dumps(data).encode())


def _whole(data: Any, name: str, most: int) -> int:
    value = data[name]
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(name)
    return value
