"""A single key of a scenario's data, set from outside: by `--set link.loss_ratio=0.1`, or at a point of a grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from codec.yaml_reader import YamlError, read_yaml
from satsim.errors import ScenarioError

if TYPE_CHECKING:
    from pydantic import BaseModel

MOST_FAULTS = 20


def with_settings(data: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """`data` after settings from outside, without schemes that these made equal. Raises ScenarioError as `override`."""
    for setting in settings:
        data = override(data, setting)
    if any(setting.startswith("schemes.") for setting in settings):
        (data,) = without_doubles([data])
    return data


def override(data: dict[str, Any], setting: str) -> dict[str, Any]:
    """`data` with one dotted key set, as in "link.loss_ratio=0.1" or "schemes.0.codec=avif"; the value is YAML.

    Raises ScenarioError for a setting that is not key=value or a path through something that has no keys.
    """
    return put(data, *read_setting("--set", setting, "link.loss_ratio=0.1"), f"--set {_short(setting)}")


def read_setting(flag: str, setting: str, example: str) -> tuple[str, Any]:
    """Key and value of "key=value", the value read as YAML. Raises ScenarioError, led in by the command line's flag."""
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise ScenarioError(f"{flag} {_short(setting)}: expected key=value, such as {example}")
    try:
        return key, read_yaml(text)
    except YamlError as error:
        raise ScenarioError(f"{flag} {_short(setting)}: the value is {error}") from None


def _short(setting: str) -> str:
    """A setting in one line of some length."""
    return " ".join(setting.split())[:200]


def put(data: dict[str, Any], dotted: str, value: Any, source: str) -> dict[str, Any]:
    """`data` with the key `dotted` set to `value`; a `*` in it stands for every place of a list.

    Raises ScenarioError, which begins with `source`, for a path through something that has no keys.
    """
    keys = dotted.split(".")
    changed: dict[str, Any] = _set(data, keys, value, source)
    if keys == ["image", "path"]:
        changed = _set(changed, ["image", "drawn"], False, source)
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
        if key != "*" and key not in map(str, range(len(place))):
            raise ScenarioError(f"{source}: {key!r} is no place in a list of {len(place)}; expected {_places(place)}")
        return [_set(each, rest, value, source, key) if key in ("*", str(k)) else each for k, each in enumerate(place)]
    if place is None:
        place = {}
    if not isinstance(place, dict):
        raise ScenarioError(f"{source}: {key!r} cannot be set inside {str(place)[:80]!r}")
    return {**place, key: _set(place.get(key), rest, value, source, key)}


def _places(place: list[Any]) -> str:
    """What may be written for a place in a list."""
    return f"0 to {len(place) - 1}, or * for all" if len(place) > 1 else "0" if place else "a list that holds something"


def _with_fitting_options(data: dict[str, Any], which: str) -> dict[str, Any]:
    """`data` without options that a scheme's newly set codec lacks, and with a note that says so."""
    from codec.base import CodecError
    from codec.loading import options_of

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
        if "budget_bytes" in known:
            known += ["budget_packets", "stages"]
        elif "stages" in known:
            known += ["budget_packets"]
        if lost := [key for key in options if key not in known]:
            what = " and no ".join(map(str, lost))
            notes.append(f"scheme {scheme.get('name')!r}: {scheme['codec']} has no {what}, so that is left out")
            schemes[k] = scheme | {"options": {key: value for key, value in options.items() if key in known}}
    return data | {"schemes": schemes, "notes": notes}


def check_codecs(stories: Iterable[Sequence[Any]], source: str) -> None:
    """Raise ScenarioError, a line for each scheme of `stories` whose codec, with its options, cannot or may not be."""
    different = {str([(scheme.codec, scheme.options) for scheme in schemes]): schemes for schemes in stories}
    if faults := dict.fromkeys(fault for schemes in different.values() for fault in codec_faults(schemes)):
        raise ScenarioError("\n".join(f"{source}: {fault}" for fault in [*faults][:MOST_FAULTS]))


def all_faults(errors: Sequence[Any], root: type[BaseModel], data: Any, source: str) -> str:
    """Each of these mistakes of `data`, which should be a `root`, and those of codecs in it, a line each."""
    from satsim.scenario.explaining import explain_all

    more = codec_faults(data["schemes"]) if isinstance(data, dict) and "schemes" in data else []
    return explain_all(errors, root, source, more)


def codec_faults(schemes: Any) -> list[str]:
    """A line for each scheme whose codec cannot be made; of schemes as they are read, those that can be told so far."""
    from codec.base import CodecError
    from codec.options import check_options

    faults = []
    for k, scheme in enumerate(schemes if isinstance(schemes, list | tuple) else ()):
        about = scheme if isinstance(scheme, dict) else getattr(scheme, "__dict__", {})
        name, options = about.get("codec"), about.get("options", {})
        if not isinstance(name, str) or not isinstance(options, dict):
            continue
        if about is scheme and any(isinstance(option, str) and "." in option for option in options.values()):
            continue  # a file, perhaps, whose place is not known yet
        try:
            check_options(name, options)
        except CodecError as error:
            faults.append(f"schemes.{k}{'.' if str(error).startswith('codec') else ': '}{error}")
    return faults


def without_doubles(stories: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The stories without schemes that settings have made equal to an earlier one in all of them; a note says so.

    What cannot be read as schemes is left as it is, for the check of the whole to tell.
    """
    schemes: list[Any] = [story.get("schemes") for story in stories]
    count = len(schemes[0]) if isinstance(schemes[0], list) else 0
    if not all(isinstance(each, list) and len(each) == count for each in schemes):
        return list(stories)
    kept: list[int] = []
    notes = []
    for k in range(count):
        same = next((j for j in kept if all(_bare(each[j]) == _bare(each[k]) for each in schemes)), None)
        if same is None:
            kept.append(k)
        else:
            one, other = (schemes[0][each].get("name") for each in (k, same))
            notes.append(f"scheme {one!r} is now the same as {other!r}, and is left out")
    if not notes:
        return list(stories)
    return [
        story | {"schemes": [own[k] for k in kept], "notes": [*(story.get("notes") or []), *notes]}
        for story, own in zip(stories, schemes, strict=True)
    ]


def _bare(scheme: Any) -> Any:
    """What makes a scheme, its name aside."""
    if not isinstance(scheme, dict):
        return scheme
    bare = {key: {short: scheme[key]} if isinstance(scheme[key], str) else scheme[key]
            for key, short in _BARE_NAMES.items() if key in scheme}  # fmt: skip
    return {key: value for key, value in (scheme | bare).items() if key != "name" and value not in (None, {})}
