"""The service: the ways that are named, one writer, and a decoder in a process of its own, until it is stopped.

Whatever is answered is on the disk; so it may be killed at any moment, and goes on where it was when it starts again.
SIGTERM and Ctrl-C let what is being answered be answered, for a few seconds.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from satsim.air.seal import SenderKey
from satsim.errors import ScenarioError
from satsim.inbox.credentials import Secrets
from satsim.inbox.database import connect
from satsim.inbox.guard import Allowed, Guard, Limits
from satsim.inbox.intake import Intake
from satsim.inbox.store import lag
from satsim.inbox.supervision import Decoding, Status, keep_decoding, tell_refusals
from satsim.inbox.ways import directip, folder, framed
from satsim.inbox.ways.door import Door, Tell, aside, listen
from satsim.inbox.ways.stdin import read_input
from satsim.inbox.ways.streams import Stream, accept, streams

ANSWERING_S = 0.1
"""For answers to leave, when all is written."""
SWITCH_S = 0.0005
"""How long the loop may keep the interpreter from the writer, which wants it for each of its statements."""
SPARE_FILES = 64
"""Open beside connections: database, listening sockets, files that are read."""


class Options(NamedTuple):
    """What the service is to do."""

    path: Path
    directip: str | None = None
    http: str | None = None
    tcp: str | None = None
    udp: str | None = None
    watch: Path | None = None
    stdin: str | None = None
    keys: Mapping[int, SenderKey] | None = None
    secrets: Secrets = Secrets()
    allowed: Allowed = Allowed()
    limits: Limits = Limits()
    tls: ssl.SSLContext | None = None
    """Of HTTP and TCP; the Iridium gateway knows none."""
    confirm: bool = True
    tcp_prefix_bytes: int = 2
    decoding: Decoding | None = Decoding()
    """None: not here."""


def serve(options: Options, tell: Tell) -> None:
    """Run until SIGTERM or Ctrl-C, or, where standard input is the only way, until that ends and all is decoded.

    Raises ScenarioError, before anything is taken, for options that do not go together, an address that is taken, a
    file that is no inbox, or a library that is missing; OSError.
    """
    check(options)
    sys.setswitchinterval(SWITCH_S)
    asyncio.run(_serve(options, tell))


def check(options: Options) -> None:
    """Raise ScenarioError for options that do not go together."""
    addresses = {name: getattr(options, name) for name in ("directip", "http", "tcp", "udp")}
    if not any([*addresses.values(), options.watch, options.stdin]):
        raise ScenarioError(
            "no way in is named; give one or more of --directip, --http, --tcp, --udp, --watch, --stdin"
        )
    if options.secrets.sealed_only and not options.keys:
        raise ScenarioError("--sealed-only takes what keys open alone; give them (--keys FILE)")
    if options.http and not (find_spec("starlette") and find_spec("uvicorn")):
        raise ScenarioError("--http needs starlette and uvicorn: pip install 'satsim-link[field]'")
    if options.watch:
        folder.prepare(options.watch)
    _make_room(options.limits.connections)


async def _serve(options: Options, tell: Tell) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.set_exception_handler(
        lambda _, about: tell("bug", error=type(about.get("exception")).__name__, what=about["message"])
    )
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # which may warn of each byte to who has left
    guard = Guard(options.limits, options.allowed)
    sealed_only = options.secrets.sealed_only

    def trouble(line: str) -> None:
        tell("trouble", reason=line)

    intake = Intake(options.path, options.keys, sealed_only, options.limits, trouble)
    door = Door(intake, guard, options.secrets, options.limits, tell, keys=options.keys)
    sockets = _sockets(options)
    tasks: list[asyncio.Task[None]] = []
    beside: list[asyncio.Task[None]] = []
    try:
        await intake.start()
        tell("inbox", db=str(options.path))
        if options.secrets.jwt_key and not (options.allowed.imeis or options.secrets.hook_secret or sealed_only):
            tell("note", reason="the gateway signs for all its customers; name your modems: --allow IMEI")
        for way, sock in sockets.items():
            await _open_way(way, sock, door, options, tasks)
        if options.watch:
            tell("listening", way="folder", folder=str(options.watch))
            tasks.append(asyncio.create_task(folder.watch(options.watch, door)))
        beside.append(asyncio.create_task(tell_refusals(guard, tell)))
        if options.decoding:
            beside.append(asyncio.create_task(keep_decoding(options.path, options.decoding, tell)))
        if options.stdin:
            tell("listening", way="stdin", form=options.stdin)
            tasks.append(asyncio.create_task(_read_to_end(options, door, stop)))
        for task in [*tasks, *beside]:
            task.add_done_callback(lambda task: stop.set() if not task.cancelled() and task.exception() else None)
        await stop.wait()
        tell("stopping")
    finally:
        await _stop(tasks, sockets, beside, intake)
    for task in [*tasks, *beside]:
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise error
    tell("stopped", **intake.counts)


def _sockets(options: Options) -> dict[str, socket.socket]:
    """A bound socket for each way that has an address. Raises ScenarioError."""
    found: dict[str, socket.socket] = {}
    try:
        for way in ("directip", "http", "tcp", "udp"):
            if address := getattr(options, way):
                kind = socket.SOCK_DGRAM if way == "udp" else socket.SOCK_STREAM
                found[way] = listen(way, address, kind)
                options.secrets.check_way(way, found[way].getsockname()[0])
    except BaseException:
        for sock in found.values():
            sock.close()
        raise
    return found


async def _open_way(
    way: str, sock: socket.socket, door: Door, options: Options, tasks: list[asyncio.Task[None]]
) -> None:
    host, port = sock.getsockname()[:2]
    door = door._replace(address=host)
    if way == "udp":
        tasks.append(asyncio.create_task(framed.datagrams(sock, door)))
    elif way == "http":
        from satsim.inbox.ways.http import application
        from satsim.inbox.ways.requests import requests

        app = application(door, Status(options.path, door).told)
        tasks.append(asyncio.create_task(accept(sock, way, door, requests(door, app), options.tls)))
    else:
        converse: Stream = directip.conversation(door, options.confirm)
        if way == "tcp":
            converse = framed.conversation(door, options.tcp_prefix_bytes)
        tls = options.tls if way == "tcp" else None
        tasks.append(asyncio.create_task(accept(sock, way, door, streams(way, door, converse), tls)))
    door.tell("listening", way=way, address=host, port=port)


async def _stop(
    tasks: Sequence[asyncio.Task[None]],
    sockets: Mapping[str, socket.socket],
    beside: Sequence[asyncio.Task[None]],
    intake: Intake,
) -> None:
    """Take nothing new, write what waits, answer it."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for sock in sockets.values():
        sock.close()
    await intake.close()
    await asyncio.sleep(ANSWERING_S)
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)


async def _read_to_end(options: Options, door: Door, stop: asyncio.Event) -> None:
    """Read standard input; where it is the only way, the service has done its work once all is decoded."""
    assert options.stdin
    await read_input(options.stdin, door)
    door.tell("ended", way="stdin")
    if any([options.directip, options.http, options.tcp, options.udp, options.watch]):
        return
    db = await aside(partial(connect, options.path))
    try:
        while options.decoding and lag(db).images:
            await asyncio.sleep(0.1)
    finally:
        db.close()
    stop.set()


def _make_room(connections: int) -> None:
    """Let this process have so many files open, if the system lets it. Raises ScenarioError."""
    if find_spec("resource") is None:  # not on Windows
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise ScenarioError(
            f"--connections is {connections}; expected at most {hard - SPARE_FILES}, as this system lets a program open"
            f" {hard} files"
        )
    if soft != resource.RLIM_INFINITY and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
