"""Saved rows to figures: how good the receiver's picture is over time, and what is on the screen each minute.

Only the files of one results folder are read, so a figure can be drawn again without codec or simulation.
"""

from __future__ import annotations

import csv
import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from PIL import Image

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A5230", "#8C8C8C", "#B8A800"]
"""Okabe and Ito's palette, its yellow darkened for thin lines on white, with a brown and a grey."""
MARKERS = "os^DvPX<>*"
INK, GREY, PALE, PAPER, NOTICE = "#1F2328", "#656D76", "#D5DADF", "#F1F3F5", "#8A3B00"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "text.parse_math": False,
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "satsim",
}


class Row(NamedTuple):
    """A row of timeline.csv, as far as figures need it."""

    time_s: float
    packets_held: int
    value: float
    """NaN while there is nothing to show."""
    frame: str


class Track(NamedTuple):
    """One scheme's rows in one metric, and its look in every figure."""

    name: str
    packets: int
    payload_bytes: int
    rows: list[Row]
    shown: list[Row]
    """The rows with a picture on the screen."""
    builds_up: bool
    """Whether there was a picture before all packets were in."""
    colour: str
    marker: str


def draw(folder: Path) -> None:
    """Write time_vs_<metric>.png and .svg for each metric of a results folder, and filmstrip.png for the first.

    Reads timeline.csv, summary.json and frames/; the same folder gives the same bytes. Raises OSError.
    """
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    with matplotlib.rc_context(STYLE):
        for k, metric in enumerate(summary["metrics"]):
            tracks = read_tracks(folder, summary, metric)
            figure = time_figure(summary, metric, tracks)
            figure.savefig(folder / f"time_vs_{metric}.png", dpi=160, metadata={"Software": None})
            figure.savefig(folder / f"time_vs_{metric}.svg", metadata={"Date": None, "Creator": None})
            if k == 0:
                film = filmstrip(folder / "frames", summary, metric, tracks)
                film.savefig(folder / "filmstrip.png", dpi=72, metadata={"Software": None})


def read_tracks(folder: Path, summary: Mapping[str, Any], metric: str) -> list[Track]:
    """One track for each scheme, in the summary's order."""
    rows: dict[str, list[Row]] = {name: [] for name in summary["schemes"]}
    with (folder / "timeline.csv").open(newline="", encoding="utf-8") as file:
        for r in csv.DictReader(file):
            if r["metric"] == metric:
                row = Row(float(r["time_s"]), int(r["packets_held"]), float(r["value"] or "nan"), r["frame"])
                rows[r["scheme"]].append(row)
    tracks = []
    for k, (name, scheme) in enumerate(summary["schemes"].items()):
        shown = [row for row in rows[name] if row.frame]
        builds_up = any(row.packets_held < scheme["payloads"] for row in shown)
        look = COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]
        tracks.append(Track(name, scheme["payloads"], scheme["payload_bytes"], rows[name], shown, builds_up, *look))
    return tracks


