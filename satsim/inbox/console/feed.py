"""What has changed, told to all open pages: each change is written once, however many read it.

A page that is open costs a number, where it is in the latest frames. One that comes back after long, or falls behind,
is told to read the list anew.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from satsim.errors import SatsimError
from satsim.inbox.console.photos import State, records, state_of
from satsim.inbox.database import connect
from satsim.inbox.store import counts, lag
from satsim.inbox.ways.door import aside

POLL_S = 0.25
MOST_TOLD, MOST_FRAMES = 40, 256
"""Photos in one frame, of more the page reads the list anew; and frames that are kept for those who come back."""
RELOAD = b"event: reload\ndata: {}\n\n"
T = TypeVar("T")


class Feed:
    """The database as the page sees it, and the frames of what changed. For one loop; it reads in other threads."""

    def __init__(self, path: Path, has_token: bool = False) -> None:
        self.path, self.has_token = path, has_token
        self.era = secrets.token_hex(4)
        """Of this run of the service: frames of another are not its."""
        self.last = 0
        """Number of the latest frame."""
        self.changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once there is another frame."""
        self.readers = 0
        self._frames: deque[bytes] = deque(maxlen=MOST_FRAMES)
        self._lock, self._listing_lock = asyncio.Lock(), asyncio.Lock()
        self._db: sqlite3.Connection | None = None
        self._version = -1
        self._state: State = {}
        self._standing: dict[str, Any] = {}
        self._listing: tuple[int, list[bytes]] | None = None

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` reads, one at a time. Raises what it raises."""

        def reading() -> T:
            if self._db is None:
                self._db = connect(self.path)
            return work(self._db)

        async with self._lock:
            return await aside(reading)

    async def watch(self) -> None:
        """Look for changes while somebody reads, until cancelled."""
        try:
            while True:
                await asyncio.sleep(POLL_S)
                if self.readers:
                    with suppress(sqlite3.Error, OSError, SatsimError):  # who asks is told; the service goes on
                        await self.look()
        finally:
            if self._db is not None:
                self._db.close()

    async def look(self) -> None:
        """Write a frame of what has changed since the last look, if anything has."""
        frame = await self.read(self._look)
        if frame is not None:
            self._tell(frame)

    def _look(self, db: sqlite3.Connection) -> bytes | None:
        [version] = db.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return None
        before, self._state = self._state, state_of(db)
        is_first, self._version = self._version == -1, version
        new = [image for image, state in self._state.items() if before.get(image) != state]
        gone = [image for image in before if image not in self._state]
        if is_first or len(new) + len(gone) > MOST_TOLD:
            return RELOAD
        now = standing(db)
        if not (new or gone) and now == self._standing:
            return None
        self._standing = now
        told = {"photos": records(db, new), "gone": gone, **now}
        return b"event: change\ndata: " + json.dumps(told, separators=(",", ":")).encode() + b"\n\n"

    def _tell(self, frame: bytes) -> None:
        self.last += 1
        self._frames.append(b"id: %s-%d\n" % (self.era.encode(), self.last) + frame)
        changed, self.changed = self.changed, asyncio.get_running_loop().create_future()
        changed.set_result(None)

    def since(self, number: int) -> bytes:
        """The frames after this one."""
        behind = self.last - number
        if behind > len(self._frames):
            return self.anew()
        return b"".join(list(self._frames)[len(self._frames) - behind :])

    def anew(self) -> bytes:
        """The frame that tells a page to read the list."""
        return b"id: %s-%d\n" % (self.era.encode(), self.last) + RELOAD

    def place_of(self, said: str | None) -> int | None:
        """Where a page is that says which frame it had last; None where that is not of this run."""
        era, _, number = (said or "").partition("-")
        if era != self.era or not (number.isascii() and number.isdigit() and len(number) < 12):
            return None
        return min(int(number), self.last)

    async def listing(self) -> list[bytes]:
        """The list as JSON, in pieces that all who read it share, and the frame from which on it is to be followed."""
        async with self._listing_lock:
            await self.look()
            if self._listing is None or self._listing[0] != self.last:
                at = self.last
                self._listing = at, await self.read(lambda db: self._pieces(db, at))
            return self._listing[1]

    def _pieces(self, db: sqlite3.Connection, at: int) -> list[bytes]:
        about: dict[str, Any] = {"frame": f"{self.era}-{at}", "has_token": self.has_token, **standing(db)}
        pieces = [json.dumps(about, separators=(",", ":"))[:-1].encode() + b',"photos":[']
        images = list(self._state)
        for k in range(0, len(images), 100):
            some = json.dumps(records(db, images[k : k + 100]), separators=(",", ":"))[1:-1]
            pieces.append((b"," if k else b"") + some.encode())
        return [*pieces, b"]}"]


def standing(db: sqlite3.Connection) -> dict[str, Any]:
    """What stands above the list: how much there is, how far decoding is behind, and how teams are called."""
    behind = lag(db)
    return {
        "counts": counts(db),
        "behind": behind.images,
        "behind_since": behind.oldest_unix_s,
        "teams": dict(db.execute("SELECT sender, name FROM teams ORDER BY sender").fetchall()),
    }
