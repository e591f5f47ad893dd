"""Losses, delays and transports of your own, made known to the scenarios of this program: a notebook, say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codec.own.finding import register


def register_loss(name: str, factory: Callable[..., Callable[[float], bool]]) -> None:
    """Let scenarios of this program name a loss model of your own.

    >>> satsim.register_loss("storm", storm)     # then `link: {loss: {model: storm, hours: 2}}`

    Args:
        name: without colon and slash; what was registered under it before is replaced.
        factory: called as factory(rng, **options), once for each sender and run, `rng` a numpy.random.Generator of its
            own. It returns lost(time_s) -> bool, asked once for each message, at seconds that never go back.

    Raises:
        codec.CodecError: for a name of ours, or what cannot be called with `rng`.
    """
    register("loss", name, factory)


def register_delay(name: str, factory: Callable[..., Callable[[float, int], float]]) -> None:
    """Let scenarios of this program name a delay of your own.

    >>> satsim.register_delay("queue", queue)     # then `link: {delay: {model: queue, mean_s: 20}}`

    Args:
        name: without colon and slash; what was registered under it before is replaced.
        factory: called as factory(rng, **options), as a loss. It returns delay(time_s, message_bytes) -> seconds from
            sending to arrival, 0 or more, infinite for never; added to `delay_s` and `delay_s_per_byte`.

    Raises:
        codec.CodecError: for a name of ours, or what cannot be called with `rng`.
    """
    register("delay", name, factory)


def register_transport(name: str, factory: Callable[..., Any]) -> None:
    """Let scenarios of this program name a transport of your own.

    >>> satsim.register_transport("twice", twice)     # then `transport: {name: twice, options: {pause_s: 60}}`

    Args:
        name: without colon and slash; what was registered under it before is replaced.
        factory: called as factory(rng, **options). It returns send(sender, order), a generator that sends the messages
            of a round; `satsim/simulation/own.py` has an example and all that `sender` can do.

    Raises:
        codec.CodecError: for a name of ours, or what cannot be called with `rng`.
    """
    register("transport", name, factory)
