"""`satsim modem`: a satellite modem that is none, for hosts and command posts to be tried with."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from satsim.commands import options
from satsim.commands.scenarios.completion import link_names
from satsim.words import visible


def modem(
    link: Annotated[
        str, typer.Option(metavar="PRESET", help="Link; see `satsim links`.", autocompletion=link_names)
    ] = "sbd_9603_open",
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change any key of the link: loss_ratio=0.2")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of what is lost, late, twice or damaged.")] = 0,
    speed: Annotated[float, typer.Option(help="How fast its clock runs: 60 makes minutes seconds.")] = 1.0,
    pty: Annotated[Path | None, typer.Option(metavar="PATH", help="Make this a link to its pty.")] = None,
    tcp: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Listen there (port 0: any) in place of a pty.")
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Deliver to directip:HOST:PORT or http://HOST:PORT/PATH; repeat."),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Deliver over DirectIP until the server confirms that it kept it.")
    ] = False,
    mt: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Take messages for the modem there, by DirectIP.")
    ] = None,
    imei: Annotated[str | None, typer.Option(help="Its 15 digits.  [default: 300234010753370]")] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep its message number, and what waits for it, here.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:NUMBERS",
            help="checksum:3 or timeout:3 (of messages over the wire), power:4, power:4:before or silence:4 (of "
            "sessions); repeat.",
        ),
    ] = None,
    allow_code: options.AllowCode = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every line as JSON.")] = False,
) -> None:
    """Be an Iridium 9603 on a pty: AT commands in, messages out to a server, with the losses of a simulated link.

    The first line says where it listens; then comes a line a session, until Ctrl-C.
    """
    import asyncio

    from codec.own import CODE_ALLOWED
    from satsim.modem.emulator import emulate
    from satsim.modem.settings import read_settings

    CODE_ALLOWED.set(allow_code)
    settings = read_settings(
        link, changes or (), seed=seed, speed=speed, pty=pty, tcp=tcp, to=to or (), confirm=confirm, mt=mt,
        imei=imei, state=state, faults=fault or (),
    )  # fmt: skip

    def say(line: Mapping[str, Any]) -> None:
        for text in [json.dumps(line)] if as_json else in_words(line):
            sys.stdout.write(visible(text) + "\n")
        sys.stdout.flush()

    asyncio.run(emulate(settings, say))


def in_words(line: Mapping[str, Any]) -> list[str]:
    """What the emulator tells, in lines."""
    match line["event"]:
        case "listening":
            mt = [f"messages for it are taken at {line['mt']}"] if line["mt"] else []
            return [line["port"], *mt, *(f"note: {note}" for note in line["notes"])]
        case "session":
            return [_session(line)]
        case "trouble":
            return [f"{_clock(line)} {line['words']}"]
        case _:
            left = [f"not delivered to {name}: {count}" for name, count in line["undelivered"].items() if count]
            way = [f"still on their way: {line['under_way']}"] if line["under_way"] else []
            return ["; ".join([f"stopped; sessions: {line['sessions']}", *way, *left])]


def _session(line: Mapping[str, Any]) -> str:
    what = "mailbox check" if line["bytes"] is None else f"MOMSN {line['momsn']}, {line['bytes']} bytes"
    code = "" if line["mo_status"] is None else f"{line['mo_status']} "
    parts = [f"{code}{line['words']}"]
    if line.get("fate"):
        parts.append(line["fate"])
    if line.get("mt_bytes") is not None:
        parts.append(f"{line['mt_bytes']} bytes received")
    if line.get("queued"):
        parts.append(f"{line['queued']} wait")
    if line.get("silent"):
        parts.append("the host is not told")
    return f"{_clock(line)} session {line['session']}: {what}: " + "; ".join(parts)


def _clock(line: Mapping[str, Any]) -> str:
    return str(line["time"])[11:19]
