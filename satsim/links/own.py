"""Losses and delays of your own: what a scenario says of them, and what they are held to while messages are sent.

    loss:  factory(rng, **options) -> lost(time_s) -> bool
    delay: factory(rng, **options) -> delay(time_s, message_bytes) -> seconds

`rng` is a numpy.random.Generator that nobody else draws from: with one seed a run is always the same. The function that
the factory makes, one for each sender and run, is asked once for each message that leaves (for each copy, where the
terminal sends several), with the seconds since the first photo, which never go back, and the length of the message on
the air, header included. A delay is 0 or more, and infinite for a message that never arrives. Who draws as often
whatever the outcome makes losses that only grow with a share of loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from codec.base import CodecError
from codec.own import shown
from codec.own.finding import make, naming_own
from satsim.errors import LinkError
from satsim.links.linkspec import Own

Rng = np.random.Generator


def own_loss(spec: Own, rng: Rng) -> Callable[[float], bool]:
    """Which messages are lost. What raises, or answers neither True nor False, is a LinkError that names it."""
    ask = make_own("loss", spec, rng, "lost(time_s)")

    def lost(time_s: float) -> bool:
        with naming("loss", spec, f"lost({time_s:g})"):
            answer = ask(time_s)
        if not isinstance(answer, bool | np.bool_):
            raise LinkError(f"loss {shown(spec.model)}: lost({time_s:g}) returned {answer!r}; expected True or False")
        return bool(answer)

    return lost


def own_delay(spec: Own, rng: Rng) -> Callable[[float, int], float]:
    """How long messages take. What raises, or answers no time, is a LinkError that names it."""
    ask = make_own("delay", spec, rng, "delay(time_s, message_bytes)")

    def delay(time_s: float, message_bytes: int) -> float:
        doing = f"delay({time_s:g}, {message_bytes})"
        with naming("delay", spec, doing):
            answer = ask(time_s, message_bytes)
        sound = isinstance(answer, int | float | np.integer | np.floating) and not isinstance(answer, bool)
        if not sound or not answer >= 0:
            raise LinkError(f"delay {shown(spec.model)}: {doing} returned {answer!r}; expected seconds, 0 or more")
        return float(answer)

    return delay


def make_own(kind: str, spec: Own, rng: Rng, expected: str) -> Callable[..., Any]:
    """The function that the factory of `spec` makes. Raises LinkError."""
    with naming(kind, spec, "making it"):
        made = make(kind, spec.model, spec.options, rng)
    if not callable(made):
        raise LinkError(
            f"{kind} {shown(spec.model)}: its factory returned {type(made).__name__}; expected a function {expected}"
        )
    function: Callable[..., Any] = made
    return function


@contextmanager
def naming(kind: str, spec: Own, doing: str) -> Iterator[None]:
    """Whatever a model of your own raises, as a LinkError of one line that names it."""
    try:
        with naming_own(kind, spec.model, doing):
            yield
    except CodecError as error:
        raise LinkError(str(error)) from error
