"""Every figure that a finished sweep's folder supports, each with its data beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib

from satsim.figures.look import STYLE
from satsim.figures.sweep.bands import final_bands, share_bands, time_bands
from satsim.figures.sweep.data import MOST_CUTS, Sweep, read_sweep
from satsim.figures.sweep.distributions import distribution
from satsim.figures.sweep.heat_maps import heat_map
from satsim.figures.sweep.panels import Drawing
from satsim.figures.sweep.quantities import first_images, times_to
from satsim.figures.sweep.win_maps import win_map


def draw_sweep(folder: Path) -> list[str]:
    """Write the figures of a sweep's folder as .png, and beside each a .csv of what it shows; their names.

    Reads manifest.json, quantiles.parquet and runs.parquet; the same folder gives the same bytes. `left_out` tells why
    there are no more. Raises OSError, and ValueError where the files do not fit together.
    """
    sweep = read_sweep(folder)
    with matplotlib.rc_context(STYLE):
        return [drawing.save(sweep) for drawing in drawings(sweep)]


def left_out(folder: Path) -> list[str]:
    """Which kinds of figure such a folder does not support, and why; a sentence each."""
    sweep = read_sweep(folder)
    reasons = []
    if not sweep.free:
        reasons.append("no maps and no curves: nothing varies")
    elif len(sweep.schemes) == 1:
        reasons.append("no win maps: there is only one scheme")
    if sweep.cuts()[0].of > MOST_CUTS:
        reasons.append(f"only the first of {sweep.cuts()[0].of} combinations of the other axes is drawn")
    if not sweep.manifest["moments_s"]:
        reasons.append("no distributions: no moment is named")
    return reasons


def drawings(sweep: Sweep) -> Iterator[Drawing]:
    """The figures, one after the other."""
    metrics = list(sweep.manifest["metrics"])
    for cut in sweep.cuts():
        if sweep.free:
            for quantity in [*first_images(sweep), *(times_to(sweep, metrics[0]) if metrics else [])]:
                yield heat_map(sweep, cut, quantity)
            yield time_bands(sweep, cut, metrics[:1])
            yield share_bands(sweep, cut, metrics[:1])
        for k, metric in enumerate(metrics):
            if sweep.free:
                yield final_bands(sweep, cut, metric)
            if sweep.free and len(sweep.schemes) > 1:
                yield win_map(sweep, cut, metric, first=k == 0)
            for moment_s in sweep.manifest["moments_s"]:
                yield distribution(sweep, cut, metric, float(moment_s))
