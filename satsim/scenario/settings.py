"""A single key of a scenario's data, set from outside: by `--set link.loss_ratio=0.1`, or at a point of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from satsim.errors import ScenarioError

if TYPE_CHECKING:
    from satsim.scenario.scenario import Scenario


def put(data: dict[str, Any], dotted: str, value: Any, source: str) -> dict[str, Any]:
    """`data` with the key `dotted` set to `value`; a `*` in it stands for every place of a list.

    Raises ScenarioError, which begins with `source`, for a path through something that has no keys.
    """
    keys = dotted.split(".")
    changed: dict[str, Any] = _set(data, keys, value, source)
    return _with_fitting_options(changed, keys[1]) if keys[::2] == ["schemes", "codec"] else changed


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


def _with_fitting_options(data: dict[str, Any], which: str) -> dict[str, Any]:
    """`data` without options that a scheme's newly set codec lacks, and with a note that says so."""
    from codec.base import CodecError
    from codec.loading import options_of, takes_budget

    schemes, notes = list(data["schemes"]), list(data.get("notes") or [])
    for k, scheme in enumerate(schemes):
        options = scheme.get("options") if isinstance(scheme, dict) else None
        if which not in ("*", str(k)) or not isinstance(options, dict):
            continue
        try:
            known = options_of(scheme["codec"])
        except (CodecError, AttributeError, TypeError):
            continue  # a mistake that the codec's own check tells
        if known is None:
            continue
        known = [*known, "budget_packets", *(["stages"] if takes_budget(scheme["codec"]) else [])]
        if lost := [key for key in options if key not in known]:
            notes.append(f"{scheme.get('name')}: {scheme['codec']} has no {' and no '.join(lost)}, so that is left out")
            schemes[k] = scheme | {"options": {key: value for key, value in options.items() if key in known}}
    return data | {"schemes": schemes, "notes": notes}


def without_doubles(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """The scenarios without schemes that settings have made equal to an earlier one in all of them; a note says so."""
    kept: list[int] = []
    notes = []
    for k, scheme in enumerate(scenarios[0].schemes):
        same = next((j for j in kept if all(_alike(each, j, k) for each in scenarios)), None)
        if same is None:
            kept.append(k)
        else:
            notes.append(f"{scheme.name} is now the same as {scenarios[0].schemes[same].name}, and is left out")
    if not notes:
        return list(scenarios)
    return [
        each.model_copy(update={"schemes": tuple(each.schemes[k] for k in kept), "notes": (*each.notes, *notes)})
        for each in scenarios
    ]


def _alike(scenario: Scenario, one: int, other: int) -> bool:
    """Whether two schemes differ in nothing but their names."""
    first, second = scenario.schemes[one], scenario.schemes[other]
    return first.model_copy(update={"name": second.name}) == second
