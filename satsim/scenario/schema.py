"""The JSON schema of scenarios (draft 2020-12), read off the models that check them, so that editors complete keys.

What a key means is the docstring below it; of keys that go without, and of names that may stand in a file, keys.yaml
tells. A schema cannot say all that the check at the door does: what fits it may still be refused, with a reason.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from pydantic import BaseModel

from codec.yaml_reader import read_yaml
from satsim.links.linkspec import Checked, Cost
from satsim.links.presets import link_presets
from satsim.links.words import unit_of
from satsim.scenario.scenario import Scenario

DRAFT = "https://json-schema.org/draft/2020-12/schema"
CHANGES = {"windows": "WindowsChange", "delay": "DelayChange", "loss": "LossChange", "copies": "CopiesChange"}
"""Tables of a link of which a part may stand alone, as over a preset, and what these parts are called here."""


def scenario_schema(codecs: Iterable[str], metrics: Mapping[str, str]) -> dict[str, Any]:
    """The schema, which suggests these codecs and metrics (names with labels) and forbids no others."""
    raw = Scenario.model_json_schema()
    defs = {name: _plain(part) for name, part in raw.pop("$defs").items()}
    whole = defs["Scenario"] = _plain(raw)
    models: dict[str, type[BaseModel]] = {model.__name__: model for model in Checked.__subclasses__()}
    for name, part in defs.items():
        _describe(part, models[name])
    _allow_parts(defs)
    _allow_names(defs)
    suggest = whole["properties"]["metrics"]
    suggest["items"] = {"anyOf": [{"enum": [*metrics]}, {"type": "string"}]}
    levels = whole["properties"]["quality_levels"]
    levels["properties"] = {name: {"description": label, **levels["additionalProperties"]}
                            for name, label in metrics.items()}  # fmt: skip
    scheme = defs["SchemeSpec"]["properties"]
    scheme["codec"]["anyOf"] = [{"enum": [*codecs]}, {"type": scheme["codec"].pop("type")}]
    scheme["options"]["properties"] = {key: {"description": text} for key, text in told()["options"].items()}
    del defs["Scenario"]
    return {"$schema": DRAFT, "title": "A scenario of satsim", **whole, "$defs": defs}


@functools.cache
def docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """By key of a model: the text below it in its class, or in one that it is built on."""
    found: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if issubclass(part, BaseModel) and part is not BaseModel:
            body = ast.parse(inspect.getsource(part)).body[0]
            assert isinstance(body, ast.ClassDef)
            for pair in itertools.pairwise(body.body):
                match pair:
                    case ast.AnnAssign(target=ast.Name(id=key)), ast.Expr(value=ast.Constant(value=str(text))):
                        found[key] = inspect.cleandoc(text)
    return found


@functools.cache
def told() -> dict[str, Any]:
    """What keys.yaml says."""
    data: dict[str, Any] = read_yaml((files("satsim.scenario") / "keys.yaml").read_text(encoding="utf-8"))
    return data


def _words(text: str) -> str:
    """A docstring as one paragraph for a reader of YAML, in which None is called null."""
    return re.sub(r"\bNone\b", "null", " ".join(text.split()))


def _plain(part: Any) -> Any:
    """A schema without what pydantic adds for programs: titles made of names, discriminators, defaults of sections."""
    if isinstance(part, list):
        return [_plain(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {"anyOf" if key == "oneOf" else key: _plain(value) for key, value in part.items()
            if key != "discriminator" and not (key == "title" and isinstance(value, str))
            and not (key == "default" and isinstance(value, dict))}  # fmt: skip
    return _flat(kept)


def _flat(part: dict[str, Any]) -> dict[str, Any]:
    """A choice among choices is one choice."""
    if "anyOf" in part:
        part["anyOf"] = [one for each in part["anyOf"] for one in (each["anyOf"] if [*each] == ["anyOf"] else [each])]
    return part


def _describe(part: dict[str, Any], model: type[BaseModel]) -> None:
    """Say of each key what it means, and its unit; of those that are not in the code, as keys.yaml does."""
    written, more, units = docstrings(model), told()["meanings"].get(model.__name__, {}), told()["units"]
    part["description"] = _words(str(model.__doc__))
    for key, about in part["properties"].items():
        text = part["description"] if key == "model" else written.get(key) or more.get(key, "")
        unit = units.get(key) or unit_of(key, Cost(currency="currency"))
        about["description"] = _words(text) + (f" Unit: {unit}." if unit else "")


def _allow_parts(defs: dict[str, Any]) -> None:
    """Over a preset, a table of a link may say only what changes."""
    links = defs["LinkSpec"]["properties"]
    needed: dict[str, Any] = {}
    for key, name in CHANGES.items():
        kinds = [defs[each["$ref"].rpartition("/")[2]] for each in links[key]["anyOf"] if "$ref" in each]
        properties: dict[str, Any] = {}
        for kind in kinds:
            if kind["additionalProperties"]:
                continue  # takes any key, of whatever meaning
            for inner, about in kind["properties"].items():
                if inner != "model":
                    properties[inner] = _either(properties.get(inner, about), about)
        defs[name] = {"type": "object", "description": f"Over a preset: what changes of its {key}.",
                      "properties": properties, "additionalProperties": False}  # fmt: skip
        links[key]["anyOf"].insert(-1, {"$ref": f"#/$defs/{name}"})
        needed[key] = {"required": ["model"] if "model" in kinds[0]["properties"] else kinds[0]["required"]}
    windows = defs["DelayChange"]["properties"]["windows"]
    windows["anyOf"] = [*windows["anyOf"], {"$ref": "#/$defs/WindowsChange"}]
    defs["LinkSpec"] |= {"if": {"not": {"required": ["preset"]}}, "then": {"properties": needed}}


def _either(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What either of two keys of one name may hold."""
    if one == other:
        return dict(one)
    kinds = [_bare(one)] if _bare(one) == _bare(other) else [_bare(one), _bare(other)]
    said = " Or: ".join(dict.fromkeys((one["description"], other["description"])))
    return _flat({"anyOf": kinds, "description": said})


def _bare(part: dict[str, Any]) -> dict[str, Any]:
    """What a key may hold, and no more of it."""
    return {key: value for key, value in part.items() if key not in ("default", "description")}


def _allow_names(defs: dict[str, Any]) -> None:
    """A bare name may stand for a link or a transport; presets are offered by name, with their titles."""
    names = [{"const": name, "description": preset.title} for name, preset in link_presets().items()]
    defs["PresetName"] = {"description": "A service: `satsim links` lists them.", "anyOf": names}
    by_name = {"$ref": "#/$defs/PresetName"}
    preset = defs["LinkSpec"]["properties"]["preset"]
    preset["anyOf"] = [by_name, {"type": "null"}]
    whole, scheme = (defs[name]["properties"] for name in ("Scenario", "SchemeSpec"))
    whole["link"] = {"description": whole["link"]["description"], "anyOf": [by_name, {"$ref": whole["link"]["$ref"]}]}
    scheme["link"]["anyOf"].insert(0, by_name)
    transport = scheme["transport"]
    ways = _bare(defs["TransportSpec"]["properties"]["name"])
    choice = _flat({"anyOf": [ways, {"$ref": transport["$ref"]}]})
    scheme["transport"] = {"description": transport["description"], **choice}
