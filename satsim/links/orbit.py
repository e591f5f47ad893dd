"""Passes of a satellite over a place, by Skyfield from two-line elements."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from satsim.errors import LinkError
from satsim.links.linkspec import DAY_S, Passes
from satsim.links.traces import read_link_file

SEARCH_S = 30 * DAY_S
STALE_DAYS = 14


class Elements(NamedTuple):
    """One satellite of a TLE file."""

    name: str
    line1: str
    line2: str

    @property
    def epoch(self) -> datetime:
        """UTC for which the elements were made; two-digit years from 57 on are of the last century."""
        year, day = int(self.line1[18:20]), float(self.line1[20:32])
        return datetime(year + (1900 if year >= 57 else 2000), 1, 1, tzinfo=UTC) + timedelta(days=day - 1)


def passes(spec: Passes, horizon_s: float | None = None) -> Iterator[tuple[float, float]]:
    """Rise and set of each pass in [0, horizon_s), in seconds after `spec.start`, in order; None means 30 days.

    Times are good to about half a second, and searched day by day as they are asked for. A pass under way at either end
    is cut there. Raises LinkError, one line, for what the user can mend, before the first pass is asked for.
    """
    _skyfield()
    return _passes(_choose(spec), _start(spec), spec, SEARCH_S if horizon_s is None else min(horizon_s, SEARCH_S))


def _passes(elements: Elements, start: datetime, spec: Passes, horizon_s: float) -> Iterator[tuple[float, float]]:
    up_since_s = None
    for day in range(math.ceil(horizon_s / DAY_S)):
        is_up, turns = _day(elements, start + timedelta(days=day), spec)
        if is_up and up_since_s is None:
            up_since_s = day * DAY_S
        for within_s, rises in turns:
            time_s = min(day * DAY_S + within_s, horizon_s)
            if rises and up_since_s is None:
                up_since_s = time_s
            elif not rises and up_since_s is not None:
                if up_since_s < time_s:
                    yield up_since_s, time_s
                up_since_s = None
    if up_since_s is not None and up_since_s < horizon_s:
        yield up_since_s, horizon_s


@lru_cache(maxsize=1024)
def _day(elements: Elements, begin: datetime, spec: Passes) -> tuple[bool, tuple[tuple[float, bool], ...]]:
    """Whether the satellite is up at `begin`, and the seconds at which it rises (True) or sets (False) in 24 hours.

    The elements are part of the key, so that a changed file counts while a thousand runs search each day once.
    """
    api, clock = _skyfield()
    craft = api.EarthSatellite(elements.line1, elements.line2, elements.name, clock)
    site = api.wgs84.latlon(spec.latitude_deg, spec.longitude_deg, elevation_m=spec.height_m)
    first, last = clock.from_datetime(begin), clock.from_datetime(begin + timedelta(days=1))
    is_up = (craft - site).at(first).altaz()[0].degrees >= spec.mask_deg
    times, events = craft.find_events(site, first, last, altitude_degrees=spec.mask_deg)
    turns = [
        (float((time - first) * DAY_S), event == 0) for time, event in zip(times, events, strict=True) if event != 1
    ]
    return bool(is_up), tuple(turns)


@lru_cache(maxsize=1)
def _skyfield() -> tuple[Any, Any]:
    """The library and its clock, which reads its tables from the library's own files; both take a while to come in."""
    try:
        import skyfield.api
    except ImportError:
        raise LinkError("windows.model tle needs Skyfield: pip install 'satsim-link[orbit]'") from None
    return skyfield.api, skyfield.api.load.timescale(builtin=True)


def epoch_notice(spec: Passes) -> str | None:
    """One line where the elements are more than two weeks from `spec.start`, as passes then drift off; else None.

    Raises LinkError as `passes` does; needs no Skyfield.
    """
    elements, start = _choose(spec), _start(spec)
    days = abs(start - elements.epoch) / timedelta(days=1)
    if days <= STALE_DAYS:
        return None
    return (
        f"{spec.path}: {elements.name or 'the satellite'} has its epoch on {elements.epoch:%Y-%m-%d}, {days:.0f} days "
        f"from windows.start; times of passes may be minutes off (fetch newer elements, or move start)"
    )


def _start(spec: Passes) -> datetime:
    start = datetime.fromisoformat(spec.start)
    return start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)


def _choose(spec: Passes) -> Elements:
    satellites = read_tle(spec.path)
    names = ", ".join(each.name or "(no name)" for each in satellites[:5]) + (", ..." if len(satellites) > 5 else "")
    if not spec.satellite:
        if len(satellites) > 1:
            raise LinkError(f"{spec.path}: holds {len(satellites)} satellites; set windows.satellite to one: {names}")
        return satellites[0]
    wanted = spec.satellite.strip().casefold()
    for each in satellites:
        if each.name.casefold() == wanted:
            return each
    raise LinkError(f"{spec.path}: has no satellite {spec.satellite!r}; it holds {names}")


def read_tle(path: Path) -> tuple[Elements, ...]:
    """The satellites of a file of two- or three-line elements; blank lines and lines after # are passed over.

    Raises LinkError, naming file and line, for a missing file, a file without elements, and a wrong checksum.
    """
    text = read_link_file(path, "TLE")
    numbered = [(k, line.rstrip()) for k, line in enumerate(text.splitlines(), 1)]
    lines = [(k, line) for k, line in numbered if line and not line.startswith("#")]
    found, name, line1 = [], "", ""
    for k, line in lines:
        if not line1 and line.startswith("1 "):
            line1 = _checked(f"{path}: line {k}", line)
        elif line1 and line.startswith("2 "):
            found.append(Elements(name, line1, _checked(f"{path}: line {k}", line)))
            name, line1 = "", ""
        elif line1 or line.startswith("2 ") or name:
            raise LinkError(f"{path}: line {k}: {'2' if line1 else '1'} ... was expected here; is it a TLE file?")
        else:
            name = line.removeprefix("0 ").strip()
    if name or line1 or not found:
        problem = "ends amid a satellite" if found else "holds no two-line elements"
        raise LinkError(f"{path}: {problem}; is it a TLE file?")
    return tuple(found)


def _checked(where: str, line: str) -> str:
    """The line whose last column is the sum of its digits, a minus counted as one, modulo ten."""
    if len(line) != 69 or not line[68].isdigit():
        raise LinkError(f"{where}: has {len(line)} columns; a line of elements has 69, the last a checksum")
    total = sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10
    if total != int(line[68]):
        raise LinkError(f"{where}: the checksum is {line[68]}, and the line adds up to {total}; copy the line anew")
    return line
