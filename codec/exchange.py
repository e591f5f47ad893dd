"""What systems do each in a way of its own: a new folder in the place of an old one, so that a whole one has that name
whenever a kill comes; what cannot be replaced; what killed programs left; and locks of files.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

NOREPLACE, EXCHANGE = 1, 2
"""Flags of renameat2 (man 2 renameat2)."""
ABANDONED_S = 86_400.0
"""No writer pauses for a day, so what nobody has touched for so long was left by one that was killed."""
LEFT = re.compile(r"\.(?P<name>.+)\.(?P<kind>partial|ready)-[0-9a-f]{16}(?:\.[^.]*)?")
"""Names of what is not finished, and of what is but has not its name yet."""


def check_place(out: Path, real: Path) -> None:
    """Raise OSError where `real`, which `out` names, is not to be replaced, or where hidden names beside it do not fit.

    A device is not, for whom the system lets move it either: others count on it.
    """
    try:
        real.with_name(f".{real.name}.partial-{'0' * 16}").lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            why = f"{error.strerror} (it takes 26 letters more while it is made)"
            raise OSError(error.errno, why, str(out)) from None
    if Path.cwd().is_relative_to(real):
        why = "is the folder you are in, or above it; name one to create inside it"
    elif os.path.ismount(real):
        why = "is mounted there, so that nothing else can take its name; name a file or folder to create inside it"
    elif os.path.exists(real) and stat.S_IFMT(real.stat().st_mode) not in (stat.S_IFDIR, stat.S_IFREG):
        why = "is a device, a pipe or a socket, which stays; name a file or folder to create"
    else:
        return
    raise OSError(errno.EBUSY, why, str(out))


def exchange(one: Path, other: Path) -> bool:
    """Both take each other's name, in one step; False where system or file system cannot. Raises OSError."""
    return _renameat2(one, other, EXCHANGE)


def put_in_place(
    folder: Path,
    out: Path,
    swap: Callable[[Path, Path], bool] = exchange,
    finish: Callable[[Path, Path], None] | None = None,
) -> None:
    """`folder` becomes `out`, and what is there becomes the first free of out.1, out.2 and so on.

    A kill at any moment leaves something whole at `out`; where `swap` says that names cannot be exchanged, the next
    command that writes beside `out` may have to see to that (`clear`), as also where `finish` is kept from it.
    Raises OSError.
    """
    aside = _to_aside(folder, out)
    try:
        swapped = swap(aside, out)
    except FileNotFoundError:  # what was at `out` has gone meanwhile
        swapped = False
    if not swapped:
        ready = out.with_name(f".{out.name}.ready-{os.urandom(8).hex()}")
        aside.rename(ready)
        try:
            (finish or _finish)(ready, out)
        except PermissionError as error:  # of Windows, while a file in it is open
            said = f"cannot be moved aside while a file in it is open; close it: what is new waits in {ready.name}"
            raise OSError(error.errno, f"{said}, and takes its place at the next command", str(out)) from None


def clear(folder: Path) -> None:
    """Give what was ready in `folder` its name, and delete what was abandoned long ago; leave what is not ours to."""
    for entry in sorted(folder.iterdir()):
        found = LEFT.fullmatch(entry.name)
        with suppress(OSError):
            if found and found["kind"] == "ready":
                _finish(entry, folder / found["name"])
            elif found and time.time() - _touched_s(entry) > ABANDONED_S:
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()


def take_lock(number: int, wait: bool = True, system: str = os.name) -> bool:
    """Take the lock of an open file, which ends with the file or the process; False where another holds it.

    With `wait`, be patient until nobody does. Raises OSError where the file system has no locks.
    """
    return LOCKS.get(system, _flock)(number, wait)


def _flock(number: int, wait: bool) -> bool:
    import fcntl

    try:
        fcntl.flock(number, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_first_byte(number: int, wait: bool) -> bool:
    """Of Windows, whose own way to wait gives up after ten seconds."""
    import msvcrt

    while True:
        os.lseek(number, 0, os.SEEK_SET)
        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            return True
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EDEADLK):
                raise
        if not wait:
            return False
        time.sleep(WAIT_S)


LOCKS = {"posix": _flock, "nt": _lock_first_byte}
"""By `os.name`."""
WAIT_S = 0.05


def aside_name(out: Path) -> Path:
    """The first free of out.1, out.2 and so on."""
    number = 1
    while os.path.lexists(aside := out.with_name(f"{out.name}.{number}")):
        number += 1
    return aside


def _finish(ready: Path, out: Path) -> None:
    """`ready` becomes `out`, in two steps, unless another command has seen to that meanwhile."""
    aside = _to_aside(out, out) if os.path.lexists(out) else None
    try:
        ready.rename(out)
    except FileNotFoundError:
        if aside and not os.path.lexists(out):  # what was put aside is what the other command put in place
            aside.rename(out)


def _to_aside(source: Path, out: Path) -> Path:
    """Rename `source` to the first free name beside `out`, also when others do the same, and return that."""
    while True:
        aside = aside_name(out)
        try:
            if not _renameat2(source, aside, NOREPLACE):
                source.rename(aside)
        except OSError:
            if not os.path.lexists(aside):
                raise
        else:
            return aside


def _renameat2(source: Path, target: Path, flag: int) -> bool:
    """The call of Linux; False where system or file system does not have it. Raises OSError."""
    if sys.platform != "linux":
        return False
    here = -100  # AT_FDCWD
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    if call(here, os.fsencode(source), here, os.fsencode(target), flag) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(source), None, str(target))


def _touched_s(entry: Path) -> float:
    """When anything in a file or folder last changed."""
    return max(each.lstat().st_mtime for each in (entry, *entry.rglob("*")))
