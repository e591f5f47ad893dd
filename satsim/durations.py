"""Durations out of words: the one reader for goals and options."""

from __future__ import annotations

import re

from satsim.words import DAY_S, HOUR_S

UNITS_S = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), HOUR_S),
    **dict.fromkeys(("d", "day", "days"), DAY_S),
}


def parse_duration(text: str, bare_s: float | None = None) -> float:
    """Seconds of "90 s", "10 min", "1 h 30 min" or "1:30:00"; of a number without a unit, `bare_s` times it.

    Raises ValueError, which says what is wrong and what is expected.
    """
    expected = "expected a time such as 10 min, 600 s, 1 h or 1:30:00"
    text = text.strip()
    if re.fullmatch(r"\d+(:[0-5]?\d){1,2}", text):
        return float(sum(int(part) * 60**k for k, part in enumerate(reversed(text.split(":")))))
    number = r"(?:\d+\.?\d*|\.\d+)"
    if re.fullmatch(number, text):
        if bare_s is None:
            raise ValueError(f"{text!r} has no unit; {expected}")
        return float(text) * bare_s
    steps = re.findall(rf"({number})\s*([A-Za-z]+)", text)
    if not steps or re.sub(rf"{number}\s*[A-Za-z]+|\s", "", text):
        raise ValueError(f"{text!r} is no time; {expected}")
    if wrong := [unit for _, unit in steps if unit.lower() not in UNITS_S]:
        raise ValueError(f"no unit of time is called {wrong[0]!r}; {expected}")
    return sum(float(count) * UNITS_S[unit.lower()] for count, unit in steps)
