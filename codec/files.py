"""Files and databases that are whole or not at all, and locks; and, from `codec.fresh`, the same for folders."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from codec.fresh import cache_folder, check_free, fresh_folder, hidden, prepared

if TYPE_CHECKING:
    import sqlite3

__all__ = [
    "cache_folder",
    "check_free",
    "fresh_folder",
    "hidden",
    "make_durable",
    "only_one",
    "prepared",
    "replacing",
    "write_whole",
]


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file that is there whole or not at all; see `replacing`. Raises OSError."""
    with replacing(path) as partial:
        partial.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden path beside `path`, of the same suffix, to write to; at the end of the block it becomes `path`.

    By then its bytes are on the disk, so that also a power cut leaves the old file or the new one. If the block fails
    it vanishes, and `path` is as it was. A link stays, and what it names is replaced. Raises OSError.
    """
    path = Path(os.path.realpath(path))
    partial = hidden(path)
    with prepared(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        try:
            yield partial
            with partial.open("rb+") as written:
                os.fsync(written.fileno())
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    if os.name == "posix":  # the new name must outlive a power cut too
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


@contextmanager
def only_one(lock: Path, system: str = os.name) -> Iterator[bool]:
    """Whether no other process is in such a block for `lock`: a file that is made, and goes at the end of the block.

    A process that is killed leaves the file, but holds nobody off. Raises OSError.
    """
    from codec.exchange import take_lock

    alone = False
    try:
        with lock.open("ab") as file:
            # Whoever had it may have deleted it meanwhile, so that another made one anew.
            alone = (
                take_lock(file.fileno(), wait=False, system=system)
                and lock.exists()
                and os.path.samestat(lock.stat(), os.fstat(file.fileno()))
            )
            try:
                yield alone
            finally:
                if alone and system != "nt":
                    lock.unlink(missing_ok=True)
    finally:
        if alone and system == "nt":  # where an open file cannot go
            with suppress(OSError):
                lock.unlink()


def make_durable(database: sqlite3.Connection, wait_s: float) -> None:
    """WAL mode with synchronous FULL: what is committed outlives a power cut. Foreign keys hold.

    Two programs that switch a new file to WAL at once are refused at once, whatever the connection's timeout: SQLite
    does not wait where a reader wants more. So it is tried for `wait_s` seconds. Raises sqlite3.OperationalError.
    """
    import sqlite3

    end = time.monotonic() + wait_s
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 255 != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA foreign_keys = ON")
