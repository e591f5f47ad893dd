"""A photo from disk: read upright in RGB, and fitted to a frame."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from codec.base import MAX_PIXELS, MAX_SIDE, MIN_SIDE, PLAIN_PIXELS, Image, PhotoError

GREY = (127, 127, 127)
LANCZOS, BICUBIC = PillowImage.Resampling.LANCZOS, PillowImage.Resampling.BICUBIC
PillowImage.MAX_IMAGE_PIXELS = MAX_PIXELS  # where Pillow's own guard stands, lower by default
logging.getLogger("PIL").addHandler(logging.NullHandler())  # it would print some faults, which are told below


class Opened(NamedTuple):
    """A photo as it is in its file, in RGB, and a line for each thing done to it that a reader would not guess."""

    picture: PillowImage.Image
    notes: tuple[str, ...] = ()


class Photo(NamedTuple):
    """A photo, uint8[H, W, 3], and the notes of its file."""

    pixels: Image
    notes: tuple[str, ...] = ()


def open_photo(path: Path, content: IO[bytes] | None = None) -> Opened:
    """The photo in RGB, turned upright by its EXIF note. Raises PhotoError, naming the file and the mend.

    With `content` it is read from there, and `path` is only its name.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with PillowImage.open(content or path) as opened:
                plain = opened.width * opened.height <= PLAIN_PIXELS and opened.format != "TIFF"
                if plain and opened.mode in ("RGB", "L") and not opened.info.keys() & {"icc_profile", "transparency"}:
                    return Opened(ImageOps.exif_transpose(opened).convert("RGB"))
    except Exception:  # whatever it is, it is read or refused below
        pass
    from codec.photo.files import open_any

    return Opened(*open_any(path, content))


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
