"""Answers that may take long: in parts, each fetched in time or the connection ends; and the stream of what changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from satsim.inbox.console.feed import Feed

STALLED_S = 30.0
"""For one part to be fetched."""
BEAT_S = 15.0
"""Between signs of life, so that who left is noticed, and a page knows that it is not cut off."""
PART_BYTES = 65_536


def parts_of(file: IO[bytes]) -> Iterator[bytes]:
    """The content of a file, which is closed behind it."""
    with file:
        while part := file.read(PART_BYTES):
            yield part


class Parts(Response):
    """An answer of parts; little of it is in memory at a time, however slowly it is fetched."""

    def __init__(self, parts: Iterator[bytes], media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(None, 200, headers, media_type)
        del self.headers["content-length"]
        self.parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        send = _minded(scope, send)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Stream(Response):
    """Server-sent events, from a frame of the feed on, until the page is gone; `still` says whether it may read on."""

    def __init__(self, feed: Feed, at: int | None, headers: Mapping[str, str]) -> None:
        super().__init__(None, 200, headers, "text/event-stream")
        del self.headers["content-length"]
        self.feed, self.at = feed, at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events while the page is there."""
        feed, send = self.feed, _minded(scope, send)
        gone = asyncio.ensure_future(_gone(receive))
        feed.readers += 1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            at, words = self.at, b"retry: 1000\n\n"
            if at is None:
                at, words = feed.last, words + feed.anew()
            while not gone.done():
                if feed.last != at:
                    words, at = words + feed.since(at), feed.last
                await send({"type": "http.response.body", "body": words or b":\n\n", "more_body": True})
                words = b""
                if feed.last == at:
                    await asyncio.wait({gone, feed.changed}, timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            feed.readers -= 1
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _minded(scope: Scope, send: Send) -> Send:
    """`send` that ends the connection where a part is not fetched in time; the door's own deadline is for requests."""
    scope["state"]["patient"]()

    async def sending(message: Message) -> None:
        try:
            async with asyncio.timeout(STALLED_S):
                await send(message)
        except TimeoutError:
            with suppress(Exception):
                scope["state"]["cut"]()
            raise asyncio.CancelledError from None

    return sending
