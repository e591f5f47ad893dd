"""The reader of photos under fire: whatever a file holds, a picture comes out, or one line.

python benchmarks/photo_drill.py [--files N] [--seed S]
python benchmarks/photo_drill.py --large        # CPU seconds and memory for the largest photos of phones

Whole files of many kinds, which must come out as the picture that was put in, and so many damaged ones of each, which
must come out as a picture in RGB or be refused in one line that names the file. Damage is by turns: a stretch of zeros,
an end cut off, bytes changed anywhere, and bytes changed in the first 300, where headers are. Prints what was tried and
what became of it, kind by kind; exit code 1 for a single mistake. No file is kept.

Large photos are read each by a program of its own, which reports its own peak of memory (Linux); exit code 1 where one
is refused or takes 2 GB.
"""

from __future__ import annotations

import argparse
import io
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image

from codec.base import PhotoError
from codec.photos import open_photo

Pixels = npt.NDArray[np.uint8]
FATES = ("whole", "taken", "refused", "wrong")
SIDE = 64


def drawn() -> Pixels:
    """Ramps of colour, and noise in a corner: uint8[SIDE, SIDE, 3]."""
    row, column = np.mgrid[:SIDE, :SIDE]
    picture = np.stack([4 * row, 4 * column, 128 + 0 * row], axis=2).astype(np.uint8)
    picture[:16, :16] = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    return picture


def deep(write: Callable[..., bytes], dtype: type[np.generic], unit: float, **how: object) -> Callable[[Pixels], bytes]:
    """What writes a picture with deep samples, each level as so many units."""
    return lambda picture: bytes(write((picture * np.float64(unit)).astype(dtype), **how))


def animated(picture: Pixels) -> bytes:
    """A GIF of two pictures."""
    file = io.BytesIO()
    frames = [Image.fromarray(each).convert("P") for each in (picture, 255 - picture)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def by_pillow(format_: str, mode: str = "RGB", **how: object) -> Callable[[Pixels], bytes]:
    """What writes a picture in this format and mode."""

    def write(picture: Pixels) -> bytes:
        file = io.BytesIO()
        Image.fromarray(picture).convert(mode).save(file, format_, **how)
        return file.getvalue()

    return write


def heic(picture: Pixels) -> bytes:
    """The picture as HEIC."""
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(picture)).save(file, quality=95)
    return file.getvalue()


KINDS: dict[str, tuple[Callable[[Pixels], bytes], float]] = {
    "PNG": (by_pillow("PNG"), 0),
    "PNG with alpha": (by_pillow("PNG", "RGBA"), 0),
    "PNG with palette": (by_pillow("PNG", "P"), 20),
    "JPEG": (by_pillow("JPEG", quality=95), 8),
    "progressive JPEG": (by_pillow("JPEG", quality=95, progressive=True), 8),
    "JPEG of inks": (by_pillow("JPEG", "CMYK", quality=95), 8),
    "WebP": (by_pillow("WEBP", lossless=True), 0),
    "AVIF": (by_pillow("AVIF", quality=95), 8),
    "HEIC": (heic, 8),
    "JPEG XL": (lambda picture: bytes(imagecodecs.jpegxl_encode(picture, lossless=True)), 0),
    "JPEG 2000": (by_pillow("JPEG2000"), 0),
    "TIFF": (by_pillow("TIFF"), 0),
    "TIFF, LZW": (by_pillow("TIFF", compression="tiff_lzw"), 0),
    "GIF": (by_pillow("GIF"), 20),
    "BMP": (by_pillow("BMP"), 0),
    "PPM": (by_pillow("PPM"), 0),
    "PNG, 16 bits": (deep(imagecodecs.png_encode, np.uint16, 257), 0),
    "JPEG 2000, 16 bits": (deep(imagecodecs.jpeg2k_encode, np.uint16, 257, level=0, codecformat="jp2"), 0),
    "JPEG XL, 16 bits": (deep(imagecodecs.jpegxl_encode, np.uint16, 257, lossless=True), 0),
    "TIFF, 16 bits": (deep(imagecodecs.tiff_encode, np.uint16, 257, photometric="rgb"), 0),
    "TIFF of floats": (deep(imagecodecs.tiff_encode, np.float32, 1 / 255, photometric="rgb"), 1),
    "GIF of several": (animated, 20),
}
"""How each kind is written, and by how many levels on average the picture may differ when it is read."""


