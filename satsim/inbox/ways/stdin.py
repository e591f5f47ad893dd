"""Standard input: messages that another program passes on.

any     read to its end, in any form that `satsim decode` reads (64 MB at most)
lines   a message a line, taken as it comes: hexadecimal digits, or a web hook as JSON or form fields
frames  a length of 2 bytes, big-endian, before each message, taken as it comes
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator

from satsim.errors import PacketError
from satsim.inbox.importing import arrivals_in
from satsim.inbox.store import KEPT_BYTES, Arrival
from satsim.inbox.ways.door import Door, aside
from satsim.inputs import MOST_BYTES, File

WAY = "stdin"
PART_BYTES = 65_536
LONGEST_LINE = 1 << 18


class Input:
    """What comes by a file, part by part; no more of it is read than is asked for."""

    def __init__(self, number: int) -> None:
        self.held = bytearray()
        self.parts: asyncio.Queue[bytes] = asyncio.Queue(4)
        loop = asyncio.get_running_loop()

        def work() -> None:
            part = b" "
            while part:
                try:
                    part = os.read(number, PART_BYTES)
                except OSError:
                    part = b""
                try:
                    asyncio.run_coroutine_threadsafe(self.parts.put(part), loop).result()
                except BaseException:  # the loop is gone
                    return

        # nobody waits for this thread, for a read of a terminal cannot be broken off
        threading.Thread(target=work, name="stdin", daemon=True).start()

    async def more(self) -> bool:
        """Whether something more came."""
        part = await self.parts.get()
        self.held += part
        return bool(part)

    def cut(self, count: int) -> bytes:
        """The first `count` bytes that are held, which are no longer."""
        content = bytes(self.held[:count])
        del self.held[:count]
        return content


async def read_input(form: str, door: Door, number: int = 0) -> None:
    """Take all that comes by the file `number`, until it ends."""
    try:
        async for arrival in FORMS[form](Input(number), door):
            await _keep(door, arrival._replace(way=WAY))
    except _EndError as error:
        await _keep(door, Arrival(error.part[:KEPT_BYTES], WAY, time.time(), {}, f"standard input: {error}"))
        door.tell("trouble", way="stdin", reason=str(error))


class _EndError(PacketError):
    """What makes the rest unreadable."""

    def __init__(self, part: bytes, reason: str) -> None:
        super().__init__(reason)
        self.part = part


async def _keep(door: Door, arrival: Arrival) -> None:
    taken = await door.intake.take_patiently(arrival)
    door.told(WAY, arrival.message, arrival.metadata, taken)


async def _any(stream: Input, door: Door) -> AsyncIterator[Arrival]:
    while await stream.more():
        if len(stream.held) > MOST_BYTES:
            raise _EndError(bytes(stream.held[:KEPT_BYTES]), f"more than {MOST_BYTES:,} bytes; expected messages alone")
    if stream.held:
        file = File("standard input", bytes(stream.held), MOST_BYTES, is_asked_for=True)
        for arrival in await aside(lambda: list(arrivals_in(file, time.time(), door.keys or {}))):
            yield arrival


async def _lines(stream: Input, door: Door) -> AsyncIterator[Arrival]:
    is_open = True
    while is_open:
        seen = 0
        while is_open and (end := stream.held.find(b"\n", seen)) < 0:
            seen = len(stream.held)
            if seen > LONGEST_LINE:
                raise _EndError(bytes(stream.held[:KEPT_BYTES]), f"a line of more than {LONGEST_LINE:,} bytes")
            is_open = await stream.more()
        line = stream.cut(end + 1 if is_open else len(stream.held))
        if line.strip():
            file = File("standard input", line, 0, is_asked_for=True)  # 0: none that follow each other in a line
            for arrival in arrivals_in(file, time.time(), door.keys or {}):
                yield arrival


async def _frames(stream: Input, door: Door) -> AsyncIterator[Arrival]:
    while True:
        length = int.from_bytes(stream.held[:2], "big")
        if len(stream.held) >= 2 + length and len(stream.held) >= 2:
            message = stream.cut(2 + length)[2:]
            if message:
                yield Arrival(message, WAY, time.time())
        elif not await stream.more():
            break
    if stream.held:
        raise _EndError(bytes(stream.held), f"cut: {len(stream.held)} bytes of at least {2 + length} came")


FORMS = {"any": _any, "lines": _lines, "frames": _frames}
