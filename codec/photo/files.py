"""Files that are not plain 8-bit photos of at most 100 megapixels: other kinds, large, cut short, or no photo at all.

Nothing of this runs for an ordinary photo; `codec/photos.py` comes here with all others. Nothing is registered with
Pillow, so that what it does elsewhere in a process stays as it is.
"""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from codec.base import MAX_PIXELS, PLAIN_PIXELS, PhotoError
from codec.photo import deep, jpegxl
from codec.photo.boxes import PNG, boxes, chunks
from codec.photo.colours import named_profile
from codec.photo.modes import in_rgb, one_line

HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
JPEG, JPEG_SCAN, JPEG_END = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
STARTS = {JPEG: "JPEG", PNG: "PNG", b"RIFF": "WebP", b"GIF8": "GIF", b"BM": "BMP"}
HEAD_BYTES = 1 << 16
"""At the begin of a file, within which it says of what colours it is."""
SURE_PIXELS, MOST_PER_BYTE = 50_000_000, 10_000
"""Of so many pixels any share may be blank; of more there is a byte for each so many, as there is in any photo."""
FILLED = 128
"""Grey of the rows that a JPEG has lost."""
MOST_LOST = 4
"""A JPEG may lack one row in so many."""
GREYS = {"L;2": 85, "L;4": 17}
"""By what Pillow multiplies grey of few bits, but not the grey that is transparent."""
Turn = PillowImage.Transpose
TURNS = {
    2: Turn.FLIP_LEFT_RIGHT, 3: Turn.ROTATE_180, 4: Turn.FLIP_TOP_BOTTOM, 5: Turn.TRANSPOSE,
    6: Turn.ROTATE_270, 7: Turn.TRANSVERSE, 8: Turn.ROTATE_90,
}  # fmt: skip
"""By the orientation that EXIF notes."""
ORIENTATION = 0x0112
TURN = "turn"
"""Where a photo that is opened here notes its orientation, if EXIF has no say in it."""
Noted = tuple[PillowImage.Image, list[str]]
PillowImage.MAX_IMAGE_PIXELS = MAX_PIXELS  # where Pillow's own guard stands, lower by default
logging.getLogger("PIL").addHandler(logging.NullHandler())  # it would print some faults, which are told below


def open_any(path: Path, content: IO[bytes] | None = None) -> tuple[PillowImage.Image, tuple[str, ...]]:
    """The photo in RGB, upright, and lines on what was done to it that a reader would not guess.

    Lines begin with the file's name alone, for they go into results, which travel.
    Raises PhotoError, one line that names the file and the mend, whatever a decoder stumbles over.
    """
    where = printable(str(path))
    try:
        if content is None and not path.is_file():
            check_kind(path, where)
        with warnings.catch_warnings(), nullcontext(content) if content else path.open("rb") as file:
            warnings.simplefilter("ignore")  # what matters of them is checked here
            try:
                photo, notes = _read(where, io.BytesIO(cut) if (cut := _without_zeros(file)) else file, bool(cut))
            except OSError:
                file.seek(0)
                if not (data := file.read()).startswith(JPEG):
                    raise
                photo, notes = _read(where, io.BytesIO(data + JPEG_END), cut=True)
            photo, more = in_rgb(photo)
    except FileNotFoundError:
        raise PhotoError(f"{where}: no such image file; check the path") from None
    except UnidentifiedImageError:
        raise PhotoError(
            f"{where}: is not an image of a kind that is read here; expected JPEG, PNG, WebP, HEIC, AVIF, TIFF or the"
            " like"
        ) from None
    except PillowImage.DecompressionBombError:
        raise PhotoError(f"{where}: has far more than {MAX_PIXELS:,} pixels; shrink it first") from None
    except PhotoError:
        raise
    except MemoryError:
        raise PhotoError(f"{where}: does not fit in memory; shrink it first") from None
    except Exception as error:  # decoders fail in any way that they like
        reason = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
        raise PhotoError(
            f"{where}: cannot be read as an image ({reason}); copy it anew, or save it as PNG or JPEG"
        ) from None
    return photo, tuple(f"{printable(path.name)}: {note}" for note in [*notes, *more])


