"""The message services of presets.yaml: their numbers, and where each number comes from."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel

Basis = Literal["measured", "published", "assumed"]
GROUPS = (("loss", "loss_ratio"), ("delay", "delay_s", "delay_s_per_byte"))
_TABLES = ("windows", "delay", "loss", "copies", "ack", "cost")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C where there is one: ten times faster


class Number(NamedTuple):
    """Where one value of a preset comes from."""

    basis: Basis
    """measured; published by operator, vendor, standard or code; or assumed by satsim."""
    source: str = ""
    """Title and address; never empty for what is measured or published."""
    note: str = ""


class Preset(NamedTuple):
    """One message service."""

    name: str
    title: str
    link: Mapping[str, Any]
    """Keys of a scenario's `link`."""
    numbers: Mapping[str, Number]
    """By dotted key of `link`, such as loss.mean_good_s."""
    transport: str
    """What suits it."""
    notes: str
    """What it does not capture."""


@functools.cache
def link_presets() -> Mapping[str, Preset]:
    """Every preset by name, in the order of the file; read once. Not to be changed."""
    data = yaml.load((files("satsim.links") / "presets.yaml").read_text(encoding="utf-8"), Loader=_LOADER)
    sources = data["sources"]
    return {
        name: Preset(
            name,
            entry["title"],
            entry["link"],
            {
                key: Number(row["basis"], sources[row["source"]] if "source" in row else "", row.get("note", ""))
                for key, row in entry["numbers"].items()
            },
            entry.get("transport", "once"),
            entry["notes"],
        )
        for name, entry in data["presets"].items()
    }


def find_preset(name: str) -> Preset:
    """The preset of that name. Raises ValueError, with the nearest names, where there is none."""
    presets = link_presets()
    if name not in presets:
        near = [known for known in presets if name and name.lower() in known][:3]
        near = near or difflib.get_close_matches(name, presets, n=1)
        hint = f"did you mean {' or '.join(near)}?" if near else "`satsim links` lists them"
        raise ValueError(f"{name!r} is no link preset; {hint}")
    return presets[name]


def transport_for(preset: str | None, acknowledged: bool) -> str:
    """The transport that suits a preset, or a link of no preset."""
    suits = find_preset(preset).transport if preset else "arq"
    return "once" if suits == "arq" and not acknowledged else suits


def merge_preset(data: Any) -> Any:
    """`data` over the link of the preset it names; a bare string names one. Raises ValueError for an unknown name.

    A table within (loss, delay, windows, copies, ack, cost) changes the preset's key by key, unless it names its
    `model`: then it stands alone. What stands alone, and each plain key, replaces its whole group (`GROUPS`).
    """
    if isinstance(data, str):
        data = {"preset": data}
    if not isinstance(data, dict) or not isinstance(name := data.get("preset"), str):
        return data
    try:
        base = dict(find_preset(name).link)
    except ValueError as error:
        raise ValueError(f"link.preset is wrong: {error}") from None
    mended = {
        key: _merge(base[key], data[key]) for key in _TABLES if key in base and _changes(base[key], data.get(key))
    }
    for group in GROUPS:
        if any(key in data and key not in mended for key in group):
            base = {key: value for key, value in base.items() if key not in group}
    return {**base, **data, **mended}


def _changes(base: Any, given: Any) -> bool:
    return isinstance(base, dict) and isinstance(given, dict) and "model" not in given


def _merge(base: Any, given: Any) -> Any:
    if not _changes(base, given):
        return given
    return {**base, **{key: _merge(base.get(key), value) for key, value in given.items()}}


def leaves(data: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Each value under its dotted key; a list of plain values is one value, a table in a list is numbered from 0."""
    if isinstance(data, Mapping):
        rows: Any = data.items()
    elif isinstance(data, list | tuple) and any(isinstance(row, Mapping) for row in data):
        rows = enumerate(data)
    else:
        yield key, tuple(data) if isinstance(data, list) else data
        return
    for name, row in rows:
        yield from leaves(row, f"{key}.{name}" if key else str(name))


def assumed_numbers(link: BaseModel) -> list[str]:
    """Dotted keys of what a LinkSpec still has from its preset and that satsim assumed; none without a preset."""
    now = link.model_dump(mode="json")
    name = now.get("preset")
    if name is None:
        return []
    then = type(link).model_validate({"preset": name}).model_dump(mode="json")
    values, models = dict(leaves(now)), {key: value for key, value in leaves(then) if key.endswith("model")}
    same = {key for key, value in leaves(then) if key in values and values[key] == value}
    changed = tuple(key.removesuffix("model") for key in models if key not in same)
    return [
        field
        for field, number in find_preset(name).numbers.items()
        if number.basis == "assumed" and field in same and not (changed and field.startswith(changed))
    ]
