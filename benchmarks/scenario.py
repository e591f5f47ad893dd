"""Wall time and memory of whole `satsim run` processes, from a warm start.

    python benchmarks/scenario.py [SCENARIO] [--runs N]

The bar for forest_fire is 60 seconds on 2 cores and 2 GB; exit code 1 says that it was missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR_S = 60.0
BAR_BYTES = 2_000_000_000
COMMAND = "from satsim.commands.main import main; main()"


def main() -> int:
    """Print the figures; 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="?", default="scenarios/forest_fire.yaml")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for k in range(asked.runs + 1):
            began = time.perf_counter()
            arguments = ["run", asked.scenario, "--out", str(Path(folder) / str(k))]
            subprocess.run([sys.executable, "-c", COMMAND, *arguments], check=True, capture_output=True)
            seconds.append(time.perf_counter() - began)
    warm = seconds[1:]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(f"{asked.scenario}: {asked.runs} warm runs on {os.cpu_count()} cores")
    print(f"seconds: min {min(warm):.1f}, median {statistics.median(warm):.1f}, max {max(warm):.1f} (bar {BAR_S:.0f})")
    print(f"peak memory: {peak / 1e9:.2f} GB (bar {BAR_BYTES / 1e9:.0f})")
    return int(statistics.median(warm) > BAR_S or peak > BAR_BYTES)


if __name__ == "__main__":
    sys.exit(main())
