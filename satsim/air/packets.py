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
    16      4      crc, mark      CRC-32 (IEEE 802.3, as zlib) of bytes 0 to 15 and all that follows the header, each
                                  of its bytes XORed with the mark; sealed: the sender's message counter
    20      11     position       only with flag 4: Unix time in seconds (4), then (7)
                                  (latitude + 90) * 10^6 * 360,000,000 + (longitude + 180) * 10^6, both rounded
    20, 31  1+     payload        for the codec, or a repair symbol (`satsim.air.repair`); up to the end or the tag
    end     8-16   tag            only sealed (`satsim.air.seal`): position and payload are encrypted, the header is not

The mark (`satsim.air.content`) is 8 bits of what all packets of an image say, the same in each; 0 is none. It costs no
byte and takes 8 bits of the checksum from a packet that comes alone; packets of one mark are checked by all 32.

Test vectors, spaced by field. Packet 4 of 5 of image 0x0304 from sender 0x0102, 256x512 pixels, payload "ABC"; then
with the mark 0x5a:

    10 01 89abcdef 0102 0304 004004 0ff1ff b7c0eb7e 414243
    10 01 89abcdef 0102 0304 004004 0ff1ff ed9ab124 414243

Repair symbol 0 over payloads 0 and 1, "ABC" and "DEF", of 3:

    11 01 89abcdef 0102 0304 010002 0ff1ff 4ed5c9f4 4b4c49

The first again, now taken on 2026-08-01 at 12:00 UTC at 46.55 N, 8.61 E; and so sealed as message 6 by the key of bytes
0 to 15 with a tag of 8:

    14 01 89abcdef 0102 0304 004004 0ff1ff d66055d9 6a6ddfc0aea4f0d31c55d0 414243
    1c 01 89abcdef 0102 0304 004004 0ff1ff 00000006 93ec37c4e9e0609427c090 25ea4f 07effafdbd40455e

Geometry rides in every packet, so a receiver that gets only packet 4 of an unknown image can show what it holds. In
small messages one of 12 bytes, version 2, may stand for this header: `satsim.air.compact`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from satsim.air.compact import write_front
from satsim.errors import CountError, PacketError

if TYPE_CHECKING:
    from satsim.air.position import Position

VERSION = 1
HEADER_BYTES, COMPACT_BYTES = 20, 12
STAGE_BYTES, SKETCH_BYTES = 320, 8
"""Of ProGIC at 256x256, and the least sketch beside it: see `wanted_bytes`."""
POSITION_BYTES = 11
MAX_COUNT = 4096
MAX_SIDE = 4096
MAX_REPAIRED = 256
"""Payloads of an image that has repair packets, at most: index and count are single bytes there."""
LAST_SYMBOL = 255
"""A block over GF(256) numbers its symbols 0 to 255: `protects` payloads, then the repair symbols."""
LENGTH_BYTES = 2
"""Of a payload's length, before it in a prefixed repair symbol."""
REPAIR, PREFIXED, POSITION, SEALED = 1, 2, 4, 8
"""Flags of byte 0."""
CODEC_NUMBERS = {
    "progic": 1,
    "progic-whole": 2,
    "jpeg": 3,
    "webp": 4,
    "avif": 5,
    "heic": 6,
    "jpegxl": 7,
    "jpeg2000": 8,
    "vvc": 9,
    "progic-full": 10,
    "ssdv": 11,
    "pcsi": 12,
    "external": 255,
}
"""The number of each codec on the air; numbers are never given out twice."""
CODEC_NAMES = {number: name for name, number in CODEC_NUMBERS.items()}
FRONT = struct.Struct(">BBIHH3s3s")
MARKS, MARKED = 255, 0x01010101
"""The largest mark; times a mark this is what the checksum is XORed with."""


class Repair(NamedTuple):
    """Which repair symbol of which block: symbol `number` over payloads 0 to `protects` - 1."""

    protects: int
    number: int
    prefixed: bool = False
    """The payloads differ in length: a symbol stands for 2 bytes of length, a payload, and zeros up to the longest."""


