"""JPEG XL, which Pillow lacks: its pixels by imagecodecs, its size by the first bits of the code stream."""

from __future__ import annotations

from typing import Any

import numpy as np

from codec.photo.boxes import boxes

JPEG_XL, JPEG_XL_BOXED = b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n"
RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height, as the header numbers them from 1."""


def frames_of(data: bytes) -> Any:
    """Samples [frames, H, W] or [frames, H, W, channels], upright. Raises ImportError without imagecodecs."""
    from imagecodecs import jpegxl_decode

    samples = np.asarray(jpegxl_decode(data, numthreads=1))
    return samples if samples.ndim == 4 else samples[None]


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height (ISO/IEC 18181-1, SizeHeader)."""
    if data.startswith(JPEG_XL_BOXED):
        parts = ((at + 4 * (kind == b"jxlp"), end) for kind, at, end in boxes(data) if kind in (b"jxlc", b"jxlp"))
        at, end = next(parts, (0, 0))
        data = data[at:end]
    bits = int.from_bytes(data[2:14], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (1 + take(5)) if small else 1 + take((9, 13, 18, 30)[take(2)])

    height = side()
    ratio = take(3)
    if ratio:
        across, down = RATIOS[ratio - 1]
        return height * across // down, height
    return side(), height
