"""The table that a sweep prints: how soon and how good in 95 of 100 runs, or, of large grids, which scheme is best."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from satsim.commands.main import print_table
from satsim.photoset.results import plain
from satsim.sweep.grid import LABELS
from satsim.sweep.plan import SweepPlan
from satsim.words import clock, headline

if TYPE_CHECKING:
    from rich.console import Console

CERTAINTY = 0.95
MOST_ROWS = 24
"""Of every scheme; larger tables tell the best scheme alone."""
MOST_POINTS = 60
Found = dict[tuple[int, str], dict[str, Any]]
"""By point and label of a scheme, by quantity."""


def print_summary(console: Console, plan: SweepPlan, folder: Path) -> None:
    """The table of a finished sweep, and how to read it."""
    metric = plan.measures.metrics[0]
    quantities = {"first_image_s": "first picture"}
    for level in plan.measures.levels[metric.name][:1]:
        quantities[f"time_to_{metric.name}_{level:g}_s"] = f"{metric.label} {level:g}"
    quantities[f"final_{metric.name}"] = "at the end"
    found = read(folder, list(quantities))
    every = len(found) <= MOST_ROWS
    rows = list((all_rows if every else best_rows)(plan, found, quantities))
    columns = {head: [row[head] for row in rows] for head in rows[0]}
    texts = len(plan.axes) + 1 if every else len(columns)
    title = f"{headline(vars(plan.first))}, {plan.replications:,} runs each"
    print_table(console, title, columns, ("any\npicture",), texts)
    better = "higher" if metric.higher_is_better else "lower"
    note = "" if every else " The best scheme alone is shown; all of them are in quantiles.parquet."
    if not every and len(plan.places) > MOST_POINTS:
        note += f" Of {len(plan.places):,} points the first {MOST_POINTS} are shown."
    console.print(
        "Times (minutes:seconds after the photo) and quality: what 95 of 100 runs are at least as good as;"
        f" {metric.label}, {better} is better.{note}"
    )


def all_rows(plan: SweepPlan, found: Found, quantities: dict[str, str]) -> Iterator[dict[str, str]]:
    """A row for each scheme at each point, by heading."""
    for (point, scheme), mine in found.items():
        cells = {narrow(head): words(name, mine[name]) for name, head in quantities.items()}
        yield values_at(plan, point) | {"scheme": scheme, "any\npicture": f"{mine['share']:.1%}"} | cells


def best_rows(plan: SweepPlan, found: Found, quantities: dict[str, str]) -> Iterator[dict[str, str]]:
    """A row for each point: which scheme has the best of each."""
    sign = dict.fromkeys(quantities, 1.0)
    metric = plan.measures.metrics[0]
    sign[f"final_{metric.name}"] = -1.0 if metric.higher_is_better else 1.0
    for point in range(min(len(plan.places), MOST_POINTS)):
        row = values_at(plan, point)
        for name, head in quantities.items():
            values = {scheme: mine[name] for (at, scheme), mine in found.items() if at == point}
            there = {scheme: sign[name] * value for scheme, value in values.items() if value is not None}
            best = [scheme for scheme, value in there.items() if value == min(there.values())]
            more = f" (and {len(best) - 1} more)" if len(best) > 1 else ""
            cell = f"{words(name, values[best[0]])} {best[0]}{more}" if best else "none gets there"
            row[f"best by {head}"] = cell
        yield row


def values_at(plan: SweepPlan, point: int) -> dict[str, str]:
    """The values at a point, by heading."""
    heads = [narrow(LABELS.get(axis.key, axis.key)) for axis in plan.axes]
    return dict(zip(heads, plan.places[point].labels(plan.axes), strict=True))


def narrow(heading: str) -> str:
    """`heading` in lines of few letters."""
    return "\n".join(textwrap.wrap(heading, 10, break_long_words=False))


def words(name: str, value: float | None) -> str:
    """A time or a quality."""
    if name.endswith("_s"):
        return clock(value)
    return "never" if value is None else f"{value:.3f}"


def read(folder: Path, quantities: list[str]) -> Found:
    """What 95 of 100 runs are at least as good as, and, as `share`, how many runs have any picture."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    labels = [dict(zip(manifest["schemes"], point["labels"], strict=True)) for point in manifest["points"]]
    table = pq.read_table(folder / "quantiles.parquet", filters=[("quantity", "in", quantities)])
    found: Found = {}
    for row in table.to_pylist():
        mine = found.setdefault((row["point"], labels[row["point"]][row["scheme"]]), {})
        if row["certainty"] == CERTAINTY:
            mine[row["quantity"]] = row["value"]
        elif row["statistic"] == "share" and row["quantity"] == "first_image_s":
            mine["share"] = row["value"]
    return found


def as_json(folder: Path) -> str:
    """The manifest of a finished sweep with its rows of quantiles, as JSON."""
    told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    told["quantiles"] = pq.read_table(folder / "quantiles.parquet").to_pylist()
    return json.dumps(plain(told), indent=2)
