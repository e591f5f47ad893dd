"""TCP with a length before each message, and UDP with a message in each datagram: for senders of one's own.

TCP: length, big-endian in 2 bytes (or 4), message; then the next. Each is answered by one byte, in order, once it is on
the disk:

    1  kept, now or earlier
    2  kept as rejected, for it is no packet: do not send it again
    0  not kept: send it again, by a new connection

With a token the first message of a connection is the token, answered by 1, or by 0 and the end. UDP answers nothing: a
datagram's sender can be forged, and an answer would go to whoever is named. So a sender by UDP sends more than once.
"""

from __future__ import annotations

import asyncio
import socket
import time

from satsim.inbox.credentials import matches
from satsim.inbox.intake import NotKept
from satsim.inbox.store import KEPT_BYTES, Arrival
from satsim.inbox.ways.door import Door
from satsim.inbox.ways.streams import Cut, Stream, answer, read, rest

NOT_KEPT, KEPT, KEPT_AS_REJECTED = b"\0", b"\1", b"\2"
MOST_DATAGRAMS = 500
"""That wait to be written; more are dropped, and counted."""
DATAGRAMS_PER_S, CHUNK = 2000, 50
LONGEST_DATAGRAM = 65_535


def conversation(door: Door, prefix_bytes: int = 2) -> Stream:
    """What the server does with one TCP connection."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str) -> None:
        request_s = door.limits.request_s
        if (token := door.secrets.token) is not None:
            try:
                given = await _frame(reader, door, prefix_bytes, request_s)
            except (Cut, _TooLongError):
                given = b""
            if not matches((given or b"").decode("latin-1"), token):
                door.guard.refuse("tcp", address, "wrong token")
                await answer(writer, NOT_KEPT, request_s)
                return
            await answer(writer, KEPT, request_s)
        says: bytes | None = KEPT
        while says:
            says = await _take_one(reader, door, address, prefix_bytes)
            await answer(writer, says or b"", request_s)
            if says == NOT_KEPT:
                return

    return converse


class _TooLongError(Exception):
    def __init__(self, length: int, part: bytes) -> None:
        super().__init__(length)
        self.length, self.part = length, part


async def _frame(reader: asyncio.StreamReader, door: Door, prefix_bytes: int, idle_s: float) -> bytes | None:
    """The next message; None at the end. Raises Cut, _TooLongError."""
    try:
        first = await read(reader, 1, idle_s)
    except Cut:
        return None
    prefix = await read(reader, prefix_bytes, door.limits.request_s, first)
    length = int.from_bytes(prefix, "big")
    if length > door.limits.message_bytes:
        raise _TooLongError(length, prefix)
    return await read(reader, length, door.limits.request_s)


async def _take_one(reader: asyncio.StreamReader, door: Door, address: str, prefix_bytes: int) -> bytes | None:
    """The answer to the next message; None where there is no more."""
    about = {"from": address}
    try:
        message, reason = await _frame(reader, door, prefix_bytes, door.limits.idle_s), None
    except Cut as cut:
        message, reason = cut.part, f"TCP: {cut.reason}"
    except _TooLongError as error:
        most = door.limits.message_bytes
        message = await rest(reader, error.part, KEPT_BYTES)
        reason = f"TCP: holds {error.length} bytes by its own length; expected at most {most}"
    if message is None:
        return None
    if not door.guard.may_send("tcp", address):
        return NOT_KEPT
    try:
        taken = await door.take("tcp", message, about, reason)
    except NotKept as error:
        door.tell("not kept", way="tcp", reason=error.reason, **about)
        return NOT_KEPT
    if reason:  # nobody knows where the next would begin
        return NOT_KEPT
    return KEPT_AS_REJECTED if taken.status == "rejected" else KEPT


async def datagrams(sock: socket.socket, door: Door) -> None:
    """Take each datagram as a message, as long as not too many wait, until cancelled.

    No more are read than `DATAGRAMS_PER_S`; of a flood the rest is left to the system, which drops it for less.
    """
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()
    while True:
        message, where = await loop.sock_recvfrom(sock, LONGEST_DATAGRAM)
        for _ in range(CHUNK):
            _begin(message, str(where[0]), door, tasks)
            try:
                message, where = sock.recvfrom(LONGEST_DATAGRAM)
            except OSError:  # there is no more, for now
                break
        else:
            _begin(message, str(where[0]), door, tasks)
            await asyncio.sleep(CHUNK / DATAGRAMS_PER_S)


def _begin(message: bytes, address: str, door: Door, tasks: set[asyncio.Task[None]]) -> None:
    """Take one, or count why not."""
    if not door.guard.allowed.address(address):
        door.guard.refuse("udp", address, "address is not among those allowed")
    elif len(tasks) >= MOST_DATAGRAMS:
        door.guard.refuse("udp", address, "too many messages wait to be written")
    elif door.guard.may_send("udp", address):
        task = asyncio.get_running_loop().create_task(_take_datagram(message, address, door))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def _take_datagram(message: bytes, address: str, door: Door) -> None:
    reason = None
    if len(message) > door.limits.message_bytes:
        reason = f"UDP: {len(message)} bytes; expected at most {door.limits.message_bytes}"
        message = message[:KEPT_BYTES]
    arrival = Arrival(message, "udp", time.time(), {"from": address}, reason)
    try:
        taken = await door.intake.take(arrival, within_s=60, is_urgent=False)
    except NotKept as error:
        door.guard.refuse("udp", address, error.reason)
    else:
        door.told("udp", message, arrival.metadata, taken)
