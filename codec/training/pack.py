"""Packs of photos: zip files that are read without unpacking, and travel one by one while a run goes on.

    python -m codec.training.pack PHOTOS --out PACKS --size 45MB

Photos whose short side is at most 320 pixels and that are WebP or JPEG are taken as they are; all others become WebP of
quality 90, their short side 320 pixels at most. The order is shuffled, the same way each time, so that the first pack
is a fair sample of all. The same photos give the same bytes (with the same Pillow), and a pack lies in its folder whole
or not at all.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import re
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from codec.base import CodecError
from codec.files import replacing
from codec.folders import left_out_of, list_photos
from codec.photos import open_photo

SHORT_SIDE = 320
QUALITY = 90
TAKEN_AS_THEY_ARE = ("WEBP", "JPEG")
ENTRY_BYTES = 200
"""More than a zip file needs for one photo besides its bytes and twice its name."""


def write_packs(folder: Path, out: Path, size_bytes: int, told: list[str] | None = None) -> Iterator[Path]:
    """Pack every photo below `folder` into out/photos-000.zip ..., of at most `size_bytes` each; yields each path.

    A pack holds one photo at least. What cannot be read is left out; that is added to `told`, and what else a
    reader would not guess.
    Raises CodecError where there is no photo, or `out` already holds packs.
    """
    photos, told = list_photos(folder), [] if told is None else told
    told += left_out_of(folder)
    if old := sorted(out.glob("photos-*.zip")):
        raise CodecError(f"{old[0]}: is there already; name another folder as --out")
    out.mkdir(parents=True, exist_ok=True)
    names = {path: path.relative_to(folder).as_posix() for path in photos}
    held: list[tuple[str, bytes]] = []
    held_bytes, number = 0, 0
    for path in sorted(photos, key=lambda path: hashlib.sha256(names[path].encode()).digest()):
        try:
            name, data, notes = shrink(path, names[path])
            told += notes
        except CodecError as error:
            told.append(f"left out: {error}")
            continue
        entry_bytes = len(data) + 2 * len(name.encode()) + ENTRY_BYTES
        if held and held_bytes + entry_bytes > size_bytes:
            yield _write(out / f"photos-{number:03d}.zip", held)
            held, held_bytes, number = [], 0, number + 1
        held.append((name, data))
        held_bytes += entry_bytes
    if held:
        yield _write(out / f"photos-{number:03d}.zip", held)


def shrink(path: Path, name: str) -> tuple[str, bytes, tuple[str, ...]]:
    """Name and bytes of a photo in a pack, and notes on its file. Raises CodecError where it cannot be read."""
    photo, notes = open_photo(path)
    short = min(photo.size)
    data = path.read_bytes()
    with suppress(UnidentifiedImageError), PillowImage.open(io.BytesIO(data)) as original:
        if short <= SHORT_SIDE and original.format in TAKEN_AS_THEY_ARE and not notes:
            return name, data, notes
    if short > SHORT_SIDE:
        width, height = (max(SHORT_SIDE, round(side * SHORT_SIDE / short)) for side in photo.size)
        photo = photo.resize((width, height), PillowImage.Resampling.LANCZOS)
    file = io.BytesIO()
    photo.save(file, "WEBP", quality=QUALITY, method=6)
    return f"{name}.webp", file.getvalue(), notes


def _write(path: Path, photos: list[tuple[str, bytes]]) -> Path:
    with replacing(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as pack:
        for name, data in photos:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, wherever this runs: the bytes must not depend on it
            pack.writestr(entry, data)
    return path


def parse_bytes(text: str) -> int:
    """Bytes of a size in words: 45MB, 800kB, 1GB, 3000. Raises ValueError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKMG]?)B?", text.strip())
    if not found:
        raise ValueError(f"size is {text!r}; expected such as 45MB, 800kB or 1GB")
    return round(float(found[1]) * {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}[found[2]])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m codec.training.pack", description="Pack photos for training.")
    parser.add_argument("folder", type=Path, help="photos, in folders of any depth")
    parser.add_argument("--out", type=Path, required=True, help="folder of the packs; made where it is not there")
    parser.add_argument("--size", default="45MB", help="largest size of one pack")
    wanted = parser.parse_args()
    told: list[str] = []
    try:
        for path in write_packs(wanted.folder, wanted.out, parse_bytes(wanted.size), told):
            print(f"{path}: {path.stat().st_size / 1e6:.1f} MB", flush=True)
    except (CodecError, ValueError) as error:
        sys.exit(f"error: {error}")
    for line in told:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
