"""Times and numbers in words: the one way for tables and figures."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

HOUR_S, DAY_S = 3600.0, 86_400.0
DAYS_FROM_S = 4 * DAY_S
"""From here on clocks tell days."""


_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with what a terminal obeys and does not show, such as the escape that begins a colour, spelt out."""
    return _OBEYED.sub(lambda found: repr(found[0])[1:-1], text)


def clock(time_s: float | None, end_s: float = 0.0) -> str:
    """65 is 1:05, an hour and five seconds 1:00:05, and five days and an hour 5 d 01:00; None or NaN is "never".

    Where `end_s`, the last of times to compare, reaches an hour, 65 is 0:01:05.
    """
    if time_s is None or math.isnan(time_s):
        return "never"
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    if time_s >= DAYS_FROM_S:
        return f"{hours // 24} d {hours % 24:02d}:{minutes:02d}"
    if hours or end_s >= HOUR_S:
        return f"{hours}:{minutes:02d}:{seconds:02d}"
    return f"{minutes}:{seconds:02d}"


def clock_words(end_s: float) -> str:
    """How to read `clock` for times up to `end_s`."""
    if end_s < HOUR_S:
        return "minutes and seconds"
    return "hours, minutes and seconds" + ("; later days, hours and minutes" if end_s >= DAYS_FROM_S else "")


def span(time_s: float) -> str:
    """90 is 90 s, 5400 is 90 min, 7200 is 2 h, 17280 is 4.8 h; what is not whole may be rounded: 397.2 is 6.62 min."""
    units = ((DAY_S, "days"), (HOUR_S, "h"), (60.0, "min"))
    for length, name in units:
        count = time_s / length
        if 1 <= count <= 120 and count == round(count):
            return f"{count:.0f} {'day' if time_s == DAY_S else name}"
    if time_s == round(time_s) <= 120:
        return f"{time_s:.0f} s"
    for length, name in units:
        told = f"{time_s / length:.3g}"
        if time_s >= 2 * length and (float(told) * length == time_s or time_s != round(time_s)):
            return f"{told} {name}"
    return f"{time_s:.0f} s" if time_s == round(time_s) else f"{time_s:.4g} s"


def number(value: float) -> str:
    """A score with three digits or so."""
    return "∞" if math.isinf(value) else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def with_unit(info: Mapping[str, Any]) -> str:
    """The metric's label, with its unit where it has one."""
    return f"{info['label']} in {info['unit']}" if info["unit"] else str(info["label"])


TRANSPORTS = {"once": "sent once", "carousel": "round and round", "arq": "sent again until acknowledged"}


def sent_words(schemes: Iterable[Mapping[str, Any]]) -> str:
    """How all schemes of a summary go, as a sentence with a blank behind it; nothing where they differ."""
    ways = {scheme.get("transport", {}).get("name") for scheme in schemes}
    return f"{TRANSPORTS[ways.pop()].capitalize()}. " if len(ways) == 1 and ways <= TRANSPORTS.keys() else ""


def original_words(about: Mapping[str, Any]) -> str:
    """What to call the picture that was sent, of a run's summary."""
    return "original (drawn)" if about["image"].get("drawn") else "original"


def headline(about: Mapping[str, Any]) -> str:
    """What stands over a figure or table of what has a title or, if that is empty, a name: that in words."""
    return about["title"] or str(about.get("name") or about.get("scenario", "")).replace("_", " ").capitalize()


def link_words(link: Mapping[str, Any], most: str = "one packet", each: str = "") -> str:
    """What is known, as a sentence: "Link: sbd_9603_open, 340 bytes at most, one packet every 40 s."."""
    preset, size, pace_s = (link.get(key) for key in ("preset", "packet_bytes", "interval_s"))
    words = [f"link: {preset}"] * bool(preset)
    words += [f"{'' if preset or pace_s else 'packets of '}{size} bytes at most"] * bool(size)
    words += [f"{most} every {pace_s:g} s{each}"] if pace_s else []
    line = ", ".join(words) + "." * bool(words)
    return line[:1].upper() + line[1:]


def shorten(text: str, letters: int, lines: int = 1) -> str:
    """`text` wrapped into at most so many lines, a number with its noun, with an ellipsis for what is left over."""
    joined = re.sub(r"(?<=\d) (?=(?:packet|stage|message|byte)s?\b)", "\u00a0", text)
    return "\n".join(textwrap.wrap(joined, letters, max_lines=lines, placeholder=" …")).replace("\u00a0", " ")