class Packet(NamedTuple):
    """One message: what it is part of, and its payload."""

    codec: str
    model_id: int
    sender: int
    image_id: int
    payload_index: int
    """-1 in a repair packet, which holds no payload of the codec."""
    payload_count: int
    width: int
    height: int
    payload: bytes
    """For the codec; in a repair packet the repair symbol."""
    repair: Repair | None = None
    position: Position | None = None
    compact: bool = False
    """Under the header of `satsim.air.compact`; once it has arrived so, `model_id` is the model's short id."""
    mark: int = 0
    """Of the image's content, 1 to 255; 0: none, as in sealed packets, whose counters tell what belongs together."""


def name_on_air(codec: str) -> str:
    """The name under which packets carry `codec`: its own, or "external" for one that has no number."""
    return codec if codec in CODEC_NUMBERS else "external"


def overhead_bytes(position: bool = False, tag_bytes: int = 0, compact: bool = False) -> int:
    """What a message holds beside its payload: header, extension, tag (0: not sealed)."""
    return (COMPACT_BYTES if compact else HEADER_BYTES) + (POSITION_BYTES if position else 0) + tag_bytes


def wanted_bytes(codec: str) -> int:
    """What 20 bytes of header must leave to the codec of this name, or the compact one is preferred."""
    return STAGE_BYTES + SKETCH_BYTES * (codec == "progic-full")


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
        raise CountError(
            f"image has {len(payloads)} payloads; expected 1 to {MAX_COUNT} (use larger packets or a smaller image)"
        )
    count = len(payloads)
    return [
        Packet(codec, model_id, sender, image_id, k, count, width, height, payload, position=position)
        for k, payload in enumerate(payloads)
    ]


def pack(packet: Packet) -> bytes:
    """The message, not sealed (else `Sealer.seal`). Raises PacketError, naming the field, for a value out of range."""
    front, body = write_packet(packet)
    return front + (zlib.crc32(front + body) ^ packet.mark * MARKED).to_bytes(4, "big") + body


def write_packet(packet: Packet, flags: int = 0) -> tuple[bytes, bytes]:
    """The header but for its last four bytes, and what follows it (extension, payload); `flags` are added to byte 0.

    Raises PacketError, naming the field, for a value out of its range.
    """
    if packet.codec not in CODEC_NUMBERS:
        raise PacketError(f"codec is {packet.codec!r}; expected one of: {', '.join(CODEC_NUMBERS)}")
    repair = packet.repair
    ranges = {
        "model_id": (packet.model_id, 0, 2**32 - 1),
        "sender": (packet.sender, 0, 2**16 - 1),
        "image_id": (packet.image_id, 0, 2**16 - 1),
        "payload_count": (packet.payload_count, 1, MAX_REPAIRED if repair else MAX_COUNT),
        "width": (packet.width, 1, MAX_SIDE),
        "height": (packet.height, 1, MAX_SIDE),
        "mark": (packet.mark, 0, MARKS),
    }
    if repair:
        ranges["payload_index"] = (packet.payload_index, -1, -1)
        ranges["repair.protects"] = (repair.protects, 1, min(packet.payload_count, LAST_SYMBOL))
        ranges["repair.number"] = (repair.number, 0, LAST_SYMBOL - repair.protects)
        flags |= REPAIR | (PREFIXED if repair.prefixed else 0)
    else:
        ranges["payload_index"] = (packet.payload_index, 0, packet.payload_count - 1)
    ranges["payload length"] = (len(packet.payload), least_payload(flags), 2**31)
    check_ranges(ranges)
    extension = b""
    if packet.position:
        flags |= POSITION
        extension = packet.position.to_bytes()
    if repair:
        place = bytes([repair.protects - 1, repair.number, packet.payload_count - 1])
    else:
        place = (packet.payload_index << 12 | (packet.payload_count - 1)).to_bytes(3, "big")
    fields = (
        VERSION << 4 | flags,
        CODEC_NUMBERS[packet.codec],
        packet.model_id,
        packet.sender,
        packet.image_id,
        place,
        ((packet.width - 1) << 12 | (packet.height - 1)).to_bytes(3, "big"),
    )
    front = write_front(*fields) if packet.compact else FRONT.pack(*fields)
    return front, extension + packet.payload


def check_ranges(ranges: Mapping[str, tuple[float, float, float]]) -> None:
    """PacketError for the first field whose (value, low, high) is out of order."""
    for field, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise PacketError(
                f"{field} is {value}; expected {low} to {high}" if low < high else f"{field} is {value}; expected {low}"
            )


def least_payload(flags: int) -> int:
    return LENGTH_BYTES + 1 if flags & PREFIXED else 1
