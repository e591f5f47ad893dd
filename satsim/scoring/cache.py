"""What sweeps have worked out, kept on disk: JSON values by key and name, shared by many processes and machines.

An entry is one line of a journal, `<checksum> ["<name>", <value>]`. All journals of a key lie in one folder, and each
is appended to by one process alone, a whole line at a time; so writers need no locks, a key is read with a few large
reads, and a process may die at any moment. The checksum covers key and format: a line that was cut, altered or moved
is not believed. Its journal's sound lines are copied to a new one and the damaged journal is deleted.

Nothing in the folder is needed: what is missing is worked out again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

FORMAT = 1
"""Of journals; a part of their folder's name and of every checksum."""
CHECKSUM_CHARACTERS = 32
BUSY_S = 60.0
"""A journal that changed so recently may end within a line because its writer is at it."""


class Cache:
    """Values by key and name, in memory and, unless `folder` is None, in journals under `folder`.

    A disk that fails is told once in `notices`, and memory alone goes on. Pickled, it takes along its folder only.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.repaired = 0
        """Damaged entries that were found, and dropped to be worked out again."""
        self.notices: list[str] = []
        """Lines that the user must see."""
        self._entries: dict[str, dict[str, Any]] = {}
        self._read: dict[tuple[str, int], int] = {}
        """By path and inode of a journal: how many of its bytes are read."""
        self._begun: set[str] = set()
        self._writes = folder is not None
        self._token = secrets.token_hex(8)

    def __reduce__(self) -> tuple[type[Cache], tuple[Path | None]]:
        return Cache, (self.folder,)

    def find(self, key: str, name: str) -> Any | None:
        """The value kept under `key` (hexadecimal digits) and `name` here or by any other process; None for none."""
        known = self._entries.setdefault(key, {})
        if name not in known and self.folder is not None:
            self._catch_up(key, self.folder)
        return known.get(name)

    def keep(self, key: str, name: str, value: Any) -> None:
        """Keep `value`, which is not None and comes back from JSON as it is; NaN and infinities do."""
        self._entries.setdefault(key, {})[name] = value
        self._append(key, _line(key, name, value))

    def _catch_up(self, key: str, folder: Path) -> None:
        """Read what has been appended to the journals of `key` since the last look; this process's own is known."""
        try:
            with os.scandir(_place(folder, key)) as listing:
                journals = sorted((each.path, each.stat()) for each in listing if each.name.endswith(".journal"))
            for path, status in journals:
                read = self._read.get((path, status.st_ino), 0)
                if status.st_size > read and path != self._journal(key, folder):
                    self._read_on(key, path, read, status)
        except FileNotFoundError:
            return  # nothing kept yet, or another process has just mended a journal
        except OSError as error:
            self._say(f"cache {folder} cannot be read ({error.strerror}); what it holds is worked out again")

    def _read_on(self, key: str, path: str, read: int, status: os.stat_result) -> None:
        with open(path, "rb") as journal:
            journal.seek(read)
            *lines, rest = journal.read().split(b"\n")
        self._read[path, status.st_ino] = read + sum(len(line) + 1 for line in lines)
        known, damaged = self._entries[key], 0
        for line in lines:
            if (entry := _entry(key, line)) is None:
                damaged += 1
            else:
                known.setdefault(*entry)
        if rest and time.time() - status.st_mtime > BUSY_S:
            damaged += 1
            self._read[path, status.st_ino] += len(rest)
        if damaged:
            self._mend(key, Path(path), damaged)

    def _mend(self, key: str, journal: Path, damaged: int) -> None:
        """Replace `journal` by its sound lines and count the others; the process that first renames it does so."""
        if self._writes:
            claimed = journal.with_suffix(f".{self._token}")
            try:
                journal.rename(claimed)
                lines = claimed.read_bytes().split(b"\n")
                self._append(key, b"".join(line + b"\n" for line in lines if _entry(key, line)))
                claimed.unlink()
            except FileNotFoundError:
                return
            except OSError as error:
                self._give_up_writing(error)
        self.repaired += damaged

    def _append(self, key: str, lines: bytes) -> None:
        if not self._writes or self.folder is None:
            return
        journal = Path(self._journal(key, self.folder))
        try:
            if key not in self._begun:
                journal.parent.mkdir(parents=True, exist_ok=True)
                self._begun.add(key)
            with journal.open("ab", buffering=0) as file:
                if file.write(lines) < len(lines):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._give_up_writing(error)

    def _give_up_writing(self, error: OSError) -> None:
        self._writes = False
        self._say(
            f"cache {self.folder} cannot be written ({error.strerror}); going on without it: what is worked out from"
            " now on is lost with this process"
        )

    def _say(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

    def _journal(self, key: str, folder: Path) -> str:
        """Where this process appends; the number keeps a forked process from its parent's journal."""
        return str(_place(folder, key) / f"{os.getpid()}-{self._token}.journal")


def _place(folder: Path, key: str) -> Path:
    return folder / f"v{FORMAT}" / key[:2] / key[2:]


def _line(key: str, name: str, value: Any) -> bytes:
    body = json.dumps([name, value], separators=(",", ":")).encode()
    return _checksum(key, body) + b" " + body + b"\n"


def _entry(key: str, line: bytes) -> tuple[str, Any] | None:
    """Name and value of a line; None for one that `_line` did not write for this key."""
    body = line[CHECKSUM_CHARACTERS + 1 :]
    if line[: CHECKSUM_CHARACTERS + 1] != _checksum(key, body) + b" ":
        return None
    name, value = json.loads(body)
    return name, value


def _checksum(key: str, body: bytes) -> bytes:
    return hashlib.sha256(f"{FORMAT} {key} ".encode() + body).hexdigest()[:CHECKSUM_CHARACTERS].encode()
