"""Photos from folders."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from codec.base import CodecError, Image, check_image

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def list_photos(folder: Path) -> list[Path]:
    """Every photo below `folder`, sorted by path; raises CodecError where there is none."""
    photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
    if not photos:
        raise CodecError(f"{folder}: no photo below it; expected files ending in {', '.join(sorted(PHOTO_SUFFIXES))}")
    return photos


def read_photo(path: Path, side: int | None) -> Image:
    """The photo upright as uint8[H, W, 3]: its centre square resized to `side`, or for None as it is.

    Raises CodecError, naming the file, where it cannot be read or has sides no codec takes.
    """
    photo = open_photo(path, path)
    if side is not None:
        photo = ImageOps.fit(photo, (side, side), PillowImage.Resampling.LANCZOS)
    image = np.asarray(photo)
    try:
        check_image(image)
    except CodecError as error:
        raise CodecError(f"{path}: {error}") from None
    return image


def open_photo(source: Path | IO[bytes], name: Path | str) -> PillowImage.Image:
    """The photo upright, RGB. Raises CodecError, naming it as `name`, where it cannot be read."""
    try:
        with PillowImage.open(source) as photo:
            return ImageOps.exif_transpose(photo).convert("RGB")
    except UnidentifiedImageError:
        raise CodecError(f"{name}: is not an image that Pillow can read; move it out of the folder") from None
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as error:
        raise CodecError(f"{name}: cannot be read as an image ({error})") from None
