"""The command line: thin, and the only place that prints. Exit 0; 2 for what the user can mend; 130 for Ctrl-C."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codec.cli import codec_app, weights_app
from satsim.links_cli import links
from satsim.study_cli import study
from satsim.sweep_cli import sweep
from satsim.times import clock

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
app.command()(links)
app.command()(sweep)
app.command()(study)
key_app = typer.Typer(help="Keys that seal packets, so that none can be forged.", no_args_is_help=True)
app.add_typer(key_app, name="key")


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
    """The table a responder reads: when a picture comes, when it is final, how good it gets, and what it costs."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    metric, about = next(iter(result.summary["metrics"].items()))
    better = "higher" if about["higher_is_better"] else "lower"
    schemes = result.summary["schemes"]
    several = result.summary["senders"]["count"] > 1
    currency = next((row["cost"]["currency"] for row in schemes.values() if row["cost"]["price"] is not None), None)
    table = Table(title=result.scenario.title or result.scenario.name, title_justify="left")
    table.add_column("scheme", min_width=15)
    headings = ["first picture", "last change", "at first", "at the end", "packets", "lost", "bytes"]
    for heading in ["photos"] * several + headings + ([currency] if currency else []):
        table.add_column(heading, justify="right")
    for name, row in schemes.items():
        values, price = [row["first_quality"][metric], row["final_quality"][metric]], row["cost"]["price"]
        cells = [f"{row['photos_shown']} of {row['photos']}"] if several else []
        cells += [clock(row["first_image_s"]), clock(row["last_change_s"])]
        cells += ["-" if value is None else f"{value:.3f}" for value in values]
        cells += [str(row[key]) for key in ("packets_sent", "packets_lost", "bytes_sent")]
        cells += ["-" if price is None else f"{price:.2f}"] if currency else []
        table.add_row(name, *cells)
    console.print(table)
    times = "Times are minutes:seconds after the photo was taken"
    if several:
        times += ", medians over the photos, as are qualities"
    quality = f"At first and at the end: {about['label']}, {better} is better."
    console.print(f"{times}. {quality}", highlight=False)
    console.print(f"Pictures and figures: {folder}", highlight=False, soft_wrap=True)


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
    sender: Annotated[
        int | None, typer.Option(help="Terminal number, 0 to 65535.  [default: that of --key, or 0]")
    ] = None,
    image_id: Annotated[int, typer.Option(help="Image number, 0 to 65535.")] = 0,
    position: Annotated[
        str | None, typer.Option(metavar="LAT,LON", help="Where it was taken, in degrees: 46.55,8.61")
    ] = None,
    taken_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it was taken: 2026-08-01T12:00:00Z")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Seal the packets by this key file; see `satsim key new`.")] = None,
) -> None:
    """Write the very packets that would go on the air, one file each."""
    from codec.files import fresh_folder
    from satsim.messages import encode_photo, parse_position

    frame = {"path": photo.absolute(), "width": width, "height": height, "fit": fit}
    place = parse_position(position, taken_at)
    messages, notes = encode_photo(
        frame, packet_bytes, codec, list(option or []), sender, image_id, position=place, key_file=key
    )
    for note in notes:
        typer.echo(f"note: {note}", err=True)
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
    keys: Annotated[
        Path | None, typer.Option(help="Key file, or a list of several: take only what they sealed.")
    ] = None,
    replay_state: Annotated[
        Path | None, typer.Option(help="File that remembers what was decoded: each packet is then taken once, ever.")
    ] = None,
) -> None:
    """Rebuild the picture that a receiver of these packets would see."""
    from satsim.keys import open_replay_state, read_keys
    from satsim.messages import decode_messages, read_messages, write_picture

    known = read_keys(keys) if keys else None
    with open_replay_state(replay_state, known) as windows:
        picture, report = decode_messages(read_messages(files), model, codec, known, windows)
        for line in report:
            typer.echo(line, err=True)
        write_picture(picture, out)
    typer.echo(f"{out}: {picture.shape[1]}x{picture.shape[0]} pixels")


@key_app.command("new")
def key_new(
    file: Annotated[Path, typer.Argument(help="Key file to write; it must not be there yet.")],
    sender: Annotated[int, typer.Option(help="Terminal number, 0 to 65535, whose packets it seals.")],
    key_bytes: Annotated[int, typer.Option(help="16 (AES-128) or 32 (AES-256).")] = 16,
    tag_bytes: Annotated[int, typer.Option(help="What sealing adds to each message: 8, 10, 12, 14 or 16.")] = 8,
) -> None:
    """Make a secret that one sender shares with its receivers: give them a copy by a safe way."""
    from satsim.keys import new_key

    new_key(file, sender, key_bytes, tag_bytes)
    typer.echo(f"{file}: a key for sender {sender}; its packets are sealed by `satsim encode --key {file}`")


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
    from satsim.linkspec import LinkError
    from satsim.packets import PacketError
    from satsim.scenario import ScenarioError
    from satsim.study.goal import StudyError
    from satsim.sweep.errors import SweepError

    ours = CodecError, LinkError, PacketError, ScenarioError, SweepError, StudyError
    if isinstance(error, ours):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        mend = "; free some, or write elsewhere by --out" if error.errno == errno.ENOSPC else ""
        return f"{where}{error.strerror or error}{mend}"
    return None
