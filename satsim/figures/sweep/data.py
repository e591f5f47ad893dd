"""The saved files of a sweep as arrays over its grid: axes, estimates with their intervals, and single runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from satsim.figures.setting import in_words

Floats = npt.NDArray[np.float64]
CERTAINTY = 0.95
"""What figures tell is what this share of the runs is at least as good as."""
MOST_CUTS = 6
"""Axes beyond two: as many combinations of their values are drawn, or only the first."""


@dataclass(frozen=True)
class Axis:
    """A key that varies."""

    key: str
    label: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]

    @property
    def numeric(self) -> bool:
        """Whether every value is a plain number."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)

    @property
    def words(self) -> tuple[str, ...]:
        """The labels as figures write them; links keep the names under which they are listed."""
        return self.labels if self.key in ("link", "link.preset") else tuple(map(in_words, self.labels))

    def place(self, value: Any) -> int:
        """Which value a cell of the table holds; values that are neither number nor text are there as text.

        Raises ValueError where it is none of them.
        """
        for k, mine in enumerate(self.values):
            if value == mine or value in (str(mine), json.dumps(mine), self.labels[k]):
                return k
        raise ValueError(f"{self.key} is {value!r} in the table, and in the manifest one of {', '.join(self.labels)}")


class Estimates(NamedTuple):
    """One quantity over the grid: arrays [*axes, schemes]; NaN where it is not within the run, or not known."""

    value: Floats
    low: Floats
    high: Floats
    runs: Floats
    """Zero where a point was not run."""


class Cut(NamedTuple):
    """A figure's part of the grid: two axes free, the others held at these places."""

    held: tuple[int, ...]
    number: int
    """From 1; 0 where it is the only one."""
    of: int

    @property
    def suffix(self) -> str:
        """What the figure's file name ends in."""
        return f"_{self.number}" if self.number else ""

    def of_grid(self, array: Floats) -> Floats:
        """[second axis, first axis, schemes] of [*axes, schemes]."""
        part: Floats = array.transpose(*range(2, array.ndim - 1), 1, 0, -1)[self.held]
        return part


NO_AXIS = Axis("", "", (None,), ("",))


@dataclass(frozen=True)
class Sweep:
    """A finished sweep's folder, as far as figures need it."""

    folder: Path
    manifest: Mapping[str, Any]
    schemes: tuple[str, ...]
    """Their labels, in the order of the tables' names."""
    axes: tuple[Axis, ...]
    """At least two: the numeric ones first, of these the ones with more values; then what holds no place, `NO_AXIS`."""
    places: Mapping[int, tuple[int, ...]]
    """Each point's place on each axis."""
    certainty: float
    table: Mapping[tuple[str, str], Estimates]
    """By quantity and statistic."""

    @property
    def free(self) -> int:
        """How many of the first two axes have more than one value."""
        return sum(len(axis.values) > 1 for axis in self.axes[:2])

    @property
    def few(self) -> int:
        """How many runs it takes to bound what a share `certainty` of them is as good as; 0 where there are so many.

        Of n runs the worst one bounds it with 97.5% certainty once certainty^n is at most 2.5%.
        """
        needed = math.ceil(math.log(0.025) / math.log(self.certainty))
        return needed if self.manifest["replications"] < needed else 0

    @property
    def several(self) -> bool:
        """Whether there are several senders, each with its photo."""
        return ("last_first_image_s", "certainty") in self.table

    def cuts(self) -> list[Cut]:
        """A part of the grid for each combination of the other axes' values; only the first where they are many."""
        every = list(product(*(range(len(axis.values)) for axis in self.axes[2:])))
        if 1 < len(every) <= MOST_CUTS:
            return [Cut(held, k, len(every)) for k, held in enumerate(every, 1)]
        return [Cut(every[0], 0, len(every))]

    def settings(self, cut: Cut, x: int, y: int) -> dict[str, str]:
        """Every axis and its value at a place of a cut: the first columns of the data beside figures."""
        at = zip(self.axes, (x, y, *cut.held), strict=True)
        return {axis.key: str(axis.values[k]) if axis.numeric else axis.labels[k] for axis, k in at if axis.key}

    def runs(self, points: Sequence[int], column: str) -> Iterator[tuple[int, str, Floats]]:
        """Point, scheme, and that column of its runs, NaN for null; read from runs.parquet."""
        columns = ["point", "scheme", column]
        table = pq.read_table(self.folder / "runs.parquet", columns=columns, filters=[("point", "in", list(points))])
        point, values = table["point"].to_numpy(), table[column].to_numpy().astype(np.float64)
        scheme = _places(table["scheme"], self.manifest["schemes"])
        for number in points:
            for k, name in enumerate(self.schemes):
                mine: Floats = values[(point == number) & (scheme == k)]
                if len(mine):
                    yield number, name, mine

    def point_at(self, cut: Cut, x: int, y: int) -> int | None:
        """The number of the point there; None where it was not run."""
        wanted = (x, y, *cut.held)
        return next((number for number, place in self.places.items() if place == wanted), None)


def read_sweep(folder: Path) -> Sweep:
    """The sweep in a folder, from manifest.json and quantiles.parquet. Raises OSError, ValueError."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    axes = [Axis(a["key"], a["label"], tuple(a["values"]), tuple(a["labels"])) for a in manifest["axes"]]
    axes.sort(key=lambda axis: (len(axis.values) < 2, not axis.numeric, -len(axis.values)))
    axes += [NO_AXIS] * max(0, 2 - len(axes))
    schemes = tuple(manifest.get("labels") or manifest["schemes"])
    keys = [axis.key for axis in axes if axis.key]
    names = ["point", "scheme", "quantity", "statistic", "certainty", "value", "low", "high", "runs"]
    table = pq.read_table(folder / "quantiles.parquet", columns=names + keys)
    column = {name: table[name].to_numpy() for name in names}
    points, firsts = np.unique(column["point"], return_index=True)
    places = {
        int(point): tuple(axis.place(table[axis.key][int(row)].as_py()) if axis.key else 0 for axis in axes)
        for point, row in zip(points, firsts, strict=True)
    }
    shape = (*(len(axis.values) for axis in axes), len(schemes))
    of_point = np.array([np.ravel_multi_index((*places[int(point)], 0), shape) for point in points], np.int64)
    cells = of_point[np.searchsorted(points, column["point"])] + _places(table["scheme"], manifest["schemes"])
    known = column["certainty"].astype(np.float64)
    certainty = CERTAINTY if np.isclose(known, CERTAINTY).any() else float(np.nanmax(known))
    wanted = (column["statistic"] == "share") | np.isclose(known, certainty)
    found: dict[tuple[str, str], Estimates] = {}
    for quantity, statistic in sorted(set(zip(column["quantity"][wanted], column["statistic"][wanted], strict=True))):
        rows = np.flatnonzero(wanted & (column["quantity"] == quantity) & (column["statistic"] == statistic))
        arrays = [np.full(math.prod(shape), np.nan) for _ in range(3)] + [np.zeros(math.prod(shape))]
        for array, name in zip(arrays, ("value", "low", "high", "runs"), strict=True):
            array[cells[rows]] = column[name][rows].astype(np.float64)
        found[quantity, statistic] = Estimates(*(array.reshape(shape) for array in arrays))
    return Sweep(folder, manifest, schemes, tuple(axes), places, certainty, found)


def _places(column: Any, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Which of `names` each text of a column is."""
    places: npt.NDArray[np.int64] = pc.index_in(column, value_set=pa.array(names)).to_numpy().astype(np.int64)
    return places
