"""WebP: a payload is the VP8 frame without start code and sizes.

Sources: RFC 9649; VP8, RFC 6386 section 9.1.
"""

from __future__ import annotations

from functools import partial

from codec.base import CodecError, Image
from codec.rivals.fixed_rate import FixedRateCodec, Format, read_pillow, save


def write(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    """The file, by the slowest and best method at either speed."""
    return save(pixels, "WEBP", quality=quality, method=6)


def strip(file: bytes, blank: bytes) -> bytes:
    """The VP8 frame of a lossy WebP file without RIFF boxes, start code, sizes and padding."""
    size = int.from_bytes(file[16:20], "little")
    if file[12:16] != b"VP8 " or file[23:26] != blank[23:26]:
        raise CodecError(f"a WebP file opens with {file[12:16]!r}; expected a plain lossy 'VP8 ' frame")
    return file[20:23] + file[30 : 20 + size]


def rebuild(payload: bytes, blank: bytes) -> bytes:
    """The WebP file around a VP8 frame; start code and sizes come from the blank."""
    frame = payload[:3] + blank[23:30] + payload[3:]
    chunk = b"VP8 " + len(frame).to_bytes(4, "little") + frame + b"\0" * (len(frame) % 2)
    return b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk


FORMAT = Format(range(0, 101), write, read_pillow, strip, rebuild)
make_codec = partial(FixedRateCodec, "webp", FORMAT)
