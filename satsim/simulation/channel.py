"""Slots that several terminals share, and who gets the next one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from math import ceil, inf
from typing import Any, Protocol

import simpy

from satsim.links.clock import ROUNDING_S


class Waiting(Protocol):
    """As much of a terminal as a channel needs."""

    sender: int
    sent: int
    """Messages sent so far."""

    def next_contact_s(self, time_s: float) -> float: ...


class Channel:
    """Slots `slot_s` apart that several terminals share; each slot carries one message of one of them."""

    def __init__(self, env: simpy.Environment, slot_s: float, schedule: str) -> None:
        self._env = env
        self._slot_s = slot_s
        self._choose = SCHEDULES[schedule]
        self._waiting: list[tuple[float, Waiting, simpy.Event]] = []
        """From when on a terminal may send, which one, and what tells it; in the order in which they asked."""
        self._asked = env.event()
        env.process(self._serve())

    def grant(self, terminal: Waiting, ready_s: float) -> simpy.Event:
        """An event in the slot, at `ready_s` or later, that falls to `terminal`."""
        granted = self._env.event()
        self._waiting.append((ready_s, terminal, granted))
        if not self._asked.triggered:
            self._asked.succeed()
        return granted

    def _serve(self) -> Generator[simpy.Event, Any, None]:
        """In each slot, at slot * slot_s, serve one of those that are ready and have contact."""
        env, free, last = self._env, 0, -1  # the first slot not used yet, the terminal served last
        while True:
            now = env.now
            soonest_s = [
                terminal.next_contact_s(ready_s if ready_s > now else now) for ready_s, terminal, _ in self._waiting
            ]
            first_s = min(soonest_s, default=inf)
            self._asked = env.event()
            if first_s == inf:
                yield self._asked
                continue
            slot = max(free, ceil((first_s - ROUNDING_S) / self._slot_s))
            wait_s = slot * self._slot_s - now
            if wait_s > 0:
                yield self._asked | env.timeout(wait_s)
                continue
            able = [k for k, time_s in enumerate(soonest_s) if time_s <= now + ROUNDING_S]
            able.sort(key=lambda k: self._waiting[k][0])
            chosen = able[self._choose([self._waiting[k][1] for k in able], last)]
            _, terminal, granted = self._waiting.pop(chosen)
            granted.succeed()
            free, last = slot + 1, terminal.sender


def first_come(waiting: Sequence[Waiting], last: int) -> int:
    """Whoever has waited longest."""
    return 0


def round_robin(waiting: Sequence[Waiting], last: int) -> int:
    """The next after the one served last, by number."""
    return min(range(len(waiting)), key=lambda k: (waiting[k].sender <= last, waiting[k].sender))


def first_previews(waiting: Sequence[Waiting], last: int) -> int:
    """Whoever has sent least, so that all have a first picture before any has a better one."""
    return min(range(len(waiting)), key=lambda k: waiting[k].sent)


def whole_photos(waiting: Sequence[Waiting], last: int) -> int:
    """Whoever has sent most, so that photos come one after the other, and those sent round and round never end."""
    return min(range(len(waiting)), key=lambda k: (-waiting[k].sent, waiting[k].sender))


SCHEDULES: dict[str, Callable[[Sequence[Waiting], int], int]] = {
    "first_come": first_come,
    "round_robin": round_robin,
    "first_previews": first_previews,
    "whole_photos": whole_photos,
}
