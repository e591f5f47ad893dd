"""When there is contact: given times, a period, chance, or the passes of a satellite."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import count, starmap
from typing import Any, NamedTuple

import numpy as np

from satsim.links.clock import ROUNDING_S
from satsim.links.draws import exponentials
from satsim.links.linkspec import ListedWindows, Passes, PeriodicWindows, RenewalWindows
from satsim.links.linkspec import Windows as WindowsSpec
from satsim.links.orbit import passes

Rng = np.random.Generator


class Window(NamedTuple):
    """Contact in [open_s, close_s)."""

    open_s: float
    close_s: float


Find = Callable[[float], Window]
"""From a time to the first window that closes after it; NEVER where there is none."""

NEVER = Window(math.inf, math.inf)
ALWAYS = Window(0.0, math.inf)


class Windows:
    """Contact over [0, inf)."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._window, self._since_s = Window(0.0, 0.0), 0.0

    def next_open(self, time_s: float) -> float:
        """When a message that waits since `time_s` can go: at once in contact; inf where there is none any more."""
        late_s = time_s + ROUNDING_S
        open_s = self._at(late_s).open_s
        return time_s if open_s <= late_s else open_s

    def _at(self, time_s: float) -> Window:
        if not self._since_s <= time_s < self._window.close_s:
            if time_s == math.inf:
                return NEVER
            open_s, close_s = self._find(time_s)
            self._window, self._since_s = Window(max(0.0, open_s), close_s), time_s
        return self._window


def make_windows(spec: WindowsSpec | None, rng: Rng, horizon_s: float | None = None) -> Windows:
    """Contact as `spec` says, with `rng` for its own; always where there is no spec.

    A satellite's passes are searched up to `horizon_s` (None: 30 days), and there is none later. Raises LinkError for
    an orbit that cannot be used.
    """
    return Windows(WINDOW_MODELS[spec.model](spec, rng, horizon_s)) if spec else Windows(lambda time_s: ALWAYS)


def listed(spec: ListedWindows, rng: Rng, horizon_s: float | None) -> Find:
    """The given windows, and nothing after the last."""
    return _one_after_another(starmap(Window, spec.open_s))


def satellite(spec: Passes, rng: Rng, horizon_s: float | None) -> Find:
    """The passes of a satellite over a place; see satsim/links/orbit.py."""
    return _one_after_another(starmap(Window, passes(spec, horizon_s)))


def _one_after_another(source: Iterator[Window]) -> Find:
    """Windows in order of time, taken from `source` only as far as they are asked for."""
    windows: list[Window] = []
    closes_s: list[float] = []

    def find(time_s: float) -> Window:
        while not closes_s or closes_s[-1] <= time_s:
            windows.append(next(source, NEVER))
            closes_s.append(windows[-1].close_s)
        return windows[bisect_right(closes_s, time_s)]

    return find


def periodic(spec: PeriodicWindows, rng: Rng, horizon_s: float | None) -> Find:
    """Window k opens at first + k * period; where the first is random, one before it may be on already at 0."""
    period_s, open_s = spec.period_s, spec.open_s
    any_phase = spec.first_s == "random"
    first_s = rng.random() * period_s if spec.first_s == "random" else spec.first_s
    if open_s == period_s:
        return lambda time_s: ALWAYS if any_phase else Window(first_s, math.inf)

    def find(time_s: float) -> Window:
        k = max(math.floor((time_s - first_s) / period_s), -1 if any_phase else 0)
        if time_s >= first_s + k * period_s + open_s:
            k += 1
        return Window(first_s + k * period_s, first_s + k * period_s + open_s)

    return find


def renewal(spec: RenewalWindows, rng: Rng, horizon_s: float | None) -> Find:
    """Exponential stays, drawn as time goes on; open at 0 with the long-run share of open."""
    stay = exponentials(rng)
    starts_open = rng.random() * (spec.mean_open_s + spec.mean_closed_s) < spec.mean_open_s

    def turns() -> Iterator[Window]:
        close_s = 0.0
        for k in count():
            open_s = close_s + (0.0 if starts_open and k == 0 else spec.mean_closed_s * stay())
            close_s = open_s + spec.mean_open_s * stay()
            yield Window(open_s, close_s)

    return _one_after_another(turns())


WINDOW_MODELS: dict[str, Callable[[Any, Rng, float | None], Find]] = {
    "list": listed,
    "periodic": periodic,
    "renewal": renewal,
    "tle": satellite,
}
