"""Figures of results as matplotlib figures, which notebooks show; drawn from saved rows, as all are."""

from __future__ import annotations

import io
import json
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from satsim.figures.look import STYLE

FIGURES = ("time", "filmstrip")


def run_figure(folder: Path, which: str, metric: str | None) -> Figure:
    """A figure of a run's results folder. Raises ValueError for one that there is not."""
    from satsim.figures.filmstrip import filmstrip
    from satsim.figures.run import read_tracks, time_figure

    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    known = list(summary["metrics"])
    if which not in FIGURES:
        raise ValueError(f"figure is {which!r}; expected one of: {', '.join(FIGURES)}")
    if metric is not None and metric not in known:
        raise ValueError(f"metric is {metric!r}; this run was scored by {', '.join(known)}")
    metric = metric or known[0]
    tracks = read_tracks(folder, summary, metric)
    with matplotlib.rc_context(STYLE):
        if which == "filmstrip":
            return shown(filmstrip(folder / "frames", summary, metric, tracks))
        return shown(time_figure(summary, metric, tracks))


def sweep_figure(folder: Path, which: str | None) -> Figure:
    """A figure of a sweep's folder by its name, without ending. Raises ValueError for one that there is not."""
    from satsim.figures.sweep.data import read_sweep
    from satsim.figures.sweep.draw import drawings

    sweep = read_sweep(folder)
    names = []
    with matplotlib.rc_context(STYLE):
        for drawing in drawings(sweep):
            names.append(drawing.name)
            if which in (None, drawing.name):
                return shown(drawing.figure)
    raise ValueError(f"figure is {which!r}; expected one of: {', '.join(names) or 'none, for nothing varies'}")


def study_figure(folder: Path) -> Figure:
    """The figure of a study's folder: the designs, and the front."""
    from satsim.figures.study import read_marks
    from satsim.figures.study import study_figure as draw

    summary = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    every, front = (read_marks(folder / name, summary["cost"]) for name in ("designs.csv", "front.csv"))
    with matplotlib.rc_context(STYLE):
        return shown(draw(summary, every, front))


def png_of(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    file = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def shown(figure: Figure) -> Figure:
    """The figure, which notebooks then show also where no backend of theirs is at work."""
    setattr(figure, "_repr_png_", lambda: png_of(figure))  # noqa: B010 - no attribute that types know of
    return figure
