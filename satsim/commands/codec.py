"""`satsim codec`: what codecs there are, what they cost, how good they are; what codewords carry; training; export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from satsim.commands import options
from satsim.commands.main import Commands
from satsim.commands.mending import echo
from satsim.words import visible

HERE, SCORES = "satsim.commands.codec", "satsim.commands.evaluation"
COMMANDS = {
    **dict.fromkeys(("list", "info", "analyse", "train"), HERE),
    **dict.fromkeys(("evaluate", "compare", "runtimes"), SCORES),
    "export": HERE,
}


class CodecCommands(Commands):
    """Made when they are asked for too, so that the help of all of satsim waits for none of them."""

    modules = COMMANDS


codec_app = typer.Typer(
    cls=CodecCommands, help="Codecs: what there is, what it costs, how good it is.", no_args_is_help=True
)


def list_() -> None:
    """Every codec and every shipped ProGIC model."""
    from codec import codec_names
    from codec.own import installed
    from codec.progic.shape import list_models

    echo("codecs: " + ", ".join(codec_names()) + ", or your own as module:Class")
    if own := installed():
        echo("installed: " + ", ".join(f"{name} ({place})" for name, place in own.items()))
    echo("ProGIC models: " + (", ".join(list_models()) or "none"))


def info(
    preset: Annotated[str | None, typer.Argument(help="base, small, nano, fine16 or fine48  [default: all]")] = None,
    width: Annotated[int, typer.Option(min=16, max=4096, help="Pixels.")] = 768,
    height: Annotated[int, typer.Option(min=16, max=4096, help="Pixels.")] = 512,
) -> None:
    """Parameters, FLOPs and stage size of the ProGIC presets at a picture size."""
    from rich.console import Console
    from rich.table import Table

    from codec.base import CodecError
    from codec.progic.layout import packed_bytes
    from codec.progic.model import complexity
    from codec.progic.shape import PRESETS

    if preset is not None and preset not in PRESETS:
        raise CodecError(f"preset is {preset!r}; expected one of: {', '.join(PRESETS)}")
    table = Table(title=f"ProGIC at {width}x{height} pixels (2 FLOPs a multiply-accumulate)", title_justify="left")
    table.add_column("preset")
    for heading in ("parameters, M", "GFLOPs", "stages", "bytes a stage", "bpp a stage"):
        table.add_column(heading, justify="right")
    for name in [preset] if preset else PRESETS:
        config = PRESETS[name]
        cost = complexity(config, height, width)
        cells = -(-height // config.downsampling) * -(-width // config.downsampling)
        table.add_row(
            name,
            f"{cost.parameters / 1e6:.2f}",
            f"{cost.flops / 1e9:.2f}",
            str(config.stages),
            str(packed_bytes(cells, config.index_bits)),
            f"{config.index_bits / config.downsampling**2:.4f}",
        )
    Console().print(table)


def analyse(
    folders: Annotated[list[Path], typer.Argument(help="Folders of photos.")],
    out: Annotated[Path, typer.Option(help="Folder to create, for tables, figures and analysis.md.")],
    model: Annotated[
        str | None, typer.Option(help="Shipped ProGIC model, or a .safetensors file  [default: that of codec progic]")
    ] = None,
    side: Annotated[int, typer.Option(min=16, max=4096, help="Photos are cropped to a square of this side.")] = 256,
    own_size: Annotated[bool, typer.Option("--own-size", help="Photos as they are instead.")] = False,
    prior: Annotated[
        Path | None, typer.Option(help="Photos to learn the range coder's prior from  [default: the folder's others]")
    ] = None,
    smoothing: Annotated[float, typer.Option(help="Added to each codeword's count in the prior.")] = 1.0,
    metric: Annotated[str, typer.Option(help="Metric of the pictures, or the best at hand.")] = "dists",
    sheets: Annotated[int, typer.Option(min=0, help="Photos a folder to show on visual sheets.")] = 6,
    workers: options.Workers = None,
    resume: options.Resume = False,
    quiet: options.Quiet = False,
) -> None:
    """What a ProGIC model's codewords carry: entropy, what range coding would save, maps of latents, picture sheets.

    What is done is kept on disk meanwhile; an analysis that was stopped goes on by --resume.
    """
    from codec.analysis.output import check_folders, write_analysis
    from codec.analysis.plots import span
    from codec.evaluation.intervals import mean_interval
    from codec.folders import list_photos
    from codec.progic.shape import DEFAULT_MODEL
    from satsim.commands.evaluation import at_work
    from satsim.commands.sweep import keeping, noting
    from satsim.scoring.measuring import decoded_with
    from satsim.sweep.results import kept_beside

    check_folders(folders, prior, out)
    jobs = sum(len(list_photos(folder)) for folder in [*folders, *([prior] if prior else [])])
    kept = kept_beside(out, "measurement", resume, noting(quiet))
    with keeping(out), kept as unfinished, at_work("coding and scoring", workers, jobs, quiet) as work:
        settings, results = write_analysis(
            folders,
            model or DEFAULT_MODEL,
            out,
            side=None if own_size else side,
            prior=prior,
            smoothing=smoothing,
            metric=metric,
            sheet_photos=sheets,
            kept=unfinished,
            made_with=decoded_with,
            **work,
        )
    for notice in settings.notices:
        echo(f"note: {notice}", err=True)
    for result in results:
        low, high = (f(use.corrected_bits for use in result.uses) for f in (min, max))
        gains = result.gains("total")
        saved = f"{gains.mean():.2f} %{span(mean_interval(gains), 2)}"
        echo(
            f"{result.name}: {low:.2f} to {high:.2f} of {settings.index_bits} bits a codeword by stage;"
            f" range coding saves {saved} on average over {len(gains)} photos"
        )
    echo(f"tables and figures: {out / 'analysis.md'}")


def train(
    recipe: Annotated[Path, typer.Argument(help="YAML file, or the name of one that ships: nano-2-cores.")],
    data: Annotated[Path | None, typer.Option(help="Folder of photos or packs, in place of the recipe's.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run, in place of the recipe's.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint, if there is one.")] = False,
) -> None:
    """Train a ProGIC model; leaves weights, a log and a contact sheet, and can be cut and resumed at any time.

    Exit code 2, and the last sound weights saved, where a run keeps exploding.
    """
    from codec.options import read_setting
    from codec.training.recipe import load_recipe
    from codec.training.train import train as steps
    from satsim.scenario.finding import find_scenario

    settings = dict(read_setting(each, f"{each}:") for each in set_ or [])
    settings |= {key: path for key, path in (("data", data), ("out", out)) if path is not None}
    config = load_recipe(find_scenario(recipe, "recipe"), settings)

    def tell(note: str) -> None:
        typer.secho(visible(f"note: {note}"), err=True, fg="yellow")

    for row in steps(config, resume=resume, tell=tell):
        echo(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
    echo(f"weights in {config.out / 'model.safetensors'}")


def export(
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write, such as decoder.onnx.")],
    part: Annotated[str, typer.Option(help="encoder or decoder.")],
    format_: Annotated[str, typer.Option("--format", help="onnx or torchscript.")] = "onnx",
    model: Annotated[
        str | None, typer.Option(help="Shipped ProGIC model, or a .safetensors file  [default: that of codec progic]")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="onnx: float16, exact, or int8; torchscript: float32  [default: the first]")
    ] = None,
) -> None:
    """A ProGIC encoder or decoder for another runtime: a phone, a browser; pictures of any size go in.

    Its metadata name the model's id, which packets name too, and its shape.
    """
    from codec.export.files import export as write
    from codec.progic.shape import DEFAULT_MODEL

    made = write(part, format_, model or DEFAULT_MODEL, out, weights)
    about = made.about
    kind = ", ".join([format_, *([f"opset {about['opset']}"] if "opset" in about else []), about["weights"]])
    echo(f"{out}: {part} of model {about['model_id']}, {kind}, {made.size_bytes / 1e6:.1f} MB")
    for line in made.interface:
        echo(f"  {line}")
