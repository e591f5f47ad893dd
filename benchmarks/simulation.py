"""Simulated packets a second, against a bare SimPy loop with as many timeouts, in one run.

python benchmarks/simulation.py [--packets N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Generator

import simpy

from satsim.packets import packetize
from satsim.scenario import LinkSpec
from satsim.simulation import simulate

ROUNDS = 5


def bare(timeouts: int) -> None:
    """A SimPy process that does nothing but wait."""
    env = simpy.Environment()

    def wait() -> Generator[simpy.Event, None, None]:
        for _ in range(timeouts):
            yield env.timeout(1.0)

    env.process(wait())
    env.run()


def main() -> None:
    """Print both rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=2000)
    count = parser.parse_args().packets
    packets = packetize([bytes(320)] * count, codec="progic", model_id=1, height=256, width=256)
    link = LinkSpec(interval_s=1.0, delay_s=5.0, loss_ratio=0.1, decode_s=0.1)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        simulate(packets, link, seed=1)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        bare(3 * count)  # slot, delay, decoding
        theirs.append(time.perf_counter() - began)
    print(f"simulate: {count / min(ours):,.0f} packets a second, with loss, delay and decoding time")
    print(f"bare SimPy, 3 timeouts a packet: {count / min(theirs):,.0f} packets a second")
    print(f"ratio: {min(theirs) / min(ours):.2f}")


if __name__ == "__main__":
    main()
