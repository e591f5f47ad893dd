"""VVC (libvvenc, by an ffmpeg): a payload is adaptation parameter sets with their lengths, 0, and the slice.

NAL headers are left out, and so are the parameter sets that the blank has. Where VTM, the reference encoder, is asked
for and not at hand, this stands in for it, and is no measure of VTM (`rivals/vtm.py` runs that).
Source: ITU-T H.266 annex B.
"""

from __future__ import annotations

import re
from functools import cache, partial

import numpy as np

from codec.base import CodecError, Image
from codec.rivals.external import call
from codec.rivals.fixed_rate import FixedRateCodec, Format, pack_varint, unpack_varint

RAW = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
SCALER = ["-sws_flags", "bicubic+accurate_rnd+full_chroma_int"]
KNOWN = (14, 15, 16, 20)  # video, sequence and picture parameter sets, access unit delimiter
ADAPTATION = 17


@cache
def ffmpeg() -> str:
    """Path of an ffmpeg that writes and reads VVC; CodecError with the mend where there is none."""
    mend = "pip install 'satsim-link[vvc]'"
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise CodecError(f"codec vvc needs an ffmpeg with libvvenc, and imageio-ffmpeg is missing ({mend})") from error
    program = str(imageio_ffmpeg.get_ffmpeg_exe())
    listing = call([program, "-hide_banner", "-codecs"]).decode(errors="replace")
    line = next((line for line in listing.splitlines() if " vvc " in line), "")
    if "libvvenc" not in line or not line.strip().startswith("DE"):
        raise CodecError(f"{program} cannot write and read VVC (its codec list says {line.strip()!r}); {mend}")
    return program


def coded_side(side: int) -> int:
    """The side really coded: 4:2:0 needs even ones, and libvvenc fails on noise under 32 pixels."""
    return max(32, side + side % 2)


def write(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    """One intra picture; the last row and column are repeated to the side coded."""
    height, width = (coded_side(side) for side in pixels.shape[:2])
    coded = np.pad(pixels, ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0)), mode="edge")
    settings = "intraperiod=1:gopsize=1:decodingrefreshtype=idr:threads=1"
    command = [ffmpeg(), "-v", "error", *RAW, "-s", f"{width}x{height}", "-i", "-", *SCALER]
    command += ["-pix_fmt", "yuv420p10le", "-threads", "1", "-c:v", "libvvenc", "-qp", str(63 - quality)]
    command += ["-preset", "faster" if fast else "medium", "-vvenc-params", settings, "-f", "vvc", "-"]
    return call(command, coded.tobytes())


def read(file: bytes, height: int, width: int) -> Image:
    """The picture; CodecError where its size is another."""
    coded = (coded_side(height), coded_side(width), 3)
    command = [ffmpeg(), "-v", "error", "-xerror", "-threads", "1", "-f", "vvc", "-i", "-", "-frames:v", "1"]
    raw = call([*command, *SCALER, *RAW, "-"], file)
    if len(raw) != coded[0] * coded[1] * 3:
        raise CodecError(f"a VVC picture of {len(raw)} bytes; expected {coded[1]}x{coded[0]} pixels of 3 bytes")
    return np.frombuffer(raw, np.uint8).reshape(coded)[:height, :width]


def nal_units(file: bytes) -> list[bytes]:
    """The units of a byte stream, without their start codes."""
    return re.split(rb"\x00?\x00\x00\x01", file)[1:]


def strip(file: bytes, blank: bytes) -> bytes:
    """Adaptation parameter sets (length first), a zero, the slice; the sets the blank has are left out."""
    *sets, slice_ = (nal for nal in nal_units(file) if nal[1] >> 3 not in KNOWN)
    if any(nal[1] >> 3 != ADAPTATION for nal in sets) or slice_[:2] != nal_units(blank)[-1][:2]:
        raise CodecError(f"a VVC stream has units {[nal[1] >> 3 for nal in nal_units(file)]}; expected one slice")
    return b"".join(pack_varint(len(nal) - 2) + nal[2:] for nal in sets) + b"\0" + slice_[2:]


def rebuild(payload: bytes, blank: bytes) -> bytes:
    """The VVC byte stream around its slice; parameter sets come from the blank."""
    *known, slice_ = (nal for nal in nal_units(blank) if nal[1] >> 3 != ADAPTATION)
    units, at = known, 0
    while (sized := unpack_varint(payload, at)) is not None:
        size, at = sized
        if size == 0:
            return b"".join(b"\0\0\0\1" + nal for nal in [*units, slice_[:2] + payload[at:]])
        units.append(bytes([0, ADAPTATION << 3 | 1]) + payload[at : at + size])
        at += size
    raise CodecError("a VVC payload ends before its slice")


FORMAT = Format(
    range(0, 46),  # QP 63 to 18
    write,
    read,
    strip,
    rebuild,
    start_bpp=0.15,
    two_speeds=True,
    margin=0.06,
)
make_codec = partial(FixedRateCodec, "vvc", FORMAT)
