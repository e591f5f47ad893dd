"""Where the gateway takes messages for the modem: a DirectIP server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from satsim.errors import PacketError
from satsim.modem.gateway import NO_MESSAGE, Mailbox
from satsim.modem.settings import Address
from satsim.modem.wire import not_free
from satsim.sbd.directip import FRONT_BYTES, MtConfirmation, MtMessage, length_of, read_mt, write_mt_confirmation

PATIENCE_S = 10.0
"""For each part of a message."""
MOST_VISITORS = 32
"""Connections at a time; more are closed at once."""


class Downlink:
    """The server; each connection brings one message and takes its confirmation."""

    def __init__(self, mailbox: Mailbox, keep: Callable[[bool], None]) -> None:
        """`keep` is called after each message, before it is confirmed, with whether the modem's bell is to ring."""
        self._mailbox, self._keep = mailbox, keep
        self._visitors = 0
        self._server: asyncio.Server | None = None

    async def listen(self, at: Address) -> str:
        """Begin, and return where. Raises ScenarioError for an address that cannot be had."""
        try:
            self._server = await asyncio.start_server(self._welcome, at.host, at.port)
        except OSError as error:
            raise not_free("--mt", at, error) from None
        return str(Address(*self._server.sockets[0].getsockname()[:2]))

    def close(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._visitors < MOST_VISITORS:
            self._visitors += 1
            try:
                await self._take(reader, writer)
            finally:
                self._visitors -= 1
        writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one message, and confirm it once it is kept."""
        try:
            message = await _read(reader)
        except PacketError:
            answer = MtConfirmation(0, "0" * 15, 0, NO_MESSAGE)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        else:
            answer, rings = self._mailbox.offer(message)
            self._keep(rings)
        with suppress(OSError, TimeoutError):
            writer.write(write_mt_confirmation(answer))
            await asyncio.wait_for(writer.drain(), PATIENCE_S)


async def _read(reader: asyncio.StreamReader) -> MtMessage:
    front = await asyncio.wait_for(reader.readexactly(FRONT_BYTES), PATIENCE_S)
    rest = await asyncio.wait_for(reader.readexactly(length_of(front) - FRONT_BYTES), PATIENCE_S)
    return read_mt(front + rest)
