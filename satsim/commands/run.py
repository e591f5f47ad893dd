"""`satsim run`: one photo by every scheme of a scenario, and what arrives when."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from satsim.commands import options
from satsim.commands.main import print_table, screen
from satsim.words import clock, headline, visible

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
    allow_code: options.AllowCode = False,
    cache: options.Cache = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Send one photo, or each one of a folder, by every scheme of a scenario, and show what arrives when."""
    from codec.files import prepared
    from codec.own import CODE_ALLOWED
    from satsim.scenario.scenario import load_scenario

    CODE_ALLOWED.set(allow_code)
    if not scenario.is_file():
        from satsim.scenario.finding import find_scenario

        scenario = find_scenario(scenario)
    changes = [*(settings or []), *([] if seed is None else [f"seed={seed}"])]
    plan = load_scenario(scenario, changes + ([f"metrics=[{','.join(metric)}]"] if metric else []))
    if images or any(given is not None for given in (first, at, workers, cache)) or resume:
        from satsim.commands.photoset import run_folders

        return run_folders(plan, images, image, first, at, out, workers, resume, cache, json, quiet)
    if image is not None:
        plan = plan.model_copy(update={"image": plan.image.with_photo(image)})
    folder, console = out or Path("results") / plan.name, screen(sys.stderr, quiet)
    with prepared(folder), console.status("starting") as status:
        from rich.text import Text

        import satsim.pipeline as pipeline

        result = pipeline.run(plan, lambda step: status.update(Text(visible(step))))
        status.update("drawing the figures")
        pipeline.save(result, folder)
    for notice in result.notices:
        console.print(f"note: {notice}", style="yellow")
    if json:
        return typer.echo((folder / "summary.json").read_text(encoding="utf-8"), nl=False)
    return print_run(screen(sys.stdout, quiet), result.summary, folder)


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
    print_table(console, headline(summary), columns, ("bytes", "at\nfirst", "last\nchange"))
    medians = ", medians over the photos, as are qualities" if several else ""
    better = "higher" if about["higher_is_better"] else "lower"
    read = f"At first, at the end: {about['label']}, {better} is better."
    console.print(f"Times are minutes:seconds after the photo was taken{medians}. {read}")
    console.print(f"Pictures and figures: {folder}", soft_wrap=True)
