"""Files and folders that appear whole or not at all, and the folder for what may be fetched or made again."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """SATSIM_CACHE, or the platform's own folder for caches; it may not exist yet."""
    if chosen := os.environ.get("SATSIM_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "satsim"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "satsim"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "satsim"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all; see `replacing`. Raises OSError."""
    with replacing(path) as partial:
        partial.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden path beside `path`, of the same suffix, to write to; at the end of the block it becomes `path`.

    By then its bytes are on the disk, so that also a power cut leaves the old file or the new one. If the block fails
    it vanishes, and `path` is as it was. Missing parents are made. No two writers share a name. Raises OSError.
    """
    partial = path.with_name(f".{path.stem}.partial-{os.getpid()}-{os.urandom(4).hex()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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
def fresh_folder(out: Path) -> Iterator[Path]:
    """A hidden folder to fill, which becomes `out` at the end of the block and vanishes if the block fails.

    What is at `out` by then is renamed to the first free of out.1, out.2 and so on; nothing is ever mixed or deleted.
    Raises OSError where the disk will not take it, or where `out` is the folder you are in or one above it.
    """
    out = out.absolute()
    check_free(out)
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        partial.mkdir(parents=True)
        yield partial
        if out.exists():
            out.rename(aside_name(out))
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def check_free(out: Path) -> None:
    """Raise OSError where `out` is the folder you are in or one above it, which cannot be moved aside."""
    if Path.cwd().is_relative_to(out.resolve()):
        raise OSError(errno.EBUSY, "is the folder you are in, or above it; name one to create inside it", str(out))


def aside_name(out: Path) -> Path:
    """The first free of out.1, out.2 and so on."""
    number = 1
    while (aside := out.with_name(f"{out.name}.{number}")).exists():
        number += 1
    return aside
