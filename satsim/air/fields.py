"""What a packet says, and its bytes between the version and the payload; `satsim.air.packets` draws the whole format.

PacketError           bytes that are no packet, or a packet that cannot be written
  RefusedError        a packet that a receiver must not take: not sealed, not by a known sender, or a replay
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

VERSION = 1
HEADER_BYTES = 20
FRONT_BYTES = 16
"""Of the header, without the CRC or counter."""
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
    "external": 255,
}
"""The number of each codec on the air; numbers are never given out twice."""
CODEC_NAMES = {number: name for name, number in CODEC_NUMBERS.items()}

_FRONT = struct.Struct(">BBIHH3s3s")
_MICRO = 1_000_000
_LATITUDES = 180 * _MICRO + 1
_LONGITUDES = 360 * _MICRO


class PacketError(ValueError):
    """Bytes that are no packet, or fields that no packet can carry."""


class RefusedError(PacketError):
    """A packet that is well-formed, perhaps, but that this receiver must not take."""


class Position(NamedTuple):
    """Where and when a photo was taken. On the air (11 bytes) the angles are in steps of a millionth of a degree.

    Rounding moves a point by at most half a step each way: 0.056 m north or south, as much east or west at the equator
    and less elsewhere, 0.079 m in all. Angles of six decimals come back as they were, but +180 as -180.
    """

    time_unix_s: int
    """Seconds since 1970-01-01 UTC without leap seconds; 32 bits last until February 2106."""
    latitude_deg: float
    longitude_deg: float


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


def write_packet(packet: Packet, flags: int = 0) -> tuple[bytes, bytes]:
    """The first 16 bytes of the header, and what follows the header (extension, payload); `flags` are added to byte 0.

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
    }
    if repair:
        ranges["payload_index"] = (packet.payload_index, -1, -1)
        ranges["repair.protects"] = (repair.protects, 1, min(packet.payload_count, LAST_SYMBOL))
        ranges["repair.number"] = (repair.number, 0, LAST_SYMBOL - repair.protects)
        flags |= REPAIR | (PREFIXED if repair.prefixed else 0)
    else:
        ranges["payload_index"] = (packet.payload_index, 0, packet.payload_count - 1)
    ranges["payload length"] = (len(packet.payload), _least_payload(flags), 2**31)
    check_ranges(ranges)
    extension = b""
    if packet.position:
        flags |= POSITION
        extension = _write_position(packet.position)
    if repair:
        place = bytes([repair.protects - 1, repair.number, packet.payload_count - 1])
    else:
        place = (packet.payload_index << 12 | (packet.payload_count - 1)).to_bytes(3, "big")
    front = _FRONT.pack(
        VERSION << 4 | flags,
        CODEC_NUMBERS[packet.codec],
        packet.model_id,
        packet.sender,
        packet.image_id,
        place,
        ((packet.width - 1) << 12 | (packet.height - 1)).to_bytes(3, "big"),
    )
    return front, extension + packet.payload


def check_ranges(ranges: Mapping[str, tuple[float, float, float]]) -> None:
    """PacketError for the first field whose (value, low, high) is out of order."""
    for field, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise PacketError(
                f"{field} is {value}; expected {low} to {high}" if low < high else f"{field} is {value}; expected {low}"
            )


def read_packet(front: bytes, body: bytes) -> Packet:
    """The packet of a checked header and what followed it, in clear. Raises PacketError for what no sender writes."""
    first, number, model_id, sender, image_id, place, size = _FRONT.unpack(front)
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
        position, body = _read_position(body[:POSITION_BYTES]), body[POSITION_BYTES:]
    if len(body) < _least_payload(first):
        raise PacketError(f"payload is {len(body)} bytes long; expected at least {_least_payload(first)}")
    width, height = divmod(int.from_bytes(size, "big"), 1 << 12)
    codec = CODEC_NAMES[number]
    return Packet(codec, model_id, sender, image_id, index, count + 1, width + 1, height + 1, body, repair, position)


def _least_payload(flags: int) -> int:
    return LENGTH_BYTES + 1 if flags & PREFIXED else 1


def check_position(position: Position) -> None:
    """PacketError, naming the field, for a time or place that no packet can carry."""
    check_ranges(
        {
            "position.time_unix_s": (position.time_unix_s, 0, 2**32 - 1),
            "position.latitude_deg": (position.latitude_deg, -90, 90),
            "position.longitude_deg": (position.longitude_deg, -180, 180),
        }
    )


def _write_position(position: Position) -> bytes:
    check_position(position)
    south = round((position.latitude_deg + 90) * _MICRO)
    west = round((position.longitude_deg + 180) * _MICRO) % _LONGITUDES
    return position.time_unix_s.to_bytes(4, "big") + (south * _LONGITUDES + west).to_bytes(7, "big")


def _read_position(extension: bytes) -> Position:
    south, west = divmod(int.from_bytes(extension[4:], "big"), _LONGITUDES)
    if south >= _LATITUDES:
        raise PacketError("position lies beyond the pole")
    time_unix_s = int.from_bytes(extension[:4], "big")
    return Position(time_unix_s, (south - 90 * _MICRO) / _MICRO, (west - 180 * _MICRO) / _MICRO)
