"""Codecs of your own, by module and name or installed under a name; who may run them, and what makes a codec unfit.

A scenario may come from anywhere, and a class that it names, or a command of `external`, is code. So the command line
runs neither, unless `--allow-code` says so or the codec was installed (entry points of the group `satsim.codecs`). A
program that calls `load_codec` knows what it names, and worker processes do what they are told by one that was asked:
both may run code until somebody says otherwise.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from importlib.metadata import entry_points
from typing import Any

from codec.base import Codec, CodecError

GROUP = "satsim.codecs"
EXAMPLE = "codec.fake:FakeCodec"
"""Ours, harmless, and in nobody's list of names: may run unasked."""
CONTRACT = "codec/base.py has the contract"
CODE_ALLOWED: ContextVar[bool] = ContextVar("CODE_ALLOWED", default=True)
"""Whether a name may bring in code that neither we nor an installed package brought."""


def installed() -> dict[str, str]:
    """By name: the codecs that installed packages offer, each as module:Class."""
    return {point.name: point.value for point in entry_points(group=GROUP)}


def check_code(name: str) -> None:
    """Raise CodecError where the codec `name` runs code that nobody allowed; runs none, and imports nothing."""
    if CODE_ALLOWED.get() or name == EXAMPLE or (":" not in name and name != "external"):
        return
    if name in installed().values():
        return
    what = "commands" if name == "external" else "code of its own"
    raise CodecError(
        f"codec is {name!r}, which runs {what} on this computer; give --allow-code if you trust whoever wrote it"
    )


def own_class(name: str, ours: Collection[str]) -> type:
    """The class "module:Class", or the one installed as `name`; `ours` are the names of codecs that ship.

    Runs its module; whoever calls has checked that it may (`check_code`). Raises CodecError where there is none, or
    where it does not meet the contract.
    """
    if ":" not in name:
        known = installed()
        if name not in known:
            near = difflib.get_close_matches(name, [*ours, *known], n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join([*ours, *known])}"
            raise CodecError(f"codec is {name!r}; {hint}")
        name = known[name]
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (AttributeError, ImportError, SyntaxError, TypeError, ValueError) as error:
        raise CodecError(f"codec is {name!r}, read as module:class; it cannot be imported ({error})") from error
    lacking = [method for method in ("encode", "decode") if not callable(getattr(found, method, None))]
    if not isinstance(found, type) or lacking:
        what = (
            f"a class without {' and '.join(lacking)}" if isinstance(found, type) else f"of type {type(found).__name__}"
        )
        raise CodecError(f"codec is {name!r}, which is {what}; expected a class with encode and decode ({CONTRACT})")
    return found


def check_contract(made: Any, name: str) -> Codec:
    """What an own class made, as a codec. Raises CodecError where it lacks the name or model_id of one."""
    if not isinstance(getattr(made, "name", None), str) or not made.name:
        raise CodecError(f"codec {name} has no name; expected a text under which results tell it ({CONTRACT})")
    model_id = getattr(made, "model_id", None)
    if type(model_id) is not int or not 0 <= model_id < 2**32:
        raise CodecError(f"codec {name} has model_id {model_id!r}; expected a whole number of 32 bits ({CONTRACT})")
    codec: Codec = made
    return codec


def misfit(factory: Callable[..., Any], options: Mapping[str, Any]) -> str:
    """In words, why what makes a codec cannot take `options`."""
    parameters = inspect.signature(factory).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if not takes_any and (unknown := [option for option in options if option not in parameters]):
        return f"has no option {unknown[0]!r}; expected one of: {', '.join(parameters) or 'none'}"
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    needed = [name for name, p in parameters.items() if p.kind in by_name and p.default is p.empty]
    return f"needs {', '.join(name for name in needed if name not in options)}; give it among its options"
