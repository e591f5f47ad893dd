"""What a scenario is made of, as checked data: a photo, a link, senders, and the schemes that compete."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from satsim.air.packets import overhead_bytes
from satsim.links.linkspec import Checked, LinkSpec, Seconds, Span


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
