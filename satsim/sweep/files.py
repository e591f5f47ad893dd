"""A sweep as a file: which scenario, what varies, how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from satsim.errors import ScenarioError
from satsim.scenario.scenario import read_mapping
from satsim.scenario.settings import with_settings
from satsim.sweep.grid import Factor, factor_of, read_factor

KEYS = ("title", "scenario", "set", "vary", "replications", "at")


class Request(NamedTuple):
    """What is to be run."""

    data: dict[str, Any]
    """Of the scenario, with all settings."""
    path: Path
    """Of the scenario."""
    axes: list[Factor]
    replications: int | None
    moments: list[str]


def read_request(path: Path, settings: Sequence[str], varied: Sequence[str], folder: Path) -> Request:
    """The scenario or sweep file at `path`, with what the command line adds: a key given there replaces the file's.

    A sweep file has the keys `scenario` (a path from the file, or a whole scenario), and if need be `title`, `set` (a
    list of key=value), `vary` (by key, a text as for --vary or a list), `replications` and `at`. Photos on the command
    line are relative to `folder`. Raises ScenarioError, one line, for what cannot be read.
    """
    data, replications, moments = read_mapping(path, "scenario"), None, []
    axes: dict[str, Factor] = {}
    if "scenario" in data:
        sweep, where = data, path
        if unknown := next((key for key in sweep if key not in KEYS), None):
            raise ScenarioError(f"{path}: {unknown} is no key of a sweep; expected one of: {', '.join(KEYS)}")
        if isinstance(sweep["scenario"], dict):
            data = sweep["scenario"]
        else:
            path = path.parent / str(sweep["scenario"])
            data = read_mapping(path, "scenario")
        data = with_settings(data, _texts(sweep, "set", "key=value", where))
        if "title" in sweep:
            data = data | {"title": sweep["title"]}
        for axis in _axes_of(sweep.get("vary", {}), where):
            axes[axis.key] = axis
        replications, moments = sweep.get("replications"), _texts(sweep, "at", "times such as 2 min", where)
        if replications is not None and (type(replications) is not int or replications < 1):
            raise ScenarioError(f"{where}: replications is {replications!r}; expected a whole number from 1")
    data = with_settings(data, settings)
    given = [read_factor(text, folder) for text in varied]
    for k, axis in enumerate(given):
        if axis.key in [other.key for other in given[:k]]:
            raise ScenarioError(f"--vary {axis.key} is there twice; put all its values into one")
        axes[axis.key] = axis
    return Request(data, path, list(axes.values()), replications, moments)


def _texts(sweep: Mapping[str, Any], key: str, what: str, path: Path) -> list[str]:
    """The list of texts under `key` of a file; none where it is left out."""
    texts = sweep.get(key, [])
    if not isinstance(texts, list) or any(isinstance(each, list | dict) for each in texts):
        raise ScenarioError(f"{path}: {key} is {texts!r}; expected a list of {what}")
    return [str(each) for each in texts]


def _axes_of(vary: Any, path: Path) -> list[Factor]:
    """The axes under `vary` in a file."""
    if not isinstance(vary, Mapping):
        raise ScenarioError(f"{path}: vary is {vary!r}; expected keys with values, such as link.loss_ratio: 0:0.4:0.1")
    return [
        factor_of(str(key), values, f"{path}: vary.{key}")
        if isinstance(values, list)
        else read_factor(f"{key}={values}", path.parent)
        for key, values in vary.items()
    ]
