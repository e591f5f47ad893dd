"""From many ways into one database: what waits is written together, and each is answered once it is on the disk."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from satsim.air.seal import SenderKey
from satsim.errors import PacketError
from satsim.inbox.guard import DEFAULTS, Limits
from satsim.inbox.store import KEPT_BYTES, Arrival, Store, Taken

ANSWER_S = 2.5
"""A message is answered within, for a gateway gives up after 3 s; what is written later was not promised."""
MOST_TOGETHER, MOST_PATIENT = 64, 16
"""Messages in one transaction of those whose senders wait for an answer, and beside them of others."""
RECOUNT_S = 30.0
"""How often what is used of the disk is counted anew, once it seems used up."""
ROW_BYTES = 512
"""What a row takes beside its message."""
Item = tuple[Arrival, "asyncio.Future[Taken]"]


class NotKept(Exception):
    """A message that is not kept, or not yet: whoever sent it must send it again."""

    def __init__(self, reason: str, retry_s: int = 5) -> None:
        super().__init__(reason)
        self.reason, self.retry_s = reason, retry_s


class Intake:
    """The one writer of the service, a thread of its own. All calls come from the loop's thread."""

    def __init__(
        self,
        path: Path,
        keys: Mapping[int, SenderKey] | None = None,
        sealed_only: bool = False,
        limits: Limits = DEFAULTS,
        on_trouble: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.path, self.keys, self.sealed_only, self.limits = path, dict(keys or {}), sealed_only, limits
        self.on_trouble = on_trouble
        self.waiting = self.waiting_bytes = 0
        self.is_closing = False
        self.counts = {"new": 0, "again": 0, "waiting": 0, "rejected": 0, "not kept": 0}
        """Since the start."""
        self.slowest_s = 0.0
        """Of the transactions."""
        self._queues: tuple[deque[Item], deque[Item]] = (deque(), deque())
        """Of those who wait for an answer, and of others."""
        self._there = threading.Condition()
        self._thread: threading.Thread | None = None
        self._rejected_bytes = self._last_id = 0
        self._counted_s = 0.0

    async def start(self) -> None:
        """Open the database. Raises what `Store` raises."""
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name="intake", daemon=True)
        self._thread.start()
        await self._ready

    async def take(self, arrival: Arrival, within_s: float = ANSWER_S, is_urgent: bool = True) -> Taken:
        """What became of a message, once that is on the disk; urgent ones come first. Raises NotKept."""
        size = len(arrival.message)
        if self.is_closing:
            raise NotKept("the service is stopping")
        if self.waiting >= self.limits.waiting or self.waiting_bytes + size > self.limits.waiting_bytes:
            self.counts["not kept"] += 1
            raise NotKept("too many messages wait to be written")
        future: asyncio.Future[Taken] = self._loop.create_future()
        self.waiting += 1
        self.waiting_bytes += size
        with self._there:
            self._queues[not is_urgent].append((arrival, future))
            self._there.notify()
        done, _ = await asyncio.wait([future], timeout=within_s)
        if not done:
            raise NotKept("it is still being written")
        return future.result()

    async def take_patiently(self, arrival: Arrival) -> Taken:
        """The same for whoever can wait as long as it takes: files, and standard input."""
        while True:
            try:
                return await self.take(arrival, within_s=3600, is_urgent=False)
            except NotKept as error:
                self.on_trouble(f"not kept yet: {error.reason}")
                await asyncio.sleep(1)

    async def close(self) -> None:
        """Take nothing more, write what waits, and close the database."""
        with self._there:
            self.is_closing = True
            self._there.notify()
        if self._thread:
            while self._thread.is_alive():
                await asyncio.sleep(0.01)

    def _work(self) -> None:
        try:
            store = Store(self.path, self.keys, self.sealed_only)
            self._count(store)
        except BaseException as error:
            self._loop.call_soon_threadsafe(self._ready.set_exception, error)
            return
        self._loop.call_soon_threadsafe(self._ready.set_result, None)
        items: list[Item] | None = []
        while items is not None:
            items = self._next()
            if items:
                self._write(store, items)
        store.close()

    def _next(self) -> list[Item] | None:
        """All that waits, up to so many; None once there will be no more."""
        urgent, patient = self._queues
        with self._there:
            self._there.wait_for(lambda: urgent or patient or self.is_closing)
            items = [urgent.popleft() for _ in range(min(len(urgent), MOST_TOGETHER))]
            room = MOST_PATIENT if items else MOST_TOGETHER
            items += [patient.popleft() for _ in range(min(len(patient), room))]
        return items or None

    def _write(self, store: Store, items: list[Item]) -> None:
        """Write these, and tell the loop what became of each."""
        began = time.perf_counter()
        outcomes: list[Taken | Exception] = [NotKept("the disk for rejected messages is used up", 3600)] * len(items)
        wanted = [k for k, (arrival, _) in enumerate(items) if self._is_room(store, arrival)]
        try:
            taken: Sequence[Taken | Exception] = store.take([items[k][0] for k in wanted]) if wanted else []
        except Exception as error:  # whatever it is, those who wait must hear that nothing was kept
            self._loop.call_soon_threadsafe(self.on_trouble, f"nothing can be written: {_in_words(error)}")
            taken = [NotKept("nothing can be written", 30)] * len(wanted)
        for k, outcome in zip(wanted, taken, strict=True):
            outcomes[k] = outcome
            if isinstance(outcome, Taken) and outcome.message_id > self._last_id and outcome.reason:
                size = len(items[k][0].message)
                self._rejected_bytes += ROW_BYTES + (size if outcome.status == "waiting" else min(size, KEPT_BYTES))
        self._last_id = max([self._last_id, *(each.message_id for each in taken if isinstance(each, Taken))])
        self._loop.call_soon_threadsafe(self._settle, items, outcomes, time.perf_counter() - began)

    def _settle(self, items: list[Item], outcomes: list[Taken | Exception], took_s: float) -> None:
        """In the loop's thread: wake those who wait."""
        self.slowest_s = max(self.slowest_s, took_s)
        for (arrival, future), outcome in zip(items, outcomes, strict=True):
            self.waiting -= 1
            self.waiting_bytes -= len(arrival.message)
            self.counts[outcome.status if isinstance(outcome, Taken) else "not kept"] += 1
            if future.done():
                continue
            if isinstance(outcome, Taken):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)
                future.exception()  # nobody may wait any more

    def _is_room(self, store: Store, arrival: Arrival) -> bool:
        """Whether a message is to be written: if it will not be taken, only while there is disk for such."""
        if self._rejected_bytes <= self.limits.rejected_bytes:
            return True
        if time.monotonic() > self._counted_s + RECOUNT_S:
            self._count(store)
            if self._rejected_bytes <= self.limits.rejected_bytes:
                return True
        if arrival.rejected is not None:
            return False
        try:
            store.read(arrival.message)
        except PacketError:
            return False
        return True

    def _count(self, store: Store) -> None:
        [used] = store.db.execute(
            "SELECT COALESCE(SUM(LENGTH(message) + ?), 0) FROM messages WHERE state != 'taken'", (ROW_BYTES,)
        ).fetchone()
        [self._last_id] = store.db.execute("SELECT COALESCE(MAX(id), 0) FROM messages").fetchone()
        self._rejected_bytes, self._counted_s = int(used), time.monotonic()


def _in_words(error: Exception) -> str:
    return f"{error.strerror or error}" if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
