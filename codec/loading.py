"""From a name to a codec: ours, a rival, or your own."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from codec.base import Codec, CodecError, WeightsError


def _factories() -> dict[str, Callable[..., Codec]]:
    from codec.baselines import BASELINES
    from codec.progic import ProgicCodec, WholeProgic

    return {"progic": ProgicCodec, "progic-whole": WholeProgic, **BASELINES}


def codec_names() -> list[str]:
    """Every name that `load_codec` knows."""
    return list(_factories())


def load_codec(name: str = "progic", **options: Any) -> Codec:
    """The codec `name` with its options; your own class as "package.module:Class".

    Raises CodecError for an unknown name or option, and what the codec itself raises.
    """
    factory = _plugin(name) if ":" in name else _known(name)
    known = inspect.signature(factory).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    for option in options:
        if option not in known and not takes_any:
            raise CodecError(f"codec {name} has no option {option!r}; expected one of: {', '.join(known) or 'none'}")
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    needed = [option for option, p in known.items() if p.kind in by_name and p.default is p.empty]
    if missing := [option for option in needed if option not in options]:
        raise CodecError(f"codec {name} needs {', '.join(missing)}; give it among its options")
    return factory(**options)


def load_receiver(name: str, model_id: int, model: str | None = None) -> Codec:
    """A codec that decodes packets naming this codec and model id; `model` may name a ProGIC weights file.

    Raises WeightsError where no weights at hand have that id (others would show a false picture), CodecError for a
    codec or bitstream that this version does not know.
    """
    if name.startswith("progic"):
        from codec import zoo
        from codec.progic import ProgicCodec

        candidates = [model] if model else zoo.list_models()
        for candidate in candidates:
            receiver = ProgicCodec(candidate)
            if receiver.model_id == model_id:
                return receiver
        raise WeightsError(
            f"packets are for ProGIC model {model_id:08x}; at hand: {', '.join(candidates) or 'none'}, of other ids"
            " (give the sender's weights file by --model)"
        )
    choices: list[dict[str, Any]] = [{}, {"progressive": True}] if name == "jpeg2000" else [{}]
    for options in choices:
        rival = load_codec(name, budget_bytes=1, **options)
        if rival.model_id == model_id:
            return rival
    raise CodecError(f"packets are for codec {name}, bitstream {model_id}; this version cannot decode it")


def _known(name: str) -> Callable[..., Codec]:
    factories = _factories()
    if name not in factories:
        near = difflib.get_close_matches(name, factories, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(factories)}"
        raise CodecError(f"codec is {name!r}; {hint}")
    return factories[name]


def _plugin(name: str) -> Callable[..., Codec]:
    module, _, attribute = name.partition(":")
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise CodecError(f"codec is {name!r}, read as module:class; it cannot be imported ({error})") from error
    if not callable(factory):
        raise CodecError(f"codec is {name!r}; expected a class or a function that makes a codec")
    made: Callable[..., Codec] = factory
    return made
