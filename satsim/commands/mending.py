"""Plain lines; and how a command ends that did not finish: stopped, by what the user can mend, or by a bug of ours."""

from __future__ import annotations

import errno

import typer

from satsim.words import visible


def echo(line: str, err: bool = False) -> None:
    """A line on standard output or error, in which what a terminal would obey is spelt out."""
    typer.echo(visible(line), err=err)


def exit_code(error: BaseException) -> int:
    """What to end with, once that is said: 130 for Ctrl-C, 2 for what the user can mend. A bug of ours is raised.

    Ctrl-C is a KeyboardInterrupt, which typer turns into exit code 130 while a command runs, or, where there is more to
    say of it, exit with a line.
    """
    if isinstance(error, KeyboardInterrupt | SystemExit):
        code = error.code if isinstance(error, SystemExit) else 130
        if isinstance(code, int) and code != 130:
            return code
        typer.echo(code if isinstance(code, str) else "stopped; nothing half-written was left", err=True)
        return 130
    said = mendable(error)
    if said is None:
        raise error
    echo(f"error: {said}", err=True)
    return 2


def mendable(error: BaseException) -> str | None:
    """The line for an error that the user can mend, or None for a bug of ours, which deserves its traceback."""
    from codec.base import CodecError  # which brings numpy in: who stops must not wait for it
    from satsim.errors import SatsimError

    if isinstance(error, SatsimError | CodecError):
        return _cut(str(error))
    if isinstance(error, MemoryError):
        return "what is to be read, or made, does not fit in memory; name something smaller"
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
