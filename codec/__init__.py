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
    "load_receiver",
]


def __getattr__(name: str) -> Any:
    """Public names come in at first use, so that `import codec` costs nothing (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'codec' has no attribute {name!r}")
    module = {"load_receiver": "codec.receivers", "codec_names": "codec.loading", "load_codec": "codec.loading"}
    return getattr(importlib.import_module(module.get(name, "codec.base")), name)
