"""JPEG XL: a payload is the bare codestream without signature, size and default metadata.

Source: ISO/IEC 18181-1 annex D.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from codec.base import CodecError, Image
from codec.rivals.fixed_rate import FixedRateCodec, Format

try:
    import imagecodecs
except ImportError:
    raise CodecError("codec jpegxl needs the package imagecodecs: pip install 'satsim-link[rivals]'") from None


def write(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    """The codestream, at quality 0 to 80."""
    # Quality 0 to 80 is libjxl's distance 25 (its largest) down to 0.25, evenly spaced in log distance.
    distance = 25 * 100 ** (-quality / 80)
    effort = 1 if pixels.min() == pixels.max() else 7 if fast else 9  # of the blank only the header is looked at
    file = imagecodecs.jpegxl_encode(pixels, distance=distance, effort=effort, usecontainer=False, numthreads=1)
    return bytes(file)


def read(file: bytes, height: int, width: int) -> Image:
    """The picture as libjxl reads it, of whatever size."""
    return np.asarray(imagecodecs.jpegxl_decode(file, numthreads=1))


def header_bytes(file: bytes) -> int:
    """Length of signature, SizeHeader and all-default metadata; the frame starts at the next whole byte."""
    bits, at = int.from_bytes(file[2:14], "little"), 1

    def skip_side() -> None:
        nonlocal at
        at += 5 if bits & 1 else 2 + (9, 13, 18, 30)[bits >> at & 3]

    skip_side()
    ratio = bits >> at & 7
    at += 3
    if ratio == 0:
        skip_side()
    if file[:2] != b"\xff\x0a" or bits >> at & 3 != 3:
        raise CodecError("a JPEG XL file is no bare codestream with default metadata")
    return 2 + (at + 2 + 7) // 8


def strip(file: bytes, blank: bytes) -> bytes:
    """The frames of a JPEG XL codestream, without signature, size and metadata."""
    return file[header_bytes(blank) :]


def rebuild(payload: bytes, blank: bytes) -> bytes:
    """The JPEG XL codestream around its frames; the header comes from the blank."""
    return blank[: header_bytes(blank)] + payload


FORMAT = Format(range(0, 81), write, read, strip, rebuild, two_speeds=True, margin=0.06)
make_codec = partial(FixedRateCodec, "jpegxl", FORMAT)
