"""Figures of `satsim paper` as PNG files: numbers in, bytes out."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
from matplotlib.figure import Figure

from codec.analysis.analyse import Floats
from codec.figures import STYLE, png, tidy


def latent_maps(maps: Mapping[str, Floats], luma: Floats) -> bytes:
    """A panel a set of vectors, each with axes of its own (Fig. 14)."""
    across = min(3, len(maps))
    down = -(-len(maps) // across)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.2, 0.6 + 3.1 * down), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False)
        for axes, (name, points) in zip(grid.flat, maps.items(), strict=False):
            shown = axes.scatter(*points.T, s=5, c=luma, cmap="cividis", vmin=0, vmax=255, linewidths=0)
            axes.set_title(name)
            axes.set_aspect("equal", adjustable="datalim")
            axes.set(xticks=[], yticks=[])
            tidy(axes)
        for axes in list(grid.flat)[len(maps) :]:
            axes.set_visible(False)
        figure.colorbar(shown, ax=grid, label="mean luma of a cell's pixels (0 black, 255 white)", shrink=0.6,
                        aspect=35)  # fmt: skip
    return png(figure)
