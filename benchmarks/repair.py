"""Repair symbols by `satsim.air.gf256`, against the C library zfec, in one run.

    python benchmarks/repair.py [--rounds 31]

Blocks of k payloads of 320 bytes with as many repair symbols; received are k of these, drawn anew each time, so that
about half of the payloads are missing. In each round both do the same work, one after the other, as a receiver does:
zfec from making its coder on, ours with its cache emptied, and with sets of symbols that it has met before. Figures are
ratios of processor time, ours to zfec's: median of the rounds, and their range. Below 1 ours takes less.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

import zfec

from satsim.air.gf256 import interpolate, lagrange_weights

LENGTH = 320
SETS = 250
"""Sets received in one round."""


def main() -> None:
    """Print a line for each size of block."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31)
    rounds = parser.parse_args().rounds
    print(f"our processor time over zfec's, {rounds} rounds: median (range)")
    for k in (5, 30):
        for what, ratios in compare(k, rounds).items():
            median, low, high = statistics.median(ratios), min(ratios), max(ratios)
            print(f"{f'{k}+{k}':5} of {LENGTH} bytes, {what:23} {median:5.2f} ({low:.2f} to {high:.2f})")


def compare(k: int, rounds: int) -> dict[str, list[float]]:
    """Ratios of each round, by what was done."""
    chance = random.Random(1)
    ratios: dict[str, list[float]] = {"encode": [], "decode, new sets": [], "decode, sets met before": []}
    for _ in range(rounds):
        payloads = [chance.randbytes(LENGTH) for _ in range(k)]
        repairs = range(k, 2 * k)
        symbols = [*payloads, *interpolate(dict(enumerate(payloads)), repairs)]
        received = [sorted(chance.sample(range(2 * k), k)) for _ in range(SETS)]

        def encode(payloads: list[bytes] = payloads, repairs: range = repairs) -> list[list[bytes]]:
            return [interpolate(dict(enumerate(payloads)), repairs) for _ in range(SETS)]

        def their_encode(payloads: list[bytes] = payloads, repairs: range = repairs) -> list[list[bytes]]:
            return [zfec.Encoder(k, 256).encode(payloads, repairs) for _ in range(SETS)]

        def decode(symbols: list[bytes] = symbols, received: list[list[int]] = received) -> list[list[bytes]]:
            return [decoded({place: symbols[place] for place in places}) for places in received]

        def their_decode(symbols: list[bytes] = symbols, received: list[list[int]] = received) -> list[list[bytes]]:
            return [zfec.Decoder(k, 256).decode([symbols[place] for place in places], places) for places in received]

        ratios["encode"].append(ratio(encode, their_encode))
        lagrange_weights.cache_clear()
        ratios["decode, new sets"].append(ratio(decode, their_decode))
        ratios["decode, sets met before"].append(ratio(decode, their_decode))
    return ratios


def decoded(held: dict[int, bytes]) -> list[bytes]:
    """All payloads of a block, of which so many symbols are held as it has payloads."""
    missing = [place for place in range(len(held)) if place not in held]
    found = held | dict(zip(missing, interpolate(held, missing), strict=True))
    return [found[place] for place in range(len(held))]


def ratio(ours: Callable[[], list[list[bytes]]], theirs: Callable[[], list[list[bytes]]]) -> float:
    """Our processor time over theirs, both doing the same once."""
    began = time.process_time()
    one = ours()
    between = time.process_time()
    other = theirs()
    ended = time.process_time()
    assert one == other
    return (between - began) / (ended - between)


if __name__ == "__main__":
    main()
