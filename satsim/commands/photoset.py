"""`satsim run --images`: every photo of a folder by every scheme, and on how many of them which scheme is better."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from satsim.commands.main import print_table, screen
from satsim.words import clock

if TYPE_CHECKING:
    from rich.console import Console

    from satsim.scenario.scenario import Scenario


MOST_ROWS = 30
"""Of wins; of more, those at the last moment alone are printed."""


def run_folders(
    scenario: Scenario,
    images: Sequence[Path] | None,
    image: Path | None,
    first: int | None,
    at: str | None,
    out: Path | None,
    workers: int | None,
    resume: bool,
    cache: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Send each photo of `images`, write the results folder, and print what came of it."""
    from satsim.commands.sweep import choose_workers, keeping, noting, telling
    from satsim.errors import SweepError
    from satsim.photoset.photos import find_photos
    from satsim.photoset.plan import END, FIRST, make_plan
    from satsim.scoring.coding import default_folder
    from satsim.sweep.run import Progress

    if not images:
        raise SweepError("--first, --at, --workers, --resume and --cache are for a set of photos; give --images FOLDER")
    if image is not None:
        raise SweepError("--image and --images are two ways to say which photos to send; give one")
    folder = out or Path("results") / f"{scenario.name}_photos"
    photos = find_photos(images, first)
    with telling(quiet) as tell, keeping(folder):
        tell(Progress("reading the photos", 0, 1))
        moments = at.split(",") if at else (FIRST, END)
        plan = make_plan(scenario, photos, moments, cache or default_folder())
        from satsim.photoset.run import run_photoset

        where = choose_workers(workers, None)
        run_photoset(plan, folder, where, resume=resume, progress=tell, tell=noting(quiet))
    show_folder(folder, as_json, quiet)


def show_folder(folder: Path, as_json: bool, quiet: bool) -> None:
    """Print what a finished folder holds: its notices, and its summary as JSON or in tables."""
    import json

    text = (folder / "summary.json").read_text(encoding="utf-8")
    summary = json.loads(text)
    for notice in summary["notices"]:
        screen(sys.stderr, quiet).print(f"note: {notice}", style="yellow")
    if as_json:
        typer.echo(text, nl=False)
    else:
        print_summary(screen(sys.stdout, quiet), summary, folder)


def print_summary(console: Console, summary: dict[str, Any], folder: Path) -> None:
    """How soon and how good each scheme is on the median photo, and how often the first one beats the others."""
    metric, about = next(iter(summary["metrics"].items()))
    schemes, count = summary["schemes"], summary["photos"]
    columns = {
        "scheme": list(summary["labels"].values()),
        "photos": [f"{row['photos_shown']}/{count}" for row in schemes.values()],
    }
    for head, key in (("first\npicture", "first_image_s"), ("last\nchange", "last_change_s")):
        columns[head] = [clock(row[key]["median"]) for row in schemes.values()]
    for head, key in (("at\nfirst", "first_quality"), ("at the\nend", "final_quality")):
        columns[head] = [quality(row[key][metric]["median"]) for row in schemes.values()]
    middle = [row["final_quality"][metric] for row in schemes.values()]
    columns["middle half\nat the end"] = [f"{quality(m['best_quarter'])} {quality(m['worst_quarter'])}" for m in middle]
    title = f"{summary['title']}: {count} photo{'s' * (count > 1)}"
    print_table(console, title, columns, ("last\nchange", "at\nfirst"))
    better = "higher" if about["higher_is_better"] else "lower"
    console.print(
        f"Medians over the photos; times in minutes:seconds after each was taken; quality: {about['label']},"
        f" {better} is better."
    )
    if len(schemes) > 1:
        console.print()
        print_wins(console, summary)
    console.print(f"Tables and figures: {folder}", soft_wrap=True)


def print_wins(console: Console, summary: dict[str, Any]) -> None:
    """On how many photos the first scheme is better than each of the others, in each metric at each moment."""
    from satsim.photoset.words import p_words

    ours, count = next(iter(summary["schemes"])), summary["photos"]
    labels = {name: about["label"] for name, about in summary["metrics"].items()} | {"first_image_s": "first picture"}
    wins = [win for win in summary["wins"] if win["first"] == ours]
    if len(wins) > MOST_ROWS:
        wins = [win for win in wins if win["at"] == summary["moments"][-1]]
    columns = {
        "against": [summary["labels"][win["second"]] for win in wins],
        "in": [labels[win["metric"]] for win in wins],
        "at": [win["at"] or "-" for win in wins],
        "better": [f"{win['better']}/{count}" for win in wins],
        "worse": [str(win["worse"]) for win in wins],
        "equal": [str(win["equal"]) for win in wins],
        "p": [p_words(win["p"]) for win in wins],
    }
    print_table(console, f"{summary['labels'][ours]} is better on ... of {count} photos", columns, ("equal",), text=3)
    console.print(
        "Both are compared at equal time; first: when both show their first picture. A picture is better than none."
        " p: exact two-sided sign test, equal photos left out. All pairs and moments: wins.md."
    )


def quality(value: float | str | None) -> str:
    """A score; a dash for none."""
    return "-" if value is None else "∞" if isinstance(value, str) else f"{value:.3f}"
