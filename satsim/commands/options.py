"""Options that several commands share, each said once. Nothing runs here, so that no command waits for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from satsim.commands.scenarios.completion import metric_names, scenario_names

Scenario = Annotated[
    Path,
    typer.Argument(
        help="Scenario file, or the name of one that ships (`satsim scenarios`): forest_fire.",
        autocompletion=scenario_names,
    ),
]
Image = Annotated[Path | None, typer.Option(help="Your own photo instead of the scenario's.")]
Images = Annotated[
    list[Path] | None, typer.Option(metavar="FOLDER", help="Every photo of a folder, one after the other; repeat.")
]
First = Annotated[int | None, typer.Option(min=1, help="With --images: only so many photos of each folder.")]
Metrics = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Metric, in place of the scenario's; repeat.", autocompletion=metric_names),
]
At = Annotated[
    str | None,
    typer.Option(help="With --images: when schemes are compared: 'first, 2 min, end'.  [default: first, end]"),
]
Out = Annotated[Path | None, typer.Option(help="Results folder  [default: results/<scenario name>, or ..._photos]")]
Seed = Annotated[int | None, typer.Option(help="Seed of all randomness instead of the scenario's.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change any key: link.loss_ratio=0.2")
]
Engine = Annotated[
    str | None,
    typer.Option(help="What runs ProGIC: onnxruntime, without torch.  [default: torch encodes, NumPy decodes]"),
]
Guess = Annotated[bool, typer.Option("--guess", help="Guess what is lost of ProGIC's stages, from what is held.")]
MaxPixels = Annotated[
    int | None,
    typer.Option(min=1, help="Largest picture to decode.  [default: 1,200 pixels a byte that came, 65,536 at least]"),
]
AllowCode = Annotated[
    bool, typer.Option("--allow-code", help="Run code that it names: module:attribute, commands of external.")
]
Cache = Annotated[Path | None, typer.Option(help="Folder for scores.  [default: the user's cache folder]")]
Workers = Annotated[int | None, typer.Option(help="Processes.  [default: one for each core]")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what was interrupted.")]
Json = Annotated[bool, typer.Option("--json", help="Print the results as JSON, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Version = Annotated[bool, typer.Option("--version", help="Print the version of satsim, and nothing else.")]
