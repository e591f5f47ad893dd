"""A sketch of smooth colour in the bytes that a link leaves beside stages, so that colours are right early.

A sketch is of a kind, 0 to KINDS - 1, and of 8 to 64 bytes. For each entry of the kind's `plan`, as far as whole codes
fit, it tells in which interval a coefficient of the photo lies (`coefficients`), by the code (`to_code`) of
(coefficient - shift) // step, rounded down. Codes stand one after the other, the highest bit first, and then zeros.

Kind 0 tells chroma finely, which the first stage gets wrong. The others all tell the roughest colours, with intervals
that are shifted by quarters, so that several sketches say more than one; and each tells a fourth of what is finer, for
whoever lacks the first stage. The receiver moves the coefficients of its own decode into all intervals that it holds,
however good that decode is, and adds the differences as waves.

Test vectors: a picture of 48x64 pixels, in column x and row y of R 5x, G 3y and B 2(x + y), has these sketches of kinds
0, 1 and 4 in 20 bytes, and of kind 0 in 8; one of R, G and B 100 everywhere has the last:

    d159e0afa08eaaac56ab10aaaaac9aaaadaaaaaa
    4394238b8de251522257a9d2a755d555d5555554
    471026a323788445ce952bd4aeaaaaabaaaaaaab
    d159e0afa08eaaac
    820924aaaaaaaaaa
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from codec.base import CodecError, Image

LEAST, MOST = 8, 64
"""Bytes of a sketch."""
KINDS = 5
FINE, FINEST = 192, 96
"""Width of an interval of kinds 1 to 4, and of kind 0; the unit, as of coefficients, is 1/256 of a grey level."""
ROUGH = 2
"""Orders that each of the kinds 1 to 4 tells, in intervals four times as wide, shifted by FINE each."""
ALL_CHROMA, LUMA, CHROMA = "5211111111111111", "4132222111111111", "2111111111111111"
"""Of kind 0, and of the others: bits from which codes of a coefficient grow, by its order, rows plus columns."""
BLOCKS = 16
WEIGHTS = np.array([[77, 150, 29], [-43, -85, 128], [128, -107, -21]])
"""Of R, G, B in Y, Cb, Cr, in 1/256."""
MIDDLE = 128 * 256
"""What R, G and B are counted from, so that a middle grey has no coefficient but 0."""
UNIT = 1 << 12
"""Of `WAVES`, and of them the height of the flat one."""
INWARD = 0.3
"""Share of an interval: a coefficient beside it is moved as far beyond its edge as it lay before, but no farther."""
ROWS = 256
"""Rows of a picture that are corrected at a time."""

Integers = npt.NDArray[np.int64]


def waves(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64[BLOCKS, n]: the cosines of 0 to BLOCKS - 1 half turns at `places`, 0 to 1; each of mean square 1."""
    order = np.arange(BLOCKS)[:, None]
    return np.asarray(np.where(order, np.sqrt(2), 1) * np.cos(np.pi * order * places))


WAVES: Integers = np.rint(UNIT * waves((np.arange(BLOCKS) + 0.5) / BLOCKS)).astype(np.int64)


class Entry(NamedTuple):
    """One coefficient of a plan: how it is told."""

    channel: int
    row: int
    column: int
    step: int
    """Width of an interval."""
    shift: int
    least: int
    """Bits of the shortest code, less one."""


@lru_cache
def plan(kind: int) -> list[Entry]:
    """What sketches of this kind tell, in order: rough before fine, as far as bits go."""
    step, count = FINE if kind else FINEST, KINDS - 1
    rough, fine = [], []
    for order in range(BLOCKS):
        for row in range(order + 1):
            for channel in range(3) if kind else (1, 2):
                least = int((CHROMA if kind and channel else LUMA if kind else ALL_CHROMA)[order])
                place = channel, row, order - row
                if kind and order < ROUGH:
                    rough.append(Entry(*place, step * count, step * (kind - 1), least))
                else:
                    fine.append(Entry(*place, step, 0, least))
    return rough + fine[kind - 1 :: count] if kind else fine


