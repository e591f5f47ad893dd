"""Numbers of images that follow from what they say: the same photo, settings and model have the same number.

The content of an image is all its messages but for sender and image number. Its digest gives the number that
`satsim encode` takes where none is named and no key file counts: 16 bits under a header of 20 bytes, 8 under a compact
one, which has no more. Two photos share a number once in 65,536 pairs, or once in 256. A receiver that holds a whole
image can tell whether it has that number: what was pieced together from two photos has not, but by the same chance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from satsim.air.packets import Packet, pack


def content_of(packets: Sequence[Packet]) -> str:
    """16 hexadecimal digits of what an image says; `packets` are all of its payloads, in order."""
    digest = hashlib.sha256()
    for packet in packets:
        message = pack(packet._replace(sender=0, image_id=0))
        digest.update(len(message).to_bytes(4, "big") + message)
    return digest.hexdigest()[:16]


def numbers_of(compact: bool) -> int:
    """How many image numbers there are under such a header."""
    return 1 << 8 if compact else 1 << 16


def number_of(content: str, compact: bool) -> int:
    """The image number that follows from `content`."""
    return int(content, 16) % numbers_of(compact)
