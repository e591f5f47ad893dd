"""Files that are not plain 8-bit photos of at most 100 megapixels: other kinds, large, cut short, or no photo at all.

Nothing of this runs for an ordinary photo; `codec/photos.py` comes here with all others. Nothing is registered with
Pillow, so that what it does elsewhere in a process stays as it is.
"""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from codec.base import MAX_PIXELS, PLAIN_PIXELS, PhotoError
from codec.photo.modes import in_rgb, one_line

HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
JPEG, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
JPEG_XL, JPEG_XL_BOXED = b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n"
RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height, as the header of a JPEG XL numbers them from 1."""
FILLED = 128
"""Grey of the rows that a JPEG has lost."""
MOST_LOST = 4
"""A JPEG may lack one row in so many."""
Turn = PillowImage.Transpose
TURNS = {
    2: Turn.FLIP_LEFT_RIGHT, 3: Turn.ROTATE_180, 4: Turn.FLIP_TOP_BOTTOM, 5: Turn.TRANSPOSE,
    6: Turn.ROTATE_270, 7: Turn.TRANSVERSE, 8: Turn.ROTATE_90,
}  # fmt: skip
"""By the orientation that EXIF notes."""
ORIENTATION = 0x0112
TURN = "turn"
"""Where a photo that is opened here notes its orientation, if EXIF has no say in it."""


def open_any(path: Path, content: IO[bytes] | None = None) -> tuple[PillowImage.Image, tuple[str, ...]]:
    """The photo in RGB, upright, and lines on what was done to it that a reader would not guess.

    Lines begin with the file's name alone, for they go into results, which travel.
    Raises PhotoError, one line that names the file and the mend, whatever a decoder stumbles over.
    """
    try:
        with warnings.catch_warnings(), nullcontext(content) if content else path.open("rb") as file:
            warnings.simplefilter("ignore")  # what matters of them is checked here
            try:
                photo, notes = _read(path, file)
            except OSError:
                file.seek(0)
                if not (data := file.read()).startswith(JPEG):
                    raise
                photo, notes = _read(path, io.BytesIO(data + JPEG_END), cut=True)
            photo, more = in_rgb(photo)
    except FileNotFoundError:
        raise PhotoError(f"{path}: no such image file; check the path") from None
    except UnidentifiedImageError:
        raise PhotoError(
            f"{path}: is not an image of a kind that is read here; expected JPEG, PNG, WebP, HEIC, AVIF, TIFF or the"
            " like"
        ) from None
    except PillowImage.DecompressionBombError:
        raise PhotoError(f"{path}: has far more than {MAX_PIXELS:,} pixels; shrink it first") from None
    except PhotoError:
        raise
    except IsADirectoryError:
        raise PhotoError(f"{path}: is a folder, which cannot be read as an image; name a file in it") from None
    except MemoryError:
        raise PhotoError(f"{path}: does not fit in memory; shrink it first") from None
    except Exception as error:  # decoders fail in any way that they like
        raise PhotoError(
            f"{path}: cannot be read as an image ({one_line(error)}); copy it anew, or save it as PNG or JPEG"
        ) from None
    return photo, tuple(f"{path.name}: {note}" for note in [*notes, *more])


def check_pixels(path: Path, width: int, height: int) -> None:
    """Raise PhotoError for more pixels than are taken, which a header of a few bytes can promise."""
    if width * height > MAX_PIXELS:
        raise PhotoError(
            f"{path}: is {width}x{height} pixels; expected at most {MAX_PIXELS:,} in all (shrink it first)"
        )


def _read(path: Path, file: IO[bytes], cut: bool = False) -> tuple[PillowImage.Image, list[str]]:
    """The photo, loaded and upright, in the mode of its file; `cut` says that its last bytes are missing."""
    notes = []
    photo = _opened(path, file)
    check_pixels(path, *photo.size)
    if photo.format in ("JPEG", "MPO") and photo.width * photo.height > PLAIN_PIXELS:
        size = photo.size
        photo.draft(None, (photo.width // 2, photo.height // 2))
        notes.append("is {}x{} pixels; read at half of that, {}x{}".format(*size, *photo.size))
    with silence() if photo.format == "TIFF" else nullcontext():
        photo.load()
    check_pixels(path, *photo.size)
    if cut:
        notes.append(f"lacks its last bytes{_what_is_lost(path, photo)}")
    try:
        orientation = photo.info.pop(TURN, None) or photo.getexif().get(ORIENTATION, 1)
    except Exception as error:  # a broken note does not spoil the picture
        orientation = 1
        notes.append(f"its EXIF note cannot be read ({one_line(error)}), so it is not turned")
    return photo.transpose(TURNS[orientation]) if orientation in TURNS else photo, notes


@contextmanager
def silence() -> Iterator[None]:
    """What a library in C writes to standard error goes nowhere: libtiff has a line of its own for each fault."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _what_is_lost(path: Path, photo: PillowImage.Image) -> str:
    """How many rows a JPEG has lost at the bottom, in words. Raises PhotoError where they are too many."""
    most = photo.height // MOST_LOST
    bottom = np.asarray(photo.crop((0, photo.height - most - 1, *photo.size))).astype(np.int16)
    filled = (np.abs(bottom - FILLED) <= 1).reshape(len(bottom), -1).min(axis=1)
    if filled.all():
        raise PhotoError(f"{path}: lacks more than a quarter of its image (it was cut short); copy it anew")
    lost = int(np.argmin(filled[::-1]))
    coarse = ", so it is coarser than it was" if photo.info.get("progressive") else ""
    return f": the lowest {lost} of its {photo.height} rows are grey" if lost else coarse


