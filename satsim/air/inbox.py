"""What a receiver takes and holds: messages to packets, packets to images; any bytes in any order leave it sound."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import NamedTuple

from satsim.air import compact
from satsim.air.agreement import Agreed, Place, Source, agree
from satsim.air.content import content_of, mark_of, number_of
from satsim.air.packets import (
    CODEC_NAMES,
    FRONT,
    LAST_SYMBOL,
    MARKED,
    POSITION,
    POSITION_BYTES,
    PREFIXED,
    REPAIR,
    SEALED,
    VERSION,
    Packet,
    Repair,
    least_payload,
)
from satsim.air.position import Position, read_position
from satsim.air.repair import recover
from satsim.air.seal import COUNTER_BYTES, ReplayWindow, SenderKey, counter_of, header_of, open_sealed
from satsim.errors import PacketError, RefusedError


def unpack(message: bytes, keys: Mapping[int, SenderKey] | None = None) -> Packet:
    """The packet that `message` holds. Total: any bytes give a Packet or raise PacketError.

    With `keys` (by sender) only what one of them sealed is read, without only what is not sealed: RefusedError.
    """
    header = header_of(message)
    if header == message:
        raise PacketError(f"message of {len(message)} bytes; expected more than its header of 20, or 12 if compact")
    version, flags = divmod(message[0], 16)
    if version not in (VERSION, compact.VERSION) or flags & (REPAIR | PREFIXED) == PREFIXED:
        raise PacketError(f"first byte is {message[0]:#04x}; expected that of a version 1 or 2 packet, as 0x10 or 0x20")
    front, body = header[:-COUNTER_BYTES], message[len(header) :]
    fields = FRONT.unpack(front) if version == VERSION else compact.read_front(front)
    if flags & SEALED:
        if keys is None:
            raise RefusedError(f"sealed by sender {fields[3]}; a key is needed (decode --keys)")
        body, mark = open_sealed(message, fields[3], keys), 0
    elif keys is not None:
        raise RefusedError("not sealed; with keys, only sealed packets are taken")
    else:
        written = int.from_bytes(header[-COUNTER_BYTES:], "big")
        mark, rest = divmod(written ^ zlib.crc32(front + body), MARKED)
        if rest:
            raise PacketError("checksum does not match; the message was damaged or cut on the way")
    return read_packet(fields, body)._replace(compact=version == compact.VERSION, mark=mark)


def is_packet(message: bytes) -> bool:
    """Whether a receiver without keys would take `message` for a packet."""
    try:
        unpack(message)
    except PacketError:
        return False
    return True


def read_packet(fields: compact.Fields, body: bytes) -> Packet:
    """The packet of a checked header and what followed it, in clear. Raises PacketError for what no sender writes."""
    first, number, model_id, sender, image_id, place, size = fields
    if number not in CODEC_NAMES:
        raise PacketError(f"codec number is {number}; this version knows {', '.join(map(str, CODEC_NAMES))}")
    repair = None
    if first & REPAIR:
        protects, index, count = place[0] + 1, -1, place[2]
        repair = Repair(protects, place[1], bool(first & PREFIXED))
        if protects > count + 1 or protects + repair.number > LAST_SYMBOL:
            raise PacketError(
                f"repair symbol {repair.number} over {protects} of {count + 1} payloads; there is none such"
            )
    else:
        index, count = divmod(int.from_bytes(place, "big"), 1 << 12)
        if index > count:
            raise PacketError(f"index is {index} of {count + 1} payloads; expected at most {count}")
    position = None
    if first & POSITION:
        if len(body) < POSITION_BYTES:
            raise PacketError(f"{len(body)} bytes after the header; expected {POSITION_BYTES} of position and time")
        position, body = read_position(body[:POSITION_BYTES]), body[POSITION_BYTES:]
    if len(body) < least_payload(first):
        raise PacketError(f"payload is {len(body)} bytes long; expected at least {least_payload(first)}")
    width, height = divmod(int.from_bytes(size, "big"), 1 << 12)
    codec = CODEC_NAMES[number]
    return Packet(codec, model_id, sender, image_id, index, count + 1, width + 1, height + 1, body, repair, position)


class ImageKey(NamedTuple):
    """What tells two images apart at a receiver; packets that disagree in any of these never mix."""

    sender: int
    image_id: int
    codec: str
    model_id: int
    width: int
    height: int
    payload_count: int
    compact: bool = False
    """The forms of header never mix: what they call the model, and where an image was cut, may differ."""
    position: Position | None = None
    mark: int = 0

    @property
    def number(self) -> tuple[int, int, bool]:
        """Sender, image number and form of header: two images that share it contradict each other."""
        return self.sender, self.image_id, self.compact


def key_of(packet: Packet) -> ImageKey:
    """The image that a packet is of."""
    return ImageKey(
        packet.sender,
        packet.image_id,
        packet.codec,
        packet.model_id,
        packet.width,
        packet.height,
        packet.payload_count,
        packet.compact,
        packet.position,
        packet.mark,
    )


def place_of(packet: Packet) -> Place:
    """Its place in that image."""
    return packet.repair or packet.payload_index


class Accepted(NamedTuple):
    """What became of a message."""

    packet: Packet
    is_new: bool
    """Not held before, but maybe beside other bytes for the same place; no repetition."""


class Inbox:
    """All that a receiver holds: payloads and repair symbols by image. Any bytes in any order leave it sound."""

    def __init__(
        self, keys: Mapping[int, SenderKey] | None = None, windows: dict[int, ReplayWindow] | None = None
    ) -> None:
        """With `keys`, by sender, only sealed messages are taken; `windows` tell which were taken before, and go on."""
        self.keys = keys
        self.windows = {} if windows is None else windows
        self.held: dict[ImageKey, dict[Place, dict[bytes, list[Source]]]] = {}
        """By image all that came, also what contradicts other packets; see `satsim.air.agreement`."""

    def accept(self, message: bytes, name: str = "", is_held: bool = False) -> Accepted:
        """Hold what `message`, from a file of this `name`, carries.

        A sealed message that comes again is not new while what it carries is held, and refused otherwise, but for one
        that `is_held` from earlier, by a receiver's state.
        Raises PacketError, and holds nothing, for bytes that are no packet; RefusedError for what must not be taken.
        """
        packet = unpack(message, self.keys)
        key, place = key_of(packet), place_of(packet)
        before = self.held.get(key, {}).get(place, {})
        if self.keys is not None:
            counter = counter_of(message)
            is_first = is_held or self.windows.setdefault(packet.sender, ReplayWindow()).take(counter)
            if not is_first and packet.payload not in before:
                raise RefusedError(
                    f"counter {counter} of sender {packet.sender} came before: a replay (or the sender's key file was"
                    " restored from an older copy: make a new key)"
                )
        is_new = packet.payload not in before
        versions = self.held.setdefault(key, {}).setdefault(place, {})
        versions.setdefault(packet.payload, []).append(Source(name, message))
        return Accepted(packet, is_new)

    def agreed(self, key: ImageKey) -> Agreed:
        """What goes together of an image."""
        return agree(self.held[key], lambda payloads: self.proof(key, payloads))

    @property
    def images(self) -> dict[ImageKey, dict[int, bytes]]:
        """Payloads as they came, by index, of every image of which anything came; those that go together."""
        return {key: self.agreed(key).payloads for key in self.held}

    @property
    def repairs(self) -> dict[ImageKey, dict[Repair, bytes]]:
        """Repair symbols that go together, of images that have any."""
        return {key: symbols for key in self.held if (symbols := self.agreed(key).symbols)}

    def payloads(self, key: ImageKey) -> dict[int, bytes]:
        """Payloads of an image, by index: those that came, and those that `satsim.air.repair.recover` adds to them."""
        agreed = self.agreed(key)
        return recover(agreed.payloads, agreed.symbols)

    def proof(self, key: ImageKey, payloads: Mapping[int, bytes]) -> int:
        """How far these payloads prove to be the whole image of `key`: by mark, number or both, 1 or 2; 0: not at all.

        0 also where another mark follows from what is whole, and for sealed packets, which bear none.
        """
        if self.keys is not None or len(payloads) != key.payload_count:
            return 0
        packets = [
            Packet(
                key.codec,
                key.model_id,
                0,
                0,
                index,
                key.payload_count,
                key.width,
                key.height,
                payloads[index],
                position=key.position,
                compact=key.compact,
            )
            for index in range(key.payload_count)
        ]
        content = content_of(packets)
        if key.mark and mark_of(content) != key.mark:
            return 0
        return (key.mark > 0) + (number_of(content, key.compact) == key.image_id)
