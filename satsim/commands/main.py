"""The command line: thin, and the only place that prints. Exit 0; 2 for what the user can mend; 130 for Ctrl-C."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from satsim.commands import options

COMMANDS = {
    "run": "satsim.commands.run",
    "sweep": "satsim.commands.sweep",
    "study": "satsim.commands.study",
    "links": "satsim.commands.links",
    "encode": "satsim.commands.packets",
    "decode": "satsim.commands.packets",
    "key": "satsim.commands.key",
    "codec": "satsim.commands.codec",
    "weights": "satsim.commands.weights",
}
"""By name, in the order of the help: the module that holds the command, or its group NAME_app."""


class Commands(TyperGroup):
    """Commands that come in when they are asked for, so that none waits for the others' imports."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: dict[str, Any] = dict.fromkeys(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The one of this name; None for none."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name])
        if group := getattr(module, f"{cmd_name}_app", None):
            command: Any = typer.main.get_group(group)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command()(getattr(module, cmd_name))
            command = typer.main.get_command(alone)
        command.name = cmd_name
        return command


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.callback(invoke_without_command=True)
def about(version: options.Version = False) -> None:
    """What will the command post see, and when? Photos over satellite short messages, simulated."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"satsim {version_of('satsim')}")


def main() -> None:
    """Run the app; every mistake a user can mend is one line on stderr and exit code 2."""
    try:
        app()
    except (KeyboardInterrupt, SystemExit) as stop:  # typer turns the first into the second while a command runs
        if isinstance(stop, SystemExit) and stop.code != 130:
            raise
        typer.echo("stopped; nothing half-written was left", err=True)
        raise SystemExit(130) from None
    except Exception as error:
        from satsim.commands.mending import mendable

        line = mendable(error)
        if line is None:
            raise
        typer.echo(f"error: {line}", err=True)
        raise SystemExit(2) from None
