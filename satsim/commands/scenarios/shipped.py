"""`satsim scenarios`: those that ship, their text, and every key that one can have."""

from __future__ import annotations

import json as texts
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satsim.commands.mending import echo
from satsim.commands.scenarios.completion import scenario_names
from satsim.words import visible

if TYPE_CHECKING:
    from rich.console import Console

    from satsim.scenario.listing import Listed


def scenarios(
    name: Annotated[
        str | None, typer.Argument(help="The one to print; without, all are listed.", autocompletion=scenario_names)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON, and nothing else.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema by which editors complete keys.")
    ] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Print every key there is (docs/reference/scenario.md).")
    ] = False,
) -> None:
    """Scenarios, sweeps and studies that ship with satsim; with NAME, the text of one; or every key there is."""
    from satsim.errors import ScenarioError

    asked = {"NAME": name is not None, "--json": json, "--schema": schema, "--reference": reference}
    if len(given := [what for what, is_given in asked.items() if is_given]) > 1:
        raise ScenarioError(f"{given[0]} and {given[1]} ask for different things; give one")
    if name is not None:
        print_text(Path(name))
    elif schema:
        typer.echo(texts.dumps(known_keys(), indent=2))
    elif reference:
        from satsim.scenario.reference import page

        typer.echo(page(known_keys(installed=False)), nl=False)
    else:
        from satsim.scenario.listing import list_scenarios

        rows = list_scenarios()
        if json:
            typer.echo(texts.dumps([row._asdict() | {"path": str(row.path)} for row in rows], indent=2))
        else:
            from satsim.commands.main import screen

            print_list(screen(sys.stdout), rows)


def print_list(console: Console, rows: list[Listed]) -> None:
    """A table, and what to do with it."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in ("command", "name", "question"):
        table.add_column(heading, no_wrap=heading != "question")
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        cells = [visible(" ".join(text.split())) for text in (row.command, row.name, row.title)]
        table.add_row(*cells, end_section=after is not None and after.kind != row.kind)
    console.print(table)
    console.print(
        "As in: satsim run forest_fire. `satsim scenarios NAME` prints one, `satsim new my.yaml` writes one to begin"
        " with, and `satsim scenarios --reference` tells every key."
    )


def print_text(given: Path) -> None:
    """The file as it is; where it lies goes to stderr, so that the text can be sent to a file."""
    from codec.yaml_reader import read_text
    from satsim.scenario.finding import find_scenario
    from satsim.scenario.scenario import read_mapping

    path = find_scenario(given)
    read_mapping(path, "scenario")
    echo(read_text(path).rstrip("\n"))
    echo(f"{path.resolve()}: paths in it are relative to its folder", err=True)


def known_keys(installed: bool = True) -> dict[str, Any]:
    """The schema, with the codecs and metrics that there are; of codecs also those that are `installed`."""
    from codec.loading import CODECS
    from codec.metrics import METRICS
    from codec.own import installed as own
    from satsim.scenario.schema import scenario_schema

    codecs = [*CODECS, *(own() if installed else ())]
    return scenario_schema(codecs, {name: metric.label for name, metric in METRICS.items()})