def time_figure(summary: Mapping[str, Any], metric: str, tracks: Sequence[Track]) -> Figure:
    """The metric against time, better always up; beneath it, for how long each scheme leaves the screen empty."""
    info, end_s = summary["metrics"][metric], summary["duration_s"]
    unit_s, unit = (60, "minutes") if end_s <= 7200 else (3600, "hours")
    title, notices = textwrap.wrap(summary["title"], 78), wrap_notices(summary, 140)
    # In points, from the bottom: notices, time axis, waiting bars, curves, key and title.
    bars_at, bars, curves = 46 + 12 * len(notices), 15 * len(tracks), max(265, 27 * len(tracks))
    curves_at, left, width = bars_at + bars + 10, 76, 452
    height = curves_at + curves + 60 + 19 * len(title)
    figure = Figure(figsize=(10, height / 72))
    axes = figure.add_axes((left / 720, curves_at / height, width / 720, curves / height))
    waits = figure.add_axes((left / 720, bars_at / height, width / 720, bars / height), sharex=axes)

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
        ends.append((values[-1] - bottom) / (top - bottom) * curves)
    labels = [shorten(f"{number(track.shown[-1].value)} {info['unit']}  {track.name}", 33, 2) for track in drawn]
    heights = [11.0 * label.count("\n") + 14 for label in labels]
    for track, label, end, y in zip(drawn, labels, ends, spread(ends, heights, curves), strict=True):
        leader = [1, 1 + 12 / width], [end / curves, y / curves]
        axes.plot(*leader, transform=axes.transAxes, color=track.colour, linewidth=0.9, clip_on=False)
        axes.text(1 + 16 / width, y / curves, label, transform=axes.transAxes, va="center", fontsize=8.5)
    if not drawn:
        axes.text(0.5, 0.5, "no picture within this run", transform=axes.transAxes, ha="center", color=GREY)
    direction = "higher is better" if info["higher_is_better"] else "axis runs downwards: lower is better"
    axes.set_ylabel(f"{with_unit(info)}\n{direction}  →")  # rotated, so that the arrow points up
    axes.yaxis.set_label_coords(-44 / width, 0.5)

    for k, track in enumerate(tracks):
        first = track.shown[0].time_s / unit_s if track.shown else end_s / unit_s
        waits.barh(k, first, height=0.5, color="white", edgecolor=GREY, hatch="//////", linewidth=0.6)
        waits.barh(k, end_s / unit_s - first, left=first, height=0.5, color=track.colour)
        aside: dict[str, Any] = {"transform": waits.get_yaxis_transform(), "clip_on": False}
        look = line_look(track.builds_up) | {"color": track.colour, "marker": track.marker, "markersize": 5.5}
        waits.plot(1 + 8 / width, k, **look | aside)
        since = f"from {clock(track.shown[0].time_s)}" if track.shown else "never"
        waits.text(1 + 16 / width, k, f"{shorten(track.name, 26)}, {since}", va="center", fontsize=8.5, **aside)
    figure.text(
        (left - 5) / 720,
        (bars_at + bars / 2) / height,
        "picture on\nthe screen",
        fontsize=8.5,
        color=GREY,
        ha="right",
        va="center",
    )
    waits.set(ylim=(len(tracks) - 0.4, -0.6), yticks=[], xlabel=f"{unit} since the photo was taken")
    waits.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.tick_params(labelbottom=False, length=0)
    for each in (axes, waits):
        each.grid(color=PALE, linewidth=0.7)
        each.set_axisbelow(True)
        each.spines[["top", "right", "left"]].set_visible(False)

    figure.text(left / 720, 1 - 14 / height, "\n".join(title), fontsize=14, weight="bold", va="top")
    figure.text(left / 720, 1 - (18 + 19 * len(title)) / height, subtitle(summary), fontsize=9.5, color=GREY, va="top")
    keys = [
        Line2D([], [], color=INK, label="picture builds up packet by packet", **line_look(True)),
        Line2D([], [], color=INK, label="picture only when complete", **line_look(False)),
        Rectangle((0, 0), 1, 1, facecolor="white", edgecolor=GREY, hatch="//////", label="nothing to show yet"),
    ]
    at = (left / 720, (curves_at + curves + 4) / height)
    figure.legend(handles=keys, loc="lower left", bbox_to_anchor=at, ncols=3, frameon=False, fontsize=9, borderpad=0,
                  borderaxespad=0, handlelength=4.5)  # fmt: skip
    figure.text(left / 720, 6 / height, "\n".join(notices), fontsize=8.5, color=NOTICE, va="bottom")
    return figure


def line_look(builds_up: bool, k: int = 0) -> dict[str, Any]:
    """Solid and filled, or dashed and hollow; the dashes of even and odd k show through each other."""
    if builds_up:
        return {"linestyle": "-", "linewidth": 2.6, "marker": "o", "markersize": 7}
    hollow = {"marker": "o", "markersize": 7, "markerfacecolor": "white", "markeredgewidth": 1.5}
    return {"linestyle": (4 * (k % 2), (4, 4)), "linewidth": 1.8, **hollow}


