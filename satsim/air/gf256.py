"""Polynomials over GF(256), whose values at any so many places tell their values at all others: an erasure code.

The field is GF(2)[a] / (a^8 + a^4 + a^3 + a^2 + 1), a byte its polynomial in a, so that a sum is an exclusive or. Place
k of a polynomial, 0 to 255, is its value at 0 for k = 0, and at a^(k-1) from there on. If the first m places are the
data then the code is systematic, and any m of its 256 symbols give back all: this is the Reed-Solomon code of L. Rizzo,
"Effective erasure codes for reliable computer communication protocols", 1997, whose matrix (a Vandermonde matrix times
the inverse of its first rows) holds what Lagrange's formula gives here at once, for encoding and decoding alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

LARGEST_SHEET = 1 << 20
"""Bytes of products that are made before they are added up, unless one symbol alone takes more."""


def interpolate(held: Mapping[int, bytes], wanted: Sequence[int]) -> list[bytes]:
    """The symbols at the places `wanted`, none of which is held, of the polynomials of lowest degree through `held`.

    Symbols are of one length, and byte i of all of them belongs to polynomial i, whose degree is below len(held).
    """
    known = tuple(sorted(held))
    symbols = [held[k] for k in known]
    length = len(symbols[0])
    rows = max(1, LARGEST_SHEET // max(1, len(known) * length))
    weights = lagrange_weights(known, tuple(wanted))
    found: list[bytes] = []
    for first in range(0, len(weights), rows):
        some = weights[first : first + rows]
        products = [symbol.translate(TIMES[w]) for row in some for w, symbol in zip(row, symbols, strict=True)]
        sheet = np.frombuffer(b"".join(products), np.uint8).reshape(len(some), len(known), length)
        found += [total.tobytes() for total in np.bitwise_xor.reduce(sheet, axis=1)]
    return found


@lru_cache(maxsize=512)
def lagrange_weights(known: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[bytes, ...]:
    """For each place wanted a weight for each place known, by which the symbols there add up to the one wanted.

    At x, of the values at x_1, x_2, ... (Lagrange): w_i = product over j other than i of (x - x_j) / (x_i - x_j).
    """
    points, at = POINTS[list(known)], POINTS[list(wanted)]
    from_wanted = LOGARITHMS[at[:, None] ^ points]
    from_known = LOGARITHMS[points[:, None] ^ points]  # 0 from a point to itself, so that it counts for nothing
    exponents = from_wanted.sum(1)[:, None] - from_wanted - from_known.sum(1)
    return tuple(row.tobytes() for row in POWERS[exponents % 255])


def _powers() -> list[int]:
    """1, a, a^2, ..., a^254: all that is not 0."""
    powers = [1]
    while len(powers) < 255:
        powers.append(powers[-1] << 1 ^ (0x11D if powers[-1] & 128 else 0))
    return powers


POWERS = np.array(_powers(), np.uint8)
POINTS = np.append(np.uint8(0), POWERS)
"""Where a polynomial has its places 0 to 255."""
LOGARITHMS = np.zeros(256, np.int64)
"""Of each byte but 0, which has none and is given 0."""
LOGARITHMS[POWERS] = np.arange(255)


def _times(factor: int) -> bytes:
    """Of each byte its product with `factor`, which is not 0."""
    products = POWERS[(LOGARITHMS + LOGARITHMS[factor]) % 255]
    products[0] = 0
    return bytes(products)


TIMES = [bytes(256), *map(_times, range(1, 256))]
"""Products of any two bytes: what `bytes.translate` takes to multiply a whole symbol."""
