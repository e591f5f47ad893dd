"""Words and numbers in figures, and where labels go."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

HOUR_S, DAY_S = 3600.0, 86_400.0
DAYS_FROM_S = 4 * DAY_S
"""From here on times are told in days."""


def clock(time_s: float, end_s: float = 0.0) -> str:
    """65 is 1:05, an hour and five seconds 1:00:05, and five days and an hour 5 d 01:00.

    Where `end_s`, the last of times to compare, reaches an hour, 65 is 0:01:05.
    """
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
    """90 is 90 s, 7200 is 2 h: the largest unit of which it is a whole number, more than one."""
    units = ((DAY_S, "days"), (HOUR_S, "h"), (60, "min"))
    return next((f"{time_s / u:g} {name}" for u, name in units if time_s >= 2 * u and time_s % u == 0), f"{time_s:g} s")


def number(value: float) -> str:
    """A score with three digits or so."""
    return "∞" if math.isinf(value) else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def with_unit(info: Mapping[str, Any]) -> str:
    """The metric's label, with its unit where it has one."""
    return f"{info['label']} in {info['unit']}" if info["unit"] else str(info["label"])


def shorten(text: str, letters: int, lines: int = 1) -> str:
    """`text` wrapped into at most so many lines, with an ellipsis for what is left over."""
    return "\n".join(textwrap.wrap(text, letters, max_lines=lines, placeholder=" …"))


def sender_count(summary: Mapping[str, Any]) -> int:
    """How many senders the run had; older folders do not say, and had one."""
    return int(summary.get("senders", {}).get("count", 1))


def the_photo(summary: Mapping[str, Any]) -> str:
    """What times count from."""
    return "the first photo" if sender_count(summary) > 1 else "the photo"


def subtitle(summary: Mapping[str, Any]) -> list[str]:
    """The link and the photo; of several senders, how they share the receiver; a line each."""
    image, count = summary["image"], sender_count(summary)
    links = [scheme["link"] for scheme in summary.get("schemes", {}).values() if "link" in scheme]
    links = links or [summary.get("link", {})]
    presets = list(dict.fromkeys(link["preset"] for link in links if link.get("preset")))
    shared = count > 1 and bool(summary["senders"].get("slot_s"))
    pace = f"{'At most one' if shared else 'One'} packet every {summary['interval_s']:g} s"
    each = f"{pace}{' from each' if count > 1 else ''}; photo of {image['width']} × {image['height']} pixels."
    lines = [f"Link{'s' * (len(presets) > 1)}: {', '.join(presets)}. {each}" if presets else each]
    if count > 1:
        gap_s, slot_s = summary["senders"].get("start_gap_s"), summary["senders"].get("slot_s")
        taken = f"{span(gap_s)} apart" if gap_s else "at the same time"
        channel = f"one channel for all, a slot every {span(slot_s)}" if slot_s else "each has a channel of its own"
        lines.append(f"{count} senders, photos taken {taken}; {channel}. Times run from the first photo.")
    return lines


def median_words(summary: Mapping[str, Any]) -> list[str]:
    """Which of several photos is shown."""
    if sender_count(summary) == 1:
        return []
    return ["Shown is the median photo: at each time, half of the photos look at least this good."]


def wrap_notices(summary: Mapping[str, Any], letters: int) -> list[str]:
    """The lines the reader must see: that a metric stands in for another, say."""
    return [line for notice in summary["notices"] for line in textwrap.wrap(f"Note: {notice}", letters)]


def spread(wanted: Sequence[float], sizes: Sequence[float], room: float) -> list[float]:
    """Centres, as near to `wanted` as can be, where labels of these sizes neither overlap nor leave 0 to `room`.

    They keep the order of `wanted`. Sizes that together exceed `room` are all reduced by one factor.
    """
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    squeeze = min(1.0, room / (sum(sizes) or 1.0))
    needs = [squeeze * sizes[k] for k in order]
    offsets = [sum(needs[:k]) + needs[k] / 2 for k in range(len(needs))]
    # With the offsets taken away labels may meet but not swap: average neighbours that did (isotonic regression).
    pools: list[list[float]] = []
    for k, offset in zip(order, offsets, strict=True):
        pools.append([wanted[k] - offset])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    bases = [min(max(float(np.mean(pool)), 0.0), room - sum(needs)) for pool in pools for _ in pool]
    centres = {k: base + offset for k, base, offset in zip(order, bases, offsets, strict=True)}
    return [centres[k] for k in range(len(wanted))]
