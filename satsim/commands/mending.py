"""What the user can mend, told from bugs of ours."""

from __future__ import annotations

import errno

from codec.base import CodecError
from satsim.errors import SatsimError


def mendable(error: Exception) -> str | None:
    """The line for an error that the user can mend, or None for a bug of ours, which deserves its traceback."""
    if isinstance(error, SatsimError | CodecError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        mend = "; free some, or write elsewhere by --out" if error.errno == errno.ENOSPC else ""
        return f"{where}{error.strerror or error}{mend}"
    return None
