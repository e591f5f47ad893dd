"""Automatic repeat request: each message until it is acknowledged."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Generator, Sequence
from math import inf
from typing import Any

import simpy

from satsim.scenario.scenario import TransportSpec
from satsim.simulation.terminal import Terminal

Process = Generator[simpy.Event, Any, None]

Draw = Callable[[], float]
"""The next uniform number in [0, 1)."""
STANDARD_LADDER_S = ((0.0, 5.0), (0.0, 5.0), (0.0, 30.0), (0.0, 30.0), (180.0, 180.0))
"""Waits after the first, second ... failure of a message, uniform between the two; the last one goes on. The first
four are the vendor's advice for a modem (README of github.com/rock7/RockBLOCK-9704), the last is an assumption."""


def stop_and_wait(terminal: Terminal, order: Sequence[int], spec: TransportSpec, draw: Draw) -> Process:
    """One message at a time: its session tells whether it got through."""
    log, env = terminal.log, terminal.env
    todo = deque(order)
    while todo:
        index = todo.popleft()
        yield terminal.slot()
        began_s, failures = env.now, 0
        while True:
            (session,) = terminal.send(index)
            through, sent = yield session
            if through:
                log.hear(env.now, "acknowledged", sent)
                break
            gap_s = wait_s(spec, failures, draw)
            failures += 1
            if spec.give_up_s is not None and env.now + gap_s - began_s > spec.give_up_s:
                log.hear(env.now, "gave_up", sent)
                todo.append(index)
                break
            yield terminal.retry(gap_s)


def selective_repeat(terminal: Terminal, order: Sequence[int], spec: TransportSpec, draw: Draw) -> Process:
    """New messages go on while the word of others is under way; a message that failed goes before new ones."""
    env, log = terminal.env, terminal.log
    fresh = deque(order)
    retries: list[tuple[float, int, int]] = []  # due_s, a number that keeps order, message
    numbers = itertools.count()
    began_s: dict[int, float] = {}
    failures: dict[int, int] = {}
    done: set[int] = set()
    news = env.event()

    def hear(word: simpy.Event) -> None:
        outcome: Any = word.value
        through, sent = outcome
        index = sent.payload_index
        if index in done:
            return
        if through:
            done.add(index)
            log.hear(env.now, "acknowledged", sent)
        else:
            gap_s = wait_s(spec, failures.get(index, 0), draw)
            due_s = max(env.now + gap_s, sent.time_s + terminal.retry_interval_s)
            failures[index] = failures.get(index, 0) + 1
            if spec.give_up_s is not None and env.now + gap_s - began_s[index] > spec.give_up_s:
                log.hear(env.now, "gave_up", sent)
                del began_s[index], failures[index]
                fresh.append(index)
            else:
                heapq.heappush(retries, (due_s, next(numbers), index))
        if not news.triggered:
            news.succeed()

    def next_due_s() -> float:
        """When there is a message to send: at once where one is new, else with the next retry; inf until word comes."""
        while fresh and fresh[0] in done:
            fresh.popleft()
        while retries and retries[0][2] in done:
            heapq.heappop(retries)
        return -inf if fresh else retries[0][0] if retries else inf

    everything = set(order)
    while done != everything:
        due_s = next_due_s()
        if due_s > env.now:
            news = env.event()
            yield news if due_s == inf else news | env.timeout(due_s - env.now)
            continue
        yield terminal.slot()
        if next_due_s() > env.now:
            continue  # word came while it waited for the slot
        index = heapq.heappop(retries)[2] if retries and retries[0][0] <= env.now else fresh.popleft()
        began_s.setdefault(index, env.now)
        for word in terminal.send(index):
            assert word.callbacks is not None
            word.callbacks.append(hear)


def wait_s(spec: TransportSpec, failures: int, draw: Draw) -> float:
    """The wait after failure number `failures` (from 0) of a message."""
    ladder = STANDARD_LADDER_S if spec.ladder == "standard" else spec.ladder
    shortest, longest = ladder[min(failures, len(ladder) - 1)]
    return shortest + (longest - shortest) * draw()
