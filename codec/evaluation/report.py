"""The folder an evaluation leaves: tables.md, points.csv, bd_rates.csv and one figure a dataset, beside rows.csv."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codec.evaluation.published import published_curves
from codec.evaluation.rate_plots import rate_figure
from codec.evaluation.rates import BdRate, RdPoint
from codec.evaluation.rows import in_csv
from codec.evaluation.tables import bd_sheets, in_markdown, point_sheets
from codec.figures import png
from codec.files import write_whole

NOTES = """\
# Evaluation

- Bytes are real ones; a mean is over all pictures of a set, and a picture that shows nothing is counted as "none".
- A codec that takes a byte budget is given each rate, and its encode time includes the search for the best picture
  within it. A progressive codec is coded once; its rates are its payloads held, one more each.
- Parameters and GFLOPs: codebooks included; one encoding and one full decoding of a picture of that size, 2 FLOPs a
  multiply-accumulate. Times here are medians over pictures and rates; one thread encodes the rivals.
- Intervals hold 95 %: pictures are drawn anew with replacement, of all codecs and rates the same (paired bootstrap,
  10,000 draws for a mean, 1,000 for a BD-rate). They say how far other photos of this kind would move a number. A
  BD-rate has none where it is not defined in 95 % of the draws.
- BD-rate: PCHIP over log rate by the package `bjontegaard`, on the means. It compares only qualities that both curves
  reach; in brackets is their share of all qualities that either reaches, and under 20 % no rate is given.
"""


def write_report(points: Sequence[RdPoint], rates: Sequence[BdRate], out: Path, published: bool = False) -> list[str]:
    """Names of the files written to `out`, each whole or not at all; older ones of these names are replaced.

    With `published`, figures show what others published too. Raises OSError.
    """
    sheets = [*(bd_sheets(points, rates) if rates else []), *point_sheets(points)]
    files = {
        "tables.md": "\n".join([NOTES, *map(in_markdown, sheets)]).encode(errors="backslashreplace"),
        "points.csv": in_csv(RdPoint._fields, points),
    }
    if rates:
        files["bd_rates.csv"] = in_csv(BdRate._fields, rates)
    for dataset in dict.fromkeys(point.dataset for point in points):
        files[f"rd-{dataset}.png"] = png(rate_figure(points, dataset, published_curves(dataset) if published else ()))
    for name, content in files.items():
        write_whole(out / name, content)
    return list(files)
