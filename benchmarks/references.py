"""Everything in results/reference, and every number of README and manual that follows from it, made anew.

    make references               # all of it: two hours of two cores, the photo sets below SATSIM_DATA, LPIPS weights
    python benchmarks/references.py forest_fire loss_and_pace      # some of it
    python benchmarks/references.py --readme                       # only the pages, from what lies there

Each reference is a command whose results folder is made below --work, and of which `KEPT` is copied. written.json
notes the digest of each file with the weights it was made with; tests compare both, and the README's blocks between
`<!-- NAME: make references -->` and `<!-- end -->`, with what is there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from readme import PAGES, filled_in

from codec.files import write_whole
from codec.progic.shape import DEFAULT_MODEL, model_path

REPO = Path(__file__).resolve().parent.parent
REFERENCE = REPO / "results" / "reference"
DATA = Path(os.environ.get("SATSIM_DATA", REPO.parent / "shared" / "data")) / "eval"
SATSIM = [sys.executable, "-c", "from satsim.commands.main import main; main()"]
RUN = ("*.csv", "*.json", "scenario.yaml", "inputs/*", "frames/*", "notes.md",
       "filmstrip.png", "time_vs_*", "photos_vs_time.*")  # fmt: skip
OURS = ("--set", "metrics=[dists-lite]")
"""The metric that every installation has."""
SWEEP = ("manifest.json", "scenario.yaml", "inputs/*", "notes.md")


class Reference(NamedTuple):
    """A results folder, the command that makes it, and what of it is kept."""

    name: str
    command: tuple[str, ...]
    kept: tuple[str, ...]


REFERENCES = (
    Reference("forest_fire", ("run", "scenarios/forest_fire.yaml", *OURS), RUN),
    Reference("twenty_teams", ("run", "scenarios/twenty_teams.yaml", *OURS), RUN),
    Reference(
        "forest_fire_photos",
        ("run", "scenarios/forest_fire.yaml", "--images", str(DATA / "fire"), *OURS),
        ("photos.csv", "wins.*", "quality_vs_time_*", "summary.json", "notes.md"),
    ),
    Reference(
        "studies/loss_and_pace",
        ("sweep", "scenarios/studies/loss_and_pace.yaml", *OURS),
        (*SWEEP, "heat_first_image_s.*", "quality_*_at_300_s.*", "wins_dists-lite.*"),
    ),
    Reference(
        "studies/repeat_or_repair",
        ("sweep", "scenarios/studies/repeat_or_repair.yaml", *OURS),
        (*SWEEP, "bands_final_dists-lite.*", "bands_shares.*"),
    ),
    Reference(
        "studies/who_sends_first",
        ("sweep", "scenarios/studies/who_sends_first.yaml", *OURS),
        (*SWEEP, "heat_last_first_image_s.*", "wins_dists-lite.*"),
    ),
    Reference(
        "studies/cheapest_design",
        ("study", "scenarios/studies/cheapest_design.yaml", "--images", str(DATA / "fire"), "--first", "12"),
        ("*.csv", "front.png", "study.json", "recommended.yaml", "inputs/*", "notes.md"),
    ),
    Reference("rd_kodak", ("codec", "evaluate", str(DATA / "kodak"), "--side", "256", "--codec", "progic",
                           "--codec", "avif", "--anchor", "avif"), ("bd_rates.csv", "rd-kodak-256.png")),
    # What lies there was made with SATSIM_LEARNED, the Python of learned rivals (rivals/times.py), for Table 2.
    Reference("paper", ("paper", "all", "--photos", "24"), ("paper.md", "*/*.png", "*/*.jpg", "*/result.json")),
)  # fmt: skip


def main() -> None:
    """Make what is asked for, and write the pages' blocks anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="references, or claims, or times; all of them where none is named")
    parser.add_argument("--readme", action="store_true", help="only write the blocks of README and manual")
    parser.add_argument("--work", type=Path, default=REPO / "results" / "making")
    given = parser.parse_args()
    every = [*(reference.name.rpartition("/")[2] for reference in REFERENCES), "claims", "times"]
    if unknown := [name for name in given.names if name not in every]:
        parser.error(f"{unknown[0]} is no reference; expected some of: {', '.join(every)}")
    wanted = [] if given.readme else given.names or every
    for reference in REFERENCES:
        if reference.name.rpartition("/")[2] in wanted:
            make(reference, given.work / reference.name)
            note_files()
    for name in ("claims", "times"):
        if name in wanted:
            subprocess.run([sys.executable, str(REPO / "benchmarks" / f"{name}.py")], check=True, cwd=REPO)
            note_files()
    for page in PAGES:
        text = (REPO / page).read_text(encoding="utf-8")
        write_whole(REPO / page, filled_in(text, REFERENCE, page).encode())


def make(reference: Reference, work: Path) -> None:
    """Run the command of a reference, and put what is kept of it in place of what was there."""
    print(f"{reference.name}: satsim {' '.join(reference.command)}", flush=True)
    for left in (work, work.with_name(f"{work.name}.unfinished")):
        shutil.rmtree(left, ignore_errors=True)
    subprocess.run([*SATSIM, *reference.command, "--out", str(work)], check=True, cwd=REPO)
    place = REFERENCE / reference.name
    shutil.rmtree(place, ignore_errors=True)
    for pattern in reference.kept:
        for file in sorted(work.glob(pattern)):
            (place / file.relative_to(work)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place / file.relative_to(work))


def note_files() -> None:
    """written.json: the weights, and the digest of every file."""
    about = {"model": DEFAULT_MODEL, "weights": digest(model_path(DEFAULT_MODEL)), "files": digests()}
    write_whole(REFERENCE / "written.json", (json.dumps(about, indent=1) + "\n").encode())


def digests() -> dict[str, str]:
    """The digest of each file in results/reference, by path, written.json itself aside."""
    files = sorted(path for path in REFERENCE.rglob("*") if path.is_file() and path.name != "written.json")
    return {path.relative_to(REFERENCE).as_posix(): digest(path) for path in files}


def digest(path: Path) -> str:
    """SHA-256, its first 32 digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


if __name__ == "__main__":
    main()
