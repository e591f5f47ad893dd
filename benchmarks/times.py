"""What the default weights cost here: ratios to eager float32 nano, a cold decode, and the demo's time and memory.

    python benchmarks/times.py [--rounds 30]

On two quiet cores. Writes results/reference/times.json; benchmarks/speed.py prints more of one model.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from speed import COMMAND, PlainProgic, time_command, time_forms

from codec.evaluation.runtimes import cpu_name
from codec.files import write_whole
from codec.progic.codec import ProgicCodec
from codec.progic.shape import DEFAULT_MODEL

REPO = Path(__file__).resolve().parent.parent


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    demo_s, peak_mib = demo()
    torch.set_num_threads(2)
    forms = {"plain": PlainProgic("nano"), "nano": ProgicCodec("nano"), "small": ProgicCodec("small")}
    medians = time_forms(forms, 256, rounds)
    about = {
        "processor": cpu_name(),
        "threads": torch.get_num_threads(),
        "rounds": rounds,
        "ratios": {name: round(medians[name] / medians["plain"], 3) for name in ("nano", "small")},
        "cold_decode_s": round(time_command(forms[DEFAULT_MODEL], DEFAULT_MODEL, 5), 2),
        "demo_s": round(demo_s, 1),
        "demo_peak_mib": round(peak_mib),
    }
    write_whole(REPO / "results" / "reference" / "times.json", (json.dumps(about, indent=1) + "\n").encode())
    print(json.dumps(about, indent=1))


def demo() -> tuple[float, float]:
    """Seconds and largest resident memory, in MiB, of what `make demo` runs (Linux: /proc tells it of that alone)."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", f"{TELLING}\n{COMMAND}", "run", "scenarios/forest_fire.yaml"]
        told = {"SATSIM_CACHE": folder, "PEAK": f"{folder}/peak"}
        began = time.perf_counter()
        subprocess.run(
            [*command, "--out", f"{folder}/out"], check=True, cwd=REPO, env=os.environ | told, capture_output=True
        )
        seconds = time.perf_counter() - began
        return seconds, int(re.search(r"VmHWM:\s+(\d+)", Path(folder, "peak").read_text())[1]) / 1024


TELLING = "import atexit, os, shutil; atexit.register(shutil.copyfile, '/proc/self/status', os.environ['PEAK'])"


if __name__ == "__main__":
    main()
