"""The table that a sweep prints: how soon and how good in 95 of 100 runs, or, of large grids, which scheme is best."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rich.table import Table

from satsim.sweep.grid import LABELS
from satsim.sweep.plan import SweepPlan
from satsim.words import clock, headline

CERTAINTY = 0.95
MOST_ROWS = 24
"""Of every scheme; larger tables tell the best scheme alone."""
MOST_POINTS = 60
Found = dict[tuple[int, str], dict[str, Any]]
"""By point and scheme, by quantity."""


def summary_table(plan: SweepPlan, folder: Path) -> tuple[Table, str]:
    """The table of a finished sweep, and a line on how to read it."""
    metric = plan.measures.metrics[0]
    level = plan.measures.levels[metric.name][0]
    columns = {
        "first_image_s": "first picture",
        f"time_to_{metric.name}_{level:g}_s": f"{metric.label} {level:g}",
        f"final_{metric.name}": "at the end",
    }
    found = read(folder, list(columns))
    title = f"{headline(vars(plan.first))}, {plan.replications:,} runs each"
    table = Table(title=title, title_justify="left")
    for axis in plan.axes:
        table.add_column(LABELS.get(axis.key, axis.key), justify="right", max_width=24)
    every = len(found) <= MOST_ROWS
    for row in (all_rows if every else best_rows)(plan, table, found, columns):
        table.add_row(*row)
    better = "higher" if metric.higher_is_better else "lower"
    note = "" if every else " The best scheme alone is shown; all of them are in quantiles.parquet."
    if not every and len(plan.places) > MOST_POINTS:
        note += f" Of {len(plan.places):,} points the first {MOST_POINTS} are shown."
    return table, (
        "Times (minutes:seconds after the photo) and quality: what 95 of 100 runs are at least as good as;"
        f" {metric.label}, {better} is better.{note}"
    )


def all_rows(plan: SweepPlan, table: Table, found: Found, columns: dict[str, str]) -> Iterator[list[str]]:
    """A row for each scheme at each point."""
    table.add_column("scheme", min_width=15)
    for heading in ["any picture", *columns.values()]:
        table.add_column(heading, justify="right")
    for (point, scheme), mine in found.items():
        cells = [words(name, mine[name]) for name in columns]
        yield [*plan.places[point].labels(plan.axes), scheme, f"{mine['share']:.1%}", *cells]


def best_rows(plan: SweepPlan, table: Table, found: Found, columns: dict[str, str]) -> Iterator[list[str]]:
    """A row for each point: which scheme has the best of each."""
    for heading in columns.values():
        table.add_column(f"best by {heading}", min_width=20)
    sign = dict.fromkeys(columns, 1.0)
    metric = plan.measures.metrics[0]
    sign[f"final_{metric.name}"] = -1.0 if metric.higher_is_better else 1.0
    for point, place in enumerate(plan.places[:MOST_POINTS]):
        cells = []
        for name in columns:
            values = {scheme.name: found[point, scheme.name][name] for scheme in place.scenario.schemes}
            there = {scheme: sign[name] * value for scheme, value in values.items() if value is not None}
            best = [scheme for scheme, value in there.items() if value == min(there.values())]
            more = f" (and {len(best) - 1} more)" if len(best) > 1 else ""
            cells.append(f"{words(name, values[best[0]])} {best[0]}{more}" if best else "none gets there")
        yield [*place.labels(plan.axes), *cells]


def words(name: str, value: float | None) -> str:
    """A time or a quality."""
    if name.endswith("_s"):
        return clock(value)
    return "never" if value is None else f"{value:.3f}"


def read(folder: Path, quantities: list[str]) -> Found:
    """What 95 of 100 runs are at least as good as, and, as `share`, how many runs have any picture."""
    table = pq.read_table(folder / "quantiles.parquet", filters=[("quantity", "in", quantities)])
    found: Found = {}
    for row in table.to_pylist():
        mine = found.setdefault((row["point"], row["scheme"]), {})
        if row["certainty"] == CERTAINTY:
            mine[row["quantity"]] = row["value"]
        elif row["statistic"] == "share" and row["quantity"] == "first_image_s":
            mine["share"] = row["value"]
    return found
