"""Folders that appear whole or not at all, and the folder for what may be fetched or made again."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
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


@contextmanager
def fresh_folder(out: Path) -> Iterator[Path]:
    """A hidden folder to fill, which becomes `out` at the end of the block and vanishes if the block fails.

    What is at `out` by then is renamed to the first free of out.1, out.2 and so on; nothing is ever mixed or deleted.
    A link stays, and what it names becomes the folder. Raises OSError as `prepared` does, or on a full disk.
    """
    real = Path(os.path.realpath(out))
    partial = hidden(real)
    with prepared(out):
        try:
            partial.mkdir()
            yield partial
            if not os.path.lexists(real):
                with suppress(OSError):  # another may take the name first
                    partial.rename(real)
            if partial.exists():
                from codec.exchange import put_in_place

                put_in_place(partial, real)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def check_free(out: Path) -> None:
    """Raise OSError where nothing can be called `out`, or where what is called so cannot be replaced."""
    real = Path(os.path.realpath(out))
    if os.path.lexists(real) or len(real.name) > 50:
        from codec.exchange import check_place

        check_place(out, real)
    _tidy(real.parent)


@contextmanager
def prepared(out: Path) -> Iterator[None]:
    """The folders that `out` is to be in are made before the block works for it; if it fails, empty ones go again.

    Raises OSError where they cannot be made or written to, or as `check_free` does.
    """
    check_free(out)
    folder = Path(os.path.realpath(out)).parent
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "cannot be written to", str(folder))
        yield
    except BaseException:
        with suppress(OSError):
            for each in missing:
                each.rmdir()
        raise


def hidden(path: Path) -> Path:
    """A name beside `path`, of the same suffix, that no other process of any machine ever takes."""
    return path.with_name(f".{path.stem}.partial-{os.urandom(8).hex()}{path.suffix}")


@cache
def _tidy(folder: Path) -> None:
    """See to what killed programs left in `folder`, once a process."""
    with suppress(OSError):
        if any(".partial-" in name or ".ready-" in name for name in os.listdir(folder)):
            from codec.exchange import clear

            clear(folder)
