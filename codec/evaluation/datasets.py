"""Sets of photos that codecs are measured on: folders of one's own, or known ones below SATSIM_DATA."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from codec.base import MAX_SIDE, CodecError, Image
from codec.folders import few, left_out_of, list_photos, read_each, read_photo

DATA_VARIABLE = "SATSIM_DATA"


class Dataset(NamedTuple):
    """A folder of photos at one size: centre squares of `side` pixels, or for None each as it is."""

    name: str
    photos: list[Path]
    digests: list[str]
    """Of the pixels of each photo, at that size."""
    folder: Path
    side: int | None
    shortest_side: int
    """Pixels of the smallest side that any picture has."""
    notes: tuple[str, ...] = ()
    """What was done to photos or left out of the folder that a reader would not guess."""


class Source(NamedTuple):
    """Where a known set comes from, as we may not pass it on."""

    photos: int
    what: str
    where: str


SOURCES = {
    "kodak": Source(24, "Kodak's photos, PNG of 768x512 pixels", "https://r0k.us/graphics/kodak/"),
    "fire": Source(40, "fires and forests, 256x256 pixels", "any photos of fires that no model was trained on"),
    "aerial": Source(42, "aerial views of RSSCN7, 256x256 pixels", "any aerial photos that no model was trained on"),
    "tecnick": Source(
        100,
        "TESTIMAGES by Tecnick, PNG of 1200x1200 pixels, CC BY-NC-SA 3.0",
        "https://testimages.org (SourceForge: testimages), its folder RGB_OR_1200x1200",
    ),
    "div2k": Source(
        100,
        "the validation photos of DIV2K, PNG of about 2040x1356 pixels, for research alone",
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/, its file DIV2K_valid_HR.zip",
    ),
    "clic": Source(
        250,
        "CLIC 2020, the professional test photos, PNG of up to 2048 pixels a side",
        "https://compression.cc (also as `clic` of TensorFlow Datasets)",
    ),
}
"""Sets by the name of their folder below SATSIM_DATA/eval."""
DEFAULT = (("kodak", None), ("kodak", 256), ("fire", 256), ("aerial", 256))


def open_datasets(folders: Sequence[Path], sides: Sequence[int | None], first: int | None = None) -> list[Dataset]:
    """Each folder, or known set by its name, at each size (default 256), of the `first` photos of its sorted list.

    Without folders, the default sets: kodak as it is and at 256, fire and aerial at 256, below SATSIM_DATA.
    Photos that cannot be read are left out. Raises CodecError where a folder is missing or without photos that can, or
    two folders have one name: all of it now, not after an hour.
    """
    if folders:
        pairs = [(find_set(folder), side) for folder in folders for side in sides or [256]]
    else:
        known = list(dict.fromkeys(name for name, _ in DEFAULT))
        chosen = [(name, side) for side in sides for name in known] or list(DEFAULT)
        pairs = [(default_folder(name), side) for name, side in chosen]
    datasets: dict[str, Dataset] = {}
    for folder, side in pairs:
        name = f"{folder.resolve().name}-{'whole' if side is None else side}"
        if name in datasets:
            raise CodecError(f"{folder} and {datasets[name].folder} would both be {name}; rename one, or give one")
        datasets[name] = open_dataset(name, folder, side, first)
    return list(datasets.values())


def open_dataset(name: str, folder: Path, side: int | None, first: int | None = None) -> Dataset:
    """The `first` photos of a folder, or all, each read once. Raises CodecError where there is none to be read."""
    if not folder.is_dir():
        raise CodecError(f"{folder}: no such folder of photos")
    shortest, left, notes, kept, digests = MAX_SIDE, list[str](), list[str](), list[Path](), list[str]()
    for path, (pixels, noted) in read_each(list_photos(folder)[:first], partial(read_photo, side=side), left):
        shortest = min(shortest, *pixels.shape[:2])
        notes += noted
        kept.append(path)
        digests.append(pixels_digest(pixels))
    said = (*left_out_of(folder), *few(left), *few(notes), *miscounted(folder, len(kept), first))
    return Dataset(name, kept, digests, folder, side, shortest, said)


def miscounted(folder: Path, found: int, first: int | None) -> list[str]:
    """A line where a folder that is called as a known set does not hold as many photos."""
    source = SOURCES.get(folder.resolve().name)
    if source is None or first is not None or found == source.photos:
        return []
    return [f"{folder} holds {found} photos; the set of that name has {source.photos} ({source.what})"]


def pixels_digest(pixels: Image) -> str:
    """Of a picture's size and pixels, 32 hexadecimal digits."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:32]


def find_set(folder: Path) -> Path:
    """The folder itself, or the known set of that name below SATSIM_DATA. CodecError, with the mend, for neither."""
    if folder.is_dir() or str(folder) not in SOURCES:
        return folder
    return default_folder(str(folder))


def default_folder(name: str) -> Path:
    """The folder of a known set; CodecError, with the mend, where it is missing."""
    mend = f"give photos of your own, or name by {DATA_VARIABLE} a folder that holds eval/{name}"
    source = SOURCES.get(name)
    whence = f" ({source.photos} photos: {source.what}; from {source.where})" if source else ""
    if not (data := os.environ.get(DATA_VARIABLE)):
        raise CodecError(f"{name}: {DATA_VARIABLE} names no folder of photos; {mend}{whence}")
    folder = Path(data).resolve() / "eval" / name
    if not folder.is_dir():
        raise CodecError(f"{folder}: no such folder; {mend}{whence}")
    return folder


def default_photo() -> Path:
    """The first of kodak. Raises CodecError as `default_folder` does."""
    return list_photos(default_folder("kodak"))[0]