def damaged(good: bytes, how: int, chance: random.Random) -> bytes:
    """`good` with damage of one of four kinds."""
    bad = bytearray(good)
    if how == 1:
        return bytes(bad[: chance.randrange(len(bad))])
    if how == 0:
        at = chance.randrange(len(bad))
        bad[at : at + 200] = bytes(len(bad[at : at + 200]))
        return bytes(bad)
    for _ in range(8):
        bad[chance.randrange(len(bad) if how == 2 else min(300, len(bad)))] = chance.randrange(256)
    return bytes(bad)


def fate(path: Path, wanted: Pixels | None, tolerance: float) -> str:
    """What becomes of a file: whole (as wanted), taken (of what is damaged), refused, or wrong, which is a mistake."""
    try:
        photo, notes = open_photo(path)
    except PhotoError as error:
        line = str(error)
        return "refused" if wanted is None and line.startswith(f"{path}: ") and "\n" not in line else "wrong"
    except Exception as error:
        print(f"{path.name}: {error!r}", file=sys.stderr)
        return "wrong"
    if any("\n" in note for note in notes) or photo.mode != "RGB":
        return "wrong"
    if wanted is None:
        return "taken"
    pixels = np.asarray(photo).astype(np.int16)
    return "whole" if pixels.shape == wanted.shape and np.abs(pixels - wanted).mean() <= tolerance else "wrong"


FAST_HEIC = {"quality": 50, "enc_params": {"preset": "ultrafast"}}
LARGE = {
    "JPEG, 108 MP": (12_000, 9_000, lambda photo, path: photo.save(path, "JPEG", quality=90)),
    "JPEG, 200 MP": (16_320, 12_240, lambda photo, path: photo.save(path, "JPEG", quality=90)),
    "PNG, 200 MP": (16_320, 12_240, lambda photo, path: photo.save(path, "PNG", compress_level=1)),
    "HEIC, 48 MP": (8_064, 6_048, lambda photo, path: pillow_heif.from_pillow(photo).save(path, **FAST_HEIC)),
    "AVIF, blank, 48 MP": (8_064, 6_048, lambda photo, path: Image.new("RGB", photo.size).save(path, "AVIF", speed=10)),
}
"""Width, height, and what writes such a photo."""
MOST_MEGABYTES = 2000
READ_ONE = """
import re, sys, time
from pathlib import Path
from codec.photos import fit_photo
began = time.process_time()
notes = fit_photo(Path(sys.argv[1]), 256, 256, "crop").notes
seconds = time.process_time() - began
peak_kib = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(f"{seconds:.1f}", peak_kib // 1024, *notes)
"""
"""The peak is that of this program alone: what getrusage tells also counts whoever started it."""


def read_large() -> int:
    """Print CPU seconds and memory for each large photo; 1 if any is refused or takes too much."""
    print(f"{'photo':20}{'file, MB':>10}{'CPU, s':>9}{'peak, MB':>10}  notes")
    mistakes = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "photo")
        for name, (width, height, write) in LARGE.items():
            small = Image.effect_noise((width // 8, height // 8), 60)
            with path.open("wb") as file:
                write(small.resize((width, height)).convert("RGB"), file)
            read = [sys.executable, "-c", READ_ONE, str(path)]
            done = subprocess.run(read, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{name:20}{done.stderr.splitlines()[-1]}")
                mistakes += 1
                continue
            seconds, megabytes, *notes = done.stdout.strip().split(" ", 2)
            print(
                f"{name:20}{path.stat().st_size / 1e6:10.1f}{seconds:>9}{megabytes:>10}  {''.join(notes)}", flush=True
            )
            mistakes += int(megabytes) >= MOST_MEGABYTES
    return 1 if mistakes else 0


def main() -> int:
    """Print what became of the files of each kind; 1 if any was taken for what it is not, or ended in an exception."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000, help="damaged files of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--large", action="store_true", help="read large photos in place of damaged ones")
    arguments = parser.parse_args()
    if arguments.large:
        return read_large()
    mistakes, picture, began = 0, drawn(), time.perf_counter()
    print(f"{'kind':20}{'files':>8}" + "".join(f"{name:>9}" for name in FATES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "photo")
        for kind, (write, tolerance) in KINDS.items():
            chance = random.Random(f"{arguments.seed} {kind}")
            good = write(picture)
            path.write_bytes(good)
            fates = Counter([fate(path, picture, tolerance)])
            for number in range(arguments.files):
                path.write_bytes(damaged(good, number % 4, chance))
                fates[fate(path, None, tolerance)] += 1
            print(f"{kind:20}{fates.total():>8,}" + "".join(f"{fates[name]:>9,}" for name in FATES), flush=True)
            mistakes += fates["wrong"]
    print(f"mistakes: {mistakes} ({time.perf_counter() - began:.0f} s)")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
