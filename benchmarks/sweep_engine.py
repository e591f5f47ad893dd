"""Runs of one scheme a second, by table and by events, against bare SimPy processes that wait as often, in one run.

python benchmarks/sweep_engine.py [--replications N]

The story is that of scenarios/forest_fire.yaml: schemes of 5, 1, 5, 1, 5 and 5 packets, each sent once, at 3 ratios of
loss and 3 paces, every point and scheme under the same seeds. The other side is a fresh SimPy environment for each
run, in which a process waits once for each packet. Scoring is not in it.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from itertools import product

from bare import bare, seconds

from satsim.links.linkspec import LinkSpec
from satsim.simulation.fates import forget
from satsim.simulation.runs import show_runs

PACKETS = (5, 1, 5, 1, 5, 5)
LOSS_RATIOS = (0.0, 0.1, 0.2)
INTERVALS_S = (10.0, 30.0, 60.0)
DURATION_S = 420.0
ROUNDS = 7


def all_bare(seeds: Sequence[int]) -> None:
    """One bare run for each run of `sweep`."""
    for _, _, packets, _ in product(LOSS_RATIOS, INTERVALS_S, PACKETS, seeds):
        bare(packets)


def sweep(seeds: Sequence[int], engine: str) -> None:
    """Every scheme at every point; what is remembered of the seeds was made within the sweep."""
    forget()
    for loss_ratio, interval_s in product(LOSS_RATIOS, INTERVALS_S):
        link = LinkSpec(interval_s=interval_s, delay_s=5, loss_ratio=loss_ratio)
        for packets in PACKETS:
            show_runs([[bytes(340)] * packets], link, seeds, duration_s=DURATION_S, engine=engine)


def main() -> None:
    """Print runs a second and ratios: medians over pairs of sweeps, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=1852, help="of each point and scheme (1852: 100,008 runs)")
    replications = parser.parse_args().replications
    compare("table", range(1, 1 + replications))
    compare("events", range(1, 1 + max(1, replications // 50)))  # a hundred times as slow


def compare(engine: str, seeds: Sequence[int]) -> None:
    """Print one engine's figures."""
    pairs = [(seconds(lambda: sweep(seeds, engine)), seconds(lambda: all_bare(seeds))) for _ in range(ROUNDS)]
    own_s, bare_s = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(theirs / own for own, theirs in pairs)
    runs = len(LOSS_RATIOS) * len(INTERVALS_S) * len(PACKETS) * len(seeds)
    print(f"{engine}: {runs:,} runs of {sum(PACKETS) / len(PACKETS):.1f} packets on average")
    print(f"  {runs / own_s:,.0f} runs a second; bare SimPy: {runs / bare_s:,.0f}")
    print(f"  against bare SimPy: {ratio:.2f}")


if __name__ == "__main__":
    main()
