"""Photos of a folder: found below it, and read as squares or as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import ImageOps

from codec.base import CodecError, Image, PhotoError, check_image
from codec.photos import LANCZOS, open_photo

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def list_photos(folder: Path) -> list[Path]:
    """Every photo below `folder`, sorted by path; raises PhotoError where there is none."""
    photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
    if not photos:
        raise PhotoError(f"{folder}: no photo below it; expected files ending in {', '.join(sorted(PHOTO_SUFFIXES))}")
    return photos


def read_photo(path: Path, side: int | None) -> Image:
    """The photo as uint8[H, W, 3]: its centre square resized to `side`, or for None as it is.

    Raises PhotoError, naming the file, where it cannot be read or has sides no codec takes.
    """
    photo = open_photo(path)
    if side is not None:
        photo = ImageOps.fit(photo, (side, side), LANCZOS)
    image = np.asarray(photo)
    try:
        check_image(image)
    except CodecError as error:
        raise PhotoError(f"{path}: {error}") from None
    return image
