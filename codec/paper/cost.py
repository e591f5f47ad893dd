"""What ProGIC costs: parameters, FLOPs and time (the paper's Tables 1, 2, 3 and 6)."""

from __future__ import annotations

from codec.paper.result import COUNTS, Asked, Result, Row
from codec.paper.theirs import number
from codec.progic.model import complexity
from codec.progic.shape import PRESETS

OURS = {"ProGIC-s": "small", "ProGIC": "base"}
"""The paper's names, and the shapes of ours."""


def table1(asked: Asked) -> Result:
    """Parameters and FLOPs of both shapes at 768x512."""
    rows = []
    for name, preset in OURS.items():
        cost = complexity(PRESETS[preset], 512, 768)
        for column, ours, unit in (("parameters_m", cost.parameters / 1e6, "M"), ("gflops", cost.flops / 1e9, "G")):
            cell = number("table1", name, column)
            what = "parameters" if column == "parameters_m" else "FLOPs at 768x512"
            rows.append(
                Row(
                    f"{name}: {what}",
                    unit,
                    ours,
                    theirs=cell.value,
                    place=cell.place,
                    better="lower",
                    margin=COUNTS * (cell.value or 0),
                )
            )
    return Result(rows, notes=["FLOPs are two a multiply-accumulate, of one encoding and one full decoding."])
