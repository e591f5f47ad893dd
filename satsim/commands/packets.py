"""`satsim encode` and `satsim decode`: the very packets that would go on the air, by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from satsim.commands import options
from satsim.commands.mending import echo
from satsim.commands.scenarios.completion import codec_names


def encode(
    photo: Annotated[Path, typer.Argument(help="Photo to send.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the packets, one file each.")],
    codec: Annotated[str, typer.Option(help="Codec; see `satsim codec list`.", autocompletion=codec_names)] = "progic",
    option: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Codec option: stages=3")] = None,
    width: Annotated[int, typer.Option(help="Frame width in pixels.")] = 256,
    height: Annotated[int, typer.Option(help="Frame height in pixels.")] = 256,
    allow_code: options.AllowCode = False,
    fit: Annotated[str, typer.Option(help="crop, pad or keep.")] = "crop",
    packet_bytes: Annotated[int, typer.Option(help="Largest message, header included.")] = 360,
    sender: Annotated[
        int | None, typer.Option(help="Terminal number, 0 to 65535.  [default: that of --key, or 0]")
    ] = None,
    image_id: Annotated[
        int | None,
        typer.Option(help="Image number, 0 to 65535.  [default: from the content, or the next of --key]"),
    ] = None,
    position: Annotated[
        str | None, typer.Option(metavar="LAT,LON", help="Where it was taken, in degrees: 46.55,8.61")
    ] = None,
    taken_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it was taken: 2026-08-01T12:00:00Z")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Seal the packets by this key file; see `satsim key new`.")] = None,
    engine: options.Engine = None,
) -> None:
    """Write the very packets that would go on the air, one file each."""
    from codec.files import fresh_folder, prepared
    from codec.own import CODE_ALLOWED
    from satsim.messages import encode_photo, parse_position
    from satsim.scenario.settings import read_setting

    CODE_ALLOWED.set(allow_code)
    frame = {"path": photo.absolute(), "width": width, "height": height, "fit": fit}
    place = parse_position(position, taken_at)
    options_of = dict(read_setting("--option", setting, "stages=3") for setting in option or [])
    with prepared(out):
        messages, notes, header, number = encode_photo(
            frame, packet_bytes, codec, options_of, sender, image_id, position=place, key_file=key, engine=engine
        )
    for note in notes:
        echo(f"note: {note}", err=True)
    with fresh_folder(out) as folder:
        for k, message in enumerate(messages):
            (folder / f"packet_{k:03d}.bin").write_bytes(message)
    echo(f"{len(messages)} packets, {sum(map(len, messages))} bytes, in {out}; image {number}; {header}")


def decode(
    files: Annotated[list[Path], typer.Argument(help="Packets in files, folders or - (stdin): any subset, any order.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Picture to write, such as received.png; of several images one each.")
    ],
    sender: Annotated[int | None, typer.Option(help="Only images of this terminal.")] = None,
    image_id: Annotated[int | None, typer.Option(help="Only images of this number.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="ProGIC weights file, where the packets name one not shipped; with --engine also an exported .onnx."
        ),
    ] = None,
    codec: Annotated[
        str | None, typer.Option(help="Your own codec, as module:Class, where they name none of ours.")
    ] = None,
    allow_code: options.AllowCode = False,
    keys: Annotated[Path | None, typer.Option(help="Key file, or a list of several: take only what they seal.")] = None,
    replay_state: Annotated[
        Path | None, typer.Option(help="File that remembers what came: each packet is then taken once, ever.")
    ] = None,
    max_pixels: options.MaxPixels = None,
    force: Annotated[
        bool, typer.Option("--force", help="Exit code 0 also where packets contradict each other.")
    ] = False,
    engine: options.Engine = None,
    guess: options.Guess = False,
    as_json: options.Json = False,
) -> None:
    """Rebuild the pictures that a receiver of these packets would see, one for each image.

    Of several images each has its sender and number in the name: received_7_0.png. What can be shown is written, and
    the exit code is 2, where packets contradict each other.
    """
    from codec.files import prepared
    from codec.own import CODE_ALLOWED
    from satsim.inputs import read_messages
    from satsim.pictures import as_record, check_picture_name, write_pictures
    from satsim.receiving import Wanted, decode_messages
    from satsim.replays import open_replay_state

    CODE_ALLOWED.set(allow_code)
    check_picture_name(out)
    known = None
    if keys:
        from satsim.keys import read_keys

        known = read_keys(keys)
    with prepared(out), open_replay_state(replay_state, known) as state:
        wanted = Wanted(sender, image_id, model, codec, max_pixels, engine, guess)
        received = decode_messages(read_messages(files, known), wanted, known, state)
        paths = write_pictures(received, out, state)
    if as_json:
        echo(json.dumps(as_record(received, paths), indent=1))
    for line in received.report if received.shown and not as_json else []:
        echo(line, err=True)
    for key, path in () if as_json else paths.items():
        echo(f"{path}: {key.width}x{key.height} pixels")
    received.check(force)
