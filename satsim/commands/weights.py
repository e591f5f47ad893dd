"""`satsim weights`: the pretrained weights of the perceptual metrics."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satsim.commands.mending import echo

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

weights_app = typer.Typer(help="Weights of the perceptual metrics: list, fetch, import, remove.", no_args_is_help=True)


@weights_app.command("list")
def list_all() -> None:
    """Which files there are, which are here, their size, source and licence."""
    from codec.files import cache_folder
    from codec.metrics import weights

    for status in weights.list_weights():
        file = status.file
        where = str(status.path) if status.path else f"missing (download of {file.download_bytes / 1e6:.2f} MB)"
        echo(f"{file.name}: {file.title}; for {', '.join(status.metrics)}\n  {where}\n  {file.url} ({file.licence})")
    echo(f"cache folder: {cache_folder()} (change it by SATSIM_CACHE)")


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
        echo("nothing to fetch: all here")
        return
    for file in files:
        echo(f"{file.title}: {file.download_bytes / 1e6:.2f} MB from {mirror_url or file.url} ({file.licence})")
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
        echo(f"{file} -> {weights.import_file(name, file)}")


@weights_app.command()
def remove(name: Annotated[str, typer.Argument(help="Metric or file.")]) -> None:
    """Delete cached weights that no other complete metric needs."""
    from codec.metrics import weights

    removed = weights.remove(name)
    for path in removed:
        echo(f"removed {path}")
    if not removed:
        echo(f"nothing of {name} is in the cache")
