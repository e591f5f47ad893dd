"""Text files that the user writes: read, and told in one line what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from satsim.errors import LinkError, ScenarioError


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


def read_link_file(path: Path, kind: str) -> str:
    """The text of a `kind` file ("trace", say) that a link names. Raises LinkError, one line, if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise LinkError(f"{path}: no such {kind} file; check the path, which starts at the scenario file") from None
    except UnicodeDecodeError:
        raise LinkError(f"{path}: is not text in UTF-8; expected a {kind} file") from None
    except OSError as error:
        raise LinkError(f"{path}: cannot be read ({error.strerror}); expected a {kind} file") from None
