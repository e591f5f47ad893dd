"""Connections of all ways: how they are let in, held to their time, read, answered and let go."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from satsim.inbox.guard import Seat
from satsim.inbox.ways.door import Door

TOGETHER = 64
"""Connections that are let in before others get their turn."""
FULL_S = 0.1
"""Until another is let in, where no more files can be open."""
READ_BYTES = 4096
HANDSHAKE_S = 5.0
TASKS: set[asyncio.Task[None]] = set()
"""Of connections, for the loop itself does not hold them."""
Stream = Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Awaitable[None]]
"""What a way does with one connection, from an address."""


async def accept(
    sock: socket.socket,
    way: str,
    door: Door,
    protocol: Callable[[Seat], asyncio.BaseProtocol],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Let in whoever the guard admits, until cancelled; `protocol` makes one's protocol.

    The guard counts a connection from before its TLS handshake on, so that those who never end theirs count too.
    """
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    again: asyncio.TimerHandle | None = None

    def come() -> None:
        nonlocal again
        try:
            for _ in range(TOGETHER):
                _admit(sock, way, door, protocol, tls)
        except BlockingIOError:
            return
        except OSError as error:
            loop.remove_reader(sock)
            if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED):
                failed.set_exception(error)
                return
            door.guard.refuse(way, "", "no room for a connection")
            again = loop.call_later(FULL_S, loop.add_reader, sock, come)

    loop.add_reader(sock, come)
    try:
        await failed
    finally:
        loop.remove_reader(sock)
        if again:
            again.cancel()


def _admit(
    sock: socket.socket,
    way: str,
    door: Door,
    protocol: Callable[[Seat], asyncio.BaseProtocol],
    tls: ssl.SSLContext | None,
) -> None:
    """Let in one, if the guard does. Raises OSError."""
    connection, where = sock.accept()
    connection.setblocking(False)
    address = str(where[0])
    seat = door.guard.admit(way, address)
    if seat is None:
        connection.close()
    else:
        _await_word(connection, seat, door, partial(_let_in, connection, address, seat, way, door, protocol, tls))


def _await_word(
    connection: socket.socket, seat: Seat, door: Door, let_in: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Begin with a connection once something comes by it: who opens many and says nothing costs little."""
    loop = asyncio.get_running_loop()

    def begin() -> None:
        with suppress(OSError):
            if not connection.recv(1, socket.MSG_PEEK):
                end()  # who closes without a word leaves no trace
                return
        loop.remove_reader(connection)
        timer.cancel()
        task = loop.create_task(let_in())
        seat.close = task.cancel
        TASKS.add(task)
        task.add_done_callback(TASKS.discard)

    def end() -> None:
        loop.remove_reader(connection)
        timer.cancel()
        connection.close()
        seat.leave()

    timer = loop.call_later(door.limits.request_s, end)
    seat.close = end
    loop.add_reader(connection, begin)


async def _let_in(
    connection: socket.socket,
    address: str,
    seat: Seat,
    way: str,
    door: Door,
    protocol: Callable[[Seat], asyncio.BaseProtocol],
    tls: ssl.SSLContext | None,
) -> None:
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: protocol(seat),
            connection,
            ssl=tls,
            ssl_handshake_timeout=min(HANDSHAKE_S, door.limits.request_s) if tls else None,
        )
    except (OSError, TimeoutError):  # SSLError is one
        door.guard.refuse(way, address, "no TLS handshake" if tls else "connection lost at once")
        connection.close()
        seat.leave()
    except asyncio.CancelledError:
        connection.close()
        seat.leave()
        raise


def streams(way: str, door: Door, converse: Stream) -> Callable[[Seat], asyncio.BaseProtocol]:
    """Protocols for `accept` that run `converse` with a reader and a writer, and close whatever becomes of it."""

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seat: Seat) -> None:
        address = str((writer.get_extra_info("peername") or ("",))[0])
        try:
            await converse(reader, writer, address)
        except (OSError, TimeoutError):
            door.guard.refuse(way, address, "connection lost")
            writer.transport.abort()
        except Exception as error:
            door.tell("bug", way=way, error=type(error).__name__, **{"from": address})
            writer.transport.abort()
        finally:
            seat.leave()
            with suppress(OSError):
                writer.close()

    def protocol(seat: Seat) -> asyncio.BaseProtocol:
        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seat.close = writer.transport.abort
            task = asyncio.get_running_loop().create_task(run(reader, writer, seat))
            TASKS.add(task)
            task.add_done_callback(TASKS.discard)

        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=READ_BYTES), begin)

    return protocol


class Cut(Exception):
    """A connection that ended, or stood still, in the middle of a message: what came of it is `part`."""

    def __init__(self, part: bytes, reason: str) -> None:
        super().__init__(reason)
        self.part, self.reason = part, reason


async def read(reader: asyncio.StreamReader, count: int, within_s: float, begun: bytes = b"") -> bytes:
    """The bytes up to the `count`th, the first of which are in `begun`. Raises Cut."""
    content = bytearray(begun)
    try:
        async with asyncio.timeout(within_s):
            while len(content) < count:
                part = await reader.read(min(count - len(content), READ_BYTES))
                if not part:
                    raise Cut(bytes(content), f"cut: {len(content)} bytes of at least {count} came")
                content += part
    except TimeoutError:
        raise Cut(bytes(content), f"too slow: {len(content)} bytes of at least {count} came in time") from None
    return bytes(content)


async def rest(reader: asyncio.StreamReader, begun: bytes, most: int, within_s: float = 0.5) -> bytes:
    """What came of something that is no message, up to `most` bytes, `begun` first: so much is kept of it."""
    content = bytearray(begun)
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(within_s):
            while len(content) < most and (part := await reader.read(most - len(content))):
                content += part
    return bytes(content)


async def answer(writer: asyncio.StreamWriter, content: bytes, within_s: float) -> None:
    """Send an answer. Raises OSError, or TimeoutError where it is not fetched in time."""
    writer.write(content)
    async with asyncio.timeout(within_s):
        await writer.drain()
