"""The picture formats behind the baselines: write a file at a quality, read one back, strip and rebuild it.

Each format is one `Format` row. Writers are deterministic (one thread, no metadata, no ICC profile, no EXIF); readers
check the size before they decode, and turn whatever a library raises into CodecError.
"""

from __future__ import annotations

import io
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import pillow_heif
from PIL import Image as Picture

from codec import containers
from codec.base import CodecError, Image


class Format(NamedTuple):
    """How one still-picture format is written, read, stripped and rebuilt."""

    qualities: Sequence[int]
    """Quality settings, smallest file first."""
    write: Callable[[Image, int, bool, bool], bytes]
    """(pixels, quality, full chroma, fast) -> whole file. Fast is for the search, slow for the air."""
    read: Callable[[bytes, int, int], Image]
    """(file, height, width) -> uint8[height, width, 3]."""
    strip: Callable[[bytes, bytes], bytes]
    """(file, blank) -> payload."""
    rebuild: Callable[[bytes, bytes], bytes]
    """(payload, blank) -> file."""
    chroma: tuple[bool, ...] = (False,)
    """Chroma choices to try: False is 4:2:0 (or all the format has), True is 4:4:4."""
    start_bpp: float = 0.3
    """Bits a coded pixel near which the best coding resolution is looked for first."""
    min_side: int = 8
    """The smallest side coded, in pixels."""
    two_speeds: bool = False
    """True where the fast writer differs from the slow one."""
    has_blank: bool = True
    """False where nothing of a file is known beforehand; strip and rebuild then get an empty blank."""
    sends_quality: bool = False
    """True where the receiver needs the quality to write the blank."""


