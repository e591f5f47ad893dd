"""Folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
