"""Several senders: which photo stands for all, how many the receiver can see over time, and how many are good."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from satsim.figures.look import ACROSS, LABEL
from satsim.figures.page import (
    Page,
    Track,
    TrackPoint,
    height_of,
    label_ends,
    line_key,
    line_look,
    subtitle,
    time_unit,
)

Rank = tuple[bool, float, int, float, str]
"""Nothing to show, badness, minus packets held; then value and frame. The better photo has the lower rank."""
NOTHING: Rank = (True, 0.0, 0, float("nan"), "")


def median_photo(photos: Sequence[Sequence[TrackPoint]], higher_is_better: bool) -> list[TrackPoint]:
    """What at least half of the photos look as good as, at each time at which that changes.

    That is the middle photo, the worse one of two; one of which there is nothing to show, also because it is not yet
    taken, is worse than any picture.
    """
    points = [(point.time_s, sender, point) for sender, photo in enumerate(photos) for point in photo]
    points.sort(key=itemgetter(0))
    now = [NOTHING] * len(photos)
    ranked = list(now)
    median: list[TrackPoint] = []
    before: tuple[Any, ...] = ()
    for time_s, changes in groupby(points, key=itemgetter(0)):
        for _, sender, point in changes:
            badness = -point.value if higher_is_better else point.value
            rank = (False, badness, -point.packets_held, point.value, point.frame)
            if not point.frame:
                rank = (True, 0.0, -point.packets_held, *NOTHING[3:])
            del ranked[bisect_left(ranked, now[sender])]
            insort(ranked, rank)
            now[sender] = rank
        nothing, badness, minus_held, value, frame = ranked[len(ranked) // 2]
        if before != (nothing, badness, minus_held):
            median.append(TrackPoint(time_s, -minus_held, value, frame))
        before = (nothing, badness, minus_held)
    return median


def shown_photo(photos: Sequence[Sequence[TrackPoint]], higher_is_better: bool) -> list[TrackPoint]:
    """The only photo or, of several, the median one; without changes to pictures that are as good as before."""
    return same_frames(median_photo(photos, higher_is_better) if len(photos) > 1 else photos[0])


def same_frames(points: Sequence[TrackPoint]) -> list[TrackPoint]:
    """The points, but a picture as good as the one before is that one: other packets can decode to the same picture."""
    steady = list(points[:1])
    for point in points[1:]:
        same = point.frame and point.value == steady[-1].value
        steady.append(point._replace(frame=steady[-1].frame) if same else point)
    return steady


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
        return line_look(self.solid) | self.track.mark


def photos_figure(summary: Mapping[str, Any], metric: str, tracks: Sequence[Track]) -> Figure:
    """Photos with a picture against time, solid; dashed, those that have reached the middle quality level."""
    info, count, end_s = summary["metrics"][metric], len(tracks[0].photos), summary["duration_s"]
    level = middle_level(summary, metric)
    curves = [Curve(track, True, times_of_first(track.photos, lambda point: bool(point.frame))) for track in tracks]
    if level is not None:
        good = reaches(level, info["higher_is_better"])
        curves += [Curve(track, False, times_of_first(track.photos, good)) for track in tracks]
    # A scheme's two curves that end at one height share a label.
    ends = {(curve.track.name, len(curve.times_s)): curve for curve in reversed(curves)}
    labels = [curve.track.label(ending(curve), LABEL - 4) for curve in ends.values()]
    room = max(300.0, 1.15 * sum(map(height_of, labels)))
    keys = [line_key("any picture on the screen", **line_look(True))]
    if level is not None:
        text = f"{info['label']} of {level:g}{' ' + info['unit'] if info['unit'] else ''} or better"
        keys.append(line_key(text, **line_look(False)))
    page = Page.around(summary, subtitle(summary), keys, panels=room)
    axes = page.axes_over_time(0, room, end_s, "the first photo")
    axes.set(ylim=(0, 1.05 * count))
    lifts = {track.name: lane(k, len(tracks)) for k, track in enumerate(tracks)}
    for curve in curves:
        draw_count(axes, curve, end_s, lifts[curve.track.name])
    tops = [done and done / (1.05 * count) * room + lifts[name] for name, done in ends]
    heights = label_ends(axes, labels, [curve.track.mark["color"] for curve in ends.values()], tops, room, marks=2)
    for curve in curves:
        y = heights[list(ends).index((curve.track.name, len(curve.times_s)))]
        to_mark = [1 + 12 / ACROSS, 1 + (18 if curve.solid else 28) / ACROSS], [y / room, y / room]
        look = curve.look | {"markersize": 5.5, "linestyle": "-", "linewidth": 0.9}
        axes.plot(*to_mark, markevery=[1], transform=axes.transAxes, clip_on=False, **look)
    axes.set_ylabel(f"photos at the receiver, of {count}")
    axes.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
    return page.figure


def ending(curve: Curve) -> str:
    """How many photos come in the end, and of which scheme."""
    return f"{len(curve.times_s)}  {curve.track.name}{'' if curve.track.packets else ', nothing fits'}"


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
    axes.plot(*marked, transform=shifted, clip_on=False, zorder=4, **curve.look | {"linestyle": ""})


def lane(k: int, count: int) -> float:
    """Points by which curve k of so many is lifted, so that equal ones run side by side."""
    return (k - (count - 1) / 2) * min(2.4, 8 / count)


def times_of_first(photos: Sequence[Sequence[TrackPoint]], good: Callable[[TrackPoint], bool]) -> list[float]:
    """When each photo first has a point that is `good`, in order; those that never have one are left out."""
    firsts = (next((point.time_s for point in photo if good(point)), None) for photo in photos)
    return sorted(time_s for time_s in firsts if time_s is not None)


def reaches(level: float, higher_is_better: bool) -> Callable[[TrackPoint], bool]:
    """Whether a point's picture is as good as `level`."""
    if higher_is_better:
        return lambda point: point.value >= level
    return lambda point: point.value <= level


def middle_level(summary: Mapping[str, Any], metric: str) -> float | None:
    """The middle one of the run's quality levels, the more demanding of two; None where it has none."""
    told = [scheme.get("time_to_quality_s", {}).get(metric, {}) for scheme in summary["schemes"].values()]
    levels = sorted({float(level) for levels in told for level in levels})
    if not summary["metrics"][metric]["higher_is_better"]:
        levels.reverse()
    return levels[len(levels) // 2] if levels else None
