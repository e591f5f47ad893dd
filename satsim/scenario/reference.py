"""docs/reference/scenario.md, made from the schema: a table a section, a row a key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from satsim.scenario.schema import told

HEADINGS = ("key", "type", "default", "unit", "meaning")
_PLAIN = {"string": "text", "boolean": "true or false", "null": "null", "object": "keys with values"}


class Section(NamedTuple):
    """The keys that may stand in one place."""

    title: str
    part: dict[str, Any]
    depth: int


def page(schema: dict[str, Any]) -> str:
    """The page, whole."""
    titles: dict[str, str] = {}
    sections = list(_sections(schema, schema["$defs"], titles))
    lines = [told()["head"]]
    for title, part, depth in sections:
        lines += [f"{'#' * (2 + (depth > 1))} {title}\n"] if depth else ["## The file\n"]
        lines += [f"{part['description']}\n"] if depth else []
        lines += [_row(HEADINGS), "|" + "---|" * len(HEADINGS)]
        needed = part.get("required", ())
        lines += [_row(_cells(key, about, key in needed, titles)) for key, about in part["properties"].items()]
        lines.append("")
    return "\n".join(lines)


def _sections(
    part: dict[str, Any], defs: dict[str, Any], titles: dict[str, str], title: str = "", depth: int = 0
) -> Iterator[Section]:
    """The section of `part`, then those of its keys; the title of each definition goes to `titles`."""
    yield Section(title, part, depth)
    for key, about in part["properties"].items():
        path = f"{title.partition(':')[0]}.{key}".removeprefix(".")
        for name in dict.fromkeys(_names_in(about)):
            if name not in titles and "properties" in defs[name] and not name.endswith("Change"):
                model = defs[name]["properties"].get("model")
                titles[name] = f"{path}: {model.get('const', 'your own')}" if model else path
                yield from _sections(defs[name], defs, titles, titles[name], depth + 1)
        if "properties" in about:
            yield Section(path, about, depth + 1)


def _names_in(part: Any) -> Iterator[str]:
    """Every definition that a schema refers to, outside of further keys."""
    if isinstance(part, list):
        for each in part:
            yield from _names_in(each)
    elif isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2]
        for key in ("anyOf", "items", "prefixItems", "additionalProperties"):
            yield from _names_in(part.get(key))


def _cells(key: str, about: dict[str, Any], needed: bool, titles: dict[str, str]) -> tuple[str, ...]:
    """What `HEADINGS` promise of one key."""
    meaning, _, unit = about["description"].partition(" Unit: ")
    default = "needed" if needed else ""
    if "default" in about:
        value = about["default"]
        default = f"`{value:g}`" if isinstance(value, float) else f"`{json.dumps(value)}`"
    return f"`{key}`", _kind(about, titles), default, unit.removesuffix("."), "" if key == "model" else meaning


def _kind(part: dict[str, Any], titles: dict[str, str]) -> str:
    """What may stand there, in words."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        if name == "PresetName":
            return "[preset](../links.md)"
        title = titles[name]
        return f"[{title.partition(': ')[2] or 'keys'}](#{_anchor(title)})"
    if "anyOf" in part:
        kinds = [_kind(each, titles) for each in part["anyOf"] if not each.get("$ref", "").endswith("Change")]
        return (", or " if any(", " in kind for kind in kinds) else " or ").join(dict.fromkeys(kinds))
    if "const" in part or "enum" in part:
        values = part.get("enum") or [part["const"]]
        return ", ".join(f"`{value}`" for value in values)
    if part.get("type") in ("integer", "number"):
        return ", ".join(filter(None, ("whole number" * (part["type"] == "integer") or "number", _range(part))))
    if part.get("type") == "array":
        each = [_kind(inner, titles) for inner in part.get("prefixItems") or [part["items"]]]
        return f"[{'; '.join(each)}]" if "prefixItems" in part else f"list of: {each[0]}"
    return "path" if part.get("format") == "path" else _PLAIN[part["type"]] if "type" in part else ""


def _range(part: dict[str, Any]) -> str:
    """The range of a number: "0 to 1", "more than 20, at most 1000000"."""
    words = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most",
             "exclusiveMaximum": "less than"}  # fmt: skip
    bounds = {name: f"{part[name]:.10g}" for name in words if name in part}
    if bounds.keys() == {"minimum", "maximum"}:
        return f"{bounds['minimum']} to {bounds['maximum']}"
    return ", ".join(f"{words[name]} {bound}" for name, bound in bounds.items())


def _anchor(title: str) -> str:
    """What a link to a heading says, on the hosts of Markdown and in MkDocs alike."""
    return re.sub(r"[^\w\s-]", "", title).strip().lower().replace(" ", "-")


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
