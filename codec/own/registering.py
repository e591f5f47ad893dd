"""Codecs and metrics of your own, made known to the scenarios of this program: a notebook, say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codec.own.finding import register


def register_codec(name: str, factory: Callable[..., Any]) -> None:
    """Let `load_codec` and scenarios of this program name a codec of your own.

    >>> codec.register_codec("strips", Strips)     # then `codec: strips`, its arguments among `options`

    Args:
        name: without colon and slash; what was registered under it before is replaced.
        factory: called with the options as keywords, a class, say; what it makes meets `codec.Codec`.

    Raises:
        CodecError: for a name of ours, or what cannot be called.
    """
    register("codec", name, factory)


def register_metric(name: str, factory: Any) -> None:
    """Let `load_metric` and scenarios of this program name a metric of your own.

    >>> codec.register_metric("sharpness", Sharpness)     # then `metrics: [sharpness]`

    Args:
        name: without colon and slash; what was registered under it before is replaced.
        factory: a class without arguments, or an object, with name, label, unit, higher_is_better, min_side (pixels),
            and score(reference, image) of uint8[H, W, 3] to a number that is never NaN.

    Raises:
        CodecError: for a name of ours, or what has no score and cannot be called.
    """
    register("metric", name, factory)