def _opened(path: Path, file: IO[bytes]) -> PillowImage.Image:
    file.seek(0)
    start = file.read(64)
    file.seek(0)
    if start[4:8] == b"ftyp" and start[8:12] in HEIF_BRANDS and b"avif" not in start[: int.from_bytes(start[:4])]:
        return _heif(path, file)
    if start.startswith((JPEG_XL, JPEG_XL_BOXED)):
        return _jpeg_xl(path, file.read())
    try:
        return PillowImage.open(file)
    except UnidentifiedImageError:
        if start.startswith(TIFF):
            raise PhotoError(f"{path}: is TIFF of a kind that is not read here; save it as 8-bit PNG or JPEG") from None
        raise


def _heif(path: Path, file: IO[bytes]) -> PillowImage.Image:
    """HEIC and its kin; what the container says of turning is done already, and EXIF counts where it says nothing."""
    try:
        from pi_heif import HeifImageFile
    except ImportError:
        raise PhotoError(f"{path}: is HEIC, which needs the package pi-heif (pip install pi-heif)") from None

    data = file.read()
    photo: PillowImage.Image = HeifImageFile(io.BytesIO(data))
    meta = next((data[at:end] for kind, at, end in _boxes(data) if kind == b"meta"), b"")
    turned = b"irot" in meta or b"imir" in meta
    photo.info[TURN] = 1 if turned else photo.info.get("original_orientation") or 1
    return photo


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of what is in each outermost box of an ISO base media file."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        end = min(at + size, len(data)) if size else len(data)
        yield kind, at + head, end
        at = max(end, at + head)


def _jpeg_xl(path: Path, data: bytes) -> PillowImage.Image:
    """JPEG XL, its first frame, upright."""
    try:
        from imagecodecs import jpegxl_decode
    except ImportError:
        raise PhotoError(f"{path}: is JPEG XL, which needs imagecodecs: pip install 'satsim-link[rivals]'") from None

    check_pixels(path, *_jpeg_xl_size(data))
    pixels = np.asarray(jpegxl_decode(data, numthreads=1))
    pixels = pixels[0] if pixels.ndim == 4 else pixels
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype != np.uint8 and pixels.ndim == 3:  # of colours as Pillow has them: the upper eight bits
        pixels = (pixels >> 8 if pixels.dtype == np.uint16 else np.clip(pixels * 255.0, 0, 255)).astype(np.uint8)
    return PillowImage.fromarray(pixels.astype(np.float32) if pixels.dtype == np.float16 else pixels)


def _jpeg_xl_size(data: bytes) -> tuple[int, int]:
    """Width and height, as the first bits of the code stream tell (ISO/IEC 18181-1, SizeHeader)."""
    if data.startswith(JPEG_XL_BOXED):
        parts = ((at + 4 * (kind == b"jxlp"), end) for kind, at, end in _boxes(data) if kind in (b"jxlc", b"jxlp"))
        at, end = next(parts, (0, 0))
        data = data[at:end]
    bits = int.from_bytes(data[2:14], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (1 + take(5)) if small else 1 + take((9, 13, 18, 30)[take(2)])

    height = side()
    ratio = take(3)
    if ratio:
        across, down = RATIOS[ratio - 1]
        return height * across // down, height
    return side(), height
