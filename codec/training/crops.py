"""Random crops of photos, which lie in a folder as files, or in packs of files (see `pack.py`). Without torch.

A photo's name is its path below the folder; in a pack, the pack's path, `!` and the name within: `a.zip!fire/1.webp`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from codec.base import CodecError, Image
from codec.folders import MOST_SAID, endings, is_hidden, is_photo
from codec.photos import open_photo

KEPT_BYTES = 2 << 30
"""Room for decoded photos, shared by all that cut crops for one run."""
WITHIN = "!"
PACK = ".zip"


def list_names(folder: Path) -> list[str]:
    """The names of all photos below `folder`, sorted, those in packs too; a pack that is not whole yet counts for none.

    Raises CodecError where there is none.
    """
    names = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if is_photo(name):
            names.append(name)
        elif path.suffix.lower() == PACK and not is_hidden(name):
            names += [f"{name}{WITHIN}{member}" for member in list_pack(path)]
    if not names:
        raise CodecError(
            f"{folder}: no photo below it; expected files ending in {endings()}, or packs of them ({PACK})"
        )
    return names


def list_pack(path: Path) -> list[str]:
    """The photos in a pack, in its order; none where it cannot be read, as while it is still on its way."""
    try:
        with zipfile.ZipFile(path) as pack:
            return [name for name in pack.namelist() if is_photo(name)]
    except (OSError, zipfile.BadZipFile):
        return []


class Photos:
    """Photos by name; decoded ones are kept for the next crop while there is room, unreadable ones are left out."""

    def __init__(self, folder: Path, names: Sequence[str], kept_bytes: int = KEPT_BYTES) -> None:
        self.folder, self.names = folder, list(names)
        self.left_out: set[str] = set()
        """Names of photos that could not be read."""
        self.news: list[str] = []
        """Why not, and what was done to others that a reader would not guess, since somebody last cleared this."""
        self._noted: set[str] = set()
        self._room = kept_bytes
        self._kept: dict[str, PillowImage.Image] = {}
        self._packs: dict[str, zipfile.ZipFile] = {}

    def draw(self, rng: np.random.Generator) -> PillowImage.Image:
        """A random photo that can be read, upright, RGB; raises CodecError, naming the last, where there is none.

        What is drawn depends on the names and on which of them cannot be read, not on what was read before.
        """
        reason = "none is left"
        while len(self.left_out) < len(self.names):
            name = self.names[rng.integers(len(self.names))]
            if name in self.left_out:
                continue
            try:
                return self._read(name)
            except CodecError as error:
                reason = str(error)
                self.left_out.add(name)
                self.news.append(f"left out: {reason}")
        raise CodecError(f"no photo below {self.folder} can be read: {reason}")

    def look(self) -> None:
        """Take in photos and packs that have come; where none can be seen at the moment, those known stay."""
        with suppress(CodecError, OSError):
            self.names = list_names(self.folder)
            self.left_out &= set(self.names)

    def _read(self, name: str) -> PillowImage.Image:
        if name in self._kept:
            return self._kept[name]
        pack, _, member = name.rpartition(WITHIN)
        photo, notes = open_photo(self.folder / name, self._unpack(pack, member) if pack else None)
        self._note(notes)
        size_bytes = 4 * photo.width * photo.height  # as Pillow holds RGB
        if size_bytes <= self._room:
            self._room -= size_bytes
            self._kept[name] = photo
        return photo

    def _note(self, notes: Iterable[str]) -> None:
        """Tell each note once, and of many the first."""
        for note in notes:
            if len(self._noted) <= MOST_SAID and note not in self._noted:
                self._noted.add(note)
                self.news.append(note if len(self._noted) <= MOST_SAID else "more notes of this kind are not said")

    def _unpack(self, pack: str, member: str) -> io.BytesIO:
        try:
            if pack not in self._packs:
                self._packs[pack] = zipfile.ZipFile(self.folder / pack)
            return io.BytesIO(self._packs[pack].read(member))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise CodecError(f"{self.folder / pack}{WITHIN}{member}: cannot be read ({error})") from None


def random_crops(photos: Photos, count: int, size: int, rng: np.random.Generator) -> Image:
    """uint8[count, size, size, 3]: each a random photo, shrunk at random, cropped and perhaps mirrored.

    The short side after shrinking lies between 1.2 crops and the photo's own, so that codecs meet both close-ups and
    whole scenes. Photos smaller than the crop are enlarged to fit it. Raises CodecError where no photo can be read.
    """
    crops = np.empty((count, size, size, 3), np.uint8)
    for k in range(count):
        photo = photos.draw(rng)
        short = min(photo.size)
        target = max(size, round(rng.uniform(min(1.2 * size, short), short)))
        width, height = (max(size, round(side * target / short)) for side in photo.size)
        left, top = rng.integers(width - size + 1), rng.integers(height - size + 1)
        scale_x, scale_y = photo.width / width, photo.height / height
        box = (left * scale_x, top * scale_y, (left + size) * scale_x, (top + size) * scale_y)
        crop = np.asarray(photo.resize((size, size), PillowImage.Resampling.LANCZOS, box=box))
        crops[k] = crop[:, ::-1] if rng.random() < 0.5 else crop
    return crops


def crops_of(photos: Photos, seed: int, step: int, batch: int, size: int) -> Image:
    """The crops of one step, uint8[batch, size, size, 3]: they depend on the photos, the seed and the step alone."""
    return random_crops(photos, batch, size, np.random.default_rng([seed, step]))
