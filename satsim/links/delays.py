"""How long a message takes: a constant, a part by its length, chance, waiting for a pass, hold-back, and polling."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np

from satsim.links.draws import Lost, normals, uniforms
from satsim.links.linkspec import LinkSpec, LognormalDelay, Own, Trace, WaitForPass
from satsim.links.traces import Replay
from satsim.links.windows import make_windows

Rng = np.random.Generator
Delay = Callable[[float, int], float]
"""From the time of sending and the bytes of the message to the seconds until it arrives; inf where it never does."""

Z90 = NormalDist().inv_cdf(0.9)


def make_delay(spec: LinkSpec, rng: Rng, lost: Lost | None = None) -> Delay:
    """The delay of each message, with `rng` for its own; asked once a message, at times that never go back.

    `lost` is what `make_loss` made of the same spec. Where it replays a trace with arrivals, the delay is that of the
    message that `lost` was asked about last, in place of every other delay of the network; polling still comes on top.
    Raises TypeError where the spec has a trace and `lost` is no replay, LinkError for an orbit that cannot be used.
    """
    if isinstance(spec.loss, Trace) and not isinstance(lost, Replay):
        raise TypeError("the link replays a trace: give make_delay the loss model of the same link")
    if isinstance(lost, Replay) and lost.has_delays:
        delay = _recorded(lost)
    else:
        delay = _constant(spec)
        if spec.delay or spec.reorder_ratio:
            chances, holds = rng.spawn(2)
            if spec.delay:
                delay = _sum(delay, _model(spec.delay, chances))
            if spec.reorder_ratio:
                delay = _sum(delay, _held_back(spec.reorder_ratio, spec.reorder_s, holds))
    return _polled(delay, spec.poll_s) if spec.poll_s else delay


def _model(spec: Any, rng: Rng) -> Delay:
    if isinstance(spec, Own):
        from satsim.links.own import own_delay

        return own_delay(spec, rng)
    return DELAY_MODELS[spec.model](spec, rng)


def _recorded(replay: Replay) -> Delay:
    return lambda time_s, message_bytes: replay.delay_s()


def _constant(spec: LinkSpec) -> Delay:
    fixed_s, s_per_byte = spec.delay_s, spec.delay_s_per_byte
    return lambda time_s, message_bytes: fixed_s + s_per_byte * message_bytes


def _sum(first: Delay, second: Delay) -> Delay:
    return lambda time_s, message_bytes: first(time_s, message_bytes) + second(time_s, message_bytes)


def lognormal(spec: LognormalDelay, rng: Rng) -> Delay:
    """Median times exp(sigma z) with z standard normal; sigma puts nine tenths of the messages below `p90_s`."""
    draw = normals(rng)
    sizes = [(row.from_bytes, row.median_s, row.p90_s) for row in spec.larger]
    rows = [(least, median_s, math.log(p90_s / median_s) / Z90) for least, median_s, p90_s in reversed(sizes)]
    rows.append((0, spec.median_s, math.log(spec.p90_s / spec.median_s) / Z90))

    @cache
    def shape(message_bytes: int) -> tuple[float, float]:
        return next((median_s, sigma) for least, median_s, sigma in rows if message_bytes >= least)

    def delay(time_s: float, message_bytes: int) -> float:
        median_s, sigma = shape(message_bytes)
        return median_s * math.exp(sigma * draw())

    return delay


def wait_for_pass(spec: WaitForPass, rng: Rng) -> Delay:
    """Until the next contact; nothing while there is contact."""
    next_open = make_windows(spec.windows, rng).next_open
    return lambda time_s, message_bytes: next_open(time_s) - time_s


DELAY_MODELS: dict[str, Callable[[Any, Rng], Delay]] = {"lognormal": lognormal, "wait_for_pass": wait_for_pass}


def _held_back(ratio: float, longest_s: float, rng: Rng) -> Delay:
    """Two draws a message, held back or not, so that a higher ratio only holds back more messages."""
    draw = uniforms(rng)

    def delay(time_s: float, message_bytes: int) -> float:
        held, hold = draw() < ratio, draw()
        return hold * longest_s if held else 0.0

    return delay


def _polled(delay: Delay, poll_s: float) -> Delay:
    """Up to the receiver's next look; a billionth of a period late is in time, as sums of floats are not exact."""

    def polled(time_s: float, message_bytes: int) -> float:
        arrival_s = time_s + delay(time_s, message_bytes)
        if arrival_s == math.inf:
            return math.inf
        return max(0.0, math.ceil(arrival_s / poll_s - 1e-9) * poll_s - time_s)

    return polled
