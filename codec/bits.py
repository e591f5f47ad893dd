"""Exact n-bit index packing: 10 bits means 10 bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codec.base import CodecError

Indices = npt.NDArray[np.int64]


def packed_bytes(count: int, bits: int) -> int:
    """Bytes that `count` indices of `bits` bits occupy."""
    return -(-count * bits // 8)


def pack_indices(indices: Indices, bits: int) -> bytes:
    """Big-endian bit string of int64[n], each 0 to 2^bits - 1; the last byte is filled up with zeros."""
    if indices.size and not (indices.min() >= 0 and indices.max() < 1 << bits):
        raise ValueError(f"indices run {indices.min()} to {indices.max()}; expected 0 to {(1 << bits) - 1}")
    places = np.arange(bits - 1, -1, -1)
    return np.packbits(((indices.reshape(-1, 1) >> places) & 1).astype(np.uint8)).tobytes()


def unpack_indices(packed: bytes, bits: int) -> Indices:
    """int64[n] from `packed`: as many whole indices as it holds, the exact inverse of packing for `bits` of 8 or more.

    Raises CodecError where the filling bits are not zero, as no encoder writes them.
    """
    stream = np.unpackbits(np.frombuffer(packed, np.uint8))
    count = len(stream) // bits
    if stream[count * bits :].any():
        raise CodecError(f"payload of {len(packed)} bytes ends in stray bits; it is damaged or of another codec")
    places = 1 << np.arange(bits - 1, -1, -1)
    return stream[: count * bits].reshape(count, bits).astype(np.int64) @ places
