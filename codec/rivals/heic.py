"""HEIC (x265): a payload is the HEVC slice after its NAL header. Boxes and parameter sets are known.

Source: HEIF, ISO/IEC 23008-12, and HEVC in files, ISO/IEC 14496-15.
"""

from __future__ import annotations

import io
from functools import partial

import numpy as np

from codec.base import CodecError, Image
from codec.rivals.avif import join_mdat, split_mdat
from codec.rivals.fixed_rate import FixedRateCodec, Format

try:
    import pillow_heif
except ImportError:
    raise CodecError("codec heic needs the package pillow-heif: pip install 'satsim-link[rivals]'") from None


def write(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    """The file, by the slowest preset at either speed."""
    out = io.BytesIO()
    height, width = pixels.shape[:2]
    settings = {"preset": "veryslow", "x265:pools": "none", "x265:frame-threads": "1"}
    chroma = "444" if full else "420"
    pillow_heif.encode(
        "RGB", (width, height), pixels.tobytes(), out, quality=quality, chroma=chroma, enc_params=settings
    )
    return out.getvalue()


def read(file: bytes, height: int, width: int) -> Image:
    """The picture; CodecError where its size is another."""
    picture = pillow_heif.open_heif(io.BytesIO(file))
    if picture.size != (width, height) or picture.mode != "RGB":
        raise CodecError(f"the file holds {picture.size} pixels of {picture.mode}; expected ({width}, {height}) of RGB")
    return np.ascontiguousarray(np.asarray(picture))


def strip(file: bytes, blank: bytes) -> bytes:
    """The HEVC slice after its NAL header: no boxes, no parameter sets, no length."""
    content, known = split_mdat(file)[1], split_mdat(blank)[1]
    if int.from_bytes(content[:4], "big") + 4 != len(content) or content[4:6] != known[4:6]:
        raise CodecError("a HEIC file holds more than one HEVC slice; expected one")
    return content[6:]


def rebuild(payload: bytes, blank: bytes) -> bytes:
    """The HEIC file around one HEVC slice; boxes and parameter sets come from the blank."""
    boxes, content = split_mdat(blank)
    return join_mdat(boxes, (len(payload) + 2).to_bytes(4, "big") + content[4:6] + payload)


FORMAT = Format(range(0, 96), write, read, strip, rebuild, chroma=(False, True))
make_codec = partial(FixedRateCodec, "heic", FORMAT)
