"""`satsim send`: photos through a modem, from a queue that outlives power cuts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satsim.commands import options
from satsim.commands.scenarios.completion import codec_names

if TYPE_CHECKING:
    from satsim.commands.field.sending import Orders

Photos = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PHOTO", help="Photos to send, or folders of packets of `satsim encode`.", show_default=False
    ),
]
Modem = Annotated[
    str | None, typer.Option(metavar="PORT", help="The modem: /dev/ttyUSB0, or socket://HOST:PORT.", show_default=False)
]
Folder = Annotated[
    Path | None,
    typer.Option("--queue", help="Folder of the queue.  [default: satsim/queue in the user's state folder]"),
]
Codec = Annotated[str, typer.Option(help="Codec; see `satsim codec list`.", autocompletion=codec_names)]
Option = Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Codec option: stages=3")]
Width = Annotated[int, typer.Option(help="Frame width in pixels.")]
Height = Annotated[int, typer.Option(help="Frame height in pixels.")]
Fit = Annotated[str, typer.Option(help="crop, pad or keep.")]
PacketBytes = Annotated[int, typer.Option(help="Largest message, header included; 340 is what a 9602 or 9603 takes.")]
SenderNumber = Annotated[
    int | None, typer.Option("--sender", help="Terminal number, 0 to 65535.  [default: that of --key, or 0]")
]
ImageId = Annotated[int | None, typer.Option(help="Image number.  [default: from the content, or the next of --key]")]
Place = Annotated[str | None, typer.Option(metavar="LAT,LON", help="Where it was taken, in degrees: 46.55,8.61")]
TakenAt = Annotated[str | None, typer.Option(metavar="TIME", help="When it was taken: 2026-08-01T12:00:00Z")]
Key = Annotated[Path | None, typer.Option(help="Seal the packets by this key file; see `satsim key new`.")]
Priority = Annotated[int, typer.Option(help="Photos of a higher one go first, whatever waits.")]
Again = Annotated[bool, typer.Option("--again", help="Send photos once more that are acknowledged already.")]
Link = Annotated[str, typer.Option(help="Whose prices and pace the table before sending shows; see `satsim links`.")]
For = Annotated[
    str | None, typer.Option("--for", metavar="TIME", help="Stop after 30 min, say; exit code 3 if some wait.")
]
Listen = Annotated[
    str, typer.Option(metavar="TIME", help="Once all is acknowledged, wait so long for requests to send again.")
]
Speed = Annotated[float, typer.Option(help="How many times faster than a real one an emulated modem is.")]
Signal = Annotated[int, typer.Option(min=0, max=5, help="Bars to wait for before a session.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, and what it costs; send nothing.")]
List = Annotated[bool, typer.Option("--list", help="Show the queue, and nothing else.")]
Cancel = Annotated[
    list[int] | None, typer.Option(metavar="NUMBER", help="Do not send what waits of this photo; repeat.")
]
JsonLines = Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON, and nothing else.")]


def send(
    photos: Photos = None,
    modem: Modem = None,
    queue: Folder = None,
    codec: Codec = "progic",
    option: Option = None,
    width: Width = 256,
    height: Height = 256,
    allow_code: options.AllowCode = False,
    fit: Fit = "crop",
    packet_bytes: PacketBytes = 340,
    sender: SenderNumber = None,
    image_id: ImageId = None,
    position: Place = None,
    taken_at: TakenAt = None,
    key: Key = None,
    priority: Priority = 0,
    again: Again = False,
    link: Link = "sbd_9603_open",
    for_time: For = None,
    listen: Listen = "0 s",
    speed: Speed = 1.0,
    signal: Signal = 2,
    dry_run: DryRun = False,
    list_queue: List = False,
    cancel: Cancel = None,
    as_json: JsonLines = False,
    quiet: options.Quiet = False,
) -> None:
    """Queue photos and send what waits, until all is acknowledged: first the first packets of all photos.

    The queue is on disk: after a crash or a power cut, the same command goes on, and sends nothing twice that was
    acknowledged. Exit code 3 says that messages are left in the queue.
    """
    from satsim.commands.field.sending import Orders, carry_out
    from satsim.messages import parse_position
    from satsim.scenario.settings import read_setting
    from satsim.sender.plan import Coding

    coding = Coding(
        {"width": width, "height": height, "fit": fit},
        packet_bytes,
        codec,
        dict(read_setting("--option", setting, "stages=3") for setting in option or []),
        sender,
        image_id,
        parse_position(position, taken_at),
        key,
    )
    orders: Orders = Orders(
        photos or [], coding, modem, queue, priority, again, link, for_time, listen, speed, signal, allow_code
    )
    carry_out(orders, dry_run, list_queue, cancel or [], as_json, quiet)
