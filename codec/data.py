"""Photos from folders: whole ones to measure on, random crops to train on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import count, islice
from pathlib import Path

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
    photo = _open(path)
    if side is not None:
        photo = ImageOps.fit(photo, (side, side), PillowImage.Resampling.LANCZOS)
    image = np.asarray(photo)
    try:
        check_image(image)
    except CodecError as error:
        raise CodecError(f"{path}: {error}") from None
    return image


def _open(path: Path) -> PillowImage.Image:
    """The photo upright, RGB. Raises CodecError, naming the file, where it cannot be read."""
    try:
        with PillowImage.open(path) as photo:
            return ImageOps.exif_transpose(photo).convert("RGB")
    except UnidentifiedImageError:
        raise CodecError(f"{path}: is not an image that Pillow can read; move it out of the folder") from None
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as error:
        raise CodecError(f"{path}: cannot be read as an image ({error})") from None


_keep = lru_cache(maxsize=8192)(_open)
"""The same, kept for the next crop."""


def random_crops(photos: list[Path], count: int, size: int, rng: np.random.Generator) -> Image:
    """uint8[count, size, size, 3]: each a random photo, shrunk at random, cropped and perhaps mirrored.

    The short side after shrinking lies between 1.2 crops and the photo's own, so that codecs meet both close-ups and
    whole scenes. Photos smaller than the crop are enlarged to fit it. Raises CodecError, naming the file, for a photo
    that cannot be read.
    """
    crops = np.empty((count, size, size, 3), np.uint8)
    for k in range(count):
        photo = _keep(photos[rng.integers(len(photos))])
        short = min(photo.size)
        target = max(size, round(rng.uniform(min(1.2 * size, short), short)))
        width, height = (max(size, round(side * target / short)) for side in photo.size)
        left, top = rng.integers(width - size + 1), rng.integers(height - size + 1)
        scale_x, scale_y = photo.width / width, photo.height / height
        box = (left * scale_x, top * scale_y, (left + size) * scale_x, (top + size) * scale_y)
        crop = np.asarray(photo.resize((size, size), PillowImage.Resampling.LANCZOS, box=box))
        crops[k] = crop[:, ::-1] if rng.random() < 0.5 else crop
    return crops


def ahead(make: Callable[[int], Image], first: int, threads: int) -> Generator[Image]:
    """make(first), make(first + 1) ..., in order, made by threads ahead of when they are asked for."""
    with ThreadPoolExecutor(threads) as pool:
        numbers = count(first)
        waiting = deque(pool.submit(make, number) for number in islice(numbers, 2 * threads))
        try:
            for number in numbers:
                ready = waiting.popleft()
                waiting.append(pool.submit(make, number))
                yield ready.result()
        finally:
            pool.shutdown(cancel_futures=True)
