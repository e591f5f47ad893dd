"""Options of codecs, as they are written: NAME:key=value,key=value."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from codec.base import CodecError


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


def misfit(factory: Callable[..., Any], options: Mapping[str, Any]) -> str:
    """In words, why what makes a codec cannot take `options`."""
    parameters = inspect.signature(factory).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if not takes_any and (unknown := [option for option in options if option not in parameters]):
        return f"has no option {unknown[0]!r}; expected one of: {', '.join(parameters) or 'none'}"
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    needed = [name for name, p in parameters.items() if p.kind in by_name and p.default is p.empty]
    return f"needs {', '.join(name for name in needed if name not in options)}; give it among its options"
