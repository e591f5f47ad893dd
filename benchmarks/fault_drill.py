"""Every door under fire: packets, photos, scenarios, and commands that are killed.

    python benchmarks/fault_drill.py                # some ten minutes: a million packets, and the rest as it stands
    python benchmarks/fault_drill.py --share 0.01   # a hundredth of it

Each drill prints what was tried and failed of each kind, and can be run alone. Exit code 1 for a single failure.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

DRILLS = (
    ("packet_drill.py", "--messages", 1_000_000, 2_000),
    ("photo_drill.py", "--files", 400, 4),
    ("scenario_drill.py", "--texts", 5_000, 50),
    ("kill_drill.py", "--tries", 8, 4),
)
"""Each drill, what its size is called, how large it is, and how small at least."""


def main() -> int:
    """Run each drill in turn; 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the full size of each drill")
    share = parser.parse_args().share
    failed = []
    for name, size, full, least in DRILLS:
        print(f"== {name}", flush=True)
        count = max(least, round(full * share))
        done = subprocess.run([sys.executable, str(Path(__file__).with_name(name)), size, str(count)], check=False)
        failed += [name] if done.returncode else []
    print(f"failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
