"""By hand, without a simulation: messages, any of them in any order, to the pictures that a receiver sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from codec.base import Codec, CodecError, Image
from codec.loading import load_codec
from codec.receivers import load_receiver
from satsim.air.agreement import Agreed
from satsim.air.compact import short_id
from satsim.air.inbox import ImageKey, Inbox
from satsim.air.seal import SenderKey
from satsim.contradictions import describe, describe_position, find_contradictions, ranges, sources_of
from satsim.errors import PacketError, SatsimError, ScenarioError
from satsim.replays import ReplayState

PIXELS_PER_BYTE, LEAST_PIXELS = 1200, 256 * 256
"""How many pixels are decoded for each byte that came, and for however few of them; 340 bytes show 768x512 pixels."""
CALL_PIXELS = 65_536
"""What to call a program takes, in pixels."""


class Wanted(NamedTuple):
    """Which images to show, and by what; None leaves it to the packets."""

    sender: int | None = None
    image_id: int | None = None
    model: str | None = None
    """A ProGIC weights file."""
    own_codec: str | None = None
    """A "module:Class", for packets that name no codec of ours."""
    max_pixels: int | None = None
    """The largest picture that is decoded; None: what the packets are worth, see `_affordable`."""
    engine: str | None = None
    """What runs ProGIC, see `codec.export.engine`; None: NumPy."""
    guess: bool = False
    """Whether ProGIC guesses what is lost; see `codec.progic.extras.guess`."""


class Seen(NamedTuple):
    """What there is of one image."""

    key: ImageKey
    held: list[int]
    """Payloads that came, and go together."""
    missing: list[int]
    """Those that did not, and do not follow from repair symbols."""
    repairs: int
    picture: Image | None
    error: CodecError | SatsimError | None
    """Why there is no picture."""


class Received(NamedTuple):
    """What a receiver sees."""

    images: list[Seen]
    report: list[str]
    """A line for each thing worth telling."""
    contradictions: list[str]
    """Of these, what two files say that cannot both be true."""

    @property
    def shown(self) -> list[Seen]:
        """The images of which there is a picture."""
        return [seen for seen in self.images if seen.picture is not None]

    def check(self, force: bool = False) -> None:
        """Raise what stands in the way of the only or first image where there is no picture at all.

        Raises PacketError where packets contradict each other, unless `force`.
        """
        if not self.shown:
            errors = [seen.error for seen in self.images if seen.error]
            raise type(errors[0])("\n".join([*self.contradictions, *map(str, errors)]))
        if self.contradictions and not force:
            raise PacketError(
                "packets contradict each other, so that a picture may be false; remove the wrong files, or take it by"
                " --force"
            )


def decode_messages(
    messages: Sequence[tuple[str, bytes]],
    wanted: Wanted | None = None,
    keys: Mapping[int, SenderKey] | None = None,
    state: ReplayState | None = None,
) -> Received:
    """The pictures that a receiver of `messages` (name, bytes) sees; `keys` are those of an Inbox.

    What `state` holds from earlier counts as received, and afterwards it holds what is not shown whole. An image that
    cannot be shown stops no other. Where packets of one number contradict each other, what more of them agree on is
    shown.
    Raises PacketError where no message is a packet of an image that is wanted.
    """
    wanted = wanted or Wanted()
    state = state or ReplayState()
    inbox = Inbox(keys, state.windows)
    report = _accept(inbox, messages, state)
    chosen = [key for key in sorted(inbox.held, key=_order) if _is_wanted(key, wanted)]
    if not chosen:
        there = ", ".join(dict.fromkeys(f"{key.sender} image {key.image_id}" for key in sorted(inbox.held, key=_order)))
        raise PacketError(
            "\n".join([*report, f"no packet is of the image asked for; there are those of sender {there}"])
        )
    agreed = {key: inbox.agreed(key) for key in chosen}
    rivals: dict[tuple[int, int, bool], list[ImageKey]] = {}
    for key in chosen:
        rivals.setdefault(key.number, []).append(key)
    shown = [max(keys_of, key=lambda key: _weight(inbox, key, agreed[key])) for keys_of in rivals.values()]
    most_pixels = _affordable(inbox, shown, wanted)
    contradictions = []
    images = []
    for key in shown:
        contradictions += find_contradictions(inbox, key, {other: agreed[other] for other in rivals[key.number]})
        images.append(_see(inbox, key, agreed[key], wanted._replace(max_pixels=most_pixels[key]), report))
    report += [f"not shown: {seen.error}" for seen in images if seen.error]
    whole = [seen.key.number for seen in images if seen.picture is not None and not seen.missing]
    _remember(inbox, whole, state)
    return Received(images, [*report, *contradictions], contradictions)


def _accept(inbox: Inbox, messages: Sequence[tuple[str, bytes]], state: ReplayState) -> list[str]:
    """Hold what is held from earlier and what comes now; a line for each message that adds nothing."""
    report = []
    for name, message in (each for held in state.held.values() for each in held):
        try:
            inbox.accept(message, name, is_held=True)
        except PacketError as error:
            raise ScenarioError(f"{name}: what the replay state holds of it is damaged ({error}); restore it") from None
    for name, message in messages:
        if state.holds((name, message)):
            continue
        try:
            if not inbox.accept(message, name).is_new:
                report.append(f"{name}: a repetition, ignored")
        except PacketError as error:
            report.append(f"{name}: not used: {error}")
    if not inbox.held:
        none = f"none of {len(messages)} files is a packet that can be used; expected those of encode"
        raise PacketError("\n".join([*report, none]))
    return report


def _remember(inbox: Inbox, whole: Sequence[tuple[int, int, bool]], state: ReplayState) -> None:
    """Keep in `state` each message of the images that were not shown whole."""
    state.held = {sender: [] for sender in state.windows}
    for key in inbox.held:
        if key.number not in whole:
            names: dict[bytes, str] = {}
            for source in sources_of(inbox, key):
                names.setdefault(source.message, source.name)
            state.held.setdefault(key.sender, []).extend((name, message) for message, name in names.items())


def _order(key: ImageKey) -> tuple[Any, ...]:
    return *key._replace(position=None, mark=0)[:-2], key.position or (), key.mark


def _is_wanted(key: ImageKey, wanted: Wanted) -> bool:
    return wanted.sender in (None, key.sender) and wanted.image_id in (None, key.image_id)


def _weight(inbox: Inbox, key: ImageKey, agreed: Agreed) -> tuple[Any, ...]:
    """The greater, the more speaks for an image among those of its number; never equal."""
    return inbox.proof(key, inbox.payloads(key)), len(agreed.payloads) + len(agreed.symbols), _order(key)


def _affordable(inbox: Inbox, keys: Sequence[ImageKey], wanted: Wanted) -> dict[ImageKey, int]:
    """How many pixels of each image may be decoded: so many for each byte that came, over all images.

    A header of 20 bytes can claim 16 million pixels, which take minutes; those of which most came are served first.
    """
    if wanted.max_pixels is not None:
        return dict.fromkeys(keys, wanted.max_pixels)
    came = {key: sum(len(source.message) for source in sources_of(inbox, key)) for key in keys}
    left = max(LEAST_PIXELS, PIXELS_PER_BYTE * sum(came.values()))
    affordable = {}
    for key in sorted(keys, key=lambda key: (-came[key], _order(key))):
        affordable[key] = left
        cost = key.width * key.height + (CALL_PIXELS if key.codec in ("vvc", "pcsi") else 0)
        left -= cost if cost <= left else 0
    return affordable


def _see(inbox: Inbox, key: ImageKey, agreed: Agreed, wanted: Wanted, report: list[str]) -> Seen:
    """What there is of one image; what is worth telling of it goes to `report`."""
    received = inbox.payloads(key)
    repairs = len(agreed.symbols)
    missing = [index for index in range(key.payload_count) if index not in received]
    if key.position:
        report.append(describe_position(key.position))
    more = f" and {repairs} for repair, which give {len(received) - len(agreed.payloads)} more" if repairs else ""
    report.append(f"holding {len(agreed.payloads)} of {key.payload_count} packets of {describe(key)}{more}")
    holding = report[-1]
    if not missing and not key.mark and inbox.keys is None and not inbox.proof(key, received):
        report.append(
            f"note: number {key.image_id} does not follow from this content: it was given by hand (encode --image-id),"
            " or these are packets of two photos"
        )
    if missing:
        report.append(f"resend request: sender {key.sender} image {key.image_id} packets {ranges(missing)}")
    picture, error = None, None
    try:
        picture = _decode(key, received, wanted, holding)
    except (CodecError, SatsimError) as reason:
        error = reason
    return Seen(key, sorted(agreed.payloads), missing, repairs, picture, error)


def _decode(key: ImageKey, received: Mapping[int, bytes], wanted: Wanted, holding: str) -> Image:
    pixels = key.width * key.height
    if wanted.max_pixels is not None and pixels > wanted.max_pixels:
        raise PacketError(
            f"{holding}: {pixels:,} pixels; expected at most {wanted.max_pixels:,} of so few bytes, for a forged header"
            f" can cost minutes (if you trust it: --max-pixels {pixels})"
        )
    if key.codec == "external" and wanted.own_codec is None:
        raise CodecError(f"{holding}: name the codec that made them, as --codec module:Class")
    waiting = key.codec == "progic-whole" and len(received) < key.payload_count
    picture = None if waiting else _receiver(key, wanted).decode(received, key.height, key.width)
    if picture is None:
        lacks = [index for index in range(key.payload_count) if index not in received]
        more = f" (missing: {ranges(lacks)})" if lacks else ""
        raise CodecError(f"{holding}: nothing to show yet, {key.codec} needs more of them{more}")
    return picture


def _receiver(key: ImageKey, wanted: Wanted) -> Codec:
    if wanted.own_codec:
        return load_codec(wanted.own_codec)
    by = short_id if key.compact else None
    return load_receiver(key.codec, key.model_id, wanted.model, by, wanted.engine, wanted.guess)
