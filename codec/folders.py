"""Photos of a folder: found below it, and read as squares or as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import ImageOps

from codec.base import CodecError, PhotoError, check_image
from codec.photos import LANCZOS, Photo, open_photo

PHOTO_SUFFIXES = {
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".jxl", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"
}  # fmt: skip
Item = TypeVar("Item")
Done = TypeVar("Done")
MOST_SAID = 6
"""Notes of one kind that are said in full."""


def is_hidden(name: str) -> bool:
    """Whether a path below a folder is hidden, or within what is: .DS_Store, ._fire.jpg, .thumbnails/fire.jpg."""
    return any(part.startswith(".") for part in Path(name).parts)


def is_photo(name: str) -> bool:
    """Whether a path below a folder is a photo, by its name."""
    return Path(name).suffix.lower() in PHOTO_SUFFIXES and not is_hidden(name)


def list_photos(folder: Path) -> list[Path]:
    """Every photo below `folder`, sorted by path; raises PhotoError where there is none."""
    named = (path for path in folder.rglob("*") if is_photo(str(path.relative_to(folder))))
    photos = sorted(path for path in named if not path.is_dir())
    if not photos:
        left_out = "".join(f" ({note.partition(': ')[2]})" for note in left_out_of(folder))
        raise PhotoError(f"{folder}: no photo below it; expected files ending in {endings()}{left_out}")
    return photos


def endings() -> str:
    """What names of photos end in, in words."""
    return ", ".join(sorted(PHOTO_SUFFIXES))


def left_out_of(folder: Path, deep: bool = True, also: Iterable[str] = ()) -> list[str]:
    """A line on the files of `folder` that are no photos by their names, if any; `also` are endings that are taken too.

    Not `deep`, without those of folders in it. Hidden files count where they are called as photos are.
    """
    files = [path for path in (folder.rglob("*") if deep else folder.iterdir()) if path.is_file()]
    names = sorted(str(path.relative_to(folder)) for path in files)
    hidden = [name for name in names if is_hidden(name) and Path(name).suffix.lower() in PHOTO_SUFFIXES]
    others = [Path(name).suffix.lower() or "no ending" for name in names if not is_hidden(name)]
    counts = Counter(each for each in others if each not in PHOTO_SUFFIXES and each not in also)
    parts = [f"{len(hidden)} hidden ({hidden[0]}{', ...' * (len(hidden) > 1)})"] if hidden else []
    if counts:
        kinds = [f"{count} {kind}" for kind, count in counts.most_common(MOST_SAID)]
        more = [f"{len(counts) - MOST_SAID} more kinds"] if len(counts) > MOST_SAID else []
        parts.append(f"{counts.total()} not photos by name ({', '.join([*kinds, *more])})")
    total = len(hidden) + counts.total()
    return [f"{folder}: left out {total} file{'s' * (total > 1)}: {'; '.join(parts)}"] if parts else []


def few(notes: Iterable[str]) -> list[str]:
    """Each note once; of many the first, and how many more there are."""
    said = list(dict.fromkeys(notes))
    more = len(said) - MOST_SAID
    return [*said[:MOST_SAID], *([f"and {more} more notes of this kind"] if more > 0 else [])]


def read_each(items: Iterable[Item], read: Callable[[Item], Done], left: list[str]) -> Iterator[tuple[Item, Done]]:
    """Each photo of a set that can be read, and what `read` makes of it; a line on each other is added to `left`.

    So one bad photo spoils no set, wherever sets are read; a photo that is named alone is refused.
    Raises PhotoError where none can be read.
    """
    tried = len(left)
    some = False
    for item in items:
        try:
            done = read(item)
        except PhotoError as error:
            left.append(f"left out: {error}")
        else:
            some = True
            yield item, done
    if left[tried:] and not some:
        reason = left[tried].removeprefix("left out: ")
        raise PhotoError(f"no photo of {len(left) - tried} can be read: {reason}")


def read_photo(path: Path, side: int | None) -> Photo:
    """The photo, its centre square resized to `side`, or for None as it is.

    Raises PhotoError, naming the file, where it cannot be read or has sides no codec takes.
    """
    photo, notes = open_photo(path)
    if side is not None:
        photo = ImageOps.fit(photo, (side, side), LANCZOS)
    image = np.asarray(photo)
    try:
        check_image(image)
    except CodecError as error:
        raise PhotoError(f"{path}: {error}") from None
    return Photo(image, notes)
