"""What the README claims of ProGIC, measured anew: better or worse than AVIF and JPEG 2000 on how many photos?

    python benchmarks/claims.py              # kodak, fire and aerial below SATSIM_DATA/eval: 20 minutes of CPU
    python benchmarks/claims.py --first 3    # to try it out

Writes claims.md and claims.csv to --out, and a whole results folder for each set below --work. What was done before
is taken from the cache. LPIPS needs its weights (`satsim weights fetch lpips-squeeze`, or SATSIM_WEIGHTS).
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from codec.files import write_whole
from codec.progic.shape import DEFAULT_MODEL
from satsim.photoset.photos import find_photos
from satsim.photoset.plan import PhotosetPlan, make_plan
from satsim.photoset.run import run_photoset
from satsim.photoset.words import p_words
from satsim.scenario.scenario import load_scenario
from satsim.scoring.coding import default_folder
from satsim.sweep.local import run_in_processes

REPO = Path(__file__).resolve().parent.parent
SETS = ("kodak", "fire", "aerial")
PACKETS = (1, 5)
RIVALS = ("AVIF", "JPEG 2000")


class Claim(NamedTuple):
    """One rival in one metric, at so many packets, over one set; a row of claims.csv."""

    photos: str
    n: int
    packets: int
    metric: str
    rival: str
    progic_median: float
    rival_median: float
    better: int
    worse: int
    equal: int
    p: float
    better_by: float
    better_by_low: float
    better_by_high: float


def main() -> None:
    """Run every set and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, help="only so many photos of each set")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=REPO / "results" / "reference" / "claims")
    parser.add_argument("--work", type=Path, default=REPO / "results" / "claims")
    given = parser.parse_args()
    data = Path(os.environ.get("SATSIM_DATA", REPO.parent / "shared" / "data")) / "eval"
    claims: list[Claim] = []
    for name in SETS:
        plan = plan_of(data / name, given.first)
        run_photoset(plan, given.work / name, partial(run_in_processes, workers=given.workers), resume=True)
        claims += claims_of(name, plan, given.work / name)
        print(f"{name}: {len(plan.photos)} photos, in {given.work / name}")
    lines = [",".join(Claim._fields), *(",".join(map(str, claim)) for claim in claims)]
    write_whole(given.out / "claims.csv", ("\n".join(lines) + "\n").encode())
    write_whole(given.out / "claims.md", page(claims).encode())
    print(page(claims))


def plan_of(folder: Path, first: int | None) -> PhotosetPlan:
    """The plan for the photos of one set, compared when one packet is in and when all five are."""
    scenario = load_scenario(REPO / "benchmarks" / "claims.yaml")
    link = scenario.link
    moments = [f"{(count - 1) * link.interval_s + link.delay_s:g} s" for count in PACKETS]
    plan = make_plan(scenario, find_photos([folder], first), moments, default_folder())
    if tuple(metric.name for metric in plan.measures.metrics) != scenario.metrics:
        sys.exit(f"claims need every metric: {'; '.join(plan.notices)}")
    return plan


def claims_of(name: str, plan: PhotosetPlan, folder: Path) -> Iterator[Claim]:
    """The claims that a results folder supports, read from its tables."""
    wins, photos = (rows_of(folder / file) for file in ("wins.csv", "photos.csv"))
    for count, moment in zip(PACKETS, plan.moments, strict=True):
        for metric in plan.measures.metrics:
            for rival in (f"{codec}, {count} packet{'s' * (count > 1)}" for codec in RIVALS):
                (win,) = (
                    row for row in wins
                    if (row["first"], row["second"]) == ("ProGIC", rival)
                    and (row["metric"], row["at"]) == (metric.name, moment.name)
                )  # fmt: skip
                own = "first_quality" if count == 1 else "final_quality"
                medians = [
                    statistics.median(float(r[key]) for r in photos if (r["scheme"], r["metric"]) == (who, metric.name))
                    for who, key in (("ProGIC", own), (rival, "final_quality"))
                ]
                counts = [int(win[key]) for key in ("better", "worse", "equal")]
                by = [float(win[key] or "nan") for key in ("p", "better_by", "better_by_low", "better_by_high")]
                yield Claim(name, int(win["photos"]), count, metric.name, rival.split(",")[0], *medians, *counts, *by)


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def page(claims: list[Claim]) -> str:
    """claims.md: a row for each set, number of packets and metric, the two rivals side by side."""
    lines = [
        "# ProGIC against AVIF and JPEG 2000, photo by photo",
        "",
        f"Model {DEFAULT_MODEL}, photos cropped to 256x256, 340 bytes a packet for the codec, no loss, at equal time.",
        "Rivals are files made for one packet or for five, headers stripped, the best quality that fits. On how many",
        "photos is ProGIC better (+) or worse (-)? p: exact two-sided sign test, ties left out, not corrected for the",
        "number of rows. DISTS-lite is our own metric; for it and LPIPS lower is better, for MS-SSIM and PSNR higher.",
        "LPIPS and a DISTS were among the losses that ProGIC was trained with; the other two punish invented detail.",
        "Made by `make references`.",
        "",
        "| photos | n | packets | metric | ProGIC, median | AVIF | + | - | p | JPEG 2000 | + | - | p |",
        "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for avif, jpeg in zip(claims[::2], claims[1::2], strict=True):
        sides = [f"{c.rival_median:.3f} | {c.better} | {c.worse} | {p_words(c.p)}" for c in (avif, jpeg)]
        about = f"{avif.photos} | {avif.n} | {avif.packets} | {avif.metric} | {avif.progic_median:.3f}"
        lines.append(f"| {about} | {' | '.join(sides)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
