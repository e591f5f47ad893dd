"""Mistakes that pydantic found, in our words, one a line: the field, what was found, what was expected."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from satsim.air.packets import COMPACT_BYTES, HEADER_BYTES

_HINTS = {
    "link.loss_ratio": "write 0.1 for ten percent",
    "link.packet_bytes": f"{HEADER_BYTES} of them are the header, or {COMPACT_BYTES} if compact",
    "image.fit": "crop, pad or keep",
}


_EXPECTED = {
    "string_type": "text",
    "string_pattern_mismatch": "letters, digits and any of . _ - after the first",
    "string_too_long": "at most {max_length} letters",
    "string_too_short": "a text that is not empty",
    "too_long": "at most {max_length} values",
    "too_short": "a list of {min_length} or more",
    "path_type": "a path",
    "invalid_key": "a key that is text",
    "finite_number": "a finite number",
    "int_parsing_size": "a smaller number",
    "dict_type": "keys with values",
    "tuple_type": "a list",
    "literal_error": "{expected}",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
}
"""By kind of mistake: what was expected."""
MOST_LINES = 20


def explain_all(errors: Sequence[Any], root: type[BaseModel], source: str = "", more: Sequence[str] = ()) -> str:
    """Each of these mistakes and of `more` in a line, the source before it; what follows from another is left out."""
    places = [tuple(_walk(error["loc"], root)[0]) for error in errors]
    wholes = {place[:k] for place in places for k in range(len(place))}
    expected: dict[str, list[str]] = {}
    for error, place in zip(errors, places, strict=True):
        if place not in wholes or not place:
            found, _, wanted = explain(error, root).partition("; expected ")
            expected.setdefault(found, []).extend([wanted] if wanted else [])
    lead = f"{source}: " if source else ""
    lines = [f"{lead}{found}" + f"; expected {' or '.join(dict.fromkeys(wanted))}" * bool(wanted)
             for found, wanted in expected.items()]  # fmt: skip
    lines += [lead + each for each in more]
    rest = [f"{lead}and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join(lines[:MOST_LINES] + rest)


def shown(value: Any) -> str:
    """A value that was found, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text):,} letters)"


def explain(error: Any, root: type[BaseModel]) -> str:
    """One line for one pydantic error in a `root`: field, what was found, what was expected."""
    place, model, kind = _walk(error["loc"], root)
    field = ".".join(place)
    found = shown(error["input"])
    hint = f" ({_HINTS[field]})" if field in _HINTS else ""
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(place[-1], model.model_fields, n=1)
            known = ", ".join(model.model_fields)
            return f"{field} is no key; " + (f"did you mean {near[0]}?" if near else f"expected one of: {known}")
        case "missing":
            return f"{field} is missing; expected {field}: ..."
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            return f"{field} is {found}; expected {_range_of(model, place)}{hint}"
        case "value_error":
            said = str(context["error"])
            if said.split()[0] in ("loss", "delay", "transport"):
                return f"{field}: {said}"
            if place and said.startswith(f"{place[-1]} is "):
                field = ".".join(place[:-1])
            return f"{field}.{said}" if field and not said.startswith(field) else said
        case "union_tag_not_found":
            return f"{field}.model is missing; expected one of: {', '.join(_tags(kind))}"
        case "union_tag_invalid":
            return f"{field}.model is {context['tag']!r}; expected one of: {', '.join(_tags(kind))}"
        case "model_type" | "model_attributes_type":
            tags = " or ".join(_tags(kind))
            keys = f"model: {tags}" if tags else ", ".join(next(_models_in(kind)).model_fields)
            return f"{field} is {found}; expected keys ({keys})"
        case kind if kind in _EXPECTED:
            return f"{field} is {found}; expected {_EXPECTED[kind].format(**context)}{hint}"
        case _:
            message = error["msg"][0].lower() + error["msg"][1:]
            return f"{field} is {found}; {message}{hint}"


def _walk(loc: Sequence[Any], root: type[BaseModel]) -> tuple[list[str], type[BaseModel], Any]:
    """The dotted place that pydantic's `loc` means, without names of union members; the model that holds it; its type.

    The type of a place in a list is the list's.
    """
    place: list[str] = []
    holder = root
    annotation: Any = root
    for part in loc:
        models = list(_models_in(annotation))
        if part in ("ours", "own") and _tags(annotation):
            continue  # whose model it is, which pydantic puts into the place
        if str(part) in _tags(annotation):
            annotation = _tags(annotation)[str(part)]
            continue
        if isinstance(part, str) and not models and _is_choice(annotation):
            continue
        place.append(str(part))
        holders = [model for model in models if part in model.model_fields] or models[:1]
        if isinstance(part, str) and holders:
            holder = holders[0]
            field = holder.model_fields.get(part)
            annotation = field.annotation if field else None
    return place, holder, annotation


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models_in(inner)


def _is_choice(annotation: Any) -> bool:
    """Whether values of several plain types may stand here, whose names pydantic puts into the place."""
    kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
    return typing.get_origin(annotation) in (typing.Union, types.UnionType) and len(kinds) > 1


def _tags(annotation: Any) -> dict[str, type[BaseModel]]:
    """By the word in its `model` key: each kind of model that a union may hold."""
    kinds = [model for model in _models_in(annotation) if "model" in model.model_fields]
    words = [typing.get_args(kind.model_fields["model"].annotation)[:1] for kind in kinds]
    return {word[0]: kind for word, kind in zip(words, kinds, strict=True) if word}  # one of your own has any


def _range_of(model: type[BaseModel], place: Sequence[str]) -> str:
    """The range of a number, read off the field's own declaration: "0 to 1", "more than 20, at most 1000000"."""
    name = [part for part in place if not part.isdigit()][-1]
    field = model.model_fields[name]
    bounds: dict[str, Any] = {}
    for rule in [*field.metadata, *_rules_in(field.annotation)]:
        bounds |= {name: getattr(rule, name) for name in ("ge", "gt", "le", "lt") if hasattr(rule, name)}
    if {"ge", "le"} <= bounds.keys():
        return f"{bounds['ge']:.10g} to {bounds['le']:.10g}"
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return ", ".join(f"{words[name]} {bound:.10g}" for name, bound in bounds.items())


def _rules_in(annotation: Any) -> Iterator[Any]:
    """Bounds written inside a union or a tuple, as in `Annotated[float, Field(gt=0)] | None`."""
    for extra in getattr(annotation, "__metadata__", ()):
        yield from getattr(extra, "metadata", [extra])
    for inner in typing.get_args(annotation):
        yield from _rules_in(inner)
