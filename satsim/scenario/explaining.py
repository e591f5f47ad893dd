"""A mistake that pydantic found, in our words: the field, what was found, what was expected."""

from __future__ import annotations

import difflib
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
            return f"{field}.{said}" if field and not said.startswith(field) else said
        case "literal_error":
            return f"{field} is {found}; expected {context['expected']}"
        case "union_tag_not_found":
            return f"{field}.model is missing; expected one of: {', '.join(_tags(kind))}"
        case "union_tag_invalid":
            return f"{field}.model is {context['tag']!r}; expected one of: {', '.join(_tags(kind))}"
        case "model_type" | "model_attributes_type":
            tags = " or ".join(_tags(kind))
            keys = f"model: {tags}" if tags else ", ".join(next(_models_in(kind)).model_fields)
            return f"{field} is {found}; expected keys ({keys})"
        case "dict_type":
            return f"{field} is {found}; expected keys with values"
        case "tuple_type":
            return f"{field} is {found}; expected a list"
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
        if str(part) in _tags(annotation):
            annotation = _tags(annotation)[str(part)]
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


def _tags(annotation: Any) -> dict[str, type[BaseModel]]:
    """By the word in its `model` key: each kind of model that a union may hold."""
    kinds = [model for model in _models_in(annotation) if "model" in model.model_fields]
    return {typing.get_args(kind.model_fields["model"].annotation)[0]: kind for kind in kinds}


def _range_of(model: type[BaseModel], place: Sequence[str]) -> str:
    """The range of a number, read off the field's own declaration: "0 to 1", "more than 20, at most 1000000"."""
    name = [part for part in place if not part.isdigit()][-1]
    field = model.model_fields[name]
    bounds: dict[str, Any] = {}
    for rule in [*field.metadata, *_rules_in(field.annotation)]:
        bounds |= {name: getattr(rule, name) for name in ("ge", "gt", "le", "lt") if hasattr(rule, name)}
    if {"ge", "le"} <= bounds.keys():
        return f"{bounds['ge']:g} to {bounds['le']:g}"
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return ", ".join(f"{words[name]} {bound:.10g}" for name, bound in bounds.items())


def _rules_in(annotation: Any) -> Iterator[Any]:
    """Bounds written inside a union or a tuple, as in `Annotated[float, Field(gt=0)] | None`."""
    for extra in getattr(annotation, "__metadata__", ()):
        yield from getattr(extra, "metadata", [extra])
    for inner in typing.get_args(annotation):
        yield from _rules_in(inner)
