"""YAML to a frozen, checked scenario; every mistake is one line that names the file, the field and the mend.

ScenarioError         a scenario file, key or value that the user can mend
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from satsim.packets import HEADER_BYTES
from satsim.transport import TRANSPORTS

TransportName = Literal["once", "carousel"]


class ScenarioError(ValueError):
    """A scenario that cannot run as written."""


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class ImageSpec(_Checked):
    """Which photo, and the frame it is fitted to before coding; the fitted photo is the reference of every score."""

    path: Path
    """Photo file, relative to the scenario file."""
    width: Annotated[int, Field(ge=16, le=4096)] = 256
    height: Annotated[int, Field(ge=16, le=4096)] = 256
    fit: Literal["crop", "pad", "keep"] = "crop"
    """crop: fill the frame, cut what sticks out; pad: whole photo, grey bars; keep: the photo's own size."""


class LinkSpec(_Checked):
    """A satellite message link and the two machines at its ends."""

    packet_bytes: Annotated[int, Field(gt=HEADER_BYTES, le=1_000_000)] = 360
    """Largest message, header included."""
    interval_s: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """From one slot to the next."""
    delay_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    """From a message's slot to its arrival."""
    loss_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of messages lost."""
    loss_model: Literal["independent"] = "independent"
    encode_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """From the shutter to the first slot, on the handheld."""
    decode_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """From a message's arrival to the picture on the screen."""
    measured_times: bool = False
    """In place of the two, the seconds that coding takes on this machine; the run then differs from time to time."""

    @property
    def payload_bytes(self) -> int:
        """What a message leaves for the codec."""
        return self.packet_bytes - HEADER_BYTES


class SchemeSpec(_Checked):
    """One way to send the photo: a codec, its options, and a transport."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    codec: str
    options: dict[str, Any] = {}
    transport: TransportName = "once"


class Scenario(_Checked):
    """One story: a photo, a link, and the schemes that compete on it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    title: str = ""
    image: ImageSpec
    link: LinkSpec = LinkSpec()
    schemes: Annotated[tuple[SchemeSpec, ...], Field(min_length=1)]
    duration_s: Annotated[float, Field(gt=0, le=30 * 86_400)] = 900.0
    """The run covers [0, duration_s)."""
    metrics: Annotated[tuple[str, ...], Field(min_length=1)] = ("dists",)
    """The first is plotted; the rest are rows beside it."""
    quality_levels: dict[str, tuple[float, ...]] = {}
    """By metric name: levels whose first times the summary reports."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1

    @model_validator(mode="after")
    def _names_differ(self) -> Scenario:
        names = [scheme.name for scheme in self.schemes]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"schemes has two named {name!r}; expected names that differ")
        alike = [name for name in names if [slug(other) for other in names].count(slug(name)) > 1]
        if alike:
            raise ValueError(f"schemes {alike[0]!r} and {alike[1]!r} would share file names; change a letter or digit")
        return self


def slug(name: str) -> str:
    """`name` in lower case with everything but letters and digits turned into single underscores."""
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split()) or "scheme"


def load_scenario(path: Path, settings: Sequence[str] = ()) -> Scenario:
    """The scenario in `path` after `settings` ("link.loss_ratio=0.1"); image paths become absolute.

    Raises ScenarioError, one line, for a file that is missing, unreadable, not YAML, or not a scenario.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ScenarioError(f"{path}: no such scenario file; check the path, or see the ones in scenarios/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read as text ({error})") from None
    try:
        data = parse_yaml(text)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from None
    if not isinstance(data, dict):
        raise ScenarioError(f"{path}: holds {type(data).__name__}; expected keys such as name, image, link, schemes")
    for setting in settings:
        data = override(data, setting)
    scenario = check_scenario(data, str(path))
    image = scenario.image.model_copy(update={"path": (path.parent / scenario.image.path).resolve()})
    return scenario.model_copy(update={"image": image})


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
    changed: dict[str, Any] = _set(data, dotted.split("."), value, setting)
    return changed


def _set(place: Any, keys: list[str], value: Any, setting: str) -> Any:
    if not keys:
        return value
    key, *rest = keys
    if isinstance(place, list):
        if not key.isdigit() or int(key) >= len(place):
            raise ScenarioError(f"--set {setting}: {key!r} is no place in a list of {len(place)}")
        return [_set(item, rest, value, setting) if k == int(key) else item for k, item in enumerate(place)]
    if place is None:
        place = {}
    if not isinstance(place, dict):
        raise ScenarioError(f"--set {setting}: {key!r} cannot be set inside {place!r}")
    return {**place, key: _set(place.get(key), rest, value, setting)}


def check_scenario(data: Any, source: str) -> Scenario:
    """The scenario that `data` describes; ScenarioError names `source`, the first field that is wrong, and the mend."""
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(f"{source}: {_explain(error.errors()[0])}") from None


Part = TypeVar("Part", bound=BaseModel)


def check_part(model: type[Part], data: dict[str, Any], key: str) -> Part:
    """`data` as the part of a scenario that stands at `key`, checked the same way."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise ScenarioError(_explain({**first, "loc": (key, *first["loc"])})) from None


_HINTS = {
    "link.loss_ratio": "write 0.1 for ten percent",
    "link.packet_bytes": f"{HEADER_BYTES} of them are the header",
    "image.fit": "crop, pad or keep",
}


def _explain(error: Any) -> str:
    """One line for one pydantic error: field, what was found, what was expected."""
    place = [str(part) for part in error["loc"]]
    field = ".".join(place)
    found = error["input"]
    hint = f" ({_HINTS[field]})" if field in _HINTS else ""
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(place[-1], _keys_at(place[:-1]), n=1)
            known = ", ".join(_keys_at(place[:-1]))
            return f"{field} is no key; " + (f"did you mean {near[0]}?" if near else f"expected one of: {known}")
        case "missing":
            return f"{field} is missing; expected {field}: ..."
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            return f"{field} is {found}; expected {_range_of(place)}{hint}"
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"{field} is {found!r}; expected {context['expected']}"
        case _:
            message = error["msg"][0].lower() + error["msg"][1:]
            return f"{field} is {found!r}; {message}{hint}"


def _model_at(place: list[str]) -> type[BaseModel]:
    nested: dict[str, type[BaseModel]] = {"image": ImageSpec, "link": LinkSpec, "schemes": SchemeSpec}
    models = [nested[part] for part in place if part in nested]
    return models[-1] if models else Scenario


def _keys_at(place: list[str]) -> list[str]:
    return list(_model_at(place).model_fields)


def _range_of(place: list[str]) -> str:
    """The range of a number, read off the field's own declaration: "0 to 1", "more than 20, at most 1000000"."""
    bounds: dict[str, Any] = {}
    for rule in _model_at(place[:-1]).model_fields[place[-1]].metadata:
        bounds |= {name: getattr(rule, name) for name in ("ge", "gt", "le", "lt") if hasattr(rule, name)}
    if {"ge", "le"} <= bounds.keys():
        return f"{bounds['ge']:g} to {bounds['le']:g}"
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return ", ".join(f"{words[name]} {bound}" for name, bound in bounds.items())


assert set(TRANSPORTS) == set(TransportName.__args__)  # type: ignore[attr-defined]
