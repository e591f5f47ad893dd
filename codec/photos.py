"""A photo from disk: read upright in RGB, and fitted to a frame."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFile, ImageOps

from codec.base import MAX_SIDE, MIN_SIDE, PLAIN_PIXELS, Image, PhotoError

PLAIN = (0, ("RGB", "")), (0, ("L", "")), (41, "RGB"), (41, "L")
"""Offset and kind of pixels in a JPEG, and in a PNG in which nothing comes before them."""
GREY = (127, 127, 127)
LANCZOS, BICUBIC = PillowImage.Resampling.LANCZOS, PillowImage.Resampling.BICUBIC


class Photo(NamedTuple):
    """A photo, uint8[H, W, 3], and the notes of its file."""

    pixels: Image
    notes: tuple[str, ...] = ()


def open_photo(path: Path, content: IO[bytes] | None = None) -> tuple[PillowImage.Image, tuple[str, ...]]:
    """The photo in RGB, upright, and a line for each thing done to it that a reader would not guess.

    With `content` it is read from there, and `path` is only its name. Raises PhotoError, naming the file and the mend.
    """
    with suppress(Exception), warnings.catch_warnings(action="ignore"):  # whatever it is, read or refused below
        if content or path.is_file():
            with PillowImage.open(content or path, formats=("JPEG", "PNG")) as opened:
                if is_plain(opened):
                    return ImageOps.exif_transpose(opened).convert("RGB"), ()
    from codec.photo.files import open_any

    return open_any(path, content)


def is_plain(opened: ImageFile.ImageFile) -> bool:
    """Whether this is RGB or grey of eight bits, of a size that needs no care, and its file says no more of it."""
    file: Any = opened.fp
    file.seek(-1, 2)  # zeros there are those of a copy that was broken off; to load goes back to the pixels
    bare = opened.tile[0][2:] in PLAIN and "icc_profile" not in opened.info and file.read() != b"\0"
    srgb = opened.getexif().get_ifd(0x8769).get(0xA001, 1) == 1
    return bare and srgb and opened.width * opened.height <= PLAIN_PIXELS


def fit_photo(path: Path, width: int, height: int, fit: str) -> Photo:
    """The photo at `height` and `width`, cut at the sides for `fit` crop, between grey bars for pad.

    For keep it has its own size. Raises PhotoError, naming the file and the mend.
    """
    photo, notes = open_photo(path)
    if fit == "crop":
        photo = ImageOps.fit(photo, (width, height), LANCZOS)
    elif fit == "pad":
        photo = ImageOps.pad(photo, (width, height), LANCZOS, color=GREY)
    elif not (MIN_SIDE <= photo.width <= MAX_SIDE and MIN_SIDE <= photo.height <= MAX_SIDE):
        raise PhotoError(
            f"{path}: is {photo.width}x{photo.height} pixels; expected sides of {MIN_SIDE} to {MAX_SIDE} with fit keep"
            " (use crop or pad)"
        )
    return Photo(np.asarray(photo), notes)


def reduced(picture: Image, scale: float) -> Image:
    """`picture` with both sides times `scale`, rounded, at least 16 pixels; itself where nothing changes."""
    height, width = (max(MIN_SIDE, round(side * scale)) for side in picture.shape[:2])
    return resize(picture, height, width)


def enlarged(picture: Image, height: int, width: int) -> Image:
    """`picture` at this size, bicubic, as a screen would show it; itself where nothing changes."""
    return resize(picture, height, width, BICUBIC)


def resize(picture: Image, height: int, width: int, how: PillowImage.Resampling = LANCZOS) -> Image:
    """`picture` at uint8[height, width, 3]; itself where it already is."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(PillowImage.fromarray(picture).resize((width, height), how))