def to_code(number: int, least: int) -> str:
    """The bits of an interval's number: Exp-Golomb of order `least`, of 0, -1, 1, -2, 2 and so on as 0, 1, 2, 3, 4."""
    bits = f"{(2 * number if number >= 0 else -2 * number - 1) + (1 << least):b}"
    return "0" * (len(bits) - 1 - least) + bits


def read_code(bits: str, at: int, least: int) -> tuple[int, int]:
    """The number whose code begins at `at`, and where that ends. Raises ValueError where it does not end."""
    first = bits.index("1", at)
    end = 2 * first - at + least + 1
    if end > len(bits):
        raise ValueError("a code that does not end")
    folded = int(bits[first:end], 2) - (1 << least)
    return -(folded + 1) // 2 if folded % 2 else folded // 2, end


def coefficients(image: Image) -> Integers:
    """int64[3, BLOCKS, BLOCKS]: Y, Cb and Cr of means over blocks of `image`, as waves; the same on every machine.

    Blocks lie between rows i * height // BLOCKS, and columns so. All divisions round down.
    """
    height, width = image.shape[:2]
    rows, columns = (np.arange(BLOCKS + 1) * side // BLOCKS for side in (height, width))
    lines = np.add.reduceat(image, rows[:-1], axis=0, dtype=np.int64)
    sums = np.add.reduceat(lines, columns[:-1], axis=1)
    areas = np.outer(np.diff(rows), np.diff(columns))[..., None]
    channels = ((sums * 256 // areas - MIDDLE) @ WEIGHTS.T // 256).transpose(2, 0, 1)
    return np.asarray(WAVES @ channels @ WAVES.T // (UNIT * UNIT * BLOCKS * BLOCKS))


def write_sketch(found: Integers, kind: int, size: int) -> bytes:
    """A sketch of `size` bytes of a photo of these coefficients."""
    bits = ""
    for entry in plan(kind):
        code = to_code((int(found[entry[:3]]) - entry.shift) // entry.step, entry.least)
        if len(bits) + len(code) > 8 * size:
            break
        bits += code
    return int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")


def bounds(sketches: Mapping[int, bytes]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Least and greatest, float64[3, BLOCKS, BLOCKS], that each coefficient can be by these sketches.

    Sketch k is of kind k mod KINDS.
    Raises CodecError for a sketch that no encoder writes.
    """
    low, high = (np.full((3, BLOCKS, BLOCKS), end) for end in (-np.inf, np.inf))
    for k, sketch in sketches.items():
        bits, at = f"{int.from_bytes(sketch, 'big'):0{8 * len(sketch)}b}", 0
        for entry in plan(k % KINDS):
            if "1" not in bits[at:]:
                break
            try:
                number, at = read_code(bits, at, entry.least)
            except ValueError as error:
                raise CodecError(f"a sketch ends in {error}; it is damaged or of another codec") from None
            edge, place = number * entry.step + entry.shift, entry[:3]
            low[place], high[place] = max(low[place], edge), min(high[place], edge + entry.step)
    return low, high


def correct(picture: Image, sketches: Mapping[int, bytes]) -> Image:
    """`picture`, moved as far as these sketches say, of kinds as for `bounds`. Raises CodecError as `bounds` does."""
    low, high = bounds(sketches)
    own = coefficients(picture)
    most = INWARD * np.minimum(high - low, FINE)
    below, above = np.maximum(low - own, 0), np.maximum(own - high, 0)
    off = (below + np.minimum(below, most) - above - np.minimum(above, most)) / 256
    height, width = picture.shape[:2]
    means = np.sinc(np.arange(BLOCKS) / (2 * BLOCKS))  # of a wave over a block, against its height in the middle
    off /= means[:, None] * means
    down, across = (waves((np.arange(side) + 0.5) / side) for side in (height, width))
    to_rgb = np.linalg.inv(WEIGHTS / 256)
    corrected = np.empty_like(picture)
    for top in range(0, height, ROWS):
        part = slice(top, top + ROWS)
        added = np.einsum("kc,chw->hwk", to_rgb, down[:, part].T @ off @ across)
        corrected[part] = np.rint(np.clip(picture[part] + added, 0, 255))
    return corrected
