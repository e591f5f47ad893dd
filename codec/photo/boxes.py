"""What files are made of: boxes of ISO base media (HEIC, AVIF, JPEG XL), and chunks of PNG."""

from __future__ import annotations

import struct
from collections.abc import Iterator

PNG = b"\x89PNG\r\n\x1a\n"


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of what is in each outermost box of an ISO base media file."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        end = min(at + size, len(data)) if size else len(data)
        yield kind, at + head, end
        at = max(end, at + head)


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of each chunk of a PNG, all of it: its content begins 8 bytes on, and ends 4 before."""
    at = len(PNG)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at, at + size + 12
        at += size + 12
