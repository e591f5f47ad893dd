"""One story: what a scenario is made of, checked as it is read, and written with its files; a mistake is one line."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from os.path import exists, isdir, isfile
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from codec.yaml_reader import YamlError, read_text, read_yaml
from satsim.air.packets import overhead_bytes
from satsim.errors import ScenarioError
from satsim.links.checks import LEFT_FIRST, OwnOptions, OwnTransport
from satsim.links.linkspec import Checked, LinkSpec, Seconds, Span
from satsim.words import visible


class ImageSpec(Checked):
    """Which photo, and the frame it is fitted to before coding; the fitted photo is the reference of every score."""

    path: Path
    """Photo file, relative to the scenario file."""
    width: Annotated[int, Field(ge=16, le=4096)] = 256
    height: Annotated[int, Field(ge=16, le=4096)] = 256
    fit: Literal["crop", "pad", "keep"] = "crop"
    """crop: fill the frame, cut what sticks out; pad: whole photo, grey bars; keep: the photo's own size."""
    drawn: bool = False
    """Whether it is no photo but a drawn scene, which results then say."""

    def with_photo(self, path: Path) -> ImageSpec:
        """The same frame for another photo."""
        return self.model_copy(update={"path": path.absolute(), "drawn": False})


class TransportSpec(Checked):
    """What goes into a round, and how rounds go on; a bare name stands for it with the rest as it is."""

    name: Annotated[Literal["auto", "once", "carousel", "arq"] | OwnTransport, LEFT_FIRST] = "auto"
    """once: one round, in order; carousel: round after round; arq: each message until it is acknowledged; auto: what
    the service of the link's preset does, and on any other link arq where messages are acknowledged, else once. A
    scenario that has been read says which. Or one of your own, with `options`."""
    options: OwnOptions = Field(default_factory=dict)
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

    @property
    def repairs(self) -> int:
        """Repair packets in a round."""
        return self.repair_packets + sum(self.repair_by_stage)

    def on(self, link: LinkSpec) -> TransportSpec:
        """This transport, with what suits `link` in place of `auto`."""
        if self.name != "auto":
            return self
        if not link.preset and link.ack.kind == "none":
            return self.model_copy(update={"name": "once"})
        from satsim.links.presets import transport_for

        return self.model_copy(update={"name": transport_for(link.preset, link.ack.kind != "none")})


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

    def bytes_of(self, compact: bool = False) -> int:
        """Length of a header of this form with its extension and the tag."""
        return overhead_bytes(self.position is not None, self.tag_bytes, compact)


class SchemeSpec(Checked):
    """One way to send the photo: a codec, its options, and a transport."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    """What it is told by everywhere. {codec}, {packets}, {bytes}, {stages}, {transport} and {link} in it stand for what
    was sent, on its label."""
    codec: str
    options: dict[str, Any] = Field(default_factory=dict)
    transport: TransportSpec = TransportSpec()
    scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The photo is reduced to this share of its sides before coding, and enlarged again on the screen."""
    link: LinkSpec | None = None
    """A link of its own, so that one story can compare services; None: the scenario's."""

    @model_validator(mode="after")
    def _fields_known(self) -> SchemeSpec:
        if unknown := [field for field in re.findall(r"\{(.*?)\}", self.name) if field not in NAME_FIELDS]:
            raise ValueError(f"name has {{{unknown[0]}}}; expected one of: {{" + "}, {".join(NAME_FIELDS) + "}")
        return self


INPUTS = "inputs"
"""Where a saved scenario keeps the files that it names."""
NAME_FIELDS = ("codec", "packets", "bytes", "stages", "transport", "link")


