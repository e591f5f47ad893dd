"""Which messages are lost: alone, in bursts, by the site, or as a record says; and which bits arrive inverted.

A loss model is a function `lost(time_s) -> bool`, asked once for each message sent, at times that never go back. Its
generator is its own: no one else draws from it.

One draw decides the loss of a message and others the state of the channel, as many whatever the outcome; so with one
seed a higher loss (`loss_ratio`, `loss_good`, `loss_bad`, ...) only adds losses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from satsim.links.clock import ROUNDING_S
from satsim.links.draws import Lost, never, uniforms
from satsim.links.linkspec import Blockage, GilbertElliott, LinkSpec, Lutz, Own, TwoState
from satsim.links.traces import Replay

Rng = np.random.Generator


def make_loss(spec: LinkSpec, rng: Rng) -> Lost:
    """The model of `spec.loss`, which takes `rng` for its own; one that never loses where there is none.

    Raises LinkError for a trace or a model of your own that cannot be used.
    """
    if isinstance(spec.loss, Own):
        from satsim.links.own import own_loss

        return own_loss(spec.loss, rng)
    return LOSS_MODELS[spec.loss.model](spec.loss, rng) if spec.loss else never


def gilbert_elliott(spec: GilbertElliott, rng: Rng) -> Lost:
    """The first message meets the start state, and after each one the state may change.

    Gilbert (1960), "Capacity of a burst-noise channel"; Elliott (1963), "Estimates of error rates for codes on
    burst-noise channels", both Bell System Technical Journal.
    """
    draw = uniforms(rng)
    to_bad, to_good = spec.good_to_bad, spec.bad_to_good
    first = draw()
    bad = spec.start == "bad" if spec.start != "stationary" else first * (to_bad + to_good) < to_bad
    loss_if, bad_after = (spec.loss_good, spec.loss_bad), (to_bad, 1 - to_good)

    def lost(time_s: float) -> bool:
        nonlocal bad
        loss = draw() < loss_if[bad]
        bad = draw() < bad_after[bad]
        return loss

    return lost


def two_state(spec: TwoState, rng: Rng) -> Lost:
    """A state that is left at rate 1/Tg or 1/Tb, seen at each sending; stationary from the start."""
    return _two_state(spec.mean_good_s, spec.mean_bad_s, spec.loss_good, spec.loss_bad, rng)


def lutz(spec: Lutz, rng: Rng) -> Lost:
    """`two_state` with the mean stays that a drive at constant speed takes through the stretches of `road_m`."""
    good_s, bad_s = (length_m * 3.6 / spec.speed_kmh for length_m in road_m(spec.environment, spec.elevation_deg))
    return _two_state(good_s, bad_s, spec.loss_good, spec.loss_bad, rng)


def _two_state(mean_good_s: float, mean_bad_s: float, loss_good: float, loss_bad: float, rng: Rng) -> Lost:
    """Over a gap D the state is remembered with weight exp(-D (1/Tg + 1/Tb)) and else drawn from its long-run share."""
    draw = uniforms(rng)
    share_bad = mean_bad_s / (mean_good_s + mean_bad_s)
    forgetting = -(1 / mean_good_s + 1 / mean_bad_s)
    bad, last_s = draw() < share_bad, 0.0
    loss_if = (loss_good, loss_bad)

    def lost(time_s: float) -> bool:
        nonlocal bad, last_s
        bad = draw() < share_bad + (bad - share_bad) * math.exp(forgetting * (time_s - last_s))
        last_s = time_s
        return draw() < loss_if[bad]

    return lost


ROADS = {"highway": ((90, 188, 1500, 8300), (29, 62, 12, 17)), "city": ((9, 27, 24, 42), (70, 52, 33, 49))}
ROAD_ELEVATIONS_DEG = (13, 24, 34, 43)


def road_m(environment: str, elevation_deg: float) -> tuple[float, float]:
    """Mean metres of road in the good and in the bad state, linear between the elevations 13, 24, 34, 43 degrees.

    Lutz, Cygan, Dippold, Dolainsky, Papke (1991), "The land mobile satellite communication channel", IEEE Transactions
    on Vehicular Technology 40(2): L band, geostationary. The numbers are assumed: recalled, not read again there.
    """
    good_m, bad_m = ROADS[environment]
    return (
        float(np.interp(elevation_deg, ROAD_ELEVATIONS_DEG, good_m)),
        float(np.interp(elevation_deg, ROAD_ELEVATIONS_DEG, bad_m)),
    )


def blockage(spec: Blockage, rng: Rng) -> Lost:
    """Whether the site sees the satellite is drawn once a site; site k is that of [k, k + 1) times `move_every_s`."""
    (sites,) = rng.spawn(1)
    draw, draw_site = uniforms(rng), uniforms(sites)
    blocked_ratio = 1 - line_of_sight(spec.environment, spec.elevation_deg)
    move_every_s = spec.move_every_s or math.inf
    loss_if = (spec.loss_clear, spec.loss_blocked)
    blocked, next_move_s, moves = draw_site() < blocked_ratio, move_every_s, 1

    def lost(time_s: float) -> bool:
        nonlocal blocked, next_move_s, moves
        while time_s + ROUNDING_S >= next_move_s:
            blocked = draw_site() < blocked_ratio
            moves += 1
            next_move_s = moves * move_every_s
        return draw() < loss_if[blocked]

    return lost


CLEAR_RATIOS = {
    "dense_urban": (0.282, 0.331, 0.398, 0.468, 0.537, 0.612, 0.738, 0.820, 0.981),
    "urban": (0.246, 0.386, 0.493, 0.613, 0.726, 0.805, 0.919, 0.968, 0.992),
    "suburban": (0.782, 0.869, 0.919, 0.929, 0.935, 0.940, 0.949, 0.952, 0.998),
}
CLEAR_ELEVATIONS_DEG = (10, 20, 30, 40, 50, 60, 70, 80, 90)


def line_of_sight(environment: str, elevation_deg: float) -> float:
    """Share of sites that see a satellite at this elevation: 3GPP TR 38.811 table 6.6.1-1, linear between its rows."""
    return float(np.interp(elevation_deg, CLEAR_ELEVATIONS_DEG, CLEAR_RATIOS[environment]))


LOSS_MODELS: dict[str, Callable[[Any, Rng], Lost]] = {
    "gilbert_elliott": gilbert_elliott,
    "two_state": two_state,
    "lutz": lutz,
    "blockage": blockage,
    "trace": lambda spec, rng: Replay(spec),
}


def corrupt(message: bytes, bit_error_ratio: float, rng: Rng) -> bytes:
    """`message` with each bit inverted with this probability; the same object where none is."""
    if bit_error_ratio == 0:
        return message
    flips = rng.binomial(8 * len(message), bit_error_ratio)
    if flips == 0:
        return message
    damaged = bytearray(message)
    for position in rng.choice(8 * len(message), size=flips, replace=False, shuffle=False).tolist():
        damaged[position // 8] ^= 1 << position % 8
    return bytes(damaged)
