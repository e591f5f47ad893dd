"""Repair packets: any `protects` of a block's payloads and repair symbols give back all of its payloads.

The code is the systematic Reed-Solomon erasure code of the library zfec (L. Rizzo, "Effective erasure codes for
reliable computer communication protocols", 1997), byte by byte over GF(256) = GF(2)[a] / (a^8 + a^4 + a^3 + a^2 + 1):
the m payloads are the values at 0, 1, a, a^2, ..., a^(m-2) of a polynomial of degree below m, and repair symbol j is
its value at a^(m+j-1). So a symbol depends on m, j and the payloads alone, and m + j is at most 255.

A block is a prefix of the image, payloads 0 to `protects` - 1; blocks overlap, so that coarse payloads can get more
protection than fine ones (expanding windows: D. Vukobratovic and V. Stankovic, "Unequal error protection random linear
coding strategies for erasure channels", 2012).

Install by `pip install -e '.[repair]'`. A block of one payload needs no library: its repair symbols are copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from satsim.air.packets import LAST_SYMBOL, LENGTH_BYTES, MAX_REPAIRED, Packet, Repair
from satsim.errors import CountError, PacketError


def repair_packets(packets: Sequence[Packet], wanted: Sequence[tuple[int, int]]) -> list[Packet]:
    """For each (protects, how many) of `wanted` the repair packets of one image, whose packets are all given in order.

    Payloads of one length give symbols of that length. Others are prefixed by their length and filled up with zeros, so
    that symbols are 2 bytes longer than the longest of the block: cut payloads 2 bytes shorter than would fit.
    All other fields are those of the first packet. Raises PacketError for more than the code, which has 256 symbols in
    a block, or the header can carry, and where zfec is not installed.
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
        numbers = range(protects, protects + how_many)
        for number, symbol in enumerate(_encode(_symbols(payloads) if prefixed else payloads, numbers)):
            made.append(
                packets[0]._replace(payload_index=-1, payload=symbol, repair=Repair(protects, number, prefixed))
            )
    return made


def recover(held: Mapping[int, bytes], repairs: Mapping[Repair, bytes]) -> dict[int, bytes]:
    """All payloads that follow from those `held` (by index) and the repair symbols, those held included.

    Blocks are solved one by one, the shortest first, and what one gives helps the next; two blocks that could be solved
    only together are not. Symbols that fit neither each other nor the payloads held are left alone: nothing is
    recovered from their block. Raises PacketError where zfec is needed and not installed; never anything else.
    """
    known = dict(held)
    blocks: dict[tuple[int, bool], dict[int, bytes]] = {}
    for repair, symbol in repairs.items():
        if repair.protects >= 1 and 0 <= repair.number <= LAST_SYMBOL - repair.protects:
            blocks.setdefault((repair.protects, repair.prefixed), {})[repair.protects + repair.number] = symbol
    for (protects, prefixed), symbols in sorted(blocks.items()):
        missing = [k for k in range(protects) if k not in known]
        if not missing or len(missing) > len(symbols):
            continue
        lengths = {len(symbol) for symbol in symbols.values()}
        sources = {k: known[k] for k in range(protects) if k in known}
        length = max(lengths)
        if prefixed:
            if any(LENGTH_BYTES + len(payload) > length for payload in sources.values()):
                continue
            sources = {k: _symbol(payload, length) for k, payload in sources.items()}
        if {length} != lengths | {len(source) for source in sources.values()}:
            continue
        chosen = sources | dict(sorted(symbols.items())[: len(missing)])
        block = _decode(chosen, protects)
        found = {k: _payload(block[k]) if prefixed else block[k] for k in missing}
        if all(found.values()):
            known |= found
    return known


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


def _encode(symbols: Sequence[bytes], numbers: Sequence[int]) -> list[bytes]:
    if not numbers:
        return []
    if len(symbols) == 1:
        return [symbols[0]] * len(numbers)
    encoded: list[bytes] = _zfec().Encoder(len(symbols), LAST_SYMBOL + 1).encode(tuple(symbols), tuple(numbers))
    return encoded


def _decode(symbols: Mapping[int, bytes], protects: int) -> list[bytes]:
    if protects == 1:
        return list(symbols.values())
    decoder = _zfec().Decoder(protects, LAST_SYMBOL + 1)
    decoded: list[bytes] = decoder.decode(tuple(symbols.values()), tuple(symbols))
    return decoded


def _zfec() -> Any:
    try:
        import zfec
    except ImportError:
        raise PacketError("repair packets need the library zfec: pip install -e '.[repair]'") from None
    return zfec
