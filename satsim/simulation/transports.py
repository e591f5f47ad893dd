"""Transports that may go on until time is up: round after round, by acknowledgements, or as one of your own does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Sequence
from typing import Any

import simpy

from satsim.scenario.scenario import TransportSpec
from satsim.simulation.terminal import Terminal

Process = Generator[simpy.Event, Any, None]


Transport = Callable[[Terminal, Sequence[int], TransportSpec, Any], Process]


def carousel(
    terminal: Terminal, order: Sequence[int], spec: TransportSpec, chance: Any, rounds: int | None = None
) -> Process:
    """Send round after round until time is up, or `rounds` of them; what was lost comes by again."""
    for index in itertools.cycle(order) if rounds is None else itertools.chain(*[order] * rounds):
        yield terminal.slot()
        terminal.send(index)


def arq(terminal: Terminal, order: Sequence[int], spec: TransportSpec, chance: Any) -> Process:
    """Send each message until it is acknowledged (selective repeat; stop and wait where a session tells at once).

    A failed message is sent again after the wait of the ladder. One that fails for longer than `give_up_s` is put back
    behind all others, whose turn then comes first. Without acknowledgements every message is sent once.
    """
    if terminal.acknowledges == "none":
        return carousel(terminal, order, spec, chance, rounds=1)
    from satsim.simulation.arq import selective_repeat, stop_and_wait

    repeat = stop_and_wait if terminal.acknowledges == "session" else selective_repeat
    return repeat(terminal, order, spec, chance.uniforms("retries"))


TRANSPORTS: dict[str, Transport] = {"carousel": carousel, "arq": arq}


def other_transport(name: str) -> Transport:
    """Any transport but `once`; one that is not ours is one of your own."""
    if name in TRANSPORTS:
        return TRANSPORTS[name]
    from satsim.simulation.own import own_transport

    return own_transport
