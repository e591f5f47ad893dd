"""Random crops of photos to train on, made ahead by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import count, islice
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from codec.base import Image
from codec.photos import open_photo

_keep = lru_cache(maxsize=8192)(open_photo)
"""Photos, kept for the next crop."""


def random_crops(photos: list[Path], count: int, size: int, rng: np.random.Generator) -> Image:
    """uint8[count, size, size, 3]: each a random photo, shrunk at random, cropped and perhaps mirrored.

    The short side after shrinking lies between 1.2 crops and the photo's own, so that codecs meet both close-ups and
    whole scenes. Photos smaller than the crop are enlarged to fit it. Raises PhotoError, naming the file, for a photo
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