def _without_zeros(file: IO[bytes]) -> bytes:
    """A JPEG that ends in zeros in place of its image, as a copy that was broken off does, so that these count as lost.

    Empty for any other file, which is left at its begin.
    """
    data = b""
    if file.read(len(JPEG)) == JPEG and file.seek(-1, io.SEEK_END) and file.read() == b"\0":
        file.seek(0)
        data = file.read().rstrip(b"\0")
    file.seek(0)
    return data + JPEG_END if data and JPEG_END not in data[data.rfind(JPEG_SCAN) :] else b""


def printable(text: str) -> str:
    """`text` in one line that any file can hold: line ends, and bytes that are no letters, are spelt out."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def check_kind(path: Path, where: str) -> None:
    """Raise PhotoError for what is there and no file, and FileNotFoundError where nothing is. It is not opened."""
    path.stat()
    if path.is_dir():
        raise PhotoError(f"{where}: is a folder, which cannot be read as an image; name a file in it")
    raise PhotoError(f"{where}: is a pipe or a device, which cannot be read as an image; copy it to a file")


def check_pixels(where: str, size: tuple[int, int], file_bytes: int) -> None:
    """Raise PhotoError for more pixels than are taken, or than so few bytes can be a photo of."""
    width, height = size
    if width * height > MAX_PIXELS:
        raise PhotoError(
            f"{where}: is {width}x{height} pixels; expected at most {MAX_PIXELS:,} in all (shrink it first)"
        )
    if width * height > max(SURE_PIXELS, MOST_PER_BYTE * file_bytes):
        raise PhotoError(
            f"{where}: is {width}x{height} pixels by its header, and {file_bytes:,} bytes, which no photo is; shrink it"
            " first"
        )


def _read(where: str, file: IO[bytes], cut: bool = False) -> Noted:
    """The photo, loaded, upright and of eight bits; `cut` says that its last bytes are missing."""
    head, file_bytes = file.read(HEAD_BYTES), file.seek(0, io.SEEK_END)
    photo, notes = _opened(where, file, head)
    check_pixels(where, photo.size, file_bytes)
    if photo.format != "MPO" and getattr(photo, "is_animated", False):  # of a phone's MPO, the others are aids
        notes.append(f"holds several pictures; its {'main' if photo.format == 'HEIF' else 'first'} one is read")
    if photo.format in ("JPEG", "MPO") and photo.width * photo.height > PLAIN_PIXELS:
        size = photo.size
        photo.draft(None, (photo.width // 2, photo.height // 2))
        notes.append("is {}x{} pixels; read at half of that, {}x{}".format(*size, *photo.size))
    deep_colours = deep.has_deep_colours(photo, head)
    tile = getattr(photo, "tile", None)
    if tile and tile[0].args in GREYS and isinstance(photo.info.get("transparency"), int):
        photo.info["transparency"] *= GREYS[tile[0].args]
    with deep.silence() if photo.format == "TIFF" else nullcontext():
        photo.load()
    check_pixels(where, photo.size, file_bytes)
    if cut:
        notes.append(f"lacks its last bytes{_what_is_lost(where, photo)}")
    try:
        orientation = photo.info.pop(TURN, None) or photo.getexif().get(ORIENTATION, 1)
    except Exception as error:  # a broken note does not spoil the picture
        orientation = 1
        notes.append(f"its EXIF note cannot be read ({one_line(error)}), so it is not turned")
    with suppress(Exception):
        profile, noted = named_profile(photo, head)
        photo.info |= {"icc_profile": profile} if profile else {}
        notes += [noted] if noted else []
    photo, more = deep.shallow(photo, file, deep_colours)
    return photo.transpose(TURNS[orientation]) if orientation in TURNS else photo, notes + more


def _what_is_lost(where: str, photo: PillowImage.Image) -> str:
    """How many rows a JPEG has lost at the bottom, in words. Raises PhotoError where they are too many."""
    most = photo.height // MOST_LOST
    bottom = np.asarray(photo.crop((0, photo.height - most - 1, *photo.size))).astype(np.int16)
    filled = (np.abs(bottom - FILLED) <= 1).reshape(len(bottom), -1).min(axis=1)
    if filled.all():
        raise PhotoError(f"{where}: lacks more than a quarter of its image (it was cut short); copy it anew")
    lost = int(np.argmin(filled[::-1]))
    coarse = ", so it is coarser than it was" if photo.info.get("progressive") else ""
    return f": the lowest {lost} of its {photo.height} rows are grey" if lost else coarse


def _opened(where: str, file: IO[bytes], head: bytes) -> Noted:
    file.seek(0)
    if not head:
        raise PhotoError(f"{where}: holds no image, for it is empty; copy it anew")
    kind = next((kind for start, kind in STARTS.items() if head.startswith(start)), None)
    if head[4:8] == b"ftyp":
        brands = head[8 : int.from_bytes(head[:4])]
        if head[8:12] in HEIF_BRANDS and b"avif" not in brands:
            return _heif(where, file), []
        kind = "AVIF" if b"avif" in brands else None
    if head.startswith((jpegxl.JPEG_XL, jpegxl.JPEG_XL_BOXED)):
        return _jpeg_xl(where, file.read())
    try:
        photo = PillowImage.open(file)
    except UnidentifiedImageError:
        if head.startswith(TIFF):
            file.seek(0)
            return _tiff(where, file.read())
        if kind:
            raise PhotoError(f"{where}: begins as a {kind} image, but is damaged or cut short; copy it anew") from None
        raise
    except ValueError:
        if kind != "PNG":
            raise
        file.seek(0)
        bare = PillowImage.open(io.BytesIO(_without_texts(file.read())))
        return bare, ["its colour profile or a text in it is broken, and is ignored"]
    if photo.format == "EPS":
        raise PhotoError(f"{where}: is PostScript, a program rather than an image; save it as PNG or JPEG")
    return photo, []


def _heif(where: str, file: IO[bytes]) -> PillowImage.Image:
    """HEIC and its kin; what the container says of turning is done already, and EXIF counts where it says nothing."""
    try:
        from pi_heif import HeifImageFile
    except ImportError:
        raise PhotoError(f"{where}: is HEIC, which needs the package pi-heif (pip install pi-heif)") from None

    data = file.read()
    photo: PillowImage.Image = HeifImageFile(io.BytesIO(data))
    meta = next((data[at:end] for kind, at, end in boxes(data) if kind == b"meta"), b"")
    turned = b"irot" in meta or b"imir" in meta
    photo.info[TURN] = 1 if turned else photo.info.get("original_orientation") or 1
    return photo


def _jpeg_xl(where: str, data: bytes) -> Noted:
    check_pixels(where, jpegxl.size_of(data), len(data))
    try:
        frames = jpegxl.frames_of(data)
    except ImportError:
        raise PhotoError(f"{where}: is JPEG XL, which needs imagecodecs: pip install 'satsim-link[rivals]'") from None
    return _of_samples(frames[0], ["holds several pictures; its first one is read"] * (len(frames) > 1))


def _tiff(where: str, data: bytes) -> Noted:
    """TIFF that Pillow does not know: of 64 bits, say, or of floating-point colours."""
    try:
        size = deep.tiff_size(data)
        check_pixels(where, size, len(data))
        samples = deep.decoded("TIFF", io.BytesIO(data))
        if samples is None:
            raise PhotoError(f"{where}: is TIFF of a kind that needs imagecodecs: pip install 'satsim-link[rivals]'")
        if samples.shape[1::-1] != size:
            raise ValueError("of another shape than it says")
        return _of_samples(samples, [])
    except PhotoError:
        raise
    except Exception:
        raise PhotoError(
            f"{where}: is TIFF of a kind that is not read here, or damaged; save it as 8-bit PNG or JPEG"
        ) from None


def _of_samples(samples: np.ndarray, notes: list[str]) -> Noted:
    if samples.dtype == np.uint8:
        flat = samples[..., 0] if samples.ndim == 3 and samples.shape[2] == 1 else samples
        return PillowImage.fromarray(flat), notes
    photo, note = deep.eight_bits(samples)
    return photo, [*notes, note]


def _without_texts(data: bytes) -> bytes:
    """A PNG without its profile and its texts."""
    texts = (b"iCCP", b"iTXt", b"tEXt", b"zTXt")
    return PNG + b"".join(data[at:end] for kind, at, end in chunks(data) if kind not in texts)
