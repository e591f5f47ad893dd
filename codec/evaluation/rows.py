"""The rows of an evaluation, and the CSV file that keeps them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from codec.base import CodecError
from codec.files import write_whole


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
    """For codecs with a budget, the search for the best picture included, as if for this rate alone."""
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


def write_rows(path: Path, rows: Iterable[Measurement]) -> None:
    """Write the file whole or not at all. Raises OSError, and CodecError where it is there already."""
    check_new(path)
    write_whole(path, in_csv(Measurement._fields, rows))


def check_new(path: Path) -> None:
    """Raise CodecError where there are rows already, which are not written over."""
    if path.exists():
        raise CodecError(f"{path}: is there already; name another folder by --out, or move it away")


def in_csv(fields: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file's content."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(fields)
    writer.writerows(rows)
    return out.getvalue().encode(errors="backslashreplace")


def pack_rows(rows: Sequence[Measurement]) -> bytes:
    """Rows as JSON; `unpack_rows` gives them back as they were."""
    return json.dumps(rows).encode()


def unpack_rows(content: bytes) -> list[Measurement]:
    """What `pack_rows` packed."""
    return [Measurement(*row) for row in json.loads(content)]


def read_rows(path: Path) -> list[Measurement]:
    """The rows of a file of `write_rows`. Raises CodecError naming file and line, OSError where there is none."""
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
