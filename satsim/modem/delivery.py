"""From the gateway to servers: each message again and again until the server has it, in order, one server at a time."""

from __future__ import annotations

import asyncio
import http.client
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from satsim.errors import PacketError
from satsim.modem.outcomes import words_of
from satsim.modem.settings import Target
from satsim.sbd.directip import MoMessage, read_confirmation, write_mo
from satsim.sbd.webhook import FORM, write_form

ANSWER_S = 3.0
"""A web hook must answer within this, and so must a DirectIP server that confirms."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 10.0
"""Before it is tried again; doubled from one to the other."""
QUEUE_MOST = 1000
"""Messages that wait for a server; beyond, the gateway takes none."""
CONFIRMATION_BYTES = 7


class Delivery:
    """The queue of one server, and the process that empties it."""

    def __init__(self, target: Target, confirm: bool, complain: Callable[[str], None]) -> None:
        """`complain` is told, once a failure begins, what it is."""
        self._target = target
        self._confirm = confirm
        self._complain = complain
        self._queue: deque[MoMessage] = deque()
        self._news = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Messages that the server does not have yet."""
        return len(self._queue)

    def put(self, message: MoMessage) -> None:
        """Take one more."""
        self._queue.append(message)
        self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._queue:
                wait_s = FIRST_WAIT_S
                while (problem := await self._problem_with(self._queue[0])) is not None:
                    if wait_s == FIRST_WAIT_S:
                        self._complain(f"{self._target.name}: {problem}; it is tried again")
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                self._queue.popleft()

    async def _problem_with(self, message: MoMessage) -> str | None:
        """Why the server does not have it; None where it has."""
        try:
            if self._target.address is None:
                return await asyncio.to_thread(_post, self._target.name, write_form(message))
            return await self._hand(write_mo(message))
        except TimeoutError:
            return f"no answer within {ANSWER_S:g} s"
        except (OSError, http.client.HTTPException) as error:
            return words_of(error)

    async def _hand(self, content: bytes) -> str | None:
        """Over DirectIP. A server that closes without a word has it, unless its word is to be waited for."""
        host, port = self._target.address or ("", 0)
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), ANSWER_S)
        try:
            writer.write(content)
            await asyncio.wait_for(writer.drain(), ANSWER_S)
            if not self._confirm:
                writer.write_eof()
            answer = b""
            with suppress(asyncio.IncompleteReadError):
                answer = await asyncio.wait_for(reader.readexactly(CONFIRMATION_BYTES), ANSWER_S)
        except TimeoutError:
            if self._confirm:
                raise
            return None
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        if not answer:
            return "closed without a confirmation" if self._confirm else None
        try:
            return None if read_confirmation(answer) else "the server could not keep it"
        except PacketError as error:
            return str(error) if self._confirm else None


def _post(address: str, body: bytes) -> str | None:
    """Over HTTP; anything but 200 is a failure. Raises OSError or HTTPException."""
    parts = urlsplit(address)
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = made(parts.hostname or "", parts.port, timeout=ANSWER_S)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"Content-Type": FORM, "User-Agent": "satsim-modem"})
        status = connection.getresponse().status
    finally:
        connection.close()
    return None if status == http.client.OK else f"answered {status}"
