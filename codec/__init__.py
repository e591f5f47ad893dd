"""Image codecs for a few hundred bytes: ProGIC and its rivals, behind one contract.

>>> from codec import load_codec
>>> codec = load_codec("progic")                      # or "avif", budget_bytes=1700
>>> payloads = codec.encode(image, payload_bytes=340)  # image: uint8[H, W, 3]
>>> preview = codec.decode({0: payloads[0]}, *image.shape[:2])
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

from codec.base import BudgetError, Codec, CodecError, Image, WeightsError

__all__ = ["BudgetError", "Codec", "CodecError", "Image", "WeightsError", "codec_names", "load_codec"]


def _factories() -> dict[str, Callable[..., Codec]]:
    from codec.baselines import BASELINES
    from codec.progic import ProgicCodec, WholeProgic

    return {"progic": ProgicCodec, "progic-whole": WholeProgic, **BASELINES}


def codec_names() -> list[str]:
    """Every name that `load_codec` knows."""
    return list(_factories())


def load_codec(name: str = "progic", **options: Any) -> Codec:
    """The codec of that name; raises CodecError for an unknown name or option, and what the codec itself raises."""
    factories = _factories()
    if name not in factories:
        near = difflib.get_close_matches(name, factories, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(factories)}"
        raise CodecError(f"codec is {name!r}; {hint}")
    factory = factories[name]
    known = inspect.signature(factory).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    for option in options:
        if option not in known and not takes_any:
            raise CodecError(f"codec {name} has no option {option!r}; expected one of: {', '.join(known) or 'none'}")
    return factory(**options)
