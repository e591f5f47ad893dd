"""The resend request: which packets a receiver lacks, as one message of at most 50 bytes back to the sender.

    offset  bytes  field          meaning (integers are big-endian)
    0       1      version, kind  high nibble 3; low nibble 0, or 8: sealed
    1       2      sender         terminal number: whose images they are, and whose key seals the request
    3       4      crc            CRC-32 of bytes 0 to 2 and all that follows the header; sealed: the request's counter
    7       5+     entries        one after the other, up to the end or the tag; several may be of one image
    end     8-16   tag            only sealed: the entries are encrypted, the header is not

An entry:

    0       1      kind           the sum of: 128 the image has compact headers, 64 it is sealed, 32 a bitmap follows,
                                  and the number of ranges, or of bytes of bitmap, less one (0 to 31)
    1       1, 2   image          image number, 1 byte where headers are compact
    +       1, 2   which          the mark of its packets (0: none); sealed: 2 bytes, the lower half of the counter that
                                  payload 0 of it was sealed with
    +       3 each ranges         12 bits each: first and last payload that is missing; or
    +       1, n   bitmap         a sixteenth of the payload that it begins with, then a bit for each payload, the
                                  highest first: 1 is missing

Image numbers wrap, and are used again: mark or counter tell which image of that number is meant. Where more is missing
than a request holds, it asks for what comes first, and the next one for the rest.

Test vectors, spaced by field. Of sender 0x0102, image 0x0304 with the mark 0x5a lacks payloads 1 and 3, and image 4
with compact headers and the mark 0x77 all from 5 to 100:

    30 0102 470a1bff 20 0304 5a 00 50 80 04 77 005064

The same of images that were sealed from counters 0x10006 and 0x7000 on, as request 0x6a6ddfc0 by the key of bytes 0 to
15 with a tag of 8:

    38 0102 6a6ddfc0 30e03c45191961cb31ae15915d 5c4a5c2b823068074b

AES-CCM as in `satsim.air.seal`, with 7 bytes of header; the version in the nonce keeps it apart from those of packets,
which the same key seals. The receiver counts its requests: never twice the same number, and each above all before, for
a sender refuses what is not above the last one that it took. A counter that is at least the time in Unix seconds stays
above also after a backup was restored. Of two receivers that share a key only one may ask.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from satsim.air import compact
from satsim.air.packets import MARKS, MAX_COUNT, check_ranges
from satsim.air.seal import COUNTER_BYTES, COUNTERS, SenderKey
from satsim.errors import PacketError, RefusedError

VERSION = 3
SEALED = 8
"""Flag of byte 0, as in packets."""
HEADER_BYTES, MOST_BYTES = 7, 50
"""The whole request takes one credit of a service that bills 50 bytes at a time."""
COMPACT, COUNTED, BITMAP, MOST = 128, 64, 32, 32
"""Flags of an entry, and how many ranges or bytes of bitmap it holds at most."""
RANGE_BYTES, STEP = 3, 16
"""Of a range; and a bitmap begins with a payload whose index is a multiple of it."""


class Missing(NamedTuple):
    """What is missing of one image."""

    image_id: int
    compact: bool
    """The form of its headers."""
    payloads: tuple[int, ...]
    """Indices, rising."""
    mark: int = 0
    """Of its packets; 0: none, and that of sealed ones."""
    counter: int | None = None
    """Sealed: what payload 0 was sealed with, of which a request keeps the lower 16 bits."""


class Request(NamedTuple):
    """What a receiver asks a sender for."""

    sender: int
    images: tuple[Missing, ...]
    counter: int | None = None
    """Of a sealed request; each is above those before."""


def is_request(message: bytes) -> bool:
    """Whether the first byte is that of a resend request; `read_request` tells whether it is one."""
    return message[:1] in (bytes([VERSION << 4]), bytes([VERSION << 4 | SEALED]))


def write_request(
    sender: int,
    images: Iterable[Missing],
    key: SenderKey | None = None,
    counter: int = 0,
    most_bytes: int = MOST_BYTES,
) -> bytes:
    """The request, sealed where there is a `key`; `counter` is then above all that it sealed requests with before.

    It asks for as much as fits, the first images first: `read_request` tells for what. Raises PacketError, naming the
    field, for a value out of its range, and where nothing is missing or nothing fits.
    """
    images = list(images)
    for image in images:
        _check(image)
    check_ranges({"sender": (sender, 0, 2**16 - 1), "counter": (counter, 0, COUNTERS - 1)})
    if key and sender != key.sender:
        raise PacketError(f"sender is {sender}; expected {key.sender}, whose key seals the request")
    if not any(image.payloads for image in images):
        raise PacketError("no payload is missing; expected one or more to ask for")
    room = most_bytes - HEADER_BYTES - (key.tag_bytes if key else 0)
    body = b""
    for image in images:
        left = sorted(set(image.payloads))
        while left:
            entry, taken = _entry(image, left, room - len(body))
            if not taken:
                break
            body, left = body + entry, left[taken:]
    if not body:
        raise PacketError(f"request of {most_bytes} bytes has room for none of an entry; expected {MOST_BYTES}")
    front = bytes([VERSION << 4 | (SEALED if key else 0)]) + sender.to_bytes(2, "big")
    if key:
        header = front + counter.to_bytes(COUNTER_BYTES, "big")
        return header + key.encrypt(header, body)
    return front + zlib.crc32(front + body).to_bytes(4, "big") + body


def read_request(message: bytes, keys: Mapping[int, SenderKey] | None = None) -> Request:
    """The request that `message` holds. Total: any bytes give a Request or raise PacketError.

    Of a sender whose key is among `keys` only what that sealed is read, of any other only what is not sealed:
    RefusedError.
    """
    if not is_request(message):
        raise PacketError("first byte is not that of a resend request, 0x30 or 0x38")
    if len(message) <= HEADER_BYTES:
        raise PacketError(f"request of {len(message)} bytes; expected more than its header of {HEADER_BYTES}")
    header, body = message[:HEADER_BYTES], message[HEADER_BYTES:]
    front, written = header[:-COUNTER_BYTES], int.from_bytes(header[-COUNTER_BYTES:], "big")
    sender = int.from_bytes(header[1:3], "big")
    key = (keys or {}).get(sender)
    if message[0] & SEALED:
        if key is None:
            raise RefusedError(f"request is sealed by the key of sender {sender}, which is not among those given")
        return Request(sender, _read_entries(key.decrypt(header, body)), written)
    if key is not None:
        raise RefusedError(f"request is not sealed; of sender {sender}, which has a key, only sealed ones are taken")
    if zlib.crc32(front + body) != written:
        raise PacketError("checksum of the request does not match; it was damaged or cut on the way")
    return Request(sender, _read_entries(body))


def _check(image: Missing) -> None:
    check_ranges(
        {
            "image_id": (image.image_id, 0, 2**8 - 1 if image.compact else 2**16 - 1),
            "mark": (image.mark, 0, MARKS),
            "first counter": (image.counter or 0, 0, COUNTERS - 1),
            "payload index": (min(image.payloads, default=0), 0, MAX_COUNT - 1),
            "last payload index": (
                max(image.payloads, default=0),
                0,
                compact.MAX_COUNT - 1 if image.compact else MAX_COUNT - 1,
            ),
        }
    )


def _entry(image: Missing, left: Sequence[int], room: int) -> tuple[bytes, int]:
    """An entry of at most `room` bytes, and how many of the payloads in `left` it names: the first so many, or none."""
    kind = (COMPACT if image.compact else 0) | (COUNTED if image.counter is not None else 0)
    which = image.image_id.to_bytes(1 if image.compact else 2, "big")
    which += bytes([image.mark]) if image.counter is None else (image.counter % 2**16).to_bytes(2, "big")
    room -= 1 + len(which)
    ranges, in_ranges = _ranges(left, room)
    bitmap, in_bitmap = _bitmap(left, room)
    if not in_ranges and not in_bitmap:
        return b"", 0
    if (in_ranges, -len(ranges)) > (in_bitmap, -len(bitmap)):
        return bytes([kind | len(ranges) // RANGE_BYTES - 1]) + which + ranges, in_ranges
    return bytes([kind | BITMAP | len(bitmap) - 2]) + which + bitmap, in_bitmap


def _ranges(left: Sequence[int], room: int) -> tuple[bytes, int]:
    """As many ranges as fit, and how many payloads they name."""
    found: list[list[int]] = []
    for payload in left:
        if found and payload == found[-1][-1] + 1:
            found[-1].append(payload)
        else:
            found.append([payload])
    kept = found[: max(0, min(room // RANGE_BYTES, MOST))]
    return b"".join((run[0] << 12 | run[-1]).to_bytes(RANGE_BYTES, "big") for run in kept), sum(map(len, kept))


def _bitmap(left: Sequence[int], room: int) -> tuple[bytes, int]:
    """A bitmap, its beginning before it, of as much as fits, and how many payloads it names."""
    first = left[0] // STEP * STEP
    most = min(room - 1, MOST)
    kept = [payload - first for payload in left if payload < first + 8 * most]
    if not kept:
        return b"", 0
    length = kept[-1] // 8 + 1
    bits = sum(1 << 8 * length - 1 - payload for payload in kept)
    return bytes([first // STEP]) + bits.to_bytes(length, "big"), len(kept)


def _read_entries(body: bytes) -> tuple[Missing, ...]:
    """What the entries ask for, those of one image put together. Raises PacketError for what nobody writes."""
    wanted: dict[Missing, set[int]] = {}
    at = 0

    def take(count: int) -> bytes:
        nonlocal at
        at += count
        if at > len(body):
            raise PacketError(f"request ends amid an entry, after {len(body)} bytes of entries")
        return body[at - count : at]

    while at < len(body):
        kind = take(1)[0]
        number = int.from_bytes(take(1 if kind & COMPACT else 2), "big")
        which = int.from_bytes(take(2 if kind & COUNTED else 1), "big")
        image = Missing(number, bool(kind & COMPACT), (), *((0, which) if kind & COUNTED else (which, None)))
        count = kind % MOST + 1
        if kind & BITMAP:
            first, bits = take(1)[0] * STEP, int.from_bytes(take(count), "big")
            payloads = [first + k for k in range(8 * count) if bits >> 8 * count - 1 - k & 1]
        else:
            pairs = [divmod(int.from_bytes(take(RANGE_BYTES), "big"), 1 << 12) for _ in range(count)]
            payloads = [payload for start, end in pairs for payload in range(start, end + 1)]
            if any(start > end for start, end in pairs):
                raise PacketError("request has a range whose end lies before its beginning")
        most = compact.MAX_COUNT if image.compact else MAX_COUNT
        if not payloads or max(payloads) >= most:
            raise PacketError(
                f"request asks for none or for payloads beyond {most - 1}; expected some, and those at most"
            )
        wanted.setdefault(image, set()).update(payloads)
    return tuple(image._replace(payloads=tuple(sorted(payloads))) for image, payloads in wanted.items())