def _save(pixels: Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Picture.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def _read_pillow(file: bytes, height: int, width: int) -> Image:
    with Picture.open(io.BytesIO(file)) as picture:
        if picture.size != (width, height):
            raise CodecError(f"the file holds {picture.width}x{picture.height} pixels; expected {width}x{height}")
        return np.asarray(picture.convert("RGB"))


def _write_jpeg(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    """Standard or fitted Huffman tables, whichever is smaller on the air; a flat picture (the blank) keeps standard."""
    options = {"quality": quality, "subsampling": "4:4:4" if full else "4:2:0"}
    standard = _save(pixels, "JPEG", **options)
    if pixels.min() == pixels.max():
        return standard
    fitted = _save(pixels, "JPEG", optimize=True, **options)
    return min(standard, fitted, key=lambda file: len(containers.strip_jpeg(file, standard)))


def _write_webp(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    return _save(pixels, "WEBP", quality=quality, method=6)


def _write_avif(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    # Speed 6 writes 7% more bytes at equal PSNR than speed 3, ten times as fast: right for finding the resolution.
    chroma = "4:4:4" if full else "4:2:0"
    speed = 6 if fast else 3
    return _save(pixels, "AVIF", quality=quality, subsampling=chroma, speed=speed, codec="aom", max_threads=1)


def _write_heic(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    out = io.BytesIO()
    height, width = pixels.shape[:2]
    settings = {"preset": "veryslow", "x265:pools": "none", "x265:frame-threads": "1"}
    chroma = "444" if full else "420"
    pillow_heif.encode(
        "RGB", (width, height), pixels.tobytes(), out, quality=quality, chroma=chroma, enc_params=settings
    )
    return out.getvalue()


def _read_heic(file: bytes, height: int, width: int) -> Image:
    picture = pillow_heif.open_heif(io.BytesIO(file))
    if picture.size != (width, height) or picture.mode != "RGB":
        raise CodecError(f"the file holds {picture.size} pixels of {picture.mode}; expected ({width}, {height}) of RGB")
    return np.ascontiguousarray(np.asarray(picture))


def _write_jpegxl(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    # Quality 0 to 80 is libjxl's distance 25 (its largest) down to 0.25, evenly spaced in log distance.
    distance = 25 * 100 ** (-quality / 80)
    file = imagecodecs.jpegxl_encode(
        pixels, distance=distance, effort=7 if fast else 9, usecontainer=False, numthreads=1
    )
    return bytes(file)


def _read_jpegxl(file: bytes, height: int, width: int) -> Image:
    return np.asarray(imagecodecs.jpegxl_decode(file, numthreads=1))


def write_jpeg2000(pixels: Image, payload_ends: Sequence[int], *, lengths: bool = False) -> bytes:
    """A one-tile codestream with one quality layer for each of `payload_ends` (cumulative bytes of packets).

    Layers come first in packet order (LRCP), so that every prefix is the best picture of its length. `lengths` adds
    the PLT segments that `jpeg2000_packets` needs. Sizes come close to the ends asked for, on either side.
    """
    height, width = pixels.shape[:2]
    resolutions = max(1, min(height, width).bit_length() - 3)
    head_bytes = 107 + 6 * resolutions  # as counted by the rate control: main header, SOT, SOD, EOC
    return _save(
        pixels,
        "JPEG2000",
        no_jp2=True,
        irreversible=True,
        mct=1,
        progression="LRCP",
        num_resolutions=resolutions,
        quality_mode="rates",
        quality_layers=[max(1.0, pixels.size / (end + head_bytes)) for end in payload_ends],
        plt=lengths,
    )


def _write_jpeg2000(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    return write_jpeg2000(pixels, [round(16 * 1.03**quality)])  # 16 bytes to 18 MB in steps of 3%


@cache
def _ffmpeg() -> str:
    """Path of an ffmpeg that writes and reads VVC; CodecError with the mend where there is none."""
    mend = "pip install 'satsim[vvc]'"
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise CodecError(f"codec vvc needs an ffmpeg with libvvenc, and imageio-ffmpeg is missing ({mend})") from error
    program = str(imageio_ffmpeg.get_ffmpeg_exe())
    listing = _call([program, "-hide_banner", "-codecs"]).decode(errors="replace")
    line = next((line for line in listing.splitlines() if " vvc " in line), "")
    if "libvvenc" not in line or not line.strip().startswith("DE"):
        raise CodecError(f"{program} cannot write and read VVC (its codec list says {line.strip()!r}); {mend}")
    return program


def _call(command: Sequence[str], feed: bytes = b"", timeout_s: float = 120) -> bytes:
    """Standard output of `command` given `feed`; CodecError where it is missing, fails or takes too long."""
    try:
        done = subprocess.run(command, input=feed, capture_output=True, timeout=timeout_s, check=False)
    except OSError as error:
        raise CodecError(f"cannot run {command[0]!r}: {error.strerror} (is it installed and on PATH?)") from error
    except subprocess.TimeoutExpired as error:
        raise CodecError(f"{shlex.join(command)} took over {timeout_s:g} s; raise timeout_s or mend it") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-300:] or "nothing"
        raise CodecError(f"{shlex.join(command)} failed with exit code {done.returncode}, saying: {said}")
    return done.stdout


_RAW = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
_SCALER = ["-sws_flags", "bicubic+accurate_rnd+full_chroma_int"]


def _vvc_side(side: int) -> int:
    """The side really coded: 4:2:0 needs even ones, and libvvenc fails on noise under 32 pixels."""
    return max(32, side + side % 2)


def _write_vvc(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    """One intra picture; the last row and column are repeated to the side coded."""
    height, width = (_vvc_side(side) for side in pixels.shape[:2])
    coded = np.pad(pixels, ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0)), mode="edge")
    settings = "intraperiod=1:gopsize=1:decodingrefreshtype=idr:threads=1"
    command = [_ffmpeg(), "-v", "error", *_RAW, "-s", f"{width}x{height}", "-i", "-", *_SCALER]
    command += ["-pix_fmt", "yuv420p10le", "-threads", "1", "-c:v", "libvvenc", "-qp", str(63 - quality)]
    command += ["-preset", "faster" if fast else "medium", "-vvenc-params", settings, "-f", "vvc", "-"]
    return _call(command, coded.tobytes())


def _read_vvc(file: bytes, height: int, width: int) -> Image:
    coded = (_vvc_side(height), _vvc_side(width), 3)
    command = [_ffmpeg(), "-v", "error", "-xerror", "-threads", "1", "-f", "vvc", "-i", "-", "-frames:v", "1"]
    raw = _call([*command, *_SCALER, *_RAW, "-"], file)
    if len(raw) != coded[0] * coded[1] * 3:
        raise CodecError(f"a VVC picture of {len(raw)} bytes; expected {coded[1]}x{coded[0]} pixels of 3 bytes")
    return np.frombuffer(raw, np.uint8).reshape(coded)[:height, :width]


FORMATS: dict[str, Format] = {
    "jpeg": Format(
        range(1, 96),
        _write_jpeg,
        _read_pillow,
        containers.strip_jpeg,
        containers.rebuild_jpeg,
        chroma=(False, True),
        start_bpp=0.5,
        sends_quality=True,  # the quantization tables follow from it
    ),
    "webp": Format(range(0, 101), _write_webp, _read_pillow, containers.strip_webp, containers.rebuild_webp),
    "avif": Format(
        range(0, 96),
        _write_avif,
        _read_pillow,
        containers.strip_avif,
        containers.rebuild_avif,
        chroma=(False, True),
        two_speeds=True,
    ),
    "heic": Format(
        range(0, 96), _write_heic, _read_heic, containers.strip_heic, containers.rebuild_heic, chroma=(False, True)
    ),
    "jpegxl": Format(
        range(0, 81), _write_jpegxl, _read_jpegxl, containers.strip_jpegxl, containers.rebuild_jpegxl, two_speeds=True
    ),
    "jpeg2000": Format(
        range(0, 472),
        _write_jpeg2000,
        _read_pillow,
        containers.strip_jpeg2000,
        containers.rebuild_jpeg2000,
        start_bpp=0.03,  # wavelets code coarse scales first: full resolution costs little
    ),
    "vvc": Format(
        range(0, 46),  # QP 63 to 18
        _write_vvc,
        _read_vvc,
        containers.strip_vvc,
        containers.rebuild_vvc,
        start_bpp=0.15,
        two_speeds=True,
    ),
}


def external_format(
    encode: str | Sequence[str],
    decode: str | Sequence[str],
    qualities: Sequence[int],
    suffix: str = ".bin",
    timeout_s: float = 60.0,
) -> Format:
    """A format of any two commands: `encode` turns a PNG into a file of `suffix`, `decode` turns that into a PNG.

    Commands are lists of arguments, or one string split as a POSIX shell would; no shell runs. `{input}`, `{output}`
    and `{quality}` in them are replaced. `qualities` go from the smallest file to the largest. The whole file goes on
    the air: nothing is known about its container. Raises CodecError on wrong templates.
    """
    writer, reader = (shlex.split(part) if isinstance(part, str) else list(part) for part in (encode, decode))
    for name, command in (("encode", writer), ("decode", reader)):
        if not all(any(key in part for part in command) for key in ("{input}", "{output}")):
            raise CodecError(f"external {name} command is {command}; expected {{input}} and {{output}} in it")
    if not qualities:
        raise CodecError("external qualities is empty; expected settings from the smallest file to the largest")

    def convert(command: Sequence[str], source: bytes, input_suffix: str, output_suffix: str, quality: object) -> bytes:
        with tempfile.TemporaryDirectory(prefix="satsim-") as folder:
            read, written = Path(folder, "input" + input_suffix), Path(folder, "output" + output_suffix)
            read.write_bytes(source)
            values = {"{input}": str(read), "{output}": str(written), "{quality}": str(quality)}
            for key, value in values.items():
                command = [part.replace(key, value) for part in command]
            _call(command, timeout_s=timeout_s)
            if not written.is_file() or not written.stat().st_size:
                raise CodecError(f"{shlex.join(command)} wrote nothing to {{output}}")
            return written.read_bytes()

    return Format(
        tuple(qualities),
        lambda pixels, quality, full, fast: convert(writer, _save(pixels, "PNG"), ".png", suffix, quality),
        lambda file, height, width: _read_pillow(convert(reader, file, suffix, ".png", ""), height, width),
        lambda file, blank: file,
        lambda payload, blank: payload,
        has_blank=False,
    )
