"""By hand, without a simulation: a photo to the messages that go on the air; back by `satsim.receiving`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from codec.base import Codec, CodecError
from codec.loading import fit_options, load_codec
from codec.progic.layout import packed_bytes
from codec.progic.shape import ProgicConfig
from satsim.air.content import content_of, mark_of, number_of, numbers_of
from satsim.air.forms import form_words, header_forms, misfit, room_words
from satsim.air.packets import Packet, name_on_air, overhead_bytes, pack, packetize
from satsim.air.position import Position, check_position
from satsim.air.seal import Sealer
from satsim.errors import PacketError, ScenarioError
from satsim.keys import Content, read_key, take_counters
from satsim.links.linkspec import LinkSpec
from satsim.scenario.explaining import explain_all
from satsim.scenario.scenario import ImageSpec, Scenario
from satsim.scoring.outbox import Picture, load_photo

Part = TypeVar("Part", bound=BaseModel)


class Encoded(NamedTuple):
    """What goes on the air, in order, and a line for each thing worth telling."""

    messages: list[bytes]
    notes: list[str]
    header: str
    """Its form and length, in words."""
    image_id: int


def encode_photo(
    frame: dict[str, Any],
    packet_bytes: int,
    name: str,
    options: Mapping[str, Any],
    sender: int | None,
    image_id: int | None,
    *,
    position: Position | None = None,
    key_file: Path | None = None,
    engine: str | None = None,
) -> Encoded:
    """The messages of one photo; `frame` holds the fields of ImageSpec, `options` are those of the codec.

    With `key_file` they are sealed, and the file counts them as sent before this returns. `sender` None is the key's,
    or 0; `image_id` None the next of the key file, or the one it gave the same content before, and without a key file
    that of `satsim.air.content`. `engine` runs ProGIC in place of torch, see `codec.export.engine`.
    Raises ScenarioError, PhotoError, CodecError, PacketError or OSError.
    """
    image, noted = load_photo(check_part(ImageSpec, frame, "image"))
    packet_bytes = check_part(LinkSpec, {"packet_bytes": packet_bytes}, "link").packet_bytes
    key = read_key(key_file).key if key_file else None
    if key and sender not in (None, key.sender):
        raise PacketError(f"sender is {sender}; expected {key.sender}, as in {key_file} (or leave it out)")
    height, width = image.shape[:2]
    sample = Packet(
        codec=name_on_air(name),
        model_id=0,
        sender=key.sender if key else sender or 0,
        image_id=image_id or 0,
        payload_index=0,
        payload_count=1,
        width=width,
        height=height,
        payload=b"any",
        position=position,
    )
    for compact in header_forms(packet_bytes, key.tag_bytes if key else 0, sample):
        tag_bytes = key.tag_bytes if key else 0
        cut = _cut((name, dict(options), engine), image, packet_bytes, tag_bytes, sample._replace(compact=compact))
        if compact and not misfit(cut.packets):
            break
    content = content_of(cut.packets)
    number = number_of(content, compact) if image_id is None else image_id
    packets = [packet._replace(image_id=number, mark=mark_of(content)) for packet in cut.packets]
    messages = [pack(packet) for packet in packets]  # also where they are sealed: a mistake must take no counters
    if key_file:
        taken = take_counters(key_file, len(packets), Content(content, image_id, numbers_of(compact)))
        sealer, number = Sealer(taken.key, taken.next_counter), taken.image_id
        messages = [sealer.seal(packet._replace(image_id=number)) for packet in packets]
    return Encoded(messages, [*noted, *cut.notes], form_words(compact), number)


class _Cut(NamedTuple):
    """An image in packets of one form of header, and a line for each thing worth telling."""

    packets: list[Packet]
    notes: list[str]


def _cut(
    codec: tuple[str, dict[str, Any], str | None], image: Picture, packet_bytes: int, tag_bytes: int, sample: Packet
) -> _Cut:
    """`image` in packets that say what `sample` says, but for payloads and model; `codec`: its name, options, engine.

    Raises CodecError or PacketError.
    """
    position, compact = sample.position is not None, sample.compact
    room = packet_bytes - overhead_bytes(position, tag_bytes, compact)
    parts = room_words(packet_bytes, position, tag_bytes, compact)
    try:
        coder = _load(codec, room, sample)
        payloads = coder.encode(image, room)
    except CodecError as error:
        if str(error).startswith("payload_bytes is"):
            raise CodecError(f"{error} (message of {parts})") from None
        raise
    notes = list(getattr(coder, "notes", []))
    if isinstance(config := getattr(coder, "config", None), ProgicConfig):
        stage_bytes = packed_bytes(math.prod(config.grid(sample.height, sample.width)), config.index_bits)
        if room < stage_bytes <= packet_bytes - overhead_bytes(compact=compact):
            notes.append(f"a stage of {stage_bytes} bytes no longer fits one message: {parts} leave {room}")
    packets = packetize(
        payloads,
        codec=name_on_air(coder.name),
        model_id=coder.model_id,
        height=sample.height,
        width=sample.width,
        sender=sample.sender,
        image_id=sample.image_id,
        position=sample.position,
    )
    return _Cut([packet._replace(compact=compact) for packet in packets], notes)


def _load(codec: tuple[str, dict[str, Any], str | None], room: int, sample: Packet) -> Codec:
    """The codec of this name, options and engine, for payloads of `room` bytes. Raises CodecError."""
    name, options, engine = codec
    if engine:
        from codec.export.engine import load_sender

        return load_sender(engine, name, options, room, sample.height, sample.width)
    return load_codec(name, **fit_options(name, options, room, sample.height, sample.width))


def parse_position(place: str | None, taken_at: str | None) -> Position | None:
    """The position that "LAT,LON" and an ISO 8601 time with its zone name; None for neither. Raises PacketError."""
    if place is None and taken_at is None:
        return None
    if place is None or taken_at is None:
        raise PacketError("--position and --taken-at go together; expected both or neither")
    try:
        latitude_deg, longitude_deg = map(float, place.split(","))
    except ValueError:
        raise PacketError(f"--position {place}: expected LAT,LON in degrees, as 46.55,8.61") from None
    try:
        time = datetime.fromisoformat(taken_at)
        time_unix_s = int(time.timestamp() // 1) if time.tzinfo else None
    except (ValueError, OverflowError):
        time_unix_s = None
    if time_unix_s is None:
        raise PacketError(f"--taken-at {taken_at}: expected a time with its zone, as 2026-08-01T12:00:00Z")
    position = Position(time_unix_s, latitude_deg, longitude_deg)
    check_position(position)
    return position


def check_part(model: type[Part], data: dict[str, Any], key: str) -> Part:
    """`data` as the part of a scenario that stands at `key`, checked as in a scenario. Raises ScenarioError."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        mistakes = [{**each, "loc": (key, *each["loc"])} for each in error.errors()]
        raise ScenarioError(explain_all(mistakes, Scenario)) from None
