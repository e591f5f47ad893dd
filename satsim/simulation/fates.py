"""What becomes of every message in many runs: the draws of `satsim.links.losses`, one generator a run, as columns.

Arrays are [messages, runs], messages of one sender in the order in which they leave.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from satsim.links.clock import ROUNDING_S
from satsim.links.draws import child
from satsim.links.linkspec import Blockage, GilbertElliott, LinkSpec, Lutz, Trace, TwoState
from satsim.links.losses import line_of_sight, road_m
from satsim.links.traces import Replay
from satsim.simulation.simulation import CONCERNS

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Draw = Callable[..., Floats]
"""draw(count): the first numbers in [0, 1) of a generator, [count, runs]; draw(count, k): those of its child k."""

REMEMBERED = 500_000
"""Numbers in the largest matrix that is kept for the next scheme or grid point: 64 of them make 256 MB at most."""


def fates(link: LinkSpec, times_s: Sequence[float], seeds: Sequence[int], sender: int) -> tuple[Bools, Bools]:
    """Which messages that leave at `times_s` are lost, and which arrive twice unless they are lost."""
    count = len(times_s)
    lost, doubled = np.zeros((2, count, len(seeds)), dtype=np.bool_)

    def draw_for(concern: str) -> Draw:
        return partial(draw, seeds, sender * len(CONCERNS) + CONCERNS.index(concern))

    if link.loss:
        lost |= MODELS[link.loss.model](link.loss, times_s, draw_for("loss model"))
    if link.loss_ratio:
        lost |= draw_for("independent loss")(count) < link.loss_ratio
    if link.ground_loss_ratio:
        lost |= draw_for("ground loss")(count) < link.ground_loss_ratio
    if link.duplicate_ratio:
        doubled = draw_for("duplicates")(count) < link.duplicate_ratio
    return lost, doubled


def draw(seeds: Sequence[int], concern: int, count: int, *below: int) -> Floats:
    """The first `count` numbers that child `concern` of each seed draws, or child `below` of that; [count, runs].

    Lengths are rounded up, so that schemes that send more and less share what is remembered.
    """
    length = max(16, 1 << (count - 1).bit_length())
    make = _draw if length * len(seeds) <= REMEMBERED else _draw.__wrapped__
    return make(seeds if isinstance(seeds, range) else tuple(seeds), (concern, *below), length)[:count]


@lru_cache(maxsize=64)
def _draw(seeds: Sequence[int], path: tuple[int, ...], length: int) -> Floats:
    numbers = np.empty((length, len(seeds)))
    for run, seed in enumerate(seeds):
        numbers[:, run] = child(seed, *path).random(length)
    numbers.flags.writeable = False
    return numbers


def forget() -> None:
    """Let go of what is remembered of seeds; the numbers will be the same again."""
    _draw.cache_clear()


def gilbert_elliott(spec: GilbertElliott, times_s: Sequence[float], draw: Draw) -> Bools:
    """As `losses.gilbert_elliott`."""
    numbers = draw(1 + 2 * len(times_s))
    to_bad, to_good = spec.good_to_bad, spec.bad_to_good
    bad = numbers[0] * (to_bad + to_good) < to_bad if spec.start == "stationary" else numbers[0] < (spec.start == "bad")
    lost = np.empty((len(times_s), numbers.shape[1]), dtype=np.bool_)
    for k in range(len(times_s)):
        lost[k] = numbers[1 + 2 * k] < np.where(bad, spec.loss_bad, spec.loss_good)
        bad = numbers[2 + 2 * k] < np.where(bad, 1 - to_good, to_bad)
    return lost


def two_state(spec: TwoState, times_s: Sequence[float], draw: Draw) -> Bools:
    """As `losses.two_state`."""
    return _two_state(spec.mean_good_s, spec.mean_bad_s, spec, times_s, draw)


def lutz(spec: Lutz, times_s: Sequence[float], draw: Draw) -> Bools:
    """As `losses.lutz`."""
    good_s, bad_s = (length_m * 3.6 / spec.speed_kmh for length_m in road_m(spec.environment, spec.elevation_deg))
    return _two_state(good_s, bad_s, spec, times_s, draw)


def _two_state(
    mean_good_s: float, mean_bad_s: float, spec: TwoState | Lutz, times_s: Sequence[float], draw: Draw
) -> Bools:
    numbers = draw(1 + 2 * len(times_s))
    share_bad = mean_bad_s / (mean_good_s + mean_bad_s)
    forgetting = -(1 / mean_good_s + 1 / mean_bad_s)
    bad, last_s = numbers[0] < share_bad, 0.0
    lost = np.empty((len(times_s), numbers.shape[1]), dtype=np.bool_)
    for k, time_s in enumerate(times_s):
        memory = math.exp(forgetting * (time_s - last_s))  # not np.exp, whose last bit may differ
        after_good, after_bad = (share_bad + (was_bad - share_bad) * memory for was_bad in (False, True))
        bad, last_s = numbers[1 + 2 * k] < np.where(bad, after_bad, after_good), time_s
        lost[k] = numbers[2 + 2 * k] < np.where(bad, spec.loss_bad, spec.loss_good)
    return lost


def blockage(spec: Blockage, times_s: Sequence[float], draw: Draw) -> Bools:
    """As `losses.blockage`."""
    move_every_s = spec.move_every_s or math.inf
    sites, moves = [], 0
    for time_s in times_s:
        while time_s + ROUNDING_S >= (moves + 1) * move_every_s:
            moves += 1
        sites.append(moves)
    blocked = draw(moves + 1, 0)[sites] < 1 - line_of_sight(spec.environment, spec.elevation_deg)
    return np.asarray(draw(len(times_s)) < np.where(blocked, spec.loss_blocked, spec.loss_clear))


def trace(spec: Trace, times_s: Sequence[float], draw: Draw) -> Bools:
    """As `traces.Replay`: the same in every run."""
    lost = Replay(spec)
    return np.array([lost(time_s) for time_s in times_s], dtype=np.bool_)[:, None]


MODELS: dict[str, Callable[[Any, Sequence[float], Draw], Bools]] = {
    "gilbert_elliott": gilbert_elliott,
    "two_state": two_state,
    "lutz": lutz,
    "blockage": blockage,
    "trace": trace,
}
