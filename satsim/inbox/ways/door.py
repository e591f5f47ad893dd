"""What all ways share: the intake, the limits, what is told of a message, and sockets that listen."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, TypeVar, cast

from satsim.air.seal import SenderKey
from satsim.errors import ScenarioError
from satsim.inbox.credentials import Secrets
from satsim.inbox.guard import Guard, Limits
from satsim.inbox.intake import Intake
from satsim.inbox.store import Arrival, Taken

BACKLOG = 4096
DATAGRAM_BUFFER_BYTES = 4 << 20
"""Asked of the system, for what comes at once."""
Result = TypeVar("Result")
Tell = Callable[..., None]
"""tell(event, **fields): something that whoever runs the service may want to see."""


class Door(NamedTuple):
    """What a way needs to take messages in."""

    intake: Intake
    guard: Guard
    secrets: Secrets
    limits: Limits
    tell: Tell
    address: str = "127.0.0.1"
    """Where the way listens."""
    keys: Mapping[int, SenderKey] | None = None

    async def take(self, way: str, message: bytes, about: Metadata, rejected: str | None = None) -> Taken:
        """What became of a message, on the disk by now. Raises NotKept."""
        taken = await self.intake.take(Arrival(message, way, time.time(), about, rejected))
        self.told(way, message, about, taken)
        return taken

    def told(self, way: str, message: bytes, about: Metadata, taken: Taken) -> None:
        """Tell of a message that was taken."""
        fields = {name: about[name] for name in ("from", "imei", "momsn", "file") if name in about}
        reason = {"reason": taken.reason} if taken.reason else {}
        self.tell("message", way=way, status=taken.status, id=taken.message_id, bytes=len(message), **fields, **reason)


Metadata = Mapping[str, str | int | float | None]


def listen(way: str, address: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """A socket that is bound to HOST:PORT, [HOST]:PORT or PORT alone, which is one of this machine's loopback.

    Raises ScenarioError for what is no such address, or is taken.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit() and int(port) <= 65535) or (address[:1] == ":"):
        raise ScenarioError(f"--{way}: {address!r} is no address; expected HOST:PORT, as 127.0.0.1:10800 (0: any port)")
    try:
        family, _, _, _, where = socket.getaddrinfo(host, int(port), type=kind, flags=socket.AI_PASSIVE)[0]
        sock = socket.socket(family, kind)
    except OSError as error:
        raise ScenarioError(f"--{way}: {address}: {error.strerror or error}") from None
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DATAGRAM_BUFFER_BYTES)
        sock.bind(where)
        if kind == socket.SOCK_STREAM:
            sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ScenarioError(f"--{way}: {address}: {error.strerror or error}") from None
    sock.setblocking(False)
    return sock


async def aside(work: Callable[[], Result]) -> Result:
    """What `work` returns or raises, done in a thread that nobody waits for when the service ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if not future.done():
            if error is None:
                future.set_result(cast(Result, result))
            else:
                future.set_exception(error)

    def run() -> None:
        result, raised = None, None
        try:
            result = work()
        except Exception as error:
            raised = error
        with suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(settle, result, raised)

    threading.Thread(target=run, daemon=True).start()
    return await future
