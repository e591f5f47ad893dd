"""How figures of `satsim codec` look, and how they become files."""

from __future__ import annotations

import io
import warnings
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")  # of many scripts; a box stands for the letter

INK, GREY, PALE = "#1F2328", "#656D76", "#D5DADF"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
}
PIXELS_DPI = 72
"""For figures laid out in pixels, so that their pictures stay pixel for pixel."""


def tidy(axes: Axes) -> None:
    """A light grid and no frame at the top and right."""
    axes.grid(color=PALE, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)


def png(figure: Figure, dpi: int = 160) -> bytes:
    """The file; the same figure gives the same bytes."""
    out = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()
