"""The compact header, 12 bytes: a sealed 320-byte stage, with a tag of 8, fits an Iridium message of 340.

It abbreviates the header of `satsim.air.packets`, whose words and flags it takes over; what follows it is the same.

    offset  bytes  field          meaning (integers are big-endian)
    0       1      version, kind  high nibble 2; low nibble the flags of version 1
    1       1      codec, frame   4 bits each: number of the codec (15 stands for 255, external) and of the frame in
                                  `FRAMES`
    2       2      model          short id: upper and lower half of the model id, XORed
    4       3      sender, place  10 bits: terminal number; then 7 bits each: payload index (0 to count - 1) and
                                  payloads of the image, less one; repair packet, 5, 4 and 5 bits: payloads protected
                                  less one, number of the repair symbol, payloads of the image less one
    7       1      image          image number of that sender
    8       4      crc, mark      CRC-32 of bytes 0 to 7 and all that follows the header, XORed with the mark as in
                                  version 1; sealed: the message counter
    12                            position, payload and tag, as in version 1

Test vectors, spaced by field. Packet 4 of 5 of image 0x04 from sender 0x102, 256x512 pixels, payload "ABC", of model
0x89abcdef, whose short id is 0x89ab ^ 0xcdef; then repair symbol 0 over payloads 0 and 1 of 3:

    20 11 4444 408204 04 3a8d6196 414243
    21 11 4444 408202 04 07820ab0 4b4c49

The first again, taken when and where that of version 1 was; and so sealed as message 6 by the same key:

    24 11 4444 408204 04 f070e588 6a6ddfc0aea4f0d31c55d0 414243
    2c 11 4444 408204 04 00000006 23672e533d0783f4c3012e a6bd68 e0c43ed85da40f9a

`satsim.air.forms` says when a message has this form. Two models share a short id once in 65,536 pairs; no two of those
shipped do. Packets of the two forms are two images to a receiver. A sender counts the messages that it seals in one
sequence whatever their form, a receiver refuses replays across the forms, and the nonce holds the version besides.
"""

from __future__ import annotations

import struct

from satsim.errors import CountError, PacketError

VERSION = 2
FRAMES = (
    (256, 256),
    (256, 512),
    (512, 256),
    (512, 512),
    (128, 128),
    (192, 192),
    (256, 192),
    (192, 256),
    (320, 240),
    (240, 320),
    (512, 384),
    (384, 512),
    (640, 480),
    (480, 640),
    (768, 512),
    (512, 768),
)
"""Width and height by number; numbers are never given out twice, and all sixteen are."""
MAX_COUNT, MAX_REPAIRED = 128, 32
"""Payloads of an image, and of one that has repair packets."""
EXTERNAL, SHORT_EXTERNAL = 255, 15
"""The number of external codecs in version 1, and here."""
REPAIR = 1
"""Flag of byte 0, as in version 1."""
FRONT = struct.Struct(">BBH3sB")

Fields = tuple[int, int, int, int, int, bytes, bytes]
"""Of a version 1 header, but for its CRC or counter: byte 0, codec, model, sender, image, place, width and height."""


def short_id(model_id: int) -> int:
    """The 16 bits by which this header names a model; those of a short id are itself."""
    return model_id >> 16 ^ model_id & 0xFFFF


def write_front(first: int, number: int, model_id: int, sender: int, image_id: int, place: bytes, size: bytes) -> bytes:
    """The 8 bytes that abbreviate these fields of version 1. Raises PacketError, naming what they cannot say."""
    width, height = (side + 1 for side in divmod(int.from_bytes(size, "big"), 1 << 12))
    if (width, height) not in FRAMES:
        raise PacketError(f"frame is {width}x{height}; expected one of the {len(FRAMES)} of the compact header")
    index, count = divmod(int.from_bytes(place, "big"), 1 << 12)
    short = SHORT_EXTERNAL if number == EXTERNAL else number
    if first & REPAIR:
        protects, symbol, count = place
        most = {"repair.number": (symbol, 15), "payload_count": (count + 1, MAX_REPAIRED)}
        where = protects << 9 | symbol << 5 | count
    else:
        most = {"payload_count": (count + 1, MAX_COUNT)}
        where = index << 7 | count
    most |= {"codec number": (short, 15), "sender": (sender, 1023), "image_id": (image_id, 255)}
    for field, (value, largest) in most.items():
        if value > largest:
            raise CountError(f"{field} is {value}; expected at most {largest} in a compact header")
    return FRONT.pack(
        VERSION << 4 | first & 15,
        short << 4 | FRAMES.index((width, height)),
        short_id(model_id),
        (sender << 14 | where).to_bytes(3, "big"),
        image_id,
    )


def read_front(front: bytes) -> Fields:
    """What any 8 bytes abbreviate, unchecked; the model id is the short one."""
    first, kind, model_id, where, image_id = FRONT.unpack(front)
    short, frame = divmod(kind, 16)
    sender, place = divmod(int.from_bytes(where, "big"), 1 << 14)
    if first & REPAIR:
        written = bytes([place >> 9, place >> 5 & 15, place & 31])
    else:
        written = ((place >> 7) << 12 | place & 127).to_bytes(3, "big")
    width, height = FRAMES[frame]
    size = ((width - 1) << 12 | (height - 1)).to_bytes(3, "big")
    return first, EXTERNAL if short == SHORT_EXTERNAL else short, model_id, sender, image_id, written, size
