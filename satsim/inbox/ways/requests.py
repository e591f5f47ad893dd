"""uvicorn's HTTP connection, held to its time: it has limits between requests, and none within one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from satsim.inbox.guard import Seat
from satsim.inbox.ways.door import Door

HEAD_BYTES = 16_384
"""Of a request's first lines."""
KEEP_ALIVE_S = 10


class Request(H11Protocol):
    """A connection that is cut where a request, from its first byte to the end of its answer, takes too long."""

    def __init__(self, seat: Seat, door: Door, config: uvicorn.Config, state: ServerState) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self.seat = seat
        self.door = door
        self.deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time runs from here, so that who sends nothing goes too."""
        super().connection_made(transport)
        self.seat.close = transport.abort
        self._begin()

    def data_received(self, data: bytes) -> None:
        """The time runs on, however little comes."""
        if self.deadline is None:
            self._begin()
        super().data_received(data)

    def on_response_complete(self) -> None:
        """The request is over; another may have come with it."""
        self._end()
        if self.conn.trailing_data[0]:
            self._begin()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another."""
        self._end()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self.seat.leave()

    def _begin(self) -> None:
        self.deadline = self.loop.call_later(self.door.limits.request_s, self._cut)

    def _end(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def _cut(self) -> None:
        self.deadline = None
        self.door.guard.refuse("http", self.client[0] if self.client else "", "request took too long")
        self.transport.abort()


def requests(door: Door, app: Any) -> Callable[[Seat], asyncio.BaseProtocol]:
    """Protocols for `satsim.inbox.ways.streams.accept` that pass requests to `app`."""
    for name in ("uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.propagate = False  # whoever sends rubbish must not fill a log with it
        logger.addHandler(logging.NullHandler())
        logger.setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    config.load()
    state = ServerState()
    return lambda seat: Request(seat, door, config, state)
