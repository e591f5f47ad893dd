"""The wire format: one payload and a 20-byte header, so that a 320-byte stage fits an Iridium SBD message (340).

    offset  bytes  field          meaning (integers are big-endian)
    0       1      version, kind  high nibble 1; low nibble the sum of: 1 repair packet, 2 its symbols are prefixed by a
                                  length (only with 1), 4 position and time follow the header, 8 sealed
    1       1      codec          number of the codec, `CODEC_NUMBERS`
    2       4      model          model id: which weights and bitstream the payload is for
    6       2      sender         terminal number
    8       2      image          image number of that sender
    10      3      index, count   12 bits each: payload index (0 to count - 1) and payloads of the image, less one;
                                  repair packet, 8 bits each: payloads protected less one, number of the repair symbol,
                                  payloads of the image less one
    13      3      width, height  12 bits each: pixels, less one
    16      4      crc            CRC-32 (IEEE 802.3, as zlib) of bytes 0 to 15 and all that follows the header;
                                  sealed: the sender's message counter
    20      11     position       only with flag 4: Unix time in seconds (4), then (7)
                                  (latitude + 90) * 10^6 * 360,000,000 + (longitude + 180) * 10^6, both rounded
    20, 31  1+     payload        for the codec, or a repair symbol (`satsim.air.repair`); up to the end or the tag
    end     8-16   tag            only sealed (`satsim.air.seal`): position and payload are encrypted, the header is not

Test vectors, spaced by field. Packet 4 of 5 of image 0x0304 from sender 0x0102, 256x512 pixels, payload "ABC":

    10 01 89abcdef 0102 0304 004004 0ff1ff b7c0eb7e 414243

Repair symbol 0 over payloads 0 and 1, "ABC" and "DEF", of 3:

    11 01 89abcdef 0102 0304 010002 0ff1ff 4ed5c9f4 4b4c49

The first again, now taken on 2026-08-01 at 12:00 UTC at 46.55 N, 8.61 E; and so sealed as message 6 by the key of bytes
0 to 15 with a tag of 8:

    14 01 89abcdef 0102 0304 004004 0ff1ff d66055d9 6a6ddfc0aea4f0d31c55d0 414243
    1c 01 89abcdef 0102 0304 004004 0ff1ff 00000006 93ec37c4e9e0609427c090 25ea4f 07effafdbd40455e

Geometry rides in every packet, so a receiver that gets only packet 4 of an unknown image can show what it holds.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from satsim.air.fields import (
    CODEC_NUMBERS,
    FRONT_BYTES,
    HEADER_BYTES,
    MAX_COUNT,
    POSITION_BYTES,
    PREFIXED,
    REPAIR,
    SEALED,
    VERSION,
    Packet,
    PacketError,
    Position,
    RefusedError,
    Repair,
    read_packet,
    write_packet,
)
from satsim.air.repair import recover
from satsim.air.seal import ReplayWindow, Sealer, SenderKey, counter_of, open_sealed

__all__ = [
    "CODEC_NUMBERS",
    "HEADER_BYTES",
    "Accepted",
    "ImageKey",
    "Inbox",
    "Packet",
    "PacketError",
    "Position",
    "RefusedError",
    "Repair",
    "name_on_air",
    "overhead_bytes",
    "pack",
    "packetize",
    "unpack",
]


def name_on_air(codec: str) -> str:
    """The name under which packets carry `codec`: its own, or "external" for one that has no number."""
    return codec if codec in CODEC_NUMBERS else "external"


def overhead_bytes(position: bool = False, tag_bytes: int = 0) -> int:
    """What a message holds beside its payload: header, extension, tag (0: not sealed)."""
    return HEADER_BYTES + (POSITION_BYTES if position else 0) + tag_bytes


def packetize(
    payloads: Sequence[bytes],
    *,
    codec: str,
    model_id: int,
    height: int,
    width: int,
    sender: int = 0,
    image_id: int = 0,
    position: Position | None = None,
) -> list[Packet]:
    """One packet for each payload of one image, in order. Raises PacketError for what the header cannot say."""
    if not 1 <= len(payloads) <= MAX_COUNT:
        raise PacketError(
            f"image has {len(payloads)} payloads; expected 1 to {MAX_COUNT} (use larger packets or a smaller image)"
        )
    count = len(payloads)
    return [
        Packet(codec, model_id, sender, image_id, k, count, width, height, payload, position=position)
        for k, payload in enumerate(payloads)
    ]


def pack(packet: Packet, sealer: Sealer | None = None) -> bytes:
    """The message, sealed if there is a sealer. Raises PacketError, naming the field, for a value out of its range."""
    if sealer is not None:
        return sealer.seal(packet)
    front, body = write_packet(packet)
    return front + zlib.crc32(body, zlib.crc32(front)).to_bytes(4, "big") + body


def unpack(message: bytes, keys: Mapping[int, SenderKey] | None = None) -> Packet:
    """The packet that `message` holds. Total: any bytes give a Packet or raise PacketError.

    With `keys` (by sender) only what one of them sealed is read, without only what is not sealed: RefusedError.
    """
    if len(message) <= HEADER_BYTES:
        raise PacketError(f"message of {len(message)} bytes; expected more than the {HEADER_BYTES} of the header")
    version, flags = divmod(message[0], 16)
    if version != VERSION or flags & (REPAIR | PREFIXED) == PREFIXED:
        raise PacketError(f"first byte is {message[0]:#04x}; expected that of a version {VERSION} packet, as 0x10")
    front, body = message[:FRONT_BYTES], message[HEADER_BYTES:]
    if flags & SEALED:
        if keys is None:
            raise RefusedError(
                f"sealed by sender {int.from_bytes(message[6:8], 'big')}; a key is needed (decode --keys)"
            )
        body = open_sealed(message, keys)
    elif keys is not None:
        raise RefusedError("not sealed; with keys, only sealed packets are taken")
    elif zlib.crc32(body, zlib.crc32(front)) != int.from_bytes(message[FRONT_BYTES:HEADER_BYTES], "big"):
        raise PacketError("checksum does not match; the message was damaged or cut on the way")
    return read_packet(front, body)


class ImageKey(NamedTuple):
    """What tells two images apart at a receiver; packets that disagree in any of these never mix."""

    sender: int
    image_id: int
    codec: str
    model_id: int
    width: int
    height: int
    payload_count: int


class Accepted(NamedTuple):
    """What became of a message."""

    packet: Packet
    is_new: bool
    """Not held before; of a repair packet too, whether or not anything is recovered with it."""


class Inbox:
    """All that a receiver holds: payloads and repair symbols by image. Any bytes in any order leave it sound."""

    def __init__(
        self, keys: Mapping[int, SenderKey] | None = None, windows: dict[int, ReplayWindow] | None = None
    ) -> None:
        """With `keys`, by sender, only sealed messages are taken; `windows` tell which were taken before, and go on."""
        self.keys = keys
        self.windows = {} if windows is None else windows
        self.images: dict[ImageKey, dict[int, bytes]] = {}
        """Payloads as they came, by index; every image of which anything came is here."""
        self.repairs: dict[ImageKey, dict[Repair, bytes]] = {}
        """Repair symbols, of images that have any."""

    def accept(self, message: bytes) -> Accepted:
        """Hold what `message` carries, unless its place is taken: the first to come stays.

        A sealed message that comes again is not new while what it carries is held, and refused otherwise.
        Raises PacketError, and holds nothing, for bytes that are no packet; RefusedError for what must not be taken.
        """
        packet = unpack(message, self.keys)
        key = ImageKey(
            packet.sender,
            packet.image_id,
            packet.codec,
            packet.model_id,
            packet.width,
            packet.height,
            packet.payload_count,
        )
        symbols = self.repairs.get(key, {})
        payloads = self.images.get(key, {})
        before = symbols.get(packet.repair) if packet.repair else payloads.get(packet.payload_index)
        if self.keys is not None:
            counter = counter_of(message)
            is_first = self.windows.setdefault(packet.sender, ReplayWindow()).take(counter)
            if not is_first and before != packet.payload:
                raise RefusedError(f"counter {counter} of sender {packet.sender} came before: a replay")
        if before is None:
            self.images.setdefault(key, payloads)
            if packet.repair:
                self.repairs.setdefault(key, symbols)[packet.repair] = packet.payload
            else:
                payloads[packet.payload_index] = packet.payload
        return Accepted(packet, before is None)

    def payloads(self, key: ImageKey) -> dict[int, bytes]:
        """Payloads of an image, by index: those that came, and those that `satsim.air.repair.recover` adds to them."""
        return recover(self.images[key], self.repairs.get(key, {}))
