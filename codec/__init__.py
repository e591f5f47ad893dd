"""Image codecs for a few hundred bytes: ProGIC and its rivals, behind one contract.

>>> from codec import load_codec
>>> codec = load_codec("progic")                      # or "avif", budget_bytes=1700
>>> payloads = codec.encode(image, payload_bytes=340)  # image: uint8[H, W, 3]
>>> preview = codec.decode({0: payloads[0]}, *image.shape[:2])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codec.base import BudgetError, Codec, CodecError, Image, PhotoError, WeightsError
    from codec.loading import codec_names, load_codec
    from codec.metrics import load_metric
    from codec.own.registering import register_codec, register_metric
    from codec.receivers import load_receiver

__all__ = [
    "BudgetError",
    "Codec",
    "CodecError",
    "Image",
    "PhotoError",
    "WeightsError",
    "codec_names",
    "load_codec",
    "load_metric",
    "load_receiver",
    "register_codec",
    "register_metric",
]
_PLACES = {
    "codec.loading": ("codec_names", "load_codec"),
    "codec.metrics": ("load_metric",),
    "codec.own.registering": ("register_codec", "register_metric"),
    "codec.receivers": ("load_receiver",),
}


def __getattr__(name: str) -> Any:
    """Public names come in at first use, so that `import codec` costs nothing (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'codec' has no attribute {name!r}")
    place = next((place for place, names in _PLACES.items() if name in names), "codec.base")
    return getattr(importlib.import_module(place), name)
