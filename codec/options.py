"""Options of codecs, as they are written: NAME:key=value,key=value."""

from __future__ import annotations

import re
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
