"""Options of codecs: how they are written, NAME:key=value,key=value, and whether a codec can be made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from codec.base import CodecError

MOST_STEPS, SEARCH_JUDGES = 1000, ("lpips-squeeze", "dists-lite")
"""Of ProGIC's search for indices, see `codec.progic.search`."""
ROOM_BYTES, SIZE = 10_000, (64, 64)
"""Of a packet and a photo in which every codec fits."""


def split_options(text: str) -> tuple[str, list[str]]:
    """Name and settings "key=value" of NAME[:key=value,key=value]; commas inside a value stay: qualities=[1,2]."""
    parts = re.fullmatch(r"(.*?)(?::(\w+=.*))?", text, re.DOTALL)
    assert parts is not None
    return parts[1], re.split(r",(?=\w+=)", parts[2]) if parts[2] else []


def read_setting(text: str, complaint: str) -> tuple[str, Any]:
    """Key and value of "key=value", the value read as YAML. Raises CodecError, its text led in by `complaint`."""
    from codec.yaml_reader import YamlError, read_yaml

    key, equals, value = text.partition("=")
    if not equals:
        raise CodecError(f"{complaint} expected key=value, such as stages=3")
    try:
        return key, read_yaml(value)
    except YamlError as error:
        raise CodecError(f"{complaint} expected key=value, such as stages=3; the value is {error}") from None


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise CodecError where no codec `name` can be made of `options`, on some link, for some photo.

    Brings in no torch and makes no class of your own.
    """
    from codec.loading import CODECS, fit_options, fitting_factory, whole
    from codec.progic.shape import ARITHMETICS, DEFAULT_MODEL, model_path, read_weights

    options = fit_options(name, dict(options), ROOM_BYTES, *SIZE)
    factory = fitting_factory(name, options)
    if name.startswith("progic"):
        if (arithmetic := options.get("arithmetic", ARITHMETICS[0])) not in ARITHMETICS:
            raise CodecError(f"{name}: arithmetic is {arithmetic!r}; expected {' or '.join(ARITHMETICS)}")
        config = read_weights(model_path(str(options.get("model", DEFAULT_MODEL))), parts=()).config
        whole(name, config.stages if options.get("stages") is None else options["stages"], config.stages)
        check_search(options.get("search", 0), options.get("judge", SEARCH_JUDGES[0]))
    elif name in CODECS:
        factory(**options)


def check_search(steps: Any, judge: Any) -> None:
    """Raise CodecError where `steps` of ProGIC's search for indices are no whole number, or its judge is none."""
    if isinstance(steps, bool) or not isinstance(steps, int) or not 0 <= steps <= MOST_STEPS:
        raise CodecError(f"search is {steps!r}; expected steps a stage, 1 to {MOST_STEPS} (or leave it out)")
    if judge not in SEARCH_JUDGES:
        raise CodecError(f"judge is {judge!r}; a search goes by {' or '.join(SEARCH_JUDGES)} (or leave it out)")
