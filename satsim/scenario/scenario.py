"""YAML to a frozen, checked scenario; every mistake is one line that names the file, the field and the mend.

ScenarioError         a scenario file, key or value that the user can mend
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from satsim.air.packets import HEADER_BYTES, overhead_bytes
from satsim.links.linkspec import Checked, LinkSpec, Seconds, Span

Part = TypeVar("Part", bound=BaseModel)


class ScenarioError(ValueError):
    """A scenario that cannot run as written."""


class ImageSpec(Checked):
    """Which photo, and the frame it is fitted to before coding; the fitted photo is the reference of every score."""

    path: Path
    """Photo file, relative to the scenario file."""
    width: Annotated[int, Field(ge=16, le=4096)] = 256
    height: Annotated[int, Field(ge=16, le=4096)] = 256
    fit: Literal["crop", "pad", "keep"] = "crop"
    """crop: fill the frame, cut what sticks out; pad: whole photo, grey bars; keep: the photo's own size."""


class TransportSpec(Checked):
    """What goes into a round, and how rounds go on; a bare name stands for it with the rest as it is."""

    name: Literal["once", "carousel", "arq"] = "once"
    """once: one round, in order; carousel: round after round; arq: each message until it is acknowledged."""
    base_copies: Annotated[int, Field(ge=1, le=20)] = 1
    """How often a round sends the first stage (of a whole file: all of it)."""
    base_spread: bool = False
    """Whether the further copies follow one after each later stage, rather than at once."""
    repair_packets: Annotated[int, Field(ge=0, le=200)] = 0
    """Erasure-coded packets at the end of a round: any of them makes up for any packet lost."""
    repair_by_stage: tuple[Annotated[int, Field(ge=0, le=200)], ...] = ()
    """Such packets after the first stage, the second ...; each makes up for any packet up to there."""
    interleave: Annotated[int, Field(ge=1, le=100)] = 1
    """Neighbouring packets of one stage travel about 1/interleave of the stage apart."""
    ladder: Literal["standard"] | Annotated[tuple[tuple[Seconds, Seconds], ...], Field(min_length=1)] = "standard"
    """arq: waits after the first, second ... failure of a message, uniform between two numbers; the last goes on."""
    give_up_s: Span | None = 300.0
    """arq: a message that fails for so long is put behind all others; None: never."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        return {"name": data} if isinstance(data, str) else data


class SendersSpec(Checked):
    """Terminals that send at the same time to one receiver, each its own copy of the photo."""

    count: Annotated[int, Field(ge=1, le=1000)] = 1
    start_gap_s: Seconds = 0.0
    """From one terminal's photo to the next one's."""
    slot_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """They share one channel with a slot each so many seconds; None: each has a channel of its own."""
    schedule: Literal["first_come", "round_robin", "first_previews", "whole_photos"] = "first_come"
    """Who gets the next shared slot: who waited longest, the next by number, who has sent least, or most."""


class PositionSpec(Checked):
    """Where the photo was taken, to travel with every packet."""

    latitude_deg: Annotated[float, Field(ge=-90, le=90)]
    longitude_deg: Annotated[float, Field(ge=-180, le=180)]


class HeaderSpec(Checked):
    """What packets carry besides the plain header; it takes room from the payload."""

    position: PositionSpec | None = None
    """With the time of capture, 11 bytes."""
    tag_bytes: Literal[0, 8, 10, 12, 14, 16] = 0
    """Length of the tag that authenticates each packet; 0: a checksum only."""

    @property
    def bytes_(self) -> int:
        """Length of the header with its extension and the tag."""
        return overhead_bytes(self.position is not None, self.tag_bytes)


class SchemeSpec(Checked):
    """One way to send the photo: a codec, its options, and a transport."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    codec: str
    options: dict[str, Any] = Field(default_factory=dict)
    transport: TransportSpec = TransportSpec()
    scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The photo is reduced to this share of its sides before coding, and enlarged again on the screen."""
    link: LinkSpec | None = None
    """A link of its own, so that one story can compare services; None: the scenario's."""


class Scenario(Checked):
    """One story: a photo, a link, and the schemes that compete on it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    title: str = ""
    image: ImageSpec
    link: LinkSpec = LinkSpec()
    senders: SendersSpec = SendersSpec()
    header: HeaderSpec = HeaderSpec()
    schemes: Annotated[tuple[SchemeSpec, ...], Field(min_length=1)]
    duration_s: Annotated[float, Field(gt=0, le=30 * 86_400)] = 900.0
    """The run covers [0, duration_s)."""
    metrics: Annotated[tuple[str, ...], Field(min_length=1)] = ("dists",)
    """The first is plotted; the rest are rows beside it."""
    quality_levels: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    """By metric name: levels whose first times the summary reports."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1

    def link_of(self, scheme: SchemeSpec) -> LinkSpec:
        """The link that a scheme sends on."""
        return scheme.link or self.link

    @model_validator(mode="after")
    def _fits(self) -> Scenario:
        for k, scheme in enumerate(self.schemes):
            key, largest = f"schemes.{k}.link" if scheme.link else "link", self.link_of(scheme).packet_bytes
            if largest <= self.header.bytes_:
                raise ValueError(
                    f"{key}.packet_bytes is {largest}; the header takes {self.header.bytes_} of it"
                    " (leave out header.position or header.tag_bytes, or choose a link with larger messages)"
                )
        return self

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
    data = read_mapping(path, "scenario")
    for setting in settings:
        data = override(data, setting)
    return make_scenario(data, str(path), path.parent)


def make_scenario(data: Any, source: str, folder: Path) -> Scenario:
    """`check_scenario`, with every path in it read as relative to `folder`."""
    return _with_absolute_paths(check_scenario(data, source), folder)


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
    return put(data, dotted, value, f"--set {setting}")


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


def check_scenario(data: Any, source: str) -> Scenario:
    """The scenario that `data` describes; ScenarioError names `source`, the first field that is wrong, and the mend."""
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(f"{source}: {_explain(error.errors()[0])}") from None


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
    place, model = _walk(error["loc"])
    field = ".".join(place)
    found = error["input"]
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
            return f"{field} is {found!r}; expected {context['expected']}"
        case "union_tag_not_found":
            return f"{field}.model is missing; expected one of: {', '.join(_tags(_field_at(place)))}"
        case "union_tag_invalid":
            return f"{field}.model is {context['tag']!r}; expected one of: {', '.join(_tags(_field_at(place)))}"
        case _:
            message = error["msg"][0].lower() + error["msg"][1:]
            return f"{field} is {found!r}; {message}{hint}"


def _walk(loc: Sequence[Any]) -> tuple[list[str], type[BaseModel]]:
    """The dotted place that pydantic's `loc` means, without the names of union members, and the model that holds it."""
    place: list[str] = []
    holder: type[BaseModel] = Scenario
    annotation: Any = Scenario
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
    return place, holder


def _field_at(place: Sequence[str]) -> Any:
    """The type of the field at `place`."""
    return _walk(place)[1].model_fields[place[-1]].annotation


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
    names = [part for part in place if not part.isdigit()]
    field = model.model_fields[names[-1]]
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