class Scenario(Checked):
    """One story: a photo, a link, and the schemes that compete on it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    title: Annotated[str, Field(max_length=200)] = ""
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
    notes: tuple[str, ...] = ()
    """Lines for the reader of the results; settings from outside add what they left out or put together."""

    @property
    def names(self) -> list[str]:
        """All that may be the name of code of your own: metrics, codecs, transports, and models of links."""
        models = [m.model for one in (self.link, *map(self.link_of, self.schemes)) for m in (one.loss, one.delay) if m]
        return [*self.metrics, *models, *(name for one in self.schemes for name in (one.codec, one.transport.name))]

    def link_of(self, scheme: SchemeSpec) -> LinkSpec:
        """The link that a scheme sends on."""
        return scheme.link or self.link

    @model_validator(mode="after")
    def _transports_named(self) -> Scenario:
        """Every `auto` becomes what it stands for, so that no reader needs to know; a note says where that is new."""
        named, notes = [], dict.fromkeys(self.notes)
        for scheme in self.schemes:
            now = scheme.transport.on(link := self.link_of(scheme))
            if scheme.transport.name == "auto" and now.name != "once":
                way = f"{now.name} over {link.preset or 'this one'}"
                notes[f"no transport is named, so each goes as suits its link: {way}"] = None
            named.append(scheme.model_copy(update={"transport": now}))
        object.__setattr__(self, "schemes", tuple(named))
        object.__setattr__(self, "notes", tuple(notes))
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Scenario:
        taken: dict[str, str] = {}
        for name in [scheme.name for scheme in self.schemes]:
            if taken.get(slug(name)) == name:
                raise ValueError(f"schemes has two named {name!r}; expected names that differ")
            if (other := taken.setdefault(slug(name), name)) != name:
                raise ValueError(f"schemes {other!r} and {name!r} would share file names; change a letter or digit")
        return self


def slug(name: str) -> str:
    """`name` in lower case with everything but letters and digits turned into single underscores."""
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split()) or "scheme"


def load_scenario(path: Path, settings: Sequence[str] = ()) -> Scenario:
    """The scenario in `path` after `settings` ("link.loss_ratio=0.1"); image paths become absolute.

    Raises ScenarioError, one line, for a file that is missing, unreadable, not YAML, or not a scenario.
    """
    data = read_mapping(path, "scenario")
    if settings:
        from satsim.scenario.settings import with_settings

        data = with_settings(data, settings)
    return make_scenario(data, str(path), path.parent)


def make_scenario(data: Any, source: str, folder: Path) -> Scenario:
    """`check_scenario`, with every path in it read as relative to `folder`, and no code in it that nobody allowed."""
    scenario: Scenario = _with_absolute_paths(check_scenario(data, source), folder)
    if any(":" in name or name == "external" for name in scenario.names):
        from satsim.scenario.own import settled

        return settled(scenario, source, folder)
    return scenario


def check_scenario(data: Any, source: str) -> Scenario:
    """The scenario that `data` describes; ScenarioError has a line for each mistake: `source`, the field, the mend."""
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        from satsim.scenario.settings import all_faults

        raise ScenarioError(all_faults(error.errors(), Scenario, data, source)) from None


def _with_absolute_paths(part: Any, folder: Path) -> Any:
    """`part` with every path in it, however deep, read as relative to `folder`."""
    changes: dict[str, Any] = {}
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, Path):
            changes[name] = (folder / value).resolve()
            if exists(changes[name]) and not isfile(changes[name]) and not isdir(changes[name]):
                raise ScenarioError(f"{changes[name]}: is a device or a pipe, which may never end; name a file")
        elif isinstance(value, BaseModel):
            changes[name] = _with_absolute_paths(value, folder)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            changes[name] = tuple(_with_absolute_paths(each, folder) for each in value)
        elif name == "options":
            texts = {key: option for key, option in value.items() if isinstance(option, str) and Path(option).suffix}
            files = {key: folder / option for key, option in texts.items() if isfile(folder / option)}
            changes[name] = value | {key: str(file.resolve()) for key, file in files.items()}
    return part.model_copy(update=changes)


def read_mapping(path: Path, kind: str) -> dict[str, Any]:
    """The keys of a YAML file. Raises ScenarioError, one line, where there is no such file or it has no keys."""
    try:
        data = read_yaml(read_text(path))
    except FileNotFoundError:
        raise ScenarioError(f"{path}: no such {kind} file; check the path (`satsim scenarios` lists ours)") from None
    except YamlError as error:
        raise ScenarioError(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read as text ({error})") from None
    if not isinstance(data, dict):
        raise ScenarioError(f"{path}: holds {type(data).__name__}; expected keys such as name, image, link, schemes")
    return data


def save_scenario(scenario: Scenario, path: Path, short: bool = False, head: str = "") -> dict[str, Any]:
    """Write `scenario` to `path` after `head`, in full or, if that says the same, `short`, and return what it says.

    Short is without defaults. Photo, code and other files that it names are copied into `inputs`. Raises OSError.
    """
    data = scenario.model_dump()
    less: dict[str, Any] = scenario.model_dump(exclude_defaults=True)
    if short and Scenario.model_validate(less) == scenario:
        data = less
    written: dict[str, Any] = _carry(data, path.parent, {})
    text = yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=116)
    path.write_text(head + text, encoding="utf-8")
    return written


def _carry(part: Any, folder: Path, carried: dict[Path, str]) -> Any:
    """`part` as YAML has it, its files copied into `folder` and named from there."""
    if isinstance(part, dict):
        return {key: _carry(value, folder, carried) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_carry(each, folder, carried) for each in part]
    if isinstance(part, Path) or (isinstance(part, str) and Path(part).is_absolute()):
        place, colon, attribute = str(part).rpartition(":") if ".py:" in str(part) else (str(part), "", "")
        file = Path(place)
        if file not in carried and isfile(file):
            taken = len({name for name in carried.values() if Path(name).name.endswith(file.name)})
            carried[file] = f"{INPUTS}/{f'{taken + 1}_' if taken else ''}{visible(file.name)}"
            (folder / INPUTS).mkdir(exist_ok=True)
            shutil.copyfile(file, folder / carried[file])
        return carried.get(file, place) + colon + attribute
    return part
