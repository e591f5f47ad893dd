"""The tables of a sweep, and its parts as tables: Parquet, by pyarrow, which nothing else in satsim needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codec.metrics import MetricInfo
from satsim.errors import SweepError
from satsim.scoring.summary import Columns
from satsim.sweep.quantiles import Quantile, estimate

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    raise SweepError("a sweep needs the library pyarrow: pip install 'satsim-link[sweep]'") from None


def as_part(columns: Columns) -> bytes:
    """What came of a job, as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(columns)), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def by_scheme(parts: Iterable[bytes], schemes: int) -> list[Columns]:
    """All runs at one point, of the parts of its jobs in order: for each scheme its columns, by replication."""
    tables = [pq.read_table(pa.BufferReader(part)) for part in parts]
    blocks = [{name: table[name].to_numpy() for name in table.column_names} for table in tables]
    parted: list[Columns] = []
    for scheme in range(schemes):
        own = [{name: np.split(values, schemes)[scheme] for name, values in block.items()} for block in blocks]
        parted.append({name: np.concatenate([block[name] for block in own]) for name in own[0]})
    return parted


class Tables:
    """runs.parquet and quantiles.parquet, written point by point."""

    def __init__(self, folder: Path, seed: int, metrics: Sequence[MetricInfo]) -> None:
        self._seed = seed
        self._metrics = metrics
        self._folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}

    def add(self, point: int, values: Mapping[str, Any], schemes: Sequence[str], parts: Sequence[Columns]) -> None:
        """The runs at one point, and what they say together."""
        runs, quantiles = [], []
        for scheme, columns in zip(schemes, parts, strict=True):
            count = len(next(iter(columns.values())))
            about = {"point": point, **values, "scheme": scheme}
            numbers = np.arange(count)
            named = {"replication": numbers, "seed": self._seed + numbers, **columns}
            runs.append(pa.table({**_repeat(about, count), **{name: _nullable(each) for name, each in named.items()}}))
            rows = estimate(columns, self._metrics)
            told = {name: _nullable(np.array([getattr(row, name) for row in rows])) for name in Quantile._fields}
            quantiles.append(pa.table({**_repeat(about, len(rows)), **told}))
        self._write("runs.parquet", pa.concat_tables(runs))
        self._write("quantiles.parquet", pa.concat_tables(quantiles))

    def _write(self, name: str, table: pa.Table) -> None:
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(self._folder / name, table.schema, compression="zstd")
        self._writers[name].write_table(table)

    def close(self) -> None:
        """Finish both files."""
        for writer in self._writers.values():
            writer.close()


def _repeat(about: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The same values in each of `count` rows."""
    return {name: pa.repeat(pa.scalar(value), count) for name, value in about.items()}


def _nullable(values: Any) -> pa.Array:
    """An array in which NaN is null."""
    return pa.array(values, from_pandas=True)
