"""YAML to a frozen, checked scenario; every mistake is one line that names the file, the field and the mend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from satsim.errors import ScenarioError
from satsim.scenario.spec import Scenario

Part = TypeVar("Part", bound=BaseModel)


def load_scenario(path: Path, settings: Sequence[str] = ()) -> Scenario:
    """The scenario in `path` after `settings` ("link.loss_ratio=0.1"); image paths become absolute.

    Raises ScenarioError, one line, for a file that is missing, unreadable, not YAML, or not a scenario.
    """
    data = read_mapping(path, "scenario")
    for setting in settings:
        data = override(data, setting)
    return make_scenario(data, str(path), path.parent)


def override(data: dict[str, Any], setting: str) -> dict[str, Any]:
    """`data` with one dotted key set, as in "link.loss_ratio=0.1" or "schemes.0.codec=avif"; the value is YAML.

    Raises ScenarioError for a setting that is not key=value or a path through something that has no keys.
    """
    dotted, equals, text = setting.partition("=")
    if not equals or not dotted:
        raise ScenarioError(f"--set {setting}: expected key=value, such as link.loss_ratio=0.1")
    try:
        value = parse_yaml(text)
    except ScenarioError as error:
        raise ScenarioError(f"--set {setting}: the value is {error}") from None
    from satsim.scenario.settings import put

    return put(data, dotted, value, f"--set {setting}")


def make_scenario(data: Any, source: str, folder: Path) -> Scenario:
    """`check_scenario`, with every path in it read as relative to `folder`."""
    return _with_absolute_paths(check_scenario(data, source), folder)


def check_scenario(data: Any, source: str) -> Scenario:
    """The scenario that `data` describes; ScenarioError names `source`, the first field that is wrong, and the mend."""
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        from satsim.scenario.explaining import explain

        raise ScenarioError(f"{source}: {explain(error.errors()[0])}") from None


def check_part(model: type[Part], data: dict[str, Any], key: str) -> Part:
    """`data` as the part of a scenario that stands at `key`, checked the same way."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        from satsim.scenario.explaining import explain

        first = error.errors()[0]
        raise ScenarioError(explain({**first, "loc": (key, *first["loc"])})) from None


def _with_absolute_paths(part: Part, folder: Path) -> Part:
    """`part` with every path in it, however deep, read as relative to `folder`."""
    changes: dict[str, Any] = {}
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, Path):
            changes[name] = (folder / value).resolve()
        elif isinstance(value, BaseModel):
            changes[name] = _with_absolute_paths(value, folder)
    return part.model_copy(update=changes)


def read_mapping(path: Path, kind: str) -> dict[str, Any]:
    """The keys of a YAML file. Raises ScenarioError, one line, where there is no such file or it has no keys."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ScenarioError(f"{path}: no such {kind} file; check the path, or see the ones in scenarios/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read as text ({error})") from None
    try:
        data = parse_yaml(text)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from None
    if not isinstance(data, dict):
        raise ScenarioError(f"{path}: holds {type(data).__name__}; expected keys such as name, image, link, schemes")
    return data


def parse_yaml(text: str) -> Any:
    """What `text` says as YAML. Raises ScenarioError, one line, with the place of the mistake where it is known."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        reason = str(getattr(error, "problem", None) or error).splitlines()[0]
        raise ScenarioError(f"{where}not YAML ({reason})") from None
    except (ValueError, RecursionError) as error:  # 2024-13-45 is no date, and brackets may nest too deep
        raise ScenarioError(f"not YAML ({error})") from None
