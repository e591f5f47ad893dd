"""A single key of a scenario's data, set from outside: by `--set link.loss_ratio=0.1`, or at a point of a grid."""

from __future__ import annotations

from typing import Any

from satsim.errors import ScenarioError


def put(data: dict[str, Any], dotted: str, value: Any, source: str) -> dict[str, Any]:
    """`data` with the key `dotted` set to `value`; a `*` in it stands for every place of a list.

    Raises ScenarioError, which begins with `source`, for a path through something that has no keys.
    """
    changed: dict[str, Any] = _set(data, dotted.split("."), value, source)
    return changed


_BARE_NAMES = {"link": "preset", "transport": "name"}
"""Sections for which a bare name may stand, and the key that it is short for."""


def _set(place: Any, keys: list[str], value: Any, source: str, section: str = "") -> Any:
    if not keys:
        return value
    key, *rest = keys
    if isinstance(place, str) and section in _BARE_NAMES:
        place = {_BARE_NAMES[section]: place}
    if isinstance(place, list):
        if key != "*" and (not key.isdigit() or int(key) >= len(place)):
            raise ScenarioError(f"{source}: {key!r} is no place in a list of {len(place)}")
        return [_set(each, rest, value, source, key) if key in ("*", str(k)) else each for k, each in enumerate(place)]
    if place is None:
        place = {}
    if not isinstance(place, dict):
        raise ScenarioError(f"{source}: {key!r} cannot be set inside {place!r}")
    return {**place, key: _set(place.get(key), rest, value, source, key)}
