"""`satsim codec ...` and `satsim weights ...`: the command lines of the codec and of the metrics' weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codec.evaluation.cli import compare, evaluate, runtimes

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

codec_app = typer.Typer(help="Codecs: what there is, what it costs, how good it is.", no_args_is_help=True)
weights_app = typer.Typer(help="Weights of the perceptual metrics: list, fetch, import, remove.", no_args_is_help=True)
for command in (evaluate, compare, runtimes):
    codec_app.command()(command)


@codec_app.command("list")
def list_codecs() -> None:
    """Every codec and every shipped ProGIC model."""
    from codec import codec_names, zoo

    typer.echo("codecs: " + ", ".join(codec_names()) + ", or your own as module:Class")
    typer.echo("ProGIC models: " + (", ".join(zoo.list_models()) or "none"))


@codec_app.command()
def info(
    preset: Annotated[str | None, typer.Argument(help="base, small, nano, fine16 or fine48  [default: all]")] = None,
    width: Annotated[int, typer.Option(min=16, max=4096, help="Pixels.")] = 768,
    height: Annotated[int, typer.Option(min=16, max=4096, help="Pixels.")] = 512,
) -> None:
    """Parameters, FLOPs and stage size of the ProGIC presets at a picture size."""
    from rich.console import Console
    from rich.table import Table

    from codec.base import CodecError
    from codec.bits import packed_bytes
    from codec.model import PRESETS, complexity

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
            f"{config.stage_bpp:.4f}",
        )
    Console().print(table)


@codec_app.command()
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
) -> None:
    """What a ProGIC model's codewords carry: entropy, what range coding would save, maps of latents, picture sheets."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status("starting") as status:
        from codec import zoo
        from codec.analysis.report import write_analysis

        settings, results = write_analysis(
            folders,
            model or zoo.DEFAULT_MODEL,
            out,
            side=None if own_size else side,
            prior=prior,
            smoothing=smoothing,
            metric=metric,
            sheet_photos=sheets,
            tell=lambda step: status.update(escape(step)),
        )
    for notice in settings.notices:
        console.print(f"note: {notice}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    for result in results:
        low, high = (f(use.corrected_bits for use in result.uses) for f in (min, max))
        saved = [row.gain for row in result.savings if row.stage == "total"]
        typer.echo(
            f"{result.name}: {low:.2f} to {high:.2f} of {settings.index_bits} bits a codeword by stage;"
            f" range coding saves {100 * sum(saved) / len(saved):.2f} % on average over {len(saved)} photos"
        )
    typer.echo(f"tables and figures: {out / 'analysis.md'}")


@codec_app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="YAML file; training/ has some.")],
    data: Annotated[Path | None, typer.Option(help="Folder of photos or packs, in place of the recipe's.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run, in place of the recipe's.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint, if there is one.")] = False,
) -> None:
    """Train a ProGIC model; leaves weights, a log and a contact sheet, and can be cut and resumed at any time.

    Exit code 2, and the last sound weights saved, where a run keeps exploding.
    """
    from codec.loading import read_setting
    from codec.training.recipe import load_recipe
    from codec.training.train import train as steps

    settings = dict(read_setting(each, f"{each}:") for each in set_ or [])
    settings |= {key: path for key, path in (("data", data), ("out", out)) if path is not None}
    config = load_recipe(recipe, settings)

    def tell(note: str) -> None:
        typer.secho(f"note: {note}", err=True, fg="yellow")

    for row in steps(config, resume=resume, tell=tell):
        typer.echo(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
    typer.echo(f"weights in {config.out / 'model.safetensors'}")


@weights_app.command("list")
def list_all() -> None:
    """Which files there are, which are here, their size, source and licence."""
    from codec.metrics import weights

    for status in weights.list_weights():
        file = status.file
        where = str(status.path) if status.path else f"missing (download of {file.download_bytes / 1e6:.2f} MB)"
        typer.echo(
            f"{file.name}: {file.title}; for {', '.join(status.metrics)}\n  {where}\n  {file.url} ({file.licence})"
        )
    typer.echo(f"cache folder: {weights.cache_folder()} (change it by SATSIM_CACHE)")


@weights_app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Metrics or files: dists, lpips-vgg, lpips-squeeze ...")],
    mirror_url: Annotated[str | None, typer.Option(help="A folder that holds the files under their own names.")] = None,
    proxy: Annotated[str | None, typer.Option(help="Proxy to download through.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Download weights: what, from where and how large is shown first; hashes are verified; resumable."""
    from rich.progress import Progress

    from codec.metrics import weights

    files = list({file.name: file for name in names for file in weights.to_fetch(name)}.values())
    if not files:
        typer.echo("nothing to fetch: all here")
        return
    for file in files:
        typer.echo(f"{file.title}: {file.download_bytes / 1e6:.2f} MB from {mirror_url or file.url} ({file.licence})")
    if not yes:
        typer.confirm("fetch?", default=True, abort=True)
    with Progress() as bar:
        for file in files:
            task = bar.add_task(file.name, total=file.download_bytes)
            weights.fetch_file(
                file,
                mirror_url=mirror_url,
                proxy=proxy,
                progress=partial(_advance, bar, task),
            )


def _advance(bar: Progress, task: TaskID, _title: str, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total)


@weights_app.command("import")
def import_(
    name: Annotated[str, typer.Argument(help="Metric or file: dists, lpips-vgg, lpips-squeeze ...")],
    files: Annotated[list[Path], typer.Argument(help="Local files as their authors publish them.")],
) -> None:
    """Bring local weight files into the cache; their contents are checked."""
    from codec.metrics import weights

    for file in files:
        typer.echo(f"{file} -> {weights.import_file(name, file)}")


@weights_app.command()
def remove(name: Annotated[str, typer.Argument(help="Metric or file.")]) -> None:
    """Delete cached weights that no other complete metric needs."""
    from codec.metrics import weights

    removed = weights.remove(name)
    for path in removed:
        typer.echo(f"removed {path}")
    if not removed:
        typer.echo(f"nothing of {name} is in the cache")
