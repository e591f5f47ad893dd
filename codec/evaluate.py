"""Mean quality of codecs over folders of photos, by packets held."""

from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps
from rich.table import Table

from codec import BudgetError, Codec, CodecError, load_codec
from codec.data import list_photos
from codec.metrics import METRICS, Metric, choose_metric, load_metric


class Row(NamedTuple):
    """One score of one image."""

    folder: str
    image: str
    codec: str
    packets: int
    bytes: int
    bpp: float
    encode_s: float
    decode_s: float
    metric: str
    value: float | None
    """None where no picture fits, or none can be shown."""


def evaluate_folder(
    folder: Path,
    name: str,
    options: dict[str, Any],
    metrics: Sequence[str] | None,
    side: int,
    payload_bytes: int,
    packets: Sequence[int],
) -> Iterator[list[Row]]:
    """The rows of each photo in turn: centre square, resized to `side`, coded, and decoded from the first packets.

    Raises CodecError for an unknown codec, option or metric, or a folder without photos.
    """
    scorers = [load_metric(each) for each in metrics] if metrics else metrics_at_hand(side)
    coder = None if takes_budget(name) else load_codec(name, **options)
    for path in list_photos(folder):
        with PillowImage.open(path) as photo:
            image = np.asarray(ImageOps.fit(photo.convert("RGB"), (side, side), PillowImage.Resampling.LANCZOS))
        rows: list[Row] = []
        sent: tuple[Codec, list[bytes], float] | None = None
        for held in packets:
            if coder is None:
                sent = _encode(load_codec(name, budget_bytes=held * payload_bytes, **options), image, payload_bytes)
            elif sent is None:
                sent = _encode(coder, image, payload_bytes)
            used, payloads, encode_s = sent
            began = time.perf_counter()
            received = dict(enumerate(payloads[:held]))
            picture = used.decode(received, side, side) if received else None
            decode_s = time.perf_counter() - began
            size = sum(map(len, received.values()))
            facts = (folder.name, path.stem, name, held, size, 8 * size / side**2, encode_s, decode_s)
            rows += [Row(*facts, m.name, None if picture is None else m(image, picture)) for m in scorers]
        yield rows


def metrics_at_hand(side: int) -> list[Metric]:
    """Every metric whose weights are here and that can score squares of `side`, best first."""
    chosen = (choose_metric(name, shortest_side=side) for name in METRICS)
    return [metric for metric, notice in chosen if notice is None]


def takes_budget(name: str) -> bool:
    """Whether the codec is one that is told its byte budget."""
    from codec.baselines import BASELINES

    return name in BASELINES


def _encode(codec: Codec, image: Any, payload_bytes: int) -> tuple[Codec, list[bytes], float]:
    began = time.perf_counter()
    try:
        payloads = codec.encode(image, payload_bytes)
    except BudgetError:
        payloads = []
    return codec, payloads, time.perf_counter() - began


def table_of(rows: Sequence[Row]) -> Table:
    """Means over each folder: one line a codec and number of packets, one column a metric; times are medians."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    table = Table(title="Means over images; times are medians", title_justify="left")
    for heading in ("folder", "codec", "packets", "bytes", "bpp", *metrics, "encode ms", "decode ms", "images"):
        table.add_column(heading, justify="left" if heading in ("folder", "codec") else "right")
    for folder, codec, packets in dict.fromkeys((row.folder, row.codec, row.packets) for row in rows):
        mine = [row for row in rows if (row.folder, row.codec, row.packets) == (folder, codec, packets)]
        first = [row for row in mine if row.metric == metrics[0]]
        means = []
        for metric in metrics:
            values = [row.value for row in mine if row.metric == metric]
            shown = [value for value in values if value is not None]
            missing = f" ({len(values) - len(shown)} none)" if len(shown) < len(values) else ""
            means.append(f"{statistics.fmean(shown):.4f}{missing}" if shown else "none")
        table.add_row(
            folder,
            codec,
            str(packets),
            f"{statistics.fmean(row.bytes for row in first):.0f}",
            f"{statistics.fmean(row.bpp for row in first):.4f}",
            *means,
            f"{1e3 * statistics.median(row.encode_s for row in first):.0f}",
            f"{1e3 * statistics.median(row.decode_s for row in first):.0f}",
            str(len(first)),
        )
    return table


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Every row as CSV."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(Row._fields)
            writer.writerows(rows)
    except OSError as error:
        raise CodecError(f"{path}: cannot be written ({error.strerror})") from error
