"""The command line: thin, and the only place that prints. Exit 0; 2 for what the user can mend; 130 if stopped."""

from __future__ import annotations

try:
    import atexit
    import io
    import os
    import signal
    import sys
    from collections.abc import Iterable
    from contextvars import copy_context
    from importlib import import_module
    from typing import IO, TYPE_CHECKING, Any

    import typer
    from typer.core import TyperGroup

    from satsim.commands import options
    from satsim.words import visible
except KeyboardInterrupt:  # most of the first tenths of a second pass here
    os.write(2, b"stopped before it began\n")
    raise SystemExit(130) from None

if TYPE_CHECKING:
    from rich.console import Console

COMMANDS = {
    "run": "satsim.commands.run",
    "sweep": "satsim.commands.sweep",
    "study": "satsim.commands.study",
    "scenarios": "satsim.commands.scenarios.shipped",
    "new": "satsim.commands.scenarios.new",
    "links": "satsim.commands.links",
    **dict.fromkeys(("encode", "decode"), "satsim.commands.packets"),
    **{name: f"satsim.commands.field.{name}" for name in ("send", "inbox", "modem", "replay")},
    **{name: f"satsim.commands.{name}" for name in ("key", "codec", "weights")},
    "paper": "satsim.commands.research.paper",
}
"""By name, in the order of the help: the module that holds the command, or its group NAME_app."""


class Commands(TyperGroup):
    """Commands that come in when they are asked for, so that none waits for the others' imports."""

    modules = COMMANDS

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: dict[str, Any] = dict.fromkeys(self.modules)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The one of this name; None for none."""
        if cmd_name not in self.modules:
            return None
        module = import_module(self.modules[cmd_name])
        if group := getattr(module, f"{cmd_name}_app", None):
            command: Any = typer.main.get_group(group)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command()(getattr(module, cmd_name, None) or getattr(module, f"{cmd_name}_"))
            command = typer.main.get_command(alone)
        command.name = cmd_name
        for about in command.params:  # else rich takes [default: ...] for markup, and shows nothing
            about.help = (about.help or "").replace("[", r"\[")
        return command


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def about(version: options.Version = False) -> None:
    """What will the command post see, and when? Photos over satellite short messages, simulated."""
    if version:
        typer.echo(f"satsim {import_module('satsim').__version__}")


def screen(stream: IO[str], quiet: bool = False) -> Console:
    """A terminal, or what is written 80 letters wide where COLUMNS does not say otherwise; shows, and obeys no text."""
    from rich.console import Console
    from rich.text import Text

    def plain(text: str | Text) -> Text:
        return Text(visible(str(text)))

    width = None if stream.isatty() or "COLUMNS" in os.environ else 80
    return Console(file=stream, width=width, quiet=quiet, highlighter=plain, markup=False, emoji=False)


def print_table(to: Console, title: str, columns: dict[str, list[str]], spare: Iterable[str], text: int = 1) -> None:
    """Columns by heading, the first `text` of them words; where they are too wide, some of `spare` are left out."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    columns = {head: [visible(" ".join(cell.split())) for cell in cells] for head, cells in columns.items()}
    title = visible(" ".join(title.split()))
    needs = {head: 2 + max(map(len, [*head.split("\n"), *cells])) for head, cells in columns.items()}
    words = list(columns)[:text]
    for head in spare:
        if sum(min(need, 17) if head in words else need for head, need in needs.items()) > to.width:
            needs.pop(head, None)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for head in needs:
        table.add_column(head, justify="left" if head in words else "right", no_wrap=head not in words)
    for row in zip(*(columns[head] for head in needs), strict=True):
        table.add_row(*row)
    to.print(table)


def main() -> None:
    """Run the app; every mistake a user can mend is one line on stderr and exit code 2. SIGTERM stops it as Ctrl-C."""
    if None in (sys.stdout, sys.stderr):  # closed, as by >&-
        nowhere = open(os.devnull, "w")  # noqa: SIM115
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what a terminal cannot show must not cost a finished run
    try:
        copy_context().run(app)
    except BaseException as error:
        if isinstance(error, SystemExit) and not error.code:
            raise
        from satsim.commands.mending import exit_code

        raise SystemExit(exit_code(error)) from None
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # all is done, and Python tidies up