def filmstrip(frames: Path, summary: Mapping[str, Any], metric: str, tracks: Sequence[Track]) -> Figure:
    """What the receiver sees: a row for each scheme, a column for each time of `pick_columns`, the original on top."""
    info = summary["metrics"][metric]
    changes = [row.time_s for track in tracks for row in track.rows if row.packets_held]
    columns = pick_columns(changes or [summary["duration_s"]], summary["interval_s"])
    # In pixels, y downwards. Pictures are at most 256 pixels wide or high, cells always large enough for their text.
    edge, gap, caption = 24, 12, 40
    with Image.open(frames / "original.png") as original:
        across = min(256, (1600 - 2 * edge - 200) // len(columns) - gap)
        down = min(256, 1800 // len(tracks))
        scale = min(across / original.width, down / original.height)
        size = max(1, round(scale * original.width)), max(1, round(scale * original.height))
    cell_width, cell_height = max(size[0], 136), max(size[1], 100)
    roomy = cell_width > 190
    normal, large = (17, 24) if roomy else (15, 19)
    names = max(cell_width, 200)
    left, top = edge + names + gap, edge + max(cell_height, 200) + 36
    width = max(left + (cell_width + gap) * len(columns) + edge, 1000)
    notices = wrap_notices(summary, (width - 2 * edge) // 10)
    height = top + (cell_height + caption) * len(tracks) + 21 * len(notices) + edge
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)

    def write(x: float, y: float, text: str, size: float, **look: Any) -> None:
        figure.text(x / width, 1 - y / height, text, fontsize=size, **{"va": "top", "linespacing": 1.3, **look})

    def fill(x: float, y: float, w: float, h: float, **look: Any) -> None:
        figure.add_artist(Rectangle((x / width, 1 - (y + h) / height), w / width, h / height, linewidth=0, **look))

    def show(x: int, y: int, file: str) -> None:
        with Image.open(frames / file) as image:
            picture = image.convert("RGB")
        if picture.size != size:
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        x, y = x + (cell_width - size[0]) // 2, y + (cell_height - size[1]) // 2
        fill(x - 1, y - 1, size[0] + 2, size[1] + 2, color=PALE, zorder=-1)
        figure.figimage(np.asarray(picture), x, height - y - size[1])

    better = "higher" if info["higher_is_better"] else "lower"
    facts = [
        subtitle(summary),
        "Columns: minutes and seconds since the photo was taken.",
        f"Under each picture: {with_unit(info)}, {better} is better, bold if new; then packets held of packets needed.",
    ]
    room = width - left - edge
    head, body = (34, 19) if room > 1000 else (26, 16)
    title = shorten(summary["title"], int(room / head / 0.68), 2)
    show(edge, edge, "original.png")
    write(edge, edge + cell_height + 7, "original", normal, color=GREY)
    write(left, edge - 6, title, head, weight="bold")
    lines = "\n".join(shorten(fact, int(room / body / 0.57), 2) for fact in facts)
    write(left, edge + 1.3 * head * (title.count("\n") + 1) + 4, lines, body, color=GREY)
    for k, time_s in enumerate(columns):
        write(left + k * (cell_width + gap), top - 8, clock(time_s), large, weight="bold", va="baseline")
    for i, track in enumerate(tracks):
        y, before = top + i * (cell_height + caption), ""
        under = y + cell_height + 20
        fill(edge, y, 6, cell_height + caption - 14, color=track.colour)
        name = shorten(track.name, (names - 20) // 12, 3)
        write(edge + 16, y - 3, name, 19, weight="bold")
        packets = f"{track.packets} packet" + "s" * (track.packets != 1)
        write(edge + 16, y + 27 + 25 * name.count("\n"), f"{track.payload_bytes} bytes\nin {packets}", 15, color=GREY)
        for k, time_s in enumerate(columns):
            x = left + k * (cell_width + gap)
            row = [row for row in track.rows if row.time_s <= time_s][-1]
            if row.frame:
                show(x, y, row.frame)
                look = {"color": GREY} if row.frame == before else {"weight": "bold"}
                text = number(row.value)
                write(x, under, text, normal, va="baseline", **look)
                held = f"{row.packets_held} of {packets if roomy else track.packets}"
                write(x + (0.66 * len(text) + 0.7) * normal, under, held, normal, color=GREY, va="baseline")
            else:
                fill(x, y, cell_width, cell_height, facecolor=PAPER, edgecolor=PALE, hatch="//")
                text = f"waiting:\n{row.packets_held} of {packets if roomy else track.packets}"
                write(x + cell_width / 2, y + cell_height / 2, text, normal, color=GREY, ha="center", va="center")
            before = row.frame
    write(edge, height - edge / 2, "\n".join(notices), 15, color=NOTICE, va="bottom")
    return figure


def pick_columns(times_s: Iterable[float], interval_s: float, most: int = 8) -> list[float]:
    """The last of `times_s` in each slot; of these at most `most`, evenly chosen, the first and the last among them."""
    latest = list({time_s // interval_s: time_s for time_s in sorted(times_s)}.values())
    if len(latest) <= most:
        return latest
    return [latest[round(k * (len(latest) - 1) / (most - 1))] for k in range(most)]


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


def clock(time_s: float) -> str:
    """65 is 1:05, an hour and five seconds 1:00:05."""
    minutes, seconds = divmod(round(time_s), 60)
    return f"{minutes}:{seconds:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def number(value: float) -> str:
    """A score with three digits or so."""
    return "∞" if math.isinf(value) else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def with_unit(info: Mapping[str, Any]) -> str:
    """The metric's label, with its unit where it has one."""
    return f"{info['label']} in {info['unit']}" if info["unit"] else str(info["label"])


def shorten(text: str, letters: int, lines: int = 1) -> str:
    """`text` wrapped into at most so many lines, with an ellipsis for what is left over."""
    return "\n".join(textwrap.wrap(text, letters, max_lines=lines, placeholder=" …"))


def subtitle(summary: Mapping[str, Any]) -> str:
    """The link and the photo in one line."""
    image = summary["image"]
    return f"One packet every {summary['interval_s']:g} s; photo of {image['width']} × {image['height']} pixels."


def wrap_notices(summary: Mapping[str, Any], letters: int) -> list[str]:
    """The lines the reader must see: that a metric stands in for another, say."""
    return [line for notice in summary["notices"] for line in textwrap.wrap(f"Note: {notice}", letters)]
