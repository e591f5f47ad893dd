"""`satsim encode` and `satsim decode`: the very packets that would go on the air, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    from codec.files import fresh_folder, prepared
    from satsim.messages import encode_photo, parse_position

    frame = {"path": photo.absolute(), "width": width, "height": height, "fit": fit}
    place = parse_position(position, taken_at)
    with prepared(out):
        messages, notes, header = encode_photo(
            frame, packet_bytes, codec, list(option or []), sender, image_id, position=place, key_file=key
        )
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    with fresh_folder(out) as folder:
        for k, message in enumerate(messages):
            (folder / f"packet_{k:03d}.bin").write_bytes(message)
    typer.echo(f"{len(messages)} packets, {sum(map(len, messages))} bytes, in {out}; {header}")


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
    from codec.files import prepared
    from satsim.keys import open_replay_state, read_keys
    from satsim.messages import decode_messages, read_messages, write_picture

    known = read_keys(keys) if keys else None
    with prepared(out), open_replay_state(replay_state, known) as windows:
        picture, report = decode_messages(read_messages(files), model, codec, known, windows)
        for line in report:
            typer.echo(line, err=True)
        write_picture(picture, out)
    typer.echo(f"{out}: {picture.shape[1]}x{picture.shape[0]} pixels")
