"""The command line: thin, and the only place that prints. Exit 0; 2 for what the user can mend; 130 for Ctrl-C."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codec.cli import codec_app, weights_app

if TYPE_CHECKING:
    from satsim.pipeline import Result

app = typer.Typer(
    help="What will the command post see, and when? Photos over satellite short messages, simulated.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(codec_app, name="codec")
app.add_typer(weights_app, name="weights")


@app.command()
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

    from satsim.scenario import load_scenario

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
        from satsim.report import write_report

        result = run_pipeline(plan, lambda step: status.update(step))
        status.update("drawing the figures")
        write_report(result, folder)
    for notice in result.notices:
        console.print(f"note: {notice}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    print_result(result, folder)


def print_result(result: Result, folder: Path) -> None:
    """The table a responder reads: when a picture comes, when it is final, how good it gets."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    metric, about = next(iter(result.summary["metrics"].items()))
    better = "higher" if about["higher_is_better"] else "lower"
    table = Table(title=result.scenario.title or result.scenario.name, title_justify="left")
    table.add_column("scheme")
    for heading in ("first picture", "last change", f"{about['label']} at first", "at the end", "packets", "bytes"):
        table.add_column(heading, justify="right")
    for name, row in result.summary["schemes"].items():
        values = [p.value for p in result.points if p.scheme == name and p.metric == metric and p.value is not None]
        lost = f" ({row['packets_lost']} lost)" if row["packets_lost"] else ""
        table.add_row(
            name,
            clock(row["first_image_s"]),
            clock(row["last_change_s"]),
            f"{values[0]:.3f}" if values else "-",
            f"{values[-1]:.3f}" if values else "-",
            f"{row['packets_sent']}{lost}",
            str(row["bytes_sent"]),
        )
    console.print(table)
    console.print(f"Times are minutes:seconds after the photo was taken; {better} {about['label']} is better.")
    console.print(f"Pictures and figures: {folder}", highlight=False, soft_wrap=True)


def clock(seconds: float | None) -> str:
    """Minutes and seconds, "4:05"; "never" for None."""
    if seconds is None:
        return "never"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


@app.command()
def encode(
    photo: Annotated[Path, typer.Argument(help="Photo to send.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the packets, one file each.")],
    codec: Annotated[str, typer.Option(help="Codec; see `satsim codec list`.")] = "progic",
    option: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Codec option: stages=3")] = None,
    width: Annotated[int, typer.Option(help="Frame width in pixels.")] = 256,
    height: Annotated[int, typer.Option(help="Frame height in pixels.")] = 256,
    fit: Annotated[str, typer.Option(help="crop, pad or keep.")] = "crop",
    packet_bytes: Annotated[int, typer.Option(help="Largest message, header included.")] = 360,
    sender: Annotated[int, typer.Option(help="Terminal number, 0 to 65535.")] = 0,
    image_id: Annotated[int, typer.Option(help="Image number, 0 to 65535.")] = 0,
) -> None:
    """Write the very packets that would go on the air, one file each."""
    from satsim.folders import fresh_folder
    from satsim.messages import encode_photo

    frame = {"path": photo.absolute(), "width": width, "height": height, "fit": fit}
    messages = encode_photo(frame, packet_bytes, codec, list(option or []), sender, image_id)
    with fresh_folder(out) as folder:
        for k, message in enumerate(messages):
            (folder / f"packet_{k:03d}.bin").write_bytes(message)
    typer.echo(f"{len(messages)} packets, {sum(map(len, messages))} bytes, in {out}")


@app.command()
def decode(
    files: Annotated[list[Path], typer.Argument(help="Packet files, or folders of them: any subset, any order.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Picture to write, such as received.png.")],
    model: Annotated[
        str | None, typer.Option(help="ProGIC weights file, where the packets name one not shipped.")
    ] = None,
    codec: Annotated[
        str | None, typer.Option(help="Your own codec, as module:Class, where they name none of ours.")
    ] = None,
) -> None:
    """Rebuild the picture that a receiver of these packets would see."""
    from satsim.messages import decode_messages, read_messages, write_picture

    picture, report = decode_messages(read_messages(files), model, codec)
    for line in report:
        typer.echo(line, err=True)
    write_picture(picture, out)
    typer.echo(f"{out}: {picture.shape[1]}x{picture.shape[0]} pixels")


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
        line = mendable(error)
        if line is None:
            raise
        typer.echo(f"error: {line}", err=True)
        raise SystemExit(2) from None


def mendable(error: Exception) -> str | None:
    """The line for an error that the user can mend, or None for a bug of ours, which deserves its traceback."""
    from codec.base import CodecError
    from satsim.packets import PacketError
    from satsim.photo import PhotoError
    from satsim.scenario import ScenarioError

    if isinstance(error, CodecError | PacketError | PhotoError | ScenarioError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        mend = "; free some, or write elsewhere by --out" if error.errno == errno.ENOSPC else ""
        return f"{where}{error.strerror or error}{mend}"
    return None
