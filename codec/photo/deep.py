"""Pictures of more than eight bits a sample, made of eight: by the range of their format, or by their own."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from PIL import Image as PillowImage
from PIL import TiffImagePlugin

FULL_SHARE = 0.25
"""Of the format's range: values that spread over less are scaled by their own range, not to look all one grey."""
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WIDTH, HEIGHT, SAMPLES_PER_PIXEL = 256, 257, 277
"""Tags of TIFF."""
SIGNED, WHITE_IS_ZERO = 2, 0
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""By the number of channels."""
STRIP = 1 << 22
"""Deep pixels that are scaled at a time, so that large ones fit in memory."""
SIZE_MARKER, DEPTH_AFTER = b"\xff\x4f\xff\x51", 42
"""Where a JPEG 2000 stream begins, and how many bytes on it says its bits a sample, less one."""


def has_deep_colours(photo: PillowImage.Image, head: bytes) -> bool:
    """Whether Pillow would cut colours of a photo that is not loaded yet, or wrap them (JPEG 2000)."""
    if photo.format == "JPEG2000":
        depth = head[head.find(SIZE_MARKER) + DEPTH_AFTER :][:1]
        return SIZE_MARKER in head and depth > b"\x07" and photo.mode[0] != "I"
    kept = {"PNG": ("RGB", "RGBA", "LA"), "TIFF": ("RGB",)}.get(photo.format or "", ())
    return photo.mode in kept and ";16" in str([tile.args for tile in getattr(photo, "tile", ())])


def shallow(photo: PillowImage.Image, file: IO[bytes], deep_colours: bool) -> tuple[PillowImage.Image, list[str]]:
    """A loaded photo of `file` in eight bits a sample, and a line where it had more; the same one where it had not."""
    values = deep_grey(photo)
    if deep_colours:
        values = decoded(photo.format, file)
        if values is None:
            return photo, [
                "its 16-bit colours are cut to 8 bits; with imagecodecs (satsim-link[rivals]) they are scaled"
            ]
    if values is None:
        return photo, []
    info = dict(photo.info)
    clear = info.pop("transparency", None) if values.ndim == 2 or deep_colours else None
    made, note = eight_bits(values, clear if isinstance(clear, int) else None)
    if getattr(photo, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO and made.mode == "L":
        made = made.point(lambda level: 255 - level)
    made.info = info
    return made, [note]


def deep_grey(photo: PillowImage.Image) -> Any:
    """The samples [H, W] of grey as Pillow has it, in the type of their format; None where they are plain bytes."""
    tags = getattr(photo, "tag_v2", {})
    bits, kind = (int(tags.get(tag, (0,))[0]) for tag in (BITS_PER_SAMPLE, SAMPLE_FORMAT))
    if photo.mode == "L" and kind == SIGNED:
        return np.asarray(photo).view(np.int8)
    if photo.mode == "F":
        return np.asarray(photo)
    if photo.mode.startswith("I;16"):
        return np.asarray(photo).astype(np.uint16)
    if photo.mode != "I":
        return None
    values = np.asarray(photo)
    if kind == SIGNED:
        return values.astype(np.int16) if bits == 16 else values
    if bits == 32:
        return values.view(np.uint32)
    # As Pillow reads PGM, whatever its own greatest value.
    return values if values.min() < 0 or values.max() > 65535 else values.astype(np.uint16)


def decoded(format_: str | None, file: IO[bytes]) -> Any:
    """The samples [H, W] or [H, W, channels] of a PNG, TIFF or JPEG 2000; None without imagecodecs."""
    try:
        from imagecodecs import jpeg2k_decode, png_decode, tiff_decode
    except ImportError:
        return None
    file.seek(0)
    with silence():
        return np.asarray(
            {"PNG": png_decode, "TIFF": tiff_decode, "JPEG2000": jpeg2k_decode}[format_ or ""](file.read())
        )


def tiff_size(data: bytes) -> tuple[int, int]:
    """Width and height of a TIFF of one to four channels. Raises whatever its header gives reason to."""
    tags = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    file = io.BytesIO(data)
    file.seek(tags.next)
    tags.load(file)
    if tags.get(SAMPLES_PER_PIXEL, 1) not in MODES:
        raise ValueError("too many channels")
    return int(tags[WIDTH]), int(tags[HEIGHT])


def eight_bits(values: Any, clear: int | None = None) -> tuple[PillowImage.Image, str]:
    """Samples [H, W] or [H, W, channels] as a picture, and by which range it was scaled; `clear` is transparent."""
    kind, bits = values.dtype.kind, 8 * values.dtype.itemsize
    # Signed samples have no range that a picture would fill.
    least, most = {"u": (0, 2**bits - 1), "f": (0, 1)}.get(kind, (0, 0))
    channels = values if values.ndim == 3 else values[..., None]
    colours = channels.shape[2] - (channels.shape[2] in (2, 4))
    low, high = extremes(channels[..., :colours])
    if colours == 3 and low > 0:
        low = 0.0  # dark, not turned to another hue
    said = {"u": f"{bits}-bit", "i": f"signed {bits}-bit", "f": "floating-point"}[kind]
    found = f"its {said} values, {low:.6g} to {high:.6g}, are shown as 0 to 255 by "
    spread = high - low >= FULL_SHARE * (most - least) or high == low
    if most > least and spread and least <= low and high <= most:
        note = f"{found}the range of the format, {least:.6g} to {most:.6g}"
        low, high = least, most
    else:
        note = f"{found}their own range"
    made = np.empty((*channels.shape[:2], channels.shape[2]), np.uint8)
    rows = max(1, STRIP // (channels.shape[1] * channels.shape[2]))
    for top in range(0, len(channels), rows):
        part = channels[top : top + rows]
        made[top : top + rows, :, :colours] = scaled(part[..., :colours], low, high)
        made[top : top + rows, :, colours:] = scaled(part[..., colours:], least, most)
    if clear is not None:
        made = np.dstack([made, np.where(values == clear, 0, 255).astype(np.uint8)])
    return PillowImage.fromarray(made if made.shape[2] > 1 else made[..., 0]), note


def scaled(samples: Any, low: float, high: float) -> Any:
    """`low` to `high` as 0 to 255, uint8; no number is `low`."""
    if samples.dtype == np.uint16 and (low, high) == (0, 65535):
        return samples >> 8
    part = np.nan_to_num(samples.astype(np.float64), nan=low, posinf=high, neginf=low)
    return np.clip((part - low) * (255 / (high - low or 1)), 0, 255).round()


def extremes(values: Any) -> tuple[float, float]:
    """Least and greatest of the values that are numbers; zeros where there is none."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)


@contextmanager
def silence() -> Iterator[None]:
    """What a library in C writes to standard error goes nowhere: libtiff has a line of its own for each fault."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
