"""The rivals of ProGIC: picture formats at a fixed rate, one a module that is imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codec.rivals.fixed_rate import Format


def load_format(name: str) -> Format:
    """The picture format of a rival: jpeg, webp, avif, heic, jpegxl, jpeg2000 or vvc. Imports the library it needs."""
    form: Format = importlib.import_module(f"codec.rivals.{name}").FORMAT
    return form
