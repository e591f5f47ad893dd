"""Codecs and metrics of your own, held to their contracts while they run: a breach is one line that names them.

A metric is a class without arguments, or an object, with

    name: str               as rows and tables have it: letters, digits, and any of . _ -
    label: str              as figures have it; left out: the name
    unit: str               "dB", say; left out: none
    higher_is_better: bool
    min_side: int           least height and width in pixels that it can score; left out: 1
    score(reference, image) -> float, both uint8[H, W, 3] RGB of one size; the same for the same pixels; never NaN
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from codec.base import Codec, CodecError, Image, stages_of
from codec.own import ours, shown
from codec.own.finding import find, make, naming_own


class OwnCodec:
    """A codec of your own: as it is, but that a breach of the contract is a CodecError that names it."""

    def __init__(self, made: Codec, known_as: str) -> None:
        self.made = made
        self.name, self.model_id, self.stages = made.name, made.model_id, stages_of(made)
        self._known_as = known_as

    def __getattr__(self, attribute: str) -> Any:
        """Whatever else it has."""
        if attribute == "made":
            raise AttributeError(attribute)
        return getattr(self.made, attribute)

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads of 1 to `payload_bytes` bytes each. Raises CodecError, also for others."""
        with naming_own("codec", self._known_as, "encode"):
            payloads = self.made.encode(image.copy(), payload_bytes)
        return check_payloads(payloads, payload_bytes, f"codec {shown(self._known_as)}")

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """A picture uint8[height, width, 3], or None. Raises CodecError, also for another."""
        with naming_own("codec", self._known_as, f"decode of payloads {sorted(received)}"):
            picture = self.made.decode(received, height, width)
        if picture is not None:
            check_picture(picture, height, width, f"codec {shown(self._known_as)}")
        return picture


def check_payloads(payloads: Any, payload_bytes: int, who: str) -> list[bytes]:
    """The payloads. Raises CodecError for what are none."""
    if not isinstance(payloads, list | tuple):
        raise CodecError(f"{who}: encode returned {type(payloads).__name__}; expected a list of bytes")
    for k, payload in enumerate(payloads):
        if not isinstance(payload, bytes):
            raise CodecError(f"{who}: payload {k} is of type {type(payload).__name__}; expected bytes")
        if not 1 <= len(payload) <= payload_bytes:
            raise CodecError(f"{who}: payload {k} has {len(payload)} bytes; expected 1 to {payload_bytes}")
    return list(payloads)


def check_picture(picture: Any, height: int, width: int, who: str) -> None:
    """Raise CodecError for what is no picture of this size."""
    if not isinstance(picture, np.ndarray):
        raise CodecError(
            f"{who}: decode returned {type(picture).__name__}; expected uint8[{height}, {width}, 3] or None"
        )
    if picture.dtype != np.uint8 or picture.shape != (height, width, 3):
        found = f"{picture.dtype}{list(picture.shape)}"
        raise CodecError(f"{who}: decode returned {found}; expected uint8[{height}, {width}, 3] or None")


_metrics: dict[str, tuple[Any, dict[str, Any]]] = {}
"""By name: what makes a metric, and what it made, which may have taken a while."""


def own_codec(known_as: str, options: Mapping[str, Any]) -> Codec:
    """The codec of your own that is known so, with its options. Raises CodecError."""
    return guarded(make("codec", known_as, options), known_as)


def guarded(made: Any, known_as: str) -> Codec:
    """What an own factory made, as a codec. Raises CodecError where it lacks what a codec has."""
    who = f"codec {shown(known_as)}"
    for method in ("encode", "decode"):
        if not callable(getattr(made, method, None)):
            raise CodecError(f"{who} has no {method}; expected encode and decode (codec/base.py has the contract)")
    if not isinstance(getattr(made, "name", None), str) or not made.name:
        raise CodecError(
            f"{who} has no name; expected a text under which results tell it (codec/base.py has the contract)"
        )
    model_id = getattr(made, "model_id", None)
    if type(model_id) is not int or not 0 <= model_id < 2**32:
        raise CodecError(
            f"{who} has model_id {model_id!r}; expected a whole number of 32 bits (codec/base.py has the contract)"
        )
    ours = type(made).__module__.startswith("codec.")
    codec: Codec = made if ours else OwnCodec(made, known_as)
    return codec


def own_metric(known_as: str) -> dict[str, Any]:
    """The metric of your own that is known so, as fields of a `codec.metrics.Metric`.

    Raises CodecError where it does not meet the contract.
    """
    found = find("metric", known_as).factory
    if known_as not in _metrics or _metrics[known_as][0] is not found:
        made = found if not isinstance(found, type) and hasattr(found, "score") else make("metric", known_as, {})
        _metrics[known_as] = found, guarded_metric(made, known_as)
    return _metrics[known_as][1]


def guarded_metric(made: Any, known_as: str) -> dict[str, Any]:
    """A metric object as fields of one of ours. Raises CodecError where it does not meet the contract."""
    who = f"metric {shown(known_as)}"
    if not callable(getattr(made, "score", None)):
        raise CodecError(f"{who} has no score; expected score(reference, image) -> float")
    name = getattr(made, "name", None)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name, re.ASCII):
        raise CodecError(f"{who} has the name {name!r}; expected letters, digits and any of . _ - after the first")
    if name in ours("metric"):
        raise CodecError(f"{who} calls itself {name!r}, as one of ours; give it another name")
    higher, least = getattr(made, "higher_is_better", None), getattr(made, "min_side", 1)
    if not isinstance(higher, bool):
        raise CodecError(f"{who} has higher_is_better {higher!r}; expected True or False")
    if type(least) is not int or least < 1:
        raise CodecError(f"{who} has min_side {least!r}; expected pixels, 1 or more")
    label, unit = getattr(made, "label", name), getattr(made, "unit", "")
    if not isinstance(label, str) or not isinstance(unit, str):
        raise CodecError(f"{who} has the label {label!r} and the unit {unit!r}; expected texts")

    def score(reference: Image, image: Image) -> float:
        with naming_own("metric", known_as, "score"):
            value = made.score(reference.copy(), image.copy())
        if not isinstance(value, Real | np.number) or isinstance(value, bool) or math.isnan(float(value)):
            raise CodecError(f"{who}: score returned {value!r}; expected a number, and never NaN")
        return float(value)

    told = {"name": name, "label": label, "unit": unit, "higher_is_better": higher, "min_side": least}
    return told | {"files": (), "loads_as": known_as, "score": score}
