"""Repair packets: any `protects` of a block's payloads and repair symbols give back all of its payloads.

The code is the systematic Reed-Solomon erasure code of `satsim.air.gf256`, byte by byte over GF(256): the m payloads
are the values at 0, 1, a, a^2, ..., a^(m-2) of a polynomial of degree below m, and repair symbol j is its value at
a^(m+j-1). So a symbol depends on m, j and the payloads alone, m + j is at most 255, and the symbols over one payload
are copies of it.

A block is a prefix of the image, payloads 0 to `protects` - 1; blocks overlap, so that coarse payloads can get more
protection than fine ones (expanding windows: D. Vukobratovic and V. Stankovic, "Unequal error protection random linear
coding strategies for erasure channels", 2012).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from satsim.air.gf256 import interpolate
from satsim.air.packets import LAST_SYMBOL, LENGTH_BYTES, MAX_REPAIRED, Packet, Repair
from satsim.errors import CountError, PacketError

MOST_WORK = 1 << 20
"""Items of a block times its payloads squared, up to which the one that is wrong is looked for."""


def repair_packets(packets: Sequence[Packet], wanted: Sequence[tuple[int, int]]) -> list[Packet]:
    """For each (protects, how many) of `wanted` the repair packets of one image, whose packets are all given in order.

    Payloads of one length give symbols of that length. Others are prefixed by their length and filled up with zeros, so
    that symbols are 2 bytes longer than the longest of the block: cut payloads 2 bytes shorter than would fit.
    All other fields are those of the first packet. Raises PacketError for more than the code, which has 256 symbols in
    a block, or the header can carry.
    """
    if [packet.payload_index for packet in packets] != list(range(len(packets))) or not packets:
        raise PacketError("packets are not one image in order; expected those of packetize, all of them")
    if len(packets) > MAX_REPAIRED:
        raise CountError(
            f"image has {len(packets)} payloads; repair packets serve at most {MAX_REPAIRED} (use larger packets)"
        )
    made = []
    for protects, how_many in _added_up(wanted).items():
        if not 1 <= protects <= min(len(packets), LAST_SYMBOL):
            raise CountError(f"protects is {protects}; expected 1 to {min(len(packets), LAST_SYMBOL)}")
        if not 0 <= how_many <= LAST_SYMBOL + 1 - protects:
            most = LAST_SYMBOL + 1 - protects
            raise CountError(f"{how_many} repair packets over {protects} payloads; expected 0 to {most}")
        payloads = [packet.payload for packet in packets[:protects]]
        prefixed = len({len(payload) for payload in payloads}) > 1
        symbols = dict(enumerate(_symbols(payloads) if prefixed else payloads))
        for number, symbol in enumerate(interpolate(symbols, range(protects, protects + how_many))):
            made.append(
                packets[0]._replace(payload_index=-1, payload=symbol, repair=Repair(protects, number, prefixed))
            )
    return made


def recover(held: Mapping[int, bytes], repairs: Mapping[Repair, bytes]) -> dict[int, bytes]:
    """All payloads that follow from those `held` (by index) and the repair symbols, those held included.

    Blocks are solved one by one, the shortest first, and what one gives helps the next; two blocks that could be solved
    only together are not. Symbols over the same payloads but of another length are another block. Of a block with
    symbols to spare, what contradicts all others is left out (see `find_forged`); where that is not clear, or payloads
    held do not fit, nothing is recovered from it.
    Never raises anything.
    """
    known = dict(held)
    for block, symbols in sorted(_blocks(repairs).items()):
        missing = [k for k in range(block.protects) if k not in known]
        sources, odd = _sources(block, known)
        if not missing or len(missing) > len(symbols) or (odd and len(sources) + len(symbols) <= block.protects):
            continue
        solved, _ = _solve(block, sources | symbols)
        if solved:
            found = {k: _payload(solved[k]) if block.prefixed else solved[k] for k in missing}
            if all(found.values()):
                known |= found
    return known


class Forged(NamedTuple):
    """What repair symbols tell of what is held, where there are more than are needed."""

    places: set[int | Repair]
    """Payloads and symbols that contradict all others of a block; they alone do."""
    unclear: list[Repair]
    """A symbol of each block that is at odds, without telling which of it is wrong."""


def find_forged(held: Mapping[int, bytes], repairs: Mapping[Repair, bytes]) -> Forged:
    """What among payloads held and repair symbols cannot be true.

    A block of m payloads shows that something is wrong from m + 1 payloads and symbols on, and from m + 2 on what.
    """
    forged = Forged(set(), [])
    for block, symbols in sorted(_blocks(repairs).items()):
        sources, odd = _sources(block, held)
        items = sources | symbols
        if len(items) <= block.protects:
            continue
        solved, wrong = _solve(block, items)
        if solved is None:
            forged.unclear.append(Repair(block.protects, min(symbols) - block.protects, block.prefixed))
        else:
            forged.places.update(odd)
            if wrong is not None:
                number = wrong - block.protects
                forged.places.add(wrong if number < 0 else Repair(block.protects, number, block.prefixed))
    return forged


class _Block(NamedTuple):
    """What can be solved together: symbols of one length over the same payloads."""

    protects: int
    prefixed: bool
    length: int


def _blocks(repairs: Mapping[Repair, bytes]) -> dict[_Block, dict[int, bytes]]:
    """Symbols by their place in the code, block by block."""
    blocks: dict[_Block, dict[int, bytes]] = {}
    for repair, symbol in repairs.items():
        if repair.protects >= 1 and 0 <= repair.number <= LAST_SYMBOL - repair.protects:
            block = _Block(repair.protects, repair.prefixed, len(symbol))
            blocks.setdefault(block, {})[repair.protects + repair.number] = symbol
    return blocks


def _sources(block: _Block, known: Mapping[int, bytes]) -> tuple[dict[int, bytes], list[int]]:
    """Known payloads as symbols of the block, and the indices of those whose length is none of its."""
    symbols = {
        k: _symbol(known[k], block.length) if block.prefixed else known[k] for k in range(block.protects) if k in known
    }
    odd = [k for k, symbol in symbols.items() if len(symbol) != block.length]
    return {k: symbol for k, symbol in symbols.items() if k not in odd}, odd


def _solve(block: _Block, items: Mapping[int, bytes]) -> tuple[list[bytes] | None, int | None]:
    """All payloads of a block, as symbols, and the one item that contradicts all others; None for what is not clear."""
    solved = _agreed(block.protects, items)
    spare = len(items) - block.protects
    if solved is not None or spare < 2 or len(items) * block.protects**2 > MOST_WORK:
        return solved, None
    fits = []
    for wrong in items:
        solved = _agreed(block.protects, {k: item for k, item in items.items() if k != wrong})
        if solved is not None:
            fits.append((solved, wrong))
    return fits[0] if len(fits) == 1 else (None, None)


def _agreed(protects: int, items: Mapping[int, bytes]) -> list[bytes] | None:
    """The payloads that all items agree on; None where there are too few, or they do not."""
    if len(items) < protects:
        return None
    order = sorted(items)
    solved = {k: items[k] for k in order[:protects]}
    spare = order[protects:]
    other = [*(k for k in range(protects) if k not in solved), *spare]
    if other:
        solved |= zip(other, interpolate(solved, other), strict=True)
    return [solved[k] for k in range(protects)] if all(solved[k] == items[k] for k in spare) else None


def _added_up(wanted: Sequence[tuple[int, int]]) -> dict[int, int]:
    """`wanted` with one entry for each `protects`, so that no repair number is given out twice."""
    total: dict[int, int] = {}
    for protects, how_many in wanted:
        if how_many < 0:
            raise PacketError(f"{how_many} repair packets over {protects} payloads; expected 0 or more")
        total[protects] = total.get(protects, 0) + how_many
    return total


def _symbols(payloads: Sequence[bytes]) -> list[bytes]:
    longest = max(map(len, payloads))
    if longest >= 1 << 8 * LENGTH_BYTES:
        raise CountError(f"payload of {longest} bytes; repair packets serve at most {(1 << 8 * LENGTH_BYTES) - 1}")
    return [_symbol(payload, LENGTH_BYTES + longest) for payload in payloads]


def _symbol(payload: bytes, length: int) -> bytes:
    return (len(payload).to_bytes(LENGTH_BYTES, "big") + payload).ljust(length, b"\0")


def _payload(symbol: bytes) -> bytes:
    """The payload in a length-prefixed symbol; empty, which no payload is, where length or filling is amiss."""
    end = LENGTH_BYTES + int.from_bytes(symbol[:LENGTH_BYTES], "big")
    return symbol[LENGTH_BYTES:end] if end <= len(symbol) and not any(symbol[end:]) else b""
