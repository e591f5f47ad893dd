"""The entropy-coded scan of a baseline JPEG, symbol by symbol, with its standard Huffman tables.

A symbol is (kind, byte, value): kind DC or AC, and of the block's component 0 (luma) or 1 (chroma); the byte that the
Huffman table codes, zeros before the value * 16 + its bits; the value. Source: ITU-T T.81 annexes F and K.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from codec.base import CodecError
from codec.rivals import jpeg
from codec.rivals.fixed_rate import save

DC, AC = 0, 16
"""Class of a Huffman table, as its first byte has it; the last digit is 0 for luma and 1 for chroma."""
END = 0
BLOCK = 64


class Symbol(NamedTuple):
    """One code word and the bits that follow it."""

    table: int
    byte: int
    value: int


def symbol(table: int, zeros: int, value: int) -> Symbol:
    """The symbol for `value` after so many zeros."""
    return Symbol(table, zeros << 4 | abs(value).bit_length(), value)


@cache
def codes(table: int) -> dict[int, tuple[int, int]]:
    """Code word and its length of each byte in a standard table."""
    written = jpeg.split(
        save(np.full((16, 16, 3), 128, np.uint8), "JPEG")
    ).tables  # the standard ones, as none is asked
    body = next(each for each in written if each[0] == table)
    words, word, at = {}, 0, 17
    for length, count in enumerate(body[1:17], 1):
        for byte in body[at : at + count]:
            words[byte] = word, length
            word += 1
        word, at = word << 1, at + count
    return words


@cache
def lookup(table: int) -> list[tuple[int, int]]:
    """Byte and length of the code word that so many 16 bits begin with; length 0 where none does."""
    found = [(0, 0)] * (1 << 16)
    for byte, (word, length) in codes(table).items():
        span = 1 << (16 - length)
        found[word * span : (word + 1) * span] = [(byte, length)] * span
    return found


def to_bits(one: Symbol) -> tuple[int, int]:
    """The bits of a symbol, and how many they are."""
    word, length = codes(one.table)[one.byte]
    size = one.byte & 15
    extra = one.value if one.value >= 0 else one.value + (1 << size) - 1
    return word << size | extra, length + size


def components(full: bool) -> tuple[int, ...]:
    """Component (0: luma) of each block of a group, without or with chroma subsampling."""
    return (0, 1, 2) if full else (0, 0, 0, 0, 1, 2)


def ends(block: list[Symbol]) -> bool:
    """Whether the symbols of a block say all its 64 values."""
    return any(one.byte == END for one in block[1:]) or 1 + sum(1 + (one.byte >> 4) for one in block[1:]) == BLOCK


class Reader:
    """Symbols out of bytes; IndexError at their end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.bit = data, 0

    def read(self, table: int) -> Symbol:
        """The next symbol. Raises CodecError for bits that are no code word."""
        byte, length = lookup(table)[self.peek(16)]
        if not length and self.bit + 16 > 8 * len(self.data):
            raise IndexError
        if not length:
            raise CodecError(f"ssdv: no code word at bit {self.bit}; the payload is not ours")
        size = byte & 15
        if self.bit + length + size > 8 * len(self.data):
            raise IndexError
        self.bit += length
        value = self.peek(size)
        self.bit += size
        return Symbol(table, byte, value if not size or value >> (size - 1) else value + 1 - (1 << size))

    def peek(self, count: int) -> int:
        """The next bits, ones past the end."""
        at = self.bit >> 3
        window = int.from_bytes(self.data[at : at + 4].ljust(4, b"\xff"), "big")
        return window >> (32 - (self.bit & 7) - count) & ((1 << count) - 1)

    def block(self, chroma: int) -> Iterator[Symbol]:
        """The symbols of one block as they are read; CodecError for one that runs over its 64 values."""
        yield self.read(DC | chroma)
        place = 1
        while place < BLOCK:
            one = self.read(AC | chroma)
            place += BLOCK if one.byte == END else 1 + (one.byte >> 4)
            if place > BLOCK and one.byte != END:
                raise CodecError("ssdv: a block of over 64 values; the payload is not ours")
            yield one
