"""`satsim run`: one photo by every scheme of a scenario, and what arrives when."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import typer

from satsim.commands import options
from satsim.words import clock

if TYPE_CHECKING:
    from rich.console import Console


def run(
    scenario: options.Scenario,
    image: options.Image = None,
    images: options.Images = None,
    first: options.First = None,
    at: options.At = None,
    metric: options.Metrics = None,
    out: options.Out = None,
    seed: options.Seed = None,
    settings: options.Settings = None,
    workers: options.Workers = None,
    resume: options.Resume = False,
    cache: options.Cache = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Send one photo, or each one of a folder, by every scheme of a scenario, and show what arrives when."""
    from satsim.scenario.scenario import load_scenario

    if not scenario.is_file():
        from satsim.scenario.finding import find_scenario

        scenario = find_scenario(scenario)
    changes = [*(settings or []), *([] if seed is None else [f"seed={seed}"])]
    plan = load_scenario(scenario, changes + ([f"metrics=[{','.join(metric)}]"] if metric else []))
    if images or any(given is not None for given in (first, at, workers, cache)) or resume:
        from satsim.commands.photoset import run_folders

        return run_folders(plan, images, image, first, at, out, workers, resume, cache, json, quiet)
    if image is not None:
        plan = plan.model_copy(update={"image": plan.image.model_copy(update={"path": image.absolute()})})
    folder, console = out or Path("results") / plan.name, screen(sys.stderr, quiet)
    with console.status("starting") as status:
        from satsim.pipeline import run as run_pipeline
        from satsim.pipeline import save

        result = run_pipeline(plan, lambda step: status.update(step))
        status.update("drawing the figures")
        save(result, folder)
    for notice in result.notices:
        console.print(f"note: {notice}", style="yellow")
    if json:
        return typer.echo((folder / "summary.json").read_text(encoding="utf-8"), nl=False)
    return print_run(screen(sys.stdout, quiet), result.summary, folder)


def screen(stream: IO[str], quiet: bool = False) -> Console:
    """A terminal, or what is written 80 letters wide where COLUMNS does not say otherwise."""
    from rich.console import Console

    width = None if stream.isatty() or "COLUMNS" in os.environ else 80
    return Console(file=stream, width=width, quiet=quiet, highlight=False, markup=False, emoji=False)


def print_table(
    console: Console, title: str, columns: dict[str, list[str]], spare: Iterable[str], text: int = 1
) -> None:
    """Columns by heading, the first `text` of them words; where they are too wide, some of `spare` are left out."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    needs = {head: 2 + max(map(len, [*head.split("\n"), *cells])) for head, cells in columns.items()}
    words = list(columns)[:text]
    for head in spare:
        if sum(min(need, 17) if head in words else need for head, need in needs.items()) > console.width:
            needs.pop(head, None)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for head in needs:
        table.add_column(head, justify="left" if head in words else "right", no_wrap=head not in words)
    for row in zip(*(columns[head] for head in needs), strict=True):
        table.add_row(*row)
    console.print(table)


def print_run(console: Console, summary: dict[str, Any], folder: Path) -> None:
    """The table a responder reads: when a picture comes, when it is final, how good it gets, and what it costs."""
    metric, about = next(iter(summary["metrics"].items()))
    rows, several = list(summary["schemes"].values()), summary["senders"]["count"] > 1
    columns = {"scheme": list(summary["schemes"])}
    if several:
        columns["photos"] = [f"{row['photos_shown']}/{row['photos']}" for row in rows]
    for head, key in (("first\npicture", "first_image_s"), ("last\nchange", "last_change_s")):
        columns[head] = [clock(row[key]) for row in rows]
    for head, key in (("at\nfirst", "first_quality"), ("at the\nend", "final_quality")):
        columns[head] = ["-" if row[key][metric] is None else f"{row[key][metric]:.3f}" for row in rows]
    for head, key in (("packets", "packets_sent"), ("lost", "packets_lost"), ("bytes", "bytes_sent")):
        columns[head] = [str(row[key]) for row in rows]
    if priced := [row["cost"] for row in rows if row["cost"]["price"] is not None]:
        prices = [row["cost"]["price"] for row in rows]
        columns[priced[0]["currency"]] = ["-" if price is None else f"{price:.2f}" for price in prices]
    print_table(console, summary["title"] or summary["scenario"], columns, ("bytes", "at\nfirst", "last\nchange"))
    medians = ", medians over the photos, as are qualities" if several else ""
    better = "higher" if about["higher_is_better"] else "lower"
    console.print(
        f"Times are minutes:seconds after the photo was taken{medians}. At first and at the end: {about['label']},"
        f" {better} is better."
    )
    console.print(f"Pictures and figures: {folder}", soft_wrap=True)
