"""How a command ends that did not finish: stopped, by what the user can mend, or by a bug of ours."""

from __future__ import annotations

import errno

STOPPED = "stopped; nothing half-written was left"


def ending(error: BaseException) -> tuple[int, str | None]:
    """The exit code, and the one line to say; no line for what is no news: a bug, or an end with a code of its own.

    Ctrl-C is a KeyboardInterrupt, which typer turns into exit code 130 while a command runs, or, where there is more to
    say of it, exit with a line.
    """
    if isinstance(error, SystemExit):
        if isinstance(error.code, str):
            return 130, error.code
        return 130, STOPPED if error.code == 130 else None
    if isinstance(error, KeyboardInterrupt):
        return 130, STOPPED
    line = mendable(error)
    return 2, line and f"error: {line}"


def mendable(error: BaseException) -> str | None:
    """The line for an error that the user can mend, or None for a bug of ours, which deserves its traceback."""
    from codec.base import CodecError  # which brings numpy in: who stops must not wait for it
    from satsim.errors import SatsimError

    if isinstance(error, SatsimError | CodecError):
        return _cut(str(error))
    if isinstance(error, OSError):
        where = f"{_cut(str(error.filename), 300)}: " if error.filename else ""
        mend = "; free some, or write elsewhere by --out" if error.errno == errno.ENOSPC else ""
        return f"{where}{error.strerror or error}{mend}"
    return None


def _cut(text: str, most: int = 1500) -> str:
    """`text` with what is beyond `most` letters of a line left out of its middle: a name, or a value, without end."""
    half = most // 2
    lines = text.splitlines()
    return "\n".join(line if len(line) <= most else f"{line[:half]} ... {line[-half:]}" for line in lines)
