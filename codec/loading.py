"""From a name to a codec: ours, a rival, or your own."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from codec.base import Codec, CodecError

CODECS = {
    "progic": "codec.progic.codec:ProgicCodec",
    "progic-whole": "codec.progic.codec:WholeProgic",
    "jpeg": "codec.rivals.jpeg:make_codec",
    "webp": "codec.rivals.webp:make_codec",
    "avif": "codec.rivals.avif:make_codec",
    "heic": "codec.rivals.heic:make_codec",
    "jpegxl": "codec.rivals.jpegxl:make_codec",
    "vvc": "codec.rivals.vvc:make_codec",
    "jpeg2000": "codec.rivals.jpeg2000:make_codec",
    "external": "codec.rivals.external:make_codec",
}
"""Name -> what makes the codec, written as a codec of your own is named; imported when it is asked for."""


def codec_names() -> list[str]:
    """Every name that `load_codec` knows; imports none of them."""
    return list(CODECS)


def takes_budget(name: str) -> bool:
    """Whether the codec is a rival of ours, to be made anew for each `budget_bytes`."""
    return CODECS.get(name, "").startswith("codec.rivals.")


def options_of(name: str) -> list[str] | None:
    """The options that the codec `name` takes; None where it takes any. Raises CodecError for an unknown name."""
    known = inspect.signature(_factory(name)).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    return None if takes_any else list(known)


def load_codec(name: str = "progic", **options: Any) -> Codec:
    """The codec `name` with its options; your own class as "package.module:Class".

    Raises CodecError for an unknown name or option, and what the codec itself raises.
    """
    factory = _factory(name)
    known = options_of(name)
    for option in options:
        if known is not None and option not in known:
            raise CodecError(f"codec {name} has no option {option!r}; expected one of: {', '.join(known) or 'none'}")
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(factory).parameters
    needed = [option for option, p in parameters.items() if p.kind in by_name and p.default is p.empty]
    if missing := [option for option in needed if option not in options]:
        raise CodecError(f"codec {name} needs {', '.join(missing)}; give it among its options")
    return factory(**options)


def _factory(name: str) -> Callable[..., Codec]:
    """What makes the codec `name`, one of ours or "module:attribute". Raises CodecError."""
    if ":" not in name and name not in CODECS:
        near = difflib.get_close_matches(name, CODECS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(CODECS)}"
        raise CodecError(f"codec is {name!r}; {hint}")
    module, _, attribute = CODECS.get(name, name).partition(":")
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        meaning = "" if name in CODECS else ", read as module:class"
        raise CodecError(f"codec is {name!r}{meaning}; it cannot be imported ({error})") from error
    if not callable(factory):
        raise CodecError(f"codec is {name!r}; expected a class or a function that makes a codec")
    made: Callable[..., Codec] = factory
    return made
