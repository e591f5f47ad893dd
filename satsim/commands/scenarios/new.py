"""`satsim new`: a scenario of one's own to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from satsim.commands.mending import echo
from satsim.commands.scenarios.completion import codec_names, link_names


def new(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="What to write: my.yaml. Nothing is overwritten.")],
    link: Annotated[
        str | None,
        typer.Option(metavar="PRESET", help="Message service; see `satsim links`.", autocompletion=link_names),
    ] = None,
    codec: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Codec; repeat.  [default: progic, avif]", autocompletion=codec_names),
    ] = None,
    image: Annotated[Path | None, typer.Option(help="Your own photo.  [default: one that comes along]")] = None,
) -> None:
    """Write a scenario to begin with: short, with comments on all that it could have, and ready to run."""
    from codec.files import prepared
    from satsim.scenario.template import command_for, new_scenario

    text = new_scenario(path, link, codec or [], image)
    with prepared(path), path.open("x", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
        except BaseException:
            path.unlink()
            raise
    echo(f"{path} is written; next: {command_for(path, codec or [])}")
