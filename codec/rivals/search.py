"""Finding the best picture a byte budget buys: quality, coding resolution and chroma of one format.

Best is the highest `likeness` of the enlarged picture against the original. This score only steers the search; what
results report comes from `codec.metrics`. It has one scale on purpose: MS-SSIM gives the finest scale a weight of 0.04,
so it hardly minds a halved resolution. On five photos of 256x256 pixels, AVIF chosen by one-scale SSIM had the same
MS-SSIM as when chosen by MS-SSIM, but an LPIPS 6% lower at 340 bytes and 12% lower at 1700 bytes; PSNR as the guide
came close, and was worse at the lower budget.
Source: Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error visibility to
structural similarity", IEEE TIP 13(4), 2004; here with 8x8 box windows every 4 pixels, for speed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture

from codec.base import MIN_SIDE, CodecError, Image
from codec.photos import resize

if TYPE_CHECKING:
    from codec.rivals.fixed_rate import Format
    from codec.rivals.written import Written

Plane = npt.NDArray[np.float32]

SCALES = tuple(scale / 2**k for k in range(8) for scale in (1.0, 0.75))
"""Coding resolutions relative to the picture: 1, 3/4, 1/2, 3/8, ... 3/512."""
SCORE_SIDE = 1024
"""Pictures larger than this (pixels) are scored at this size, to bound the search."""
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def coded_size(height: int, width: int, scale: float) -> tuple[int, int]:
    """(height, width) of the coded picture, each at least 1 pixel."""
    return max(1, round(height * scale)), max(1, round(width * scale))


class Trial(NamedTuple):
    """One coded picture: `score` is its likeness, or minus its bytes where it does not fit."""

    score: float
    scale: int
    full: bool
    quality: int
    payload: bytes
    shown: Image | None
    """The coded picture as a receiver decodes it, before it is enlarged."""


@lru_cache(maxsize=64)
def blank_file(form: Format, height: int, width: int, quality: int, full: bool) -> bytes:
    """The file of a grey picture, which both ends can write: the source of all that is not sent (`quality`: index)."""
    if not form.has_blank:
        return b""
    return form.write(np.full((height, width, 3), 128, np.uint8), form.qualities[quality], full, False)


def best_fit(name: str, form: Format, image: Image, room: int, written: Written | None = None) -> Trial:
    """The coding of `image` most like it whose payload fits `room` bytes; score below zero where nothing fits.

    Climbs the ladder of coding scales with the fast writer, then codes the best one slowly; `written` shortens that.
    """
    height, width = image.shape[:2]
    shrink = min(1.0, max(SCORE_SIDE / max(height, width), MIN_SIDE / min(height, width)))
    reference = resize(image, *coded_size(height, width, shrink))
    sizes = [coded_size(height, width, scale) for scale in SCALES]
    usable = [n for n, size in enumerate(sizes) if n == 0 or min(size) >= form.min_side]
    guess = len(form.qualities) // 4

    def attempt(scale: int, full: bool, fast: bool) -> Trial:
        nonlocal guess
        pixels = resize(image, *sizes[scale])

        def payload_at(quality: int) -> tuple[bytes, bytes]:
            file = form.write(pixels, form.qualities[quality], full, fast)
            known = blank_file(form, *sizes[scale], quality if form.sends_quality else 0, full)
            return file, form.strip(file, known)

        near = 0.96 if fast and form.two_speeds else 1.0
        if written is None:
            quality, found, smallest = largest_fitting(payload_at, len(form.qualities), room, guess, near)
        else:
            quality, found, smallest = written.largest(scale, full, fast, room, guess, near)
        if found is None:
            return Trial(-float(smallest), scale, full, 0, b"", None)
        guess = quality
        file, payload = found
        shown = read_file(name, form, file, *sizes[scale])
        return Trial(likeness(reference, resize(shown, *reference.shape[:2])), scale, full, quality, payload, shown)

    # Likeness has one peak over scale, near the bits a coded pixel that suit the format.
    start = min(
        usable, key=lambda n: abs(math.log(room * 8 / math.prod(sizes[n]) / form.start_bpp)) if room > 0 else -n
    )
    tried = {start: attempt(start, False, True)}
    best = tried[start]
    for step in (1, -1):
        while (at := best.scale + step) in usable and at not in tried:
            tried[at] = attempt(at, False, True)
            if tried[at].score <= best.score:
                break
            best = tried[at]
    if best.payload and True in form.chroma:
        best = max(best, attempt(best.scale, True, True), key=lambda trial: trial.score)
    if form.two_speeds:
        guess = best.quality or guess
        best = attempt(best.scale, best.full, False)
        while not best.payload and best.scale + 1 in usable:
            best = attempt(best.scale + 1, False, False)
    return best


def largest_fitting(
    try_at: Callable[[int], tuple[bytes, bytes]], count: int, room: int, guess: int, near: float, slope: float = 0.05
) -> tuple[int, tuple[bytes, bytes] | None, int]:
    """(quality, its file and payload or None, smallest payload seen in bytes): the largest quality that fits `room`.

    Log size is close to linear in quality: extrapolate until a fit and a misfit bracket the answer, then interpolate,
    halving the bracket every third probe lest a bent curve make the steps tiny. A fit of at least `near` (0 to 1) of
    the room ends the search.
    """
    low, high, probe = -1, count, min(max(guess, 0), count - 1)
    sizes: dict[int, int] = {}
    found = None
    while high - low > 1:
        candidate = try_at(probe)
        size = sizes[probe] = max(1, len(candidate[1]))
        steps = math.log(max(1, room) / size) / slope
        if size <= room:
            low, found, probe = probe, candidate, probe + math.ceil(steps + 0.5)
            if near * room <= size < room:
                break
        else:
            high, probe = probe, probe + math.floor(steps)
        if low in sizes and high in sizes:
            slope = max(0.01, math.log(sizes[high] / sizes[low]) / (high - low))
            part = math.log(max(1, room) / sizes[low]) / slope / (high - low) if len(sizes) % 3 else 0.5
            probe = low + round(part * (high - low))
        elif len(sizes) > 1:
            ends = min(sizes), max(sizes)
            slope = max(0.01, math.log(sizes[ends[1]] / sizes[ends[0]]) / (ends[1] - ends[0]))
        probe = min(max(probe, low + 1), high - 1)
    return low, found, min(sizes.values())


def read_file(name: str, form: Format, file: bytes, height: int, width: int) -> Image:
    """`file` decoded to uint8[height, width, 3]; whatever goes wrong is a CodecError."""
    try:
        pixels = form.read(file, height, width)
    except CodecError:
        raise
    except Exception as error:  # each library has its own error types, and wrong bytes may raise any
        raise CodecError(f"{name}: {len(file)} bytes do not decode: {error}") from error
    if pixels.shape != (height, width, 3) or pixels.dtype != np.uint8:
        raise CodecError(f"{name}: decoded {pixels.dtype}{list(pixels.shape)}; expected uint8[{height}, {width}, 3]")
    return pixels


def likeness(reference: Image, candidate: Image) -> float:
    """How like `reference` the picture is, up to 1: SSIM of luma (weight 3/4) and of both chroma planes (1/8 each).

    Colour is so neither ignored nor overpaid. Both are uint8[H, W, 3] of one size, sides at least 8 pixels.
    """
    pairs = zip((0.75, 0.125, 0.125), _planes(reference), _planes(candidate), strict=True)
    return sum(weight * _ssim(left, right) for weight, left, right in pairs)


def _windows(plane: Plane) -> Plane:
    """Means over 8x8 windows every 4 pixels; a last part row or column of under 4 pixels is left out."""
    height, width = (side // 4 * 4 for side in plane.shape)
    tiles = plane[:height, :width].reshape(height // 4, 4, width // 4, 4).mean((1, 3))
    rows = (tiles[1:] + tiles[:-1]) / 2
    return np.asarray((rows[:, 1:] + rows[:, :-1]) / 2)


def _ssim(left: Plane, right: Plane) -> float:
    """Mean SSIM of two planes of at least 8x8 values, 0 to 255."""
    mean_l, mean_r = _windows(left), _windows(right)
    squares = _windows(left * left + right * right)
    covariance = _windows(left * right) - mean_l * mean_r
    variances = squares - mean_l**2 - mean_r**2
    light = (2 * mean_l * mean_r + _C1) / (mean_l**2 + mean_r**2 + _C1)
    return float((light * (2 * covariance + _C2) / (variances + _C2)).mean())


def _planes(pixels: Image) -> list[Plane]:
    ycbcr = np.asarray(Picture.fromarray(pixels).convert("YCbCr"), np.float32)
    return [ycbcr[..., c] for c in range(3)]
