"""A hundred thousand replications of forest_fire over loss and interval, with all scores cached.

python benchmarks/sweep.py [--quick]

Told are: seconds for 1,000 to 100,000 replications (each of all six schemes) on two processes and the line through
them; runs of one scheme a second against a bare SimPy process that waits as often as a run has packets (a fresh
environment a run), measured between them; the largest, and one whose runs must be made event by event (ARQ), on one
process and on two; seconds for the figures; peak memory. Tables are written as in any sweep. Scores are LPIPS where its
weights are at hand (SATSIM_WEIGHTS), else DISTS-lite: it does not matter here.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import yaml
from bare import bare

from satsim.figures.sweep.draw import draw_sweep
from satsim.scenario.settings import put
from satsim.sweep.grid import read_factor
from satsim.sweep.local import run_here, run_in_processes
from satsim.sweep.plan import SweepPlan, make_plan
from satsim.sweep.run import run_sweep

REPO = Path(__file__).resolve().parent.parent
GRID = ("link.loss_ratio=0,0.1,0.2", "link.interval_s=10,30,60")
PACKETS = (5, 1, 5, 1, 5, 5)
"""Of the six schemes of forest_fire."""


def plan_of(replications: int, cache: Path, transport: str = "once") -> SweepPlan:
    """So many replications in all, an equal share at each of the nine points."""
    path = REPO / "scenarios" / "forest_fire.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if transport == "arq":
        data = put(put(data, "link.ack", {"kind": "session"}, ""), "schemes.*.transport", "arq", "")
    axes = [read_factor(text, REPO) for text in GRID]
    return make_plan(data, path, axes, -(-replications // 9), (), cache)


def seconds_of(plan: SweepPlan, out: Path, workers: int) -> float:
    """How long a sweep takes, tables included and figures not."""
    began = time.perf_counter()
    run_sweep(
        plan, out, (lambda f, tasks: run_in_processes(f, tasks, workers)) if workers > 1 else run_here, draw=False
    )
    return time.perf_counter() - began


def bare_rate(runs: int) -> float:
    """Runs a second of a SimPy process that does nothing but wait, as often as the schemes have packets, in turn."""

    began = time.perf_counter()
    for number in range(runs):
        bare(PACKETS[number % 6])
    return runs / (time.perf_counter() - began)


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    share = 10 if parser.parse_args().quick else 1
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        sizes = [n // share for n in (1_000, 10_000, 20_000, 50_000, 100_000)]
        cold = seconds_of(plan_of(sizes[-1], here / "cache"), here / "cold", 1)
        print(f"the first sweep, of the largest size, which decodes and scores each set of packets: {cold:.1f} s")
        rates, times = [], []
        for size in sizes:
            rates.append(bare_rate(30_000 // share))
            times.append(seconds_of(plan_of(size, here / "cache"), here / f"of{size}", 2))
            print(f"{size:7,} replications ({6 * size:,} runs), 2 processes: {times[-1]:6.1f} s", flush=True)
        slope, start = np.polyfit(sizes, times, 1)
        fitted = start + slope * np.array(sizes)
        unexplained = float(((times - fitted) ** 2).sum() / ((times - np.mean(times)) ** 2).sum())
        print(f"line: {start:.1f} s + {1e6 * slope:.0f} s per million replications, R^2 = {1 - unexplained:.4f}")
        rates.append(bare_rate(30_000 // share))
        rate = 6 * sizes[-1] / times[-1]
        bare = statistics.median(rates)
        print(f"runs of one scheme a second: {rate:,.0f}; bare SimPy on one core: {bare:,.0f}; ratio {rate / bare:.2f}")
        for transport, size in (("once", sizes[-1]), ("arq", 3 * sizes[-1] // 10)):
            both = []
            for workers in (1, 2, 1, 2):
                plan = plan_of(size, here / "cache", transport)
                both.append(seconds_of(plan, here / f"{transport} {len(both)}", workers))
            one, two = min(both[0], both[2]), min(both[1], both[3])
            print(f"{transport}, {size:,} replications: 1 process {one:.1f} s, 2 {two:.1f} s, ratio {one / two:.2f}")
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            list(pool.map(bare_rate, [1000] * 2))
            pair, lone = sum(pool.map(bare_rate, [100_000 // share] * 2)), bare_rate(100_000 // share)
        print(f"two bare SimPy processes at once do {pair / lone:.2f} times what one does: more cannot be had here")
        began = time.perf_counter()
        figures = draw_sweep(here / f"of{sizes[-1]}")
        print(f"{len(figures)} figures: {time.perf_counter() - began:.1f} s")
        own, workers = (
            resource.getrusage(who).ru_maxrss / 1e6 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        print(f"peak memory: {own:.2f} GB here, {workers:.2f} GB in the larger worker")


if __name__ == "__main__":
    main()
