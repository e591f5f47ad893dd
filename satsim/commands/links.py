"""`satsim links`: the message services there are, and where their numbers come from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from satsim.commands.scenarios.completion import link_names

if TYPE_CHECKING:
    from rich.console import Console


def links(
    name: Annotated[
        str | None, typer.Argument(help="Preset to explain; without one, all are listed.", autocompletion=link_names)
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/links.md.")] = False,
) -> None:
    """The satellite services that a scenario's `link: {preset: NAME}` can name; with NAME, one in full."""
    from rich.console import Console

    if markdown:
        typer.echo(page(), nl=False)
        return
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False, markup=False, emoji=False)
    if name is None:
        show_all(console)
    else:
        show_one(console, name)


def show_all(console: Console) -> None:
    """The table of every preset."""
    from rich.table import Table
    from rich.text import Text

    from satsim.links.presets import link_presets
    from satsim.links.words import HEADINGS, LEGEND, in_one_line

    table = Table(title="Links that a scenario can name", title_justify="left")
    for heading in HEADINGS:
        right = heading in ("bytes", "interval")
        table.add_column(heading, justify="right" if right else "left", no_wrap=right or heading in ("preset", "ack"))
    for known in link_presets():
        table.add_row(*map(Text, in_one_line(known)))
    console.print(table)
    console.print(LEGEND)
    console.print("`satsim links NAME` explains one; in a scenario: link: {preset: NAME}.")


def show_one(console: Console, name: str) -> None:
    """One preset, number by number. Raises ScenarioError for a name that is none."""
    from rich.table import Table
    from rich.text import Text

    from satsim.errors import ScenarioError
    from satsim.links.linkspec import LinkSpec
    from satsim.links.presets import find_preset
    from satsim.links.words import numbers_of, photo_words

    try:
        preset = find_preset(name)
    except ValueError as error:
        raise ScenarioError(str(error)) from None
    table = Table(title=Text(f"{name}: {preset.title}"), title_justify="left")
    for heading in ("key", "value", "unit", "basis"):
        table.add_column(heading, justify="right" if heading == "value" else "left", overflow="fold")
    table.add_column("note", min_width=14)
    rows, sources = numbers_of(preset)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
    for number, source in enumerate(sources, 1):
        console.print(f"[{number}] {source}", soft_wrap=True)
    for line in photo_words(LinkSpec.model_validate({"preset": name})):
        console.print(line)
    console.print(f"Transport that suits it: {preset.transport}.")
    console.print(f"Not captured: {preset.notes}")


def page() -> str:
    """docs/links.md, whole."""
    from satsim.links.estimates import photo_on
    from satsim.links.linkspec import LinkSpec
    from satsim.links.presets import link_presets
    from satsim.links.words import HEADINGS, LEGEND, in_one_line, numbers_of

    presets = link_presets()
    rows = []
    for name, preset in presets.items():
        photo = photo_on(LinkSpec.model_validate({"preset": name}))
        rows.append((f"`{name}`", preset.title, *in_one_line(name)[1:], str(photo.messages) if photo else "-"))
    headings = (HEADINGS[0], "what it is", *HEADINGS[1:], "messages")
    lines = [
        "# Links",
        "",
        "The message services that a scenario can name, as in `link: {preset: sbd_9603_open}`; any other key of `link`",
        "then changes that service. `satsim links NAME` gives each number with its basis and source.",
        "This page is printed by `satsim links --markdown`; mend `satsim/links/presets.yaml`, not the page.",
        "",
        f"{LEGEND} messages: that the five ProGIC stages of a 256x256 photo need.",
        "",
        _row(headings),
        "|" + "---|" * len(headings),
        *map(_row, rows),
        "",
        "## What each does not capture, and its sources",
        "",
    ]
    for name, preset in presets.items():
        sources = "; ".join(numbers_of(preset)[1])
        lines.append(f"- `{name}`: {preset.notes}" + (f" Sources: {sources}." if sources else ""))
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("~", "\\~") for cell in cells) + " |"
