"""The story of photos on their way: senders with slot clocks, lossy links, one receiver that decodes what it holds.

No pixels here: messages go in, events come out, and whoever wants pictures replays the events.

A transport is a process that sends rounds of messages from a terminal and may listen to what comes back.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from operator import itemgetter
from typing import Any

import numpy as np
import simpy

from satsim.links.clock import ROUNDING_S
from satsim.links.draws import child, one_by_one
from satsim.links.linkspec import LinkSpec
from satsim.scenario.scenario import SendersSpec, TransportSpec
from satsim.simulation.events import Event, Log
from satsim.simulation.terminal import Landing, Link, Terminal

Process = Generator[simpy.Event, Any, None]
CONCERNS = ("independent loss", "loss model", "ground loss", "delay", "copies", "duplicates", "corruption", "ack",
            "windows", "retries")  # fmt: skip
"""What chance decides; each concern of each sender has a generator of its own, so that none disturbs another."""


class Chance(dict[str, np.random.Generator]):
    """A generator for each of `concerns`, made when it is first asked for: a run uses but one or two, and making one
    takes longer than sending a message."""

    def __init__(self, seed: int, concerns: Sequence[str], first: int = 0) -> None:
        """Concern k draws from child `first` + k of `seed`."""
        super().__init__()
        self._seed, self._concerns, self._first = seed, concerns, first

    def __missing__(self, concern: str) -> np.random.Generator:
        self[concern] = rng = child(self._seed, self._first + self._concerns.index(concern))
        return rng

    def uniforms(self, concern: str) -> Callable[[], float]:
        """`uniforms` of that generator, which is not made before the first number is wanted."""
        return one_by_one(lambda size: self[concern].random(size))


def simulate(
    messages: Sequence[Sequence[bytes]],
    link: LinkSpec,
    seed: int,
    *,
    transport: TransportSpec | str = "once",
    order: Sequence[int] | None = None,
    duration_s: float = inf,
    senders: SendersSpec | None = None,
) -> list[Event]:
    """Every event in [0, duration_s), in order of time; the same arguments give the same list.

    `messages` holds one list for each sender, `order` the round in which each sends them (`scoring.rounds.round_order`;
    default as they come). Sender k takes its picture at k * start_gap_s and has its first slot `link.encode_s` later.
    Two transports or codecs under one seed meet the same losses message by message, and a higher `loss_ratio` only adds
    losses, as long as nothing is sent because of what was lost. What is under way at the end has a row in_flight there.
    Raises ValueError for an endless transport without a finite `duration_s`.
    """
    spec = TransportSpec.model_validate(transport).on(link)
    if spec.name != "once" and duration_s == inf:
        raise ValueError(f"transport is {spec.name}, which may never end; expected a finite duration_s")
    env = simpy.Environment()
    log = Log()
    landings: list[Landing] = []
    start_gap_s = senders.start_gap_s if senders else 0.0
    channel = None
    if senders and senders.slot_s:
        from satsim.simulation.channel import Channel

        channel = Channel(env, senders.slot_s, senders.schedule)
    for number, own in enumerate(messages):
        chance = Chance(seed, CONCERNS, number * len(CONCERNS))
        way = Link(env, link, chance, log, landings)
        created_s = number * start_gap_s
        terminal = Terminal(
            env, link, way, log, own, chance, sender=number, created_s=created_s, channel=channel, horizon_s=duration_s
        )
        round_ = range(len(own)) if order is None else order
        env.process(transport_of(spec)(terminal, round_, spec, chance))
    with collection_paused():
        env.run(until=None if duration_s == inf else max(duration_s - ROUNDING_S, duration_s / 2))
        received = receive(landings, messages, link.decode_s, duration_s)
        # The sorting is stable: at one time messages leave, then arrive, then senders hear of it.
        return sorted(log.rows + received + log.heard, key=itemgetter(0))


def transport_of(spec: TransportSpec) -> Callable[[Terminal, Sequence[int], TransportSpec, Chance], Process]:
    """The process that sends the rounds of one terminal. Raises LinkError for one of your own that cannot be used."""
    if spec.name == "once":
        return once
    from satsim.simulation.transports import other_transport

    return other_transport(spec.name)


def once(terminal: Terminal, order: Sequence[int], spec: TransportSpec, chance: Chance) -> Process:
    """Send each message once, in order (the paper)."""
    for index in order:
        yield terminal.slot()
        terminal.send(index)


def receive(landings: list[Landing], messages: Sequence[Sequence[bytes]], decode_s: float, end_s: float) -> list[Event]:
    """What a receiver sees of `landings`, in any order and however often: rows, those at one time in order.

    New messages are decoded one after the other, `decode_s` each. Only bytes that differ from what was sent need to be
    opened. What lands or is decoded at `end_s` or later is in flight then, or not shown.
    """
    log = Log()
    note = log.note
    held: set[tuple[int, int]] = set()
    free_s, bound_s = 0.0, end_s - ROUNDING_S
    for time_s, sent, message, doubled in sorted(landings, key=itemgetter(0)):
        if time_s >= bound_s:
            if not doubled:
                note(end_s, "in_flight", sent)
            continue
        if doubled:
            note(time_s, "copied", sent)
        key = sent.sender, sent.payload_index
        if message is None:
            note(time_s, "late", sent)
        elif message is not messages[sent.sender][sent.payload_index]:
            from satsim.air.inbox import is_packet

            note(time_s, "undetected" if is_packet(message) else "damaged", sent)
        elif key in held:
            note(time_s, "duplicate", sent)
        else:
            held.add(key)
            note(time_s, "delivered", sent)
            free_s = max(free_s, time_s) + decode_s
            if free_s < bound_s:
                note(free_s, "shown", sent)
    return log.rows


@contextmanager
def collection_paused() -> Iterator[None]:
    """Without garbage collection, which finds nothing in a growing list of rows and takes a third of a run."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
