"""Files that appear whole or not at all, and locks; and, from `codec.fresh`, the same for folders."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from codec.fresh import cache_folder, check_free, fresh_folder, hidden, prepared

__all__ = [
    "cache_folder",
    "check_free",
    "fresh_folder",
    "hidden",
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
