"""The rows of an evaluation, and the CSV file that keeps them."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from codec.base import CodecError
from codec.files import prepared


class Measurement(NamedTuple):
    """One score of one picture at one rate of one codec."""

    dataset: str
    """Folder and size: kodak-256, kodak-whole."""
    image: str
    """Path inside the folder."""
    width: int
    height: int
    codec: str
    """As `--codec` takes it, the model always named: progic:model=nano."""
    model_id: str
    """Weights or bitstream version, 8 hexadecimal digits; another id, other pictures."""
    parameters: int | None
    """None for codecs without a network."""
    gflops: float | None
    """One encoding and one full decoding of this picture; see `codec.progic.model.complexity`."""
    rate: int
    """Point of the curve, from 1: payloads held, or the k-th bits per pixel asked of a codec that takes a budget."""
    bytes: int
    bpp: float
    """Of `bytes`, over the picture's own pixels."""
    encode_s: float
    """For codecs with a budget, the search for the best picture included."""
    decode_s: float
    threads: int
    """Of torch; the rivals' encoders use one."""
    metric: str
    value: float | None
    """None where no picture fits, or none can be shown."""


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text else None


_READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("width", "height", "rate", "bytes", "threads"), int),
    **dict.fromkeys(("bpp", "encode_s", "decode_s"), float),
    "parameters": _or_none(int),
    "gflops": _or_none(float),
    "value": _or_none(float),
}


@contextmanager
def rows_file(path: Path) -> Iterator[Callable[[Iterable[Measurement]], None]]:
    """A function that appends rows, kept in `<path>.partial` as they come.

    At the end of the block the file becomes `path`; if the block fails it vanishes, and only a process that is killed
    leaves the partial file, which `read_rows` also reads. Raises OSError, and CodecError where either file is there
    already.
    """
    partial = path.with_name(path.name + ".partial")
    for each in (path, partial):
        if each.exists():
            raise CodecError(f"{each}: is there already; name another folder by --out, or move it away")
    with prepared(path):
        # Made anew, so that no two write to it; names may be of any bytes.
        file = partial.open("x", newline="", encoding="utf-8", errors="backslashreplace")
        try:
            with file:
                writer = csv.writer(file)
                writer.writerow(Measurement._fields)

                def append(rows: Iterable[Measurement]) -> None:
                    writer.writerows(rows)
                    file.flush()

                yield append
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def read_rows(path: Path) -> list[Measurement]:
    """The rows of a file of `rows_file`. Raises CodecError naming file and line, OSError where there is none."""
    rows = []
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise CodecError(f"{path}: is a pipe or a device; expected rows.csv of `satsim codec evaluate`")
    with path.open(newline="", encoding="utf-8") as file:
        try:
            reader = csv.DictReader(file)
            missing = [field for field in Measurement._fields if field not in (reader.fieldnames or ())]
            if missing:
                raise CodecError(f"{path}: has no column {missing[0]!r}; expected rows.csv of `satsim codec evaluate`")
            for line in reader:
                rows.append(
                    Measurement(**{field: _READERS.get(field, str)(line[field]) for field in Measurement._fields})
                )
        except (UnicodeDecodeError, csv.Error):
            raise CodecError(f"{path}: is not text; expected rows.csv of `satsim codec evaluate`") from None
        except (ValueError, TypeError) as error:
            raise CodecError(f"{path}: line {reader.line_num} is not a whole row ({error}); remove it") from None
    return rows
