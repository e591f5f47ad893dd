"""`satsim key`: secrets that seal packets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from satsim.commands.mending import echo

key_app = typer.Typer(help="Keys that seal packets, so that none can be forged.", no_args_is_help=True)


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
    echo(f"{file}: a key for sender {sender}; its packets are sealed by `satsim encode --key {file}`")
