"""Saved rows to figures: how good the receiver's picture is over time, and what is on the screen each minute.

Only the files of one results folder are read, so a figure can be drawn again without codec or simulation.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from satsim.figures.filmstrip import filmstrip
from satsim.figures.page import STYLE, sender_count
from satsim.figures.photos import photos_figure
from satsim.figures.time_figure import time_figure
from satsim.figures.tracks import read_tracks


def draw_run(folder: Path) -> None:
    """Write time_vs_<metric>.png and .svg for each metric of a results folder, and filmstrip.png for the first.

    Where several senders share the receiver, also photos_vs_time.png and .svg, and the others show the median photo.
    Reads timeline.csv, summary.json and frames/; the same folder gives the same bytes. Raises OSError.
    """
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    with matplotlib.rc_context(STYLE):
        for k, metric in enumerate(summary["metrics"]):
            tracks = read_tracks(folder, summary, metric)
            save(time_figure(summary, metric, tracks), folder / f"time_vs_{metric}")
            if k == 0:
                film = filmstrip(folder / "frames", summary, metric, tracks)
                film.savefig(folder / "filmstrip.png", metadata={"Software": None})
            if k == 0 and sender_count(summary) > 1:
                save(photos_figure(summary, metric, tracks), folder / "photos_vs_time")


def save(figure: Figure, path: Path) -> None:
    """Write the figure as .png and .svg, without dates and versions; metric names may hold dots."""
    figure.savefig(f"{path}.png", metadata={"Software": None})
    figure.savefig(f"{path}.svg", metadata={"Date": None, "Creator": None})
