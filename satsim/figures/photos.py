"""How many of several senders' photos the receiver can see, and how many of them are good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from satsim.figures.page import (
    ACROSS,
    INK,
    LEFT,
    end_label,
    headed_page,
    label_ends,
    label_height,
    line_look,
    sender_count,
    subtitle,
    tell_time,
    tidy,
    time_unit,
)
from satsim.figures.tracks import Track, TrackPoint


class Curve(NamedTuple):
    """How many photos of one scheme have come so far."""

    track: Track
    solid: bool
    """Any picture counts; else only good ones do."""
    times_s: list[float]
    """When each one comes, in order."""

    @property
    def look(self) -> dict[str, Any]:
        """Colour and style."""
        return line_look(self.solid) | {"color": self.track.colour}


def photos_figure(summary: Mapping[str, Any], metric: str, tracks: Sequence[Track]) -> Figure:
    """Photos with a picture against time, solid; dashed, those that have reached the middle quality level."""
    info, count, end_s = summary["metrics"][metric], sender_count(summary), summary["duration_s"]
    level = middle_level(summary, metric)
    curves = [Curve(track, True, times_of_first(track.photos, lambda row: bool(row.frame))) for track in tracks]
    if level is not None:
        good = reaches(level, info["higher_is_better"])
        curves += [Curve(track, False, times_of_first(track.photos, good)) for track in tracks]
    # A scheme's two curves that end at one height share a label.
    ends = {(curve.track.name, len(curve.times_s)): curve for curve in reversed(curves)}
    labels = [end_label(f"{len(curve.times_s)}  {curve.track.name}") for curve in ends.values()]
    room = max(300.0, 1.15 * sum(map(label_height, labels)))
    keys = [Line2D([], [], color=INK, label="any picture on the screen", **line_look(True))]
    if level is not None:
        text = f"{info['label']} of {level:g}{' ' + info['unit'] if info['unit'] else ''} or better"
        keys.append(Line2D([], [], color=INK, label=text, **line_look(False)))
    page = headed_page(summary, subtitle(summary), keys, panels=room)
    axes = page.axes(LEFT, 0, ACROSS, room)
    axes.set(xlim=(0, end_s / time_unit(end_s)[0]), ylim=(0, 1.05 * count))
    lifts = {track.name: lane(k, len(tracks)) for k, track in enumerate(tracks)}
    for curve in curves:
        draw_count(axes, curve, end_s, lifts[curve.track.name])
    tops = [done and done / (1.05 * count) * room + lifts[name] for name, done in ends]
    heights = label_ends(axes, labels, [curve.track.colour for curve in ends.values()], tops, room, marks=2)
    for curve in curves:
        y = heights[list(ends).index((curve.track.name, len(curve.times_s)))]
        to_mark = [1 + 12 / ACROSS, 1 + (18 if curve.solid else 28) / ACROSS], [y / room, y / room]
        look = curve.look | {"marker": curve.track.marker, "markersize": 5.5, "linestyle": "-", "linewidth": 0.9}
        axes.plot(*to_mark, markevery=[1], transform=axes.transAxes, clip_on=False, **look)
    axes.set_ylabel(f"photos at the receiver, of {count}")
    axes.yaxis.set_label_coords(-44 / ACROSS, 0.5)
    axes.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
    tell_time(axes, summary)
    tidy(axes)
    return page.figure


def draw_count(axes: Axes, curve: Curve, end_s: float, lift: float) -> None:
    """One photo more at each of the curve's times; marked where the first and the last come in. `lift` is in points."""
    if not curve.times_s:
        return
    unit_s, _ = time_unit(end_s)
    shifted = axes.transData + ScaledTranslation(0, lift / 72, axes.figure.dpi_scale_trans)
    times = [time_s / unit_s for time_s in curve.times_s]
    counts = range(1, len(times) + 1)
    line = curve.look | {"marker": "", "linewidth": 2.2 if curve.solid else 1.6}
    steps = [times[0], *times, end_s / unit_s], [0, *counts, len(times)]
    axes.step(*steps, where="post", transform=shifted, **line)
    marked = [times[0], times[-1]], [1, len(times)]
    look = curve.look | {"marker": curve.track.marker, "linestyle": ""}
    axes.plot(*marked, transform=shifted, clip_on=False, zorder=4, **look)


def lane(k: int, count: int) -> float:
    """Points by which curve k of so many is lifted, so that equal ones run side by side."""
    return (k - (count - 1) / 2) * min(2.4, 8 / count)


def times_of_first(photos: Sequence[Sequence[TrackPoint]], good: Callable[[TrackPoint], bool]) -> list[float]:
    """When each photo first has a row that is `good`, in order; those that never have one are left out."""
    firsts = (next((row.time_s for row in photo if good(row)), None) for photo in photos)
    return sorted(time_s for time_s in firsts if time_s is not None)


def reaches(level: float, higher_is_better: bool) -> Callable[[TrackPoint], bool]:
    """Whether a row's picture is as good as `level`."""
    if higher_is_better:
        return lambda row: row.value >= level
    return lambda row: row.value <= level


def middle_level(summary: Mapping[str, Any], metric: str) -> float | None:
    """The middle one of the run's quality levels, the more demanding of two; None where it has none."""
    first = next(iter(summary["schemes"].values()))
    levels = sorted(float(level) for level in first.get("time_to_quality_s", {}).get(metric, {}))
    if not summary["metrics"][metric]["higher_is_better"]:
        levels.reverse()
    return levels[len(levels) // 2] if levels else None
