"""Codecs as comparisons name them, with their options: avif, progic:model=nano,stages=3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from codec.base import Codec, CodecError
from codec.loading import CODECS, load_codec
from codec.options import read_setting, split_options
from codec.progic.shape import DEFAULT_MODEL


class Contender(NamedTuple):
    """A codec as comparisons name it."""

    label: str
    """name:key=value,key=value; `read_contender` takes it again."""
    name: str
    options: dict[str, Any]
    codec: Codec | None
    """None for a codec that is made anew for each byte budget."""


def takes_budget(name: str) -> bool:
    """Whether the codec is a rival of ours, to be made anew for each `budget_bytes`."""
    return CODECS.get(name, "").startswith("codec.rivals.")


def read_contender(text: str, settings: Sequence[str] = ()) -> Contender:
    """The codec that `text` and further key=value settings mean: avif, progic:model=nano, my.module:Class:strength=3.

    The label names the model of a ProGIC codec even where it is the default. Raises CodecError for what `load_codec`
    does not take.
    """
    name, own = split_options(text)
    texts = {"model": DEFAULT_MODEL} if name.startswith("progic") else {}
    options: dict[str, Any] = dict(texts)
    for setting in [*settings, *own]:
        key, value = read_setting(setting, f"codec {text}: option {setting!r};")
        texts[key], options[key] = setting.partition("=")[2], value
    label = ":".join([name, *([",".join(f"{key}={value}" for key, value in texts.items())] if texts else [])])
    if takes_budget(name) and "budget_bytes" in options:
        raise CodecError(f"codec {text}: budget_bytes follows from the rates that are measured; leave it out")
    if takes_budget(name):
        load_codec(name, **options, budget_bytes=1)
        return Contender(label, name, options, None)
    return Contender(label, name, options, load_codec(name, **options))
