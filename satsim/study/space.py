"""The designs that a study weighs: how the photo is coded, how it is sent, and what is spent against loss."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from codec.base import CodecError
from codec.loading import codec_names
from codec.options import check_options, split_options
from codec.own import check_code
from codec.yaml_reader import YamlError, read_yaml
from satsim.errors import StudyError
from satsim.links.linkspec import LinkSpec
from satsim.scenario.scenario import SchemeSpec, TransportSpec, slug

TRANSPORTS = ("once", "carousel", "arq")


@dataclass(frozen=True)
class Space:
    """What may vary; every combination is a design."""

    codecs: tuple[str, ...] = ("progic", "avif")
    """NAME or NAME:key=value,key=value; an option that is given here stays as it is."""
    stages: tuple[int, ...] = (1, 2, 3, 5)
    """Of ProGIC, the stages that are sent; of a file, the messages that it may fill."""
    scales: tuple[float, ...] = (1.0, 0.5)
    """Shares of the scenario's sides: 0.5 leaves a quarter of the pixels, and so four times the bits for each."""
    transports: tuple[str, ...] = TRANSPORTS
    copies: tuple[int, ...] = (1, 2)
    """How often a round sends the first stage; of a file, all of it."""
    repair: tuple[int, ...] = (0, 1, 2, 3)
    """Repair packets at the end of a round."""


@dataclass(frozen=True)
class OperatingPoint:
    """A photo in messages."""

    codec: str
    label: str
    options: dict[str, Any] = field(hash=False)
    """Of the codec."""
    amount: str
    """In words: "3 stages", "2 messages", or nothing where the codec has no such choice."""
    scale: float

    def __str__(self) -> str:
        size = "" if self.scale == 1 else f" at {self.scale:g}"
        return f"{self.label} {self.amount}".rstrip() + size


class Size(NamedTuple):
    """What a coding takes."""

    messages: int
    of_first_stage: int


@dataclass(frozen=True)
class Design:
    """A coding and a way to send it."""

    coding: OperatingPoint
    transport: str
    copies: int
    repair: int

    def __str__(self) -> str:
        copies = f", {self.copies} copies" if self.copies > 1 else ""
        repair = f", {self.repair} repair" if self.repair else ""
        return f"{self.coding}, {self.transport}{copies}{repair}"


def codings(space: Space) -> list[OperatingPoint]:
    """Every way to code the photo. Raises StudyError for a codec that is not NAME[:key=value]."""
    ways = itertools.product(space.codecs, space.scales, space.stages)
    return list(dict.fromkeys(make_coding(codec, scale, stages) for codec, scale, stages in ways))


def make_coding(codec: str, scale: float, stages: int) -> OperatingPoint:
    """A coding of `Space`: ProGIC sends so many stages, and a file may fill so many messages.

    A codec of the user's own takes neither; nor does one whose options say how much.
    """
    name, options = read_codec(codec)
    label = " ".join([name.rpartition(":")[2], *(f"{key}={value}" for key, value in options.items())])
    plural, amount = "s" * (stages != 1), ""
    if name.startswith("progic") and "stages" not in options:
        options, amount = options | {"stages": stages}, f"{stages} stage{plural}"
    elif (
        not name.startswith("progic")
        and name in codec_names()
        and not options.keys() & {"budget_bytes", "budget_packets"}
    ):
        options, amount = options | {"budget_packets": stages}, f"{stages} message{plural}"
    return OperatingPoint(name, label, options, amount, scale)


def read_codec(text: str) -> tuple[str, dict[str, Any]]:
    """Name and options of NAME[:key=value,key=value]; a name may hold a colon, as in my.module:Class."""
    name, settings = split_options(text)
    place, _, attribute = name.rpartition(":")
    if not attribute or (":" in name and not place) or (":" in place and not place.endswith(".py")):
        raise StudyError(f"codec {text!r}: expected NAME or NAME:key=value, such as avif or progic:model=nano")
    check_code(name)
    try:
        return name, {key: read_yaml(value) for key, _, value in (each.partition("=") for each in settings)}
    except YamlError as error:
        raise StudyError(f"codec {text!r}: the value of an option is {error}") from None


def check_codecs(codecs: Iterable[str]) -> None:
    """Raise StudyError, a line for each of `codecs` that is not NAME[:key=value], or that cannot be or may not run."""
    faults = []
    for codec in codecs:
        try:
            check_options(*read_codec(codec))
        except (CodecError, StudyError) as error:
            faults.append(str(error))
    if faults:
        raise StudyError("\n".join(faults))


def designs(space: Space, coding: OperatingPoint, size: Size, link: LinkSpec) -> list[Design]:
    """Every way to send a coding, those that come to the same thing left out."""
    ways = itertools.product(space.transports, space.copies, space.repair)
    every = (plainest(Design(coding, *way), size, link) for way in ways)
    return list(dict.fromkeys(each for each in every if each is not None))


def plainest(design: Design, size: Size, link: LinkSpec) -> Design | None:
    """The plainest design that sends the same messages; None where it makes no sense on this link.

    Where messages are acknowledged, arq sends again what was lost: neither copies nor repair packets serve it, unless
    the word comes from the satellite and the ground loses some. Repair packets of a single message are copies of it. A
    round that goes on for ever is the same, written down twice.
    """
    transport, copies, repair = design.transport, design.copies, design.repair
    if transport == "arq" and link.ack.kind == "none":
        return None
    if transport == "arq":
        copies, repair = 1, repair if link.ground_loss_ratio else 0
    if size.messages == 1 and transport != "arq":
        copies, repair = copies + repair, 0
    if transport == "carousel" and size.of_first_stage == size.messages and not repair:
        copies = 1
    return replace(design, copies=copies, repair=repair)


def schemes(chosen: Sequence[Design]) -> list[SchemeSpec]:
    """The designs as schemes of a scenario, under names that differ also as file names."""
    made: list[SchemeSpec] = []
    taken: set[str] = set()
    for design in chosen:
        name = str(design)[:56]
        numbered = (name if k == 1 else f"{name} #{k}" for k in itertools.count(1))
        name = next(each for each in numbered if slug(each) not in taken)
        taken.add(slug(name))
        transport: dict[str, Any] = {"name": design.transport, "base_copies": design.copies}
        transport["repair_packets"] = design.repair
        made.append(
            SchemeSpec(
                name=name,
                codec=design.coding.codec,
                options=design.coding.options,
                scale=design.coding.scale,
                transport=TransportSpec.model_validate(transport),
            )
        )
    return made
