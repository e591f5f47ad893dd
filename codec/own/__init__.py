"""Code of your own: codecs, metrics, losses, delays and transports; how they are known, and who may run them.

Each is known by the name under which it was installed (entry points of the groups in `KINDS`) or registered
(`finding.register`), or as module:attribute, the module a file beside the scenario or one that can be imported.

A scenario may come from anywhere, and what it names as module:attribute, or a command of `external`, is code. So the
command line runs neither, unless `--allow-code` says so. A program that calls `load_codec` knows what it names, and
worker processes do what they are told by one that was asked: both may run code until somebody says otherwise.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from contextvars import ContextVar
from importlib.metadata import entry_points
from pathlib import PurePath

from codec.base import CodecError

KINDS = {
    "codec": (
        "satsim.codecs",
        "codec.loading:CODECS",
        "a class with encode and decode (codec/base.py has the contract)",
    ),
    "metric": ("satsim.metrics", "codec.metrics:METRICS", "a class or object with score (codec/own/guards.py)"),
    "loss": ("satsim.losses", "satsim.links.losses:LOSS_MODELS", "a function of rng and options (satsim/links/own.py)"),
    "delay": (
        "satsim.delays",
        "satsim.links.delays:DELAY_MODELS",
        "a function of rng and options (satsim/links/own.py)",
    ),
    "transport": (
        "satsim.transports",
        "satsim.links.checks:OUR_TRANSPORTS",
        "a function of rng and options (satsim/simulation/own.py)",
    ),
}
"""What may be of your own: the group of its entry points, where the names of those that ship are, and the contract."""
EXAMPLE = "codec.fake:FakeCodec"
"""Ours, harmless, and in nobody's list of names: may run unasked."""
CODE_ALLOWED: ContextVar[bool] = ContextVar("CODE_ALLOWED", default=True)
"""Whether a name may bring in code that neither we nor an installed package brought."""


def installed(kind: str = "codec") -> dict[str, str]:
    """By name: those of a kind that installed packages offer, each as module:attribute."""
    return {point.name: point.value for point in entry_points(group=KINDS[kind][0])}


def check_code(name: str, kind: str = "codec") -> None:
    """Raise CodecError where `name` runs code that nobody allowed; runs none, and imports nothing."""
    if CODE_ALLOWED.get() or name == EXAMPLE or (":" not in name and (kind, name) != ("codec", "external")):
        return
    if name in installed(kind).values():
        return
    what = "commands" if name == "external" else "code of its own"
    raise CodecError(
        f"{kind} is {shown(name)!r}, which runs {what} on this computer;"
        " give --allow-code if you trust whoever wrote it"
    )


def ours(kind: str) -> Collection[str]:
    """The names of a kind that ship."""
    module, _, attribute = KINDS[kind][1].partition(":")
    names: Collection[str] = getattr(importlib.import_module(module), attribute)
    return names


def shown(name: str) -> str:
    """A name as one would write it beside its file: "own:Mine" for "/home/me/own.py:Mine"."""
    place, colon, attribute = name.rpartition(":")
    return f"{PurePath(place).stem}:{attribute}" if colon and place.endswith(".py") else name
