"""The photos of a set: found in folders, told apart by name, and read once before any work begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from codec.base import PhotoError
from codec.folders import few, left_out_of, list_photos, read_each
from satsim.scenario.scenario import ImageSpec
from satsim.scoring.outbox import load_photo
from satsim.words import visible


class Photo(NamedTuple):
    """A file of the set, and what it is called."""

    name: str
    """Its path below its folder, led in by the folder's name where there are several; no two are alike."""
    path: Path
    """Absolute."""
    folder: Path
    """In which it was found, as that was named."""

    def framed(self, image: ImageSpec) -> ImageSpec:
        """The frame of `image` around this photo."""
        return image.with_photo(self.path)


def find_photos(folders: Sequence[Path], first: int | None = None) -> list[Photo]:
    """Every photo below each folder, sorted by path, or the `first` ones of each.

    Raises PhotoError for what is no folder, holds no photo, or is there twice.
    """
    photos: list[Photo] = []
    for folder, label in zip(folders, labels_of(folders), strict=True):
        if not folder.is_dir():
            raise PhotoError(f"--images {folder}: is no folder; expected photos in one (a single one goes by --image)")
        for path in list_photos(folder)[:first]:
            name = visible(path.relative_to(folder).as_posix())
            photos.append(Photo(visible(f"{label}/{name}") if len(folders) > 1 else name, path.absolute(), folder))
    counts = Counter(photo.path.resolve() for photo in photos)
    if twice := next((photo for photo in photos if counts[photo.path.resolve()] > 1), None):
        raise PhotoError(f"{twice.path}: is in the set twice; give each folder once, and none inside another")
    return photos


def labels_of(folders: Iterable[Path]) -> list[str]:
    """The last name of each folder's path, or as many more as it takes for no two to be alike."""
    parts = [folder.resolve().parts for folder in folders]
    names = ["/".join(each[-1:]) for each in parts]
    for length in range(2, 1 + max(map(len, parts), default=0)):
        counts = Counter(names)
        names = ["/".join(each[-length:]) if counts[name] > 1 else name
                 for each, name in zip(parts, names, strict=True)]  # fmt: skip
    return names


def check_photos(photos: Sequence[Photo], image: ImageSpec) -> tuple[dict[Photo, tuple[int, int]], list[str]]:
    """The photos that can be read, with height and width of each in its frame; and lines on the others, and all notes.

    Raises PhotoError where none can be read.
    """
    sizes: dict[Photo, tuple[int, int]] = {}
    left: list[str] = []
    notes: list[str] = []
    for photo, (pixels, noted) in read_each(photos, lambda photo: load_photo(photo.framed(image)), left):
        sizes[photo] = pixels.shape[0], pixels.shape[1]
        notes += noted
    return sizes, [*few(left), *few(notes)]


def left_out(photos: Iterable[Photo]) -> list[str]:
    """A line for each folder of the set with files that are not in it."""
    return [note for folder in dict.fromkeys(photo.folder for photo in photos) for note in left_out_of(folder)]
