"""What a receiver remembers from one `satsim decode --replay-state` to the next, in a JSON file.

By sender and key the counters that were taken; the messages of images that were not shown whole yet, as they came, so
that the next packets complete the picture; and which image each picture that was written is of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from satsim.air.seal import COUNTERS, WINDOW, ReplayWindow, SenderKey, counter_of
from satsim.errors import ScenarioError

Message = tuple[str, bytes]
"""Name of a file, and what it holds."""


@dataclass
class ReplayState:
    """What earlier receivers took, and what they wrote."""

    windows: dict[int, ReplayWindow] = field(default_factory=dict)
    """By sender."""
    held: dict[int, list[Message]] = field(default_factory=dict)
    """By sender the messages of images that were not shown whole yet."""
    pictures: dict[str, tuple[list[int], int]] = field(default_factory=dict)
    """By path of a picture: sender, number and form of the image, and how many of its payloads were known."""

    def holds(self, message: Message) -> bool:
        """Whether this very file is held from earlier."""
        return any(message in messages for messages in self.held.values())


@contextmanager
def open_replay_state(path: Path | None, keys: Mapping[int, SenderKey] | None) -> Iterator[ReplayState | None]:
    """What earlier receivers left in `path`; saved with what the block adds, unless the block fails.

    Empty where there is no file yet, and of a sender whose key has changed; None without a path. Of two programs at
    once one waits. Raises ScenarioError for a path without keys, or a file of another kind; OSError.
    """
    if path is None:
        yield None
        return
    if keys is None:
        raise ScenarioError("--replay-state is for sealed packets; expected --keys too")
    from satsim.keys import locked, write_private

    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        saved, state = _read(path, keys)
        yield state
        for sender, window in state.windows.items():
            entry: dict[str, Any] = {"highest": window.highest, "taken": f"{window.taken:x}"}
            held = [each for each in state.held.get(sender, []) if window.highest - counter_of(each[1]) < WINDOW]
            saved[name_of_key(keys[sender])] = entry | ({"held": [[n, m.hex()] for n, m in held]} if held else {})
        saved.pop(PICTURES, None)
        if there := {name: of for name, of in state.pictures.items() if Path(name).exists()}:
            saved[PICTURES] = there
        write_private(path, json.dumps(saved, indent=1) + "\n")


PICTURES = "pictures"
"""Among the names of senders, which hold a space."""


def _read(path: Path, keys: Mapping[int, SenderKey]) -> tuple[dict[str, Any], ReplayState]:
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        state = ReplayState()
        for sender, key in keys.items():
            entry = saved.get(name_of_key(key))
            if entry is not None:
                state.windows[sender] = ReplayWindow(int(entry["highest"]), int(entry["taken"], 16))
                state.held[sender] = [(str(name), bytes.fromhex(message)) for name, message in entry.get("held", [])]
        for name, ([sender, number, compact], known) in saved.get(PICTURES, {}).items():
            state.pictures[name] = ([int(sender), int(number), int(compact)], int(known))
        windows = state.windows.values()
        if all(0 <= window.highest < COUNTERS and 0 < window.taken < 1 << WINDOW for window in windows):
            return saved, state
    except FileNotFoundError:
        return {}, ReplayState()
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        pass
    raise ScenarioError(f"{path}: not a replay state that decode wrote; restore it, or name another file")


def name_of_key(key: SenderKey) -> str:
    """A name for a sender's key from which the key does not follow."""
    return f"{key.sender} {hashlib.sha256(b'satsim replay state' + key.key).hexdigest()[:16]}"
