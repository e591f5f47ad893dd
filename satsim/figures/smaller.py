"""Pictures for a report that has not room for them as they are."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

BYTES_PER_PIXEL = 0.3
"""Of a photo as WebP of high quality, in base64, about."""


def smaller(paths: Sequence[Path], room: int) -> tuple[list[bytes], str]:
    """Pictures of one size as WebP files that take at most `room` bytes in base64, and a line on what was done."""
    with Image.open(paths[0]) as original:
        size = original.size
    scale, quality = min(1.0, math.sqrt(max(room, 1) / (BYTES_PER_PIXEL * math.prod(size) * len(paths)))), 92
    while True:
        sides = max(1, round(scale * size[0])), max(1, round(scale * size[1]))
        pictures = [as_webp(path, sides, quality) for path in paths]
        taken = sum(4 * len(picture) // 3 + 40 for picture in pictures)
        if taken <= room or sides == (1, 1):
            break
        scale, quality = scale * min(0.95, math.sqrt(max(room, 1) / taken)), max(80, quality - 4)
    less = f", {sides[0]} × {sides[1]} pixels of {size[0]} × {size[1]}" if sides != size else ""
    return pictures, f"to keep this file small, pictures here are WebP of quality {quality}{less}; see frames/ for all"


def as_webp(path: Path, sides: tuple[int, int], quality: int) -> bytes:
    """The picture at this size."""
    with Image.open(path) as picture, io.BytesIO() as file:
        picture.convert("RGB").resize(sides, Image.Resampling.LANCZOS).save(file, "WEBP", quality=quality)
        return file.getvalue()
