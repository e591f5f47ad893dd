"""How good the picture on the receiver's screen is over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from satsim.figures.page import (
    ACROSS,
    GREY,
    INK,
    LEFT,
    end_label,
    headed_page,
    label_ends,
    line_look,
    median_words,
    sender_count,
    subtitle,
    tell_time,
    tidy,
    time_unit,
)
from satsim.figures.tracks import Track
from satsim.words import clock, number, shorten, with_unit


def time_figure(summary: Mapping[str, Any], metric: str, tracks: Sequence[Track]) -> Figure:
    """The metric against time, better always up; beneath it, for how long each scheme leaves the screen empty."""
    bars, curves = 15 * len(tracks), max(265, 27 * len(tracks))
    keys = [
        Line2D([], [], color=INK, label="picture builds up packet by packet", **line_look(True)),
        Line2D([], [], color=INK, label="picture only when complete", **line_look(False)),
        Rectangle((0, 0), 1, 1, facecolor="white", edgecolor=GREY, hatch="//////", label="nothing to show yet"),
    ]
    page = headed_page(summary, subtitle(summary) + median_words(summary), keys, panels=bars + 10 + curves)
    axes = page.axes(LEFT, bars + 10, ACROSS, curves)
    waits = page.axes(LEFT, 0, ACROSS, bars, sharex=axes)
    draw_curves(axes, summary["metrics"][metric], tracks, summary["duration_s"], curves)
    draw_waits(waits, tracks, summary["duration_s"])
    what = "median\nphoto on\nthe screen" if sender_count(summary) > 1 else "picture on\nthe screen"
    page.write(LEFT - 5, bars / 2, what, fontsize=8.5, color=GREY, ha="right", va="center")
    tell_time(waits, summary)
    axes.tick_params(labelbottom=False, length=0)
    tidy(axes)
    tidy(waits)
    return page.figure


def draw_curves(axes: Axes, info: Mapping[str, Any], tracks: Sequence[Track], end_s: float, room: float) -> None:
    """A step curve for each scheme that ever shows a picture, its last value and its name at the end."""
    unit_s, _ = time_unit(end_s)
    finite = [row.value for track in tracks for row in track.shown if math.isfinite(row.value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    pad = 0.09 * (high - low) or 0.05 * abs(high) or 1.0
    bottom, top = (low - pad, high + pad) if info["higher_is_better"] else (high + pad, low - pad)
    axes.set(xlim=(0, end_s / unit_s), ylim=(bottom, top))
    drawn = sorted((track for track in tracks if track.shown), key=lambda track: not track.builds_up)
    ends: list[float] = []
    for k, track in enumerate(drawn):
        times = [row.time_s / unit_s for row in track.shown]
        # An exact copy has infinite PSNR: it rides near the upper edge.
        values = [min(row.value, high + 0.6 * pad) for row in track.shown]
        new = [k for k, row in enumerate(track.shown) if k == 0 or row.frame != track.shown[k - 1].frame]
        look = line_look(track.builds_up, k) | {"color": track.colour, "markersize": 7 if len(new) <= 20 else 4}
        axes.step([*times, end_s / unit_s], [*values, values[-1]], where="post", **look | {"marker": ""})
        axes.plot(
            times, values, markevery=new, clip_on=False, zorder=4, **look | {"marker": track.marker, "linestyle": ""}
        )
        ends.append((values[-1] - bottom) / (top - bottom) * room)
    labels = [end_label(f"{number(track.shown[-1].value)} {info['unit']}  {track.name}") for track in drawn]
    label_ends(axes, labels, [track.colour for track in drawn], ends, room)
    if not drawn:
        axes.text(0.5, 0.5, "no picture within this run", transform=axes.transAxes, ha="center", color=GREY)
    direction = "higher is better" if info["higher_is_better"] else "axis runs downwards: lower is better"
    axes.set_ylabel(f"{with_unit(info)}\n{direction}  →")  # rotated, so that the arrow points up
    axes.yaxis.set_label_coords(-44 / ACROSS, 0.5)


def draw_waits(axes: Axes, tracks: Sequence[Track], end_s: float) -> None:
    """A bar for each scheme: hatched while there is nothing to show."""
    unit_s, _ = time_unit(end_s)
    last_s = max((track.shown[0].time_s for track in tracks if track.shown), default=0.0)
    for k, track in enumerate(tracks):
        first = track.shown[0].time_s / unit_s if track.shown else end_s / unit_s
        axes.barh(k, first, height=0.5, color="white", edgecolor=GREY, hatch="//////", linewidth=0.6)
        axes.barh(k, end_s / unit_s - first, left=first, height=0.5, color=track.colour)
        aside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False}
        look = line_look(track.builds_up) | {"color": track.colour, "marker": track.marker, "markersize": 5.5}
        axes.plot(1 + 8 / ACROSS, k, **look | aside)
        since = f"from {clock(track.shown[0].time_s, last_s)}" if track.shown else "never"
        axes.text(1 + 16 / ACROSS, k, f"{shorten(track.name, 26)}, {since}", va="center", fontsize=8.5, **aside)
    axes.set(ylim=(len(tracks) - 0.4, -0.6), yticks=[])
