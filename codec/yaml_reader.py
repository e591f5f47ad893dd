"""YAML as users write it, in files and options; what nobody means, such as a bomb of aliases, is refused in a line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

MOST_LETTERS, MOST_VALUES, MOST_DEPTH, MOST_DIGITS = 250_000, 50_000, 50, 300
"""Values are counted with every alias written out, and a text counts one more for each 16 letters."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C where there is one: ten times faster
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class YamlError(ValueError):
    """Text that is no YAML, or more than anybody means: one line, with its place where that is known."""


def read_text(path: Path) -> str:
    """The text of a file, or as much of it as shows that it is too long. Raises OSError, UnicodeDecodeError.

    YamlError for a pipe or a device, which may never end.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise YamlError("is a pipe or a device, which may never end; copy it to a file")
    with path.open(encoding="utf-8") as file:
        return file.read(MOST_LETTERS + 1)


def read_yaml(text: str) -> Any:
    """What `text` says, in plain values of bounded size. Raises YamlError."""
    if len(text) > MOST_LETTERS:
        raise YamlError(f"holds more than {MOST_LETTERS:,} letters; expected a shorter text")
    try:
        loader = _LOADER(text)
        root = loader.get_single_node()
        return loader.construct_document(root) if root and _weigh(root, loader, {}, 0) else None
    except YamlError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {min(mark.line, text.rstrip().count(chr(10))) + 1}: " if mark else ""
        raise YamlError(f"{where}not YAML ({str(getattr(error, 'problem', None) or error).splitlines()[0]})") from None
    except (RecursionError, ValueError) as error:
        raise YamlError(f"not YAML ({error})") from None  # 2024-13-45 is no date
    except (ArithmeticError, AttributeError, LookupError, TypeError):
        raise YamlError("not YAML (a value is not what its tag says)") from None  # as in !!bool maybe


def _weigh(node: Any, loader: Any, known: dict[int, int], depth: int) -> int:
    """How many values `node` holds; each node is looked at once, however many aliases stand for it."""
    where, size = f"line {node.start_mark.line + 1}: ", 1
    if known.setdefault(id(node), 0):
        return known[id(node)]
    if depth > MOST_DEPTH:
        raise YamlError(f"{where}nested more than {MOST_DEPTH} deep, or without end; expected a flatter text")
    if isinstance(node, yaml.ScalarNode):
        size += len(node.value) // 16
        if strange := _CONTROL.search(node.value):
            raise YamlError(f"{where}holds the character {strange[0]!r}, which no text or path may hold; take it out")
        if node.tag == "tag:yaml.org,2002:int" and len(node.value) > MOST_DIGITS:
            raise YamlError(f"{where}is a number of {len(node.value):,} digits; expected at most {MOST_DIGITS}")
    elif isinstance(node, yaml.MappingNode):
        names = set()
        for key, value in node.value:
            size += _weigh(key, loader, known, depth + 1) + _weigh(value, loader, known, depth + 1)
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                if (name := loader.construct_object(key)) in names:
                    raise YamlError(f"line {key.start_mark.line + 1}: has the key {str(name)[:40]!r} twice; keep one")
                names.add(name)
    else:
        size += sum(_weigh(each, loader, known, depth + 1) for each in node.value)
    if size > MOST_VALUES:
        raise YamlError(f"{where}stands for more than {MOST_VALUES:,} values, aliases written out; expected fewer")
    known[id(node)] = size
    return size
