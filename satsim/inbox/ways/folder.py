"""A watched folder: files that other programs lay down, as `.sbd` attachments of mail, are taken once they are whole.

A file is whole once it was moved here under its name (best), or once neither its size nor its time has changed from one
look to the next. Names that begin with a dot, or end in .part, .partial or .tmp, are never looked at, nor is what lies
in folders below, nor links. What it holds is read as `satsim inbox import` reads files; when all of it is on the disk
the file is moved to `taken/`, or to `rejected/` if any of it was not taken, under a name that nothing has there.

Killed in between, the service reads such a file again, and the store says of each message that it came before: nothing
counts twice. One that grows while it is read is read again, whole.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from satsim.errors import PacketError, ScenarioError
from satsim.inbox.importing import arrivals_in
from satsim.inbox.store import KEPT_BYTES, Arrival
from satsim.inbox.ways.door import Door, aside
from satsim.inputs import LARGEST_FILE_BYTES, File
from satsim.words import visible

WAY = "folder"
LOOK_S = 0.5
WITHIN_S = 10.0
"""In which messages that follow each other in a file must be told apart."""
UNFINISHED = (".part", ".partial", ".tmp")
TAKEN, REJECTED = "taken", "rejected"
MOST_FILES = 200
"""Read at one look; others wait for the next."""


class Look(NamedTuple):
    """What tells whether a file has changed."""

    size: int
    time_ns: int
    number: int


def prepare(folder: Path) -> None:
    """Raise ScenarioError unless files of `folder` can be taken and moved; where they go is made."""
    if not folder.is_dir():
        raise ScenarioError(f"--watch: {folder} is no folder; make it, or name another")
    try:
        for name in (TAKEN, REJECTED):
            (folder / name).mkdir(exist_ok=True)
            if not os.access(folder / name, os.W_OK | os.X_OK):
                raise PermissionError
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError
    except OSError:
        raise ScenarioError(
            f"--watch: files of {folder} cannot be moved to {TAKEN} or {REJECTED} in it, as they are once taken;"
            " it must be writable"
        ) from None


async def watch(folder: Path, door: Door, look_s: float = LOOK_S) -> None:
    """Take the files of `folder`, until cancelled."""
    before: dict[Path, Look] = {}
    in_trouble: dict[Path, Look | None] = {}
    while True:
        now: dict[Path, Look] = {}
        try:
            now = await aside(partial(_look, folder))
            in_trouble.pop(folder, None)
        except OSError as error:
            _tell(door, folder, None, error, in_trouble)
        whole = [path for path, look in now.items() if before.get(path) == look][:MOST_FILES]
        for path in whole:
            try:
                await _take(path, now[path], door)
            except FileNotFoundError:  # somebody took it away
                continue
            except OSError as error:
                _tell(door, path, now[path], error, in_trouble)
        before = now
        in_trouble = {path: look for path, look in in_trouble.items() if path in now or path == folder}
        await asyncio.sleep(look_s)


def _tell(door: Door, path: Path, look: Look | None, error: OSError, told: dict[Path, Look | None]) -> None:
    """Tell what stands in the way of a file, once as long as it does not change."""
    if path not in told or told[path] != look:
        door.tell("trouble", way="folder", file=visible(path.name), reason=error.strerror or str(error))
    told[path] = look


async def _take(path: Path, look: Look, door: Door) -> None:
    """Take all that a file holds, and move it away; nothing where it has changed."""
    content = await aside(partial(_read, path, look))
    if content is None:
        return
    name = visible(path.name)
    file = File(name, content, LARGEST_FILE_BYTES, is_asked_for=True, within_s=WITHIN_S)
    try:
        if len(content) > LARGEST_FILE_BYTES:
            raise PacketError(f"file of more than {LARGEST_FILE_BYTES:,} bytes; expected messages alone")
        arrivals = await aside(lambda: list(arrivals_in(file, time.time(), door.keys or {})))
    except PacketError as error:
        arrivals = [Arrival(content[:KEPT_BYTES], WAY, time.time(), {"file": name}, str(error))]
    is_good = True
    for arrival in arrivals:
        arrival = arrival._replace(way=WAY)
        taken = await door.intake.take_patiently(arrival)
        door.told(WAY, arrival.message, arrival.metadata, taken)
        is_good = is_good and taken.status != "rejected"
    await aside(partial(_move, path, look, TAKEN if is_good else REJECTED))


def _look(folder: Path) -> dict[Path, Look]:
    found = {}
    for entry in _files(folder):
        with suppress(FileNotFoundError):
            if look := _of(entry.stat(follow_symlinks=False)):
                found[Path(entry.path)] = look
    return found


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and not entry.name.lower().endswith(UNFINISHED):
                yield entry


def _of(status: os.stat_result) -> Look | None:
    """None for what is no plain file."""
    if not stat.S_ISREG(status.st_mode):
        return None
    return Look(status.st_size, status.st_mtime_ns, status.st_ino)


def _read(path: Path, look: Look) -> bytes | None:
    """What a file holds, up to a little more than it may; None where it is no longer as it was."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(number, "rb") as file:
        content = file.read(LARGEST_FILE_BYTES + 1)
        return content if _of(os.fstat(number)) == look else None


def _move(path: Path, look: Look, where: str) -> None:
    """Move a file away that has not changed since it was read."""
    if _of(os.lstat(path)) != look:
        return
    for k in range(10_000):
        goal = path.parent / where / (f"{path.stem}_{k}{path.suffix}" if k else path.name)
        try:
            os.link(path, goal)  # which overwrites nothing, unlike a rename
        except FileExistsError:
            continue
        except OSError:  # no hard links here, as on FAT
            if goal.exists():
                continue
            path.rename(goal)
            return
        path.unlink()
        return
    raise FileExistsError(17, f"no name is left for it in {where}", str(path))
