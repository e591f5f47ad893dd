"""Which indices ride in which payload: coarse stages first, neighbours apart; a hole is -1.

A stage whose indices do not fit one payload is dealt out over P of them, so that a lost payload thins the grid evenly
instead of tearing a hole. Where several stages fit one payload, as many ride together as divide their number. So all
payloads of an image have the same length, which alone tells a receiver the whole plan; only the last part of a dealt
stage may need filling up, with index 0 in places that no cell has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codec.base import CodecError

Indices = npt.NDArray[np.int64]

GOLDEN = 0.382
"""Share of P by which each row's deal is shifted against the row above (golden section: no diagonal streaks)."""


@dataclass(frozen=True)
class Plan:
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


def make_plan(stages: int, cells: int, bits: int, payload_bytes: int) -> Plan:
    """The plan with the fewest payloads of at most `payload_bytes` bytes, of equal and least length.

    Raises CodecError where not one index fits.
    """
    _check_bits(bits)
    fitting = payload_bytes * 8 // bits
    if fitting < 1:
        raise CodecError(f"payload_bytes is {payload_bytes}; expected at least {packed_bytes(1, bits)} for one index")
    if fitting >= cells:
        together = max(d for d in range(1, stages + 1) if stages % d == 0 and d * cells <= fitting)
        return Plan(cells, cells * together)
    payloads = -(-cells // fitting)
    return Plan(cells, -(-cells // payloads))


def deal(rows: int, columns: int, payloads: int) -> Indices:
    """Raster positions int64[rows * columns] in the order in which they are dealt out; neighbours lie far apart."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    turn = (column + row * max(1, round(GOLDEN * payloads))) % payloads
    return np.argsort(turn, kind="stable")


def split(indices: Indices, bits: int, payload_bytes: int) -> list[bytes]:
    """Payloads of int64[stages, rows, columns], first stage first."""
    stages, rows, columns = indices.shape
    plan = make_plan(stages, rows * columns, bits, payload_bytes)
    dealt = indices.reshape(stages, -1)[:, deal(rows, columns, plan.payloads_per_stage)]
    if plan.payloads_per_stage == 1:
        stream = dealt.reshape(-1)
        return [_pack(stream[k : k + plan.indices], plan, bits) for k in range(0, stream.size, plan.indices)]
    return [
        _pack(stage[k : k + plan.indices], plan, bits) for stage in dealt for k in range(0, plan.cells, plan.indices)
    ]


def _check_bits(bits: int) -> None:
    if bits < 8:
        raise CodecError(
            f"indices have {bits} bits; expected at least 8, or a length would not tell how many there are"
        )


def _pack(part: Indices, plan: Plan, bits: int) -> bytes:
    filled = np.zeros(plan.indices, np.int64)
    filled[: part.size] = part
    return pack_indices(filled, bits)


def join(received: Mapping[int, bytes], stages: int, rows: int, columns: int, bits: int) -> Indices:
    """Rebuild the index grid int64[stages, rows, columns]; cells that never arrived are -1.

    `received` maps payload index to payload. Raises CodecError where lengths disagree, no plan has that length, or an
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
    plan = Plan(cells, length * 8 // bits)
    if (
        packed_bytes(plan.indices, bits) != length
        or plan.indices < 1
        or (plan.indices > cells and (plan.indices % cells or plan.stages_per_payload > stages))
    ):
        raise CodecError(f"payload of {length} bytes fits no plan for {cells} indices of {bits} bits a stage")
    order = deal(rows, columns, plan.payloads_per_stage)
    for k, payload in received.items():
        found = unpack_indices(payload, bits)
        if plan.payloads_per_stage == 1:
            first, places = k * plan.stages_per_payload, order
        else:
            first, part = divmod(k, plan.payloads_per_stage)
            places = order[part * plan.indices : (part + 1) * plan.indices]
        if not 0 <= first < stages:
            raise CodecError(f"payload {k} would hold stage {first + 1}; this model has {stages} stages")
        for stage in range(first, min(stages, first + plan.stages_per_payload)):
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
