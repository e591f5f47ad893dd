"""The look of figures in numbers: colours, fonts, and where things stand on a page and in a filmstrip."""

from __future__ import annotations

import warnings
from typing import Any

warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")  # of rare scripts; a box stands for it

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A5230", "#8C8C8C", "#B8A800"]
"""Okabe and Ito's palette, its yellow darkened for thin lines on white, with a brown and a grey."""
MARKERS = "os^DvPX<>*"
INK, GREY, PALE, PAPER, NOTICE = "#1F2328", "#656D76", "#D5DADF", "#F1F3F5", "#8A3B00"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "satsim",
}
WIDTH = 720.0
"""Of a page with a head, in points."""
LEFT, ACROSS = 76.0, 428.0
"""Where curves over time begin and how wide they are; labels stand to their right."""
TEXT, LABEL = STYLE["font.size"], 34
"""The smallest font, still read where a page is printed 16 cm wide; how many of its letters a label's line has."""

EDGE, GAP, CAPTION = 24, 12, 46
"""Of a filmstrip, in pixels: around the figure, between cells, and for the text below a cell."""
NAMES, NAME, SIZE = 264, 22, 20
"""Of a filmstrip, in pixels: width of the column of names, and its two fonts."""
HANGING: dict[str, Any] = {"va": "top", "linespacing": 1.3}
"""Text below the line at which it is written."""
NAME_LOOKS: tuple[dict[str, Any], ...] = ({"fontsize": NAME, "weight": "bold"}, {"fontsize": SIZE, "color": GREY})
