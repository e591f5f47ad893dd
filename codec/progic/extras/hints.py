"""Hints: what a few spare bytes of later payloads tell of the first stage, should its payload be lost.

Cells go by blocks of 2x2, in raster order (the last row and column stand in for cells beyond the edge); a block's four
codewords of the first stage are told by one byte, or by a few, each refining the ones before: the nearest of 256 words,
of four codewords each, as `hints.books` float[bytes, 256, 4, C2] of a guess's file has them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = Any
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def to_blocks(cells: Floats) -> Floats:
    """float[blocks, 4 * C2] of float[rows, columns, C2]."""
    rows, columns, width = cells.shape
    padded = np.pad(cells, ((0, rows % 2), (0, columns % 2), (0, 0)), mode="edge")
    high, wide = padded.shape[0] // 2, padded.shape[1] // 2
    blocks: Floats = padded.reshape(high, 2, wide, 2, width).transpose(0, 2, 1, 3, 4).reshape(high * wide, -1)
    return blocks


def to_cells(blocks: Floats, rows: int, columns: int) -> Floats:
    """The inverse of `to_blocks`."""
    high, wide = -(-rows // 2), -(-columns // 2)
    cells = blocks.reshape(high, wide, 2, 2, -1).transpose(0, 2, 1, 3, 4).reshape(2 * high, 2 * wide, -1)
    return cells[:rows, :columns]


def describe(codewords: Floats, books: Floats) -> Bytes:
    """uint8[blocks, levels] of the first stage's codewords float[rows, columns, C2]."""
    left = to_blocks(codewords)
    found = np.empty((len(books), len(left)), np.uint8)
    for nearest, words in zip(found, books, strict=True):
        book = words.reshape(len(words), -1)
        nearest[:] = ((book * book).sum(1) - 2 * left @ book.T).argmin(1)
        left = left - book[nearest]
    return found.T


def recall(hints: Bytes, known: npt.NDArray[np.bool_], books: Floats, rows: int, columns: int) -> Floats:
    """float[rows * columns, C2 + 1] as `guess.look` takes it, of uint8[blocks, levels].

    `known`, bool[blocks] or bool[blocks, levels], are those that are told: the first so many levels of a block.
    """
    told = np.broadcast_to(known.reshape(len(hints), -1), hints.shape)
    blocks = np.zeros((len(hints), 4, books.shape[3] + 1), np.float32)
    for k, book in enumerate(books[: hints.shape[1]]):
        blocks[told[:, k], :, :-1] += book[hints[told[:, k], k]]
        blocks[told[:, k], :, -1] = 1
    return to_cells(blocks.reshape(len(hints), -1), rows, columns).reshape(rows * columns, -1)
