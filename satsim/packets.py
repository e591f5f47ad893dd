"""The wire format: one payload and a 20-byte header, so that a 320-byte stage fits an Iridium SBD message (340).

    offset  bytes  field          meaning (integers are big-endian)
    0       1      version, kind  high nibble 1; low nibble 0 (reserved: any other value is refused)
    1       1      codec          number of the codec, `CODEC_NUMBERS`
    2       4      model          model id: which weights and bitstream the payload is for
    6       2      sender         terminal number
    8       2      image          image number of that sender
    10      3      index, count   12 bits each: payload index (0 to count - 1) and payloads of the image, less one
    13      3      width, height  12 bits each: pixels, less one
    16      4      crc            CRC-32 (IEEE 802.3, as zlib) of bytes 0 to 15 and the payload
    20      1+     payload        for the codec; its length is the message's length less 20

Test vector, spaced by field: packet 4 of 5 of image 0x0304 from sender 0x0102, 256x512 pixels, payload "ABC":

    10 01 89abcdef 0102 0304 004004 0ff1ff b7c0eb7e 414243

Geometry rides in every packet, so a receiver that gets only packet 4 of an unknown image can show what it holds.

    PacketError           bytes that are no packet, or a packet that cannot be written
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

VERSION = 1
HEADER_BYTES = 20
MAX_COUNT = 4096
MAX_SIDE = 4096
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


def name_on_air(codec: str) -> str:
    """The name under which packets carry `codec`: its own, or "external" for one that has no number."""
    return codec if codec in CODEC_NUMBERS else "external"


class PacketError(ValueError):
    """Bytes that are no packet, or fields that no packet can carry."""


class Packet(NamedTuple):
    """One message: what it is part of, and its payload."""

    codec: str
    model_id: int
    sender: int
    image_id: int
    payload_index: int
    payload_count: int
    width: int
    height: int
    payload: bytes


def packetize(
    payloads: Sequence[bytes],
    *,
    codec: str,
    model_id: int,
    height: int,
    width: int,
    sender: int = 0,
    image_id: int = 0,
) -> list[Packet]:
    """One packet for each payload of one image, in order. Raises PacketError for what the header cannot say."""
    if not 1 <= len(payloads) <= MAX_COUNT:
        raise PacketError(
            f"image has {len(payloads)} payloads; expected 1 to {MAX_COUNT} (use larger packets or a smaller image)"
        )
    return [
        Packet(codec, model_id, sender, image_id, k, len(payloads), width, height, payload)
        for k, payload in enumerate(payloads)
    ]


def pack(packet: Packet) -> bytes:
    """The message: header, then payload. Raises PacketError, naming the field, for a value out of its range."""
    if packet.codec not in CODEC_NUMBERS:
        raise PacketError(f"codec is {packet.codec!r}; expected one of: {', '.join(CODEC_NUMBERS)}")
    ranges = {
        "model_id": (packet.model_id, 0, 2**32 - 1),
        "sender": (packet.sender, 0, 2**16 - 1),
        "image_id": (packet.image_id, 0, 2**16 - 1),
        "payload_count": (packet.payload_count, 1, MAX_COUNT),
        "payload_index": (packet.payload_index, 0, packet.payload_count - 1),
        "width": (packet.width, 1, MAX_SIDE),
        "height": (packet.height, 1, MAX_SIDE),
        "payload length": (len(packet.payload), 1, 2**31),
    }
    for field, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise PacketError(f"{field} is {value}; expected {low} to {high}")
    front = _FRONT.pack(
        VERSION << 4,
        CODEC_NUMBERS[packet.codec],
        packet.model_id,
        packet.sender,
        packet.image_id,
        (packet.payload_index << 12 | (packet.payload_count - 1)).to_bytes(3, "big"),
        ((packet.width - 1) << 12 | (packet.height - 1)).to_bytes(3, "big"),
    )
    crc = zlib.crc32(packet.payload, zlib.crc32(front))
    return front + crc.to_bytes(4, "big") + packet.payload


def unpack(message: bytes) -> Packet:
    """The packet that `message` holds. Total: any bytes give a Packet or raise PacketError."""
    if len(message) <= HEADER_BYTES:
        raise PacketError(f"message of {len(message)} bytes; expected more than the {HEADER_BYTES} of the header")
    if message[0] != VERSION << 4:
        raise PacketError(f"first byte is {message[0]:#04x}; expected {VERSION << 4:#04x}, a version {VERSION} packet")
    front, crc, payload = message[:16], message[16:HEADER_BYTES], message[HEADER_BYTES:]
    if zlib.crc32(payload, zlib.crc32(front)) != int.from_bytes(crc, "big"):
        raise PacketError("checksum does not match; the message was damaged or cut on the way")
    _, number, model_id, sender, image_id, place, size = _FRONT.unpack(front)
    if number not in CODEC_NAMES:
        raise PacketError(f"codec number is {number}; this version knows {', '.join(map(str, CODEC_NAMES))}")
    index, count = divmod(int.from_bytes(place, "big"), 1 << 12)
    width, height = divmod(int.from_bytes(size, "big"), 1 << 12)
    if index > count:
        raise PacketError(f"index is {index} of {count + 1} payloads; expected at most {count}")
    return Packet(CODEC_NAMES[number], model_id, sender, image_id, index, count + 1, width + 1, height + 1, payload)


class ImageKey(NamedTuple):
    """What tells two images apart at a receiver; packets that disagree in any of these never mix."""

    sender: int
    image_id: int
    codec: str
    model_id: int
    width: int
    height: int
    payload_count: int


class Inbox:
    """Everything a receiver holds: payloads by image. Any bytes, any order, any repetition leave it sound."""

    def __init__(self) -> None:
        self.images: dict[ImageKey, dict[int, bytes]] = {}

    def accept(self, message: bytes) -> tuple[int, bool]:
        """Hold the payload of `message`: its index, and whether it is new (a payload held before stays as it was).

        Raises PacketError, and holds nothing, for bytes that are no packet.
        """
        packet = unpack(message)
        key = ImageKey(
            packet.sender,
            packet.image_id,
            packet.codec,
            packet.model_id,
            packet.width,
            packet.height,
            packet.payload_count,
        )
        held = self.images.setdefault(key, {})
        is_new = packet.payload_index not in held
        held.setdefault(packet.payload_index, packet.payload)
        return packet.payload_index, is_new
