"""`satsim run`: one photo by every scheme of a scenario, and what arrives when."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satsim.words import clock, headline

if TYPE_CHECKING:
    from satsim.pipeline import Result


def run(
    scenario: Annotated[Path, typer.Argument(help="Scenario file, such as scenarios/forest_fire.yaml.")],
    image: Annotated[Path | None, typer.Option(help="Your own photo instead of the scenario's.")] = None,
    out: Annotated[Path | None, typer.Option(help="Results folder  [default: results/<scenario name>]")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all randomness instead of the scenario's.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change any key: link.loss_ratio=0.2")
    ] = None,
) -> None:
    """Send one photo by every scheme of a scenario, and show what arrives when."""
    from rich.console import Console

    from satsim.scenario.scenario import load_scenario

    changes = list(settings or [])
    if seed is not None:
        changes.append(f"seed={seed}")
    plan = load_scenario(scenario, changes)
    if image is not None:
        plan = plan.model_copy(update={"image": plan.image.model_copy(update={"path": image.absolute()})})
    folder = out or Path("results") / plan.name
    console = Console(stderr=True)
    with console.status("starting") as status:
        from satsim.pipeline import run as run_pipeline
        from satsim.pipeline import save

        result = run_pipeline(plan, lambda step: status.update(step))
        status.update("drawing the figures")
        save(result, folder)
    for notice in result.notices:
        console.print(f"note: {notice}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    print_result(result, folder)


def print_result(result: Result, folder: Path) -> None:
    """The table a responder reads: when a picture comes, when it is final, how good it gets, and what it costs."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    metric, about = next(iter(result.summary["metrics"].items()))
    better = "higher" if about["higher_is_better"] else "lower"
    schemes = result.summary["schemes"]
    several = result.summary["senders"]["count"] > 1
    currency = next((row["cost"]["currency"] for row in schemes.values() if row["cost"]["price"] is not None), None)
    table = Table(title=headline(vars(result.scenario)), title_justify="left")
    table.add_column("scheme", min_width=15)
    headings = ["first picture", "last change", "at first", "at the end", "packets", "lost", "bytes"]
    for heading in ["photos"] * several + headings + ([currency] if currency else []):
        table.add_column(heading, justify="right")
    for name, row in schemes.items():
        values, price = [row["first_quality"][metric], row["final_quality"][metric]], row["cost"]["price"]
        cells = [f"{row['photos_shown']} of {row['photos']}"] if several else []
        cells += [clock(row["first_image_s"]), clock(row["last_change_s"])]
        cells += ["-" if value is None else f"{value:.3f}" for value in values]
        cells += [str(row[key]) for key in ("packets_sent", "packets_lost", "bytes_sent")]
        cells += ["-" if price is None else f"{price:.2f}"] if currency else []
        table.add_row(name, *cells)
    console.print(table)
    times = "Times are minutes:seconds after the photo was taken"
    if several:
        times += ", medians over the photos, as are qualities"
    quality = f"At first and at the end: {about['label']}, {better} is better."
    console.print(f"{times}. {quality}", highlight=False)
    console.print(f"Pictures and figures: {folder}", highlight=False, soft_wrap=True)
