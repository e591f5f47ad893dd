"""Which indices ride in which payload: coarse stages first, neighbours apart; a hole is -1.

A stage whose indices do not fit one payload is dealt out over P of them, so that a lost payload thins the grid evenly
instead of tearing a hole. Where several stages fit one payload, as many ride together as divide their number. So all
payloads of an image have the same length, which alone tells a receiver the whole cut; only the last part of a dealt
stage may need filling up, with index 0 in places that no cell has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codec.base import BudgetError, CodecError

Indices = npt.NDArray[np.int64]

GOLDEN = 0.382
"""Share of P by which each row's deal is shifted against the row above (golden section: no diagonal streaks)."""


@dataclass(frozen=True)
class Cut:
    """How the index grid of one image is cut."""

    cells: int
    """Indices in one stage."""
    indices: int
    """Indices in each payload."""

    @property
    def payloads_per_stage(self) -> int:
        """P: payloads over which one stage is dealt; 1 where a whole stage fits."""
        return -(-self.cells // self.indices)

    @property
    def stages_per_payload(self) -> int:
        """Whole stages in one payload; 1 where a stage is dealt over several."""
        return max(1, self.indices // self.cells)


def make_cut(stages: int, cells: int, bits: int, payload_bytes: int) -> Cut:
    """The cut with the fewest payloads of at most `payload_bytes` bytes, of equal and least length.

    Raises BudgetError where not one index fits.
    """
    _check_bits(bits)
    fitting = payload_bytes * 8 // bits
    if fitting < 1:
        raise BudgetError(f"payload_bytes is {payload_bytes}; expected at least {packed_bytes(1, bits)} for one index")
    if fitting >= cells:
        together = max(d for d in range(1, stages + 1) if stages % d == 0 and d * cells <= fitting)
        return Cut(cells, cells * together)
    payloads = -(-cells // fitting)
    return Cut(cells, -(-cells // payloads))


def deal(rows: int, columns: int, payloads: int) -> Indices:
    """Raster positions int64[rows * columns] in the order in which they are dealt out; neighbours lie far apart."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    turn = (column + row * max(1, round(GOLDEN * payloads))) % payloads
    return np.argsort(turn, kind="stable")


def split(indices: Indices, bits: int, payload_bytes: int) -> list[bytes]:
    """Payloads of int64[stages, rows, columns], first stage first."""
    stages, rows, columns = indices.shape
    cut = make_cut(stages, rows * columns, bits, payload_bytes)
    dealt = indices.reshape(stages, -1)[:, deal(rows, columns, cut.payloads_per_stage)]
    if cut.payloads_per_stage == 1:
        stream = dealt.reshape(-1)
        return [_pack(stream[k : k + cut.indices], cut, bits) for k in range(0, stream.size, cut.indices)]
    return [_pack(stage[k : k + cut.indices], cut, bits) for stage in dealt for k in range(0, cut.cells, cut.indices)]


def _check_bits(bits: int) -> None:
    if bits < 8:
        raise CodecError(
            f"indices have {bits} bits; expected at least 8, or a length would not tell how many there are"
        )


def _pack(part: Indices, cut: Cut, bits: int) -> bytes:
    filled = np.zeros(cut.indices, np.int64)
    filled[: part.size] = part
    return pack_indices(filled, bits)


def join(received: Mapping[int, bytes], stages: int, rows: int, columns: int, bits: int) -> Indices:
    """Rebuild the index grid int64[stages, rows, columns]; cells that never arrived are -1.

    `received` maps payload index to payload. Raises CodecError where lengths disagree, no cut has that length, or an
    index lies beyond the last stage.
    """
    _check_bits(bits)
    grid = np.full((stages, rows * columns), -1, np.int64)
    lengths = {len(payload) for payload in received.values()}
    if not lengths:
        return grid.reshape(stages, rows, columns)
    if len(lengths) > 1:
        raise CodecError(f"payloads are {sorted(lengths)} bytes long; expected one length for all of an image")
    cells = rows * columns
    length = lengths.pop()
    cut = Cut(cells, length * 8 // bits)
    if (
        packed_bytes(cut.indices, bits) != length
        or cut.indices < 1
        or (cut.indices > cells and (cut.indices % cells or cut.stages_per_payload > stages))
    ):
        raise CodecError(f"payload of {length} bytes fits no cut for {cells} indices of {bits} bits a stage")
    order = deal(rows, columns, cut.payloads_per_stage)
    for k, payload in received.items():
        found = unpack_indices(payload, bits)
        if cut.payloads_per_stage == 1:
            first, places = k * cut.stages_per_payload, order
        else:
            first, part = divmod(k, cut.payloads_per_stage)
            places = order[part * cut.indices : (part + 1) * cut.indices]
        if not 0 <= first < stages:
            raise CodecError(f"payload {k} would hold stage {first + 1}; this model has {stages} stages")
        for stage in range(first, min(stages, first + cut.stages_per_payload)):
            start = (stage - first) * cells
            grid[stage, places] = found[start : start + places.size]
    return grid.reshape(stages, rows, columns)


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
