"""Numbers of images that follow from what they say: the same photo, settings and model have the same number.

The content of an image is all its messages but for sender and image number. Its digest gives the number that
`satsim encode` takes where none is named and no key file counts: 16 bits under a header of 20 bytes, 8 under a compact
one, which has no more. It gives 8 bits besides, the mark, that ride in the checksum of packets that are not sealed
(`satsim.air.packets`): packets that differ in it are of two images, whatever their number. So two photos mix once in 16
million pairs, or once in 65,000 under compact headers; once in 255 where they were given one number by hand. And what
is whole can be checked: pieced together from two photos, it has not the mark that it bears, but by the same chance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from satsim.air.packets import MARKS, Packet, pack


def content_of(packets: Sequence[Packet]) -> str:
    """32 hexadecimal digits of what an image says; `packets` are all of its payloads, in order."""
    digest = hashlib.sha256()
    for packet in packets:
        message = pack(packet._replace(sender=0, image_id=0, mark=0))
        digest.update(len(message).to_bytes(4, "big") + message)
    return digest.hexdigest()[:32]


def numbers_of(compact: bool) -> int:
    """How many image numbers there are under such a header."""
    return 1 << 8 if compact else 1 << 16


def number_of(content: str, compact: bool) -> int:
    """The image number that follows from `content`."""
    return int(content[:16], 16) % numbers_of(compact)


def mark_of(content: str) -> int:
    """The mark that follows from `content`, 1 to 255."""
    return 1 + int(content[16:], 16) % MARKS
