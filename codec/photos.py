"""A photo from disk: read upright in RGB, and fitted to a frame."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from codec.base import MAX_SIDE, MIN_SIDE, Image, PhotoError

MAX_PIXELS = 100_000_000
"""Photos above this are refused before they are decoded (decompression bombs)."""
GREY = (127, 127, 127)
LANCZOS, BICUBIC = PillowImage.Resampling.LANCZOS, PillowImage.Resampling.BICUBIC


def open_photo(path: Path, content: IO[bytes] | None = None) -> PillowImage.Image:
    """The photo in RGB, turned upright by its EXIF note. Raises PhotoError, naming the file and the mend.

    With `content` it is read from there, and `path` is only its name.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # size is checked below; a broken EXIF note does not spoil the picture
            with PillowImage.open(content or path) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise PhotoError(
                        f"{path}: is {opened.width}x{opened.height} pixels; expected at most {MAX_PIXELS:,} in all"
                        " (shrink it first)"
                    )
                return _eight_bits(ImageOps.exif_transpose(opened)).convert("RGB")
    except FileNotFoundError:
        raise PhotoError(f"{path}: no such image file; check the path") from None
    except UnidentifiedImageError:
        raise PhotoError(
            f"{path}: is not an image that Pillow can read; expected JPEG, PNG, WebP or the like"
        ) from None
    except PillowImage.DecompressionBombError:
        raise PhotoError(f"{path}: has far more than {MAX_PIXELS:,} pixels; shrink it first") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise PhotoError(f"{path}: cannot be read as an image ({error})") from None


def _eight_bits(photo: PillowImage.Image) -> PillowImage.Image:
    """16-bit grey as 8-bit grey, which Pillow would clip to white; any other mode as it is."""
    if not photo.mode.startswith("I;16"):
        return photo
    return PillowImage.fromarray((np.asarray(photo).astype(np.uint16) >> 8).astype(np.uint8))


def fit_photo(path: Path, width: int, height: int, fit: str) -> Image:
    """The photo as uint8[height, width, 3], cut at the sides for `fit` crop, between grey bars for pad.

    For keep it has its own size. Raises PhotoError, naming the file and the mend.
    """
    photo = open_photo(path)
    if fit == "crop":
        photo = ImageOps.fit(photo, (width, height), LANCZOS)
    elif fit == "pad":
        photo = ImageOps.pad(photo, (width, height), LANCZOS, color=GREY)
    elif not (MIN_SIDE <= photo.width <= MAX_SIDE and MIN_SIDE <= photo.height <= MAX_SIDE):
        raise PhotoError(
            f"{path}: is {photo.width}x{photo.height} pixels; expected sides of {MIN_SIDE} to {MAX_SIDE} with fit keep"
            " (use crop or pad)"
        )
    return np.asarray(photo)


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
