"""A range coder in whole numbers: frequencies to bytes and back, the same on every machine.

The encoder holds `low`, a whole number of any length, so that a carry needs no care, and `range`, at first 0 and 2^32.
A symbol with `size` of `total` frequencies, `start` of them before it:

    step = range // total;  low += step * start;  range = step * size
    while range < 2^24:  low *= 256;  range *= 256

At the end it writes the number from low to low + range - 1 that ends in most zero bits, big-endian in as many bytes
as low then spans (4, and one for each time it was multiplied), without its last zero bytes; nothing where low is 0.
The decoder holds `code`, the first 4 bytes less low, and reads zeros behind the end:

    step = range // total;  the symbol is that with start <= code // step < start + size;  code -= step * start
    range = step * size;  while range < 2^24:  code = code * 256 + next byte;  range *= 256

Totals are at most 2^18. Test vector: symbols 2, 0, 1, 1 of frequencies 1, 2, 5, then 0 of 1, 3: `6340`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from codec.base import CodecError

STATE_BITS, LEAST_RANGE = 32, 1 << 24
MOST_TOTAL = 1 << 18


class RangeEncoder:
    """Symbols to bytes."""

    def __init__(self) -> None:
        self._low, self._range, self._bits = 0, 1 << STATE_BITS, STATE_BITS

    def encode(self, symbol: int, frequencies: Sequence[int]) -> None:
        """Add a symbol; `frequencies`, 1 or more each, are those of all that it might be."""
        step = self._range // sum(frequencies)
        self._low += step * sum(frequencies[:symbol])
        self._range = step * frequencies[symbol]
        while self._range < LEAST_RANGE:
            self._low, self._range, self._bits = self._low << 8, self._range << 8, self._bits + 8

    def finish(self) -> bytes:
        """The stream, as short as it can be."""
        if self._low == 0:
            return b""
        zeros, end = 0, self._low + self._range
        while -(-self._low >> zeros + 1) << zeros + 1 < end:
            zeros += 1
        number = -(-self._low >> zeros) << zeros
        return number.to_bytes(self._bits // 8, "big").rstrip(b"\0")


class RangeDecoder:
    """Bytes to symbols, given the same frequencies in the same order."""

    def __init__(self, stream: bytes) -> None:
        self._rest = iter(stream)
        self._range, self._code = 1 << STATE_BITS, 0
        for _ in range(STATE_BITS // 8):
            self._code = self._code << 8 | next(self._rest, 0)

    def decode(self, frequencies: Sequence[int]) -> int:
        """The next symbol. Raises CodecError where no encoder of these frequencies wrote the stream."""
        step = self._range // sum(frequencies)
        ends = list(accumulate(frequencies))
        symbol = bisect_right(ends, self._code // step)
        if symbol == len(ends):
            raise CodecError("coded payload says what no encoder writes; it is damaged or of other tables")
        self._range = step * frequencies[symbol]
        self._code -= step * ends[symbol] - self._range
        while self._range < LEAST_RANGE:
            self._code, self._range = self._code << 8 | next(self._rest, 0), self._range << 8
        return symbol
