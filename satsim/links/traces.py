"""Recorded links: a CSV file to rows, one a message, and rows to fates."""

from __future__ import annotations

import csv
import math
import re
from bisect import bisect_right
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from satsim.errors import LinkError
from satsim.links.clock import ROUNDING_S
from satsim.links.linkspec import Trace

LATEST_S = 2.6e11
"""Beyond the year 9999: what is more counts milliseconds, or is no number."""


def read_link_file(path: Path, kind: str) -> str:
    """The text of a `kind` file ("trace", say) that a link names. Raises LinkError, one line, if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise LinkError(f"{path}: no such {kind} file; check the path, which starts at the scenario file") from None
    except UnicodeDecodeError:
        raise LinkError(f"{path}: is not text in UTF-8; expected a {kind} file") from None
    except OSError as error:
        raise LinkError(f"{path}: cannot be read ({error.strerror}); expected a {kind} file") from None


class TraceRow(NamedTuple):
    """What became of one message."""

    lost: bool
    delay_s: float | None
    """From sending to arrival; inf where it was lost; None where the record has no arrivals."""
    sent_s: float | None
    """On the clock of the record; None where it does not say."""
    line: int
    """Its line in the file."""


def read_trace(path: Path) -> tuple[TraceRow, ...]:
    """The rows of a CSV file with a header: columns sent_s and arrived_s (empty: lost), or lost (0 or 1).

    Times are all seconds or all dates as ISO 8601 and logs of RockBLOCKs write them, of which one without a zone is in
    UTC. Other columns are left alone.

    Raises LinkError, one line, naming the file and where known the line and the field.
    """
    return _parse(str(path), read_link_file(path, "trace"))


@lru_cache(maxsize=8)
def _parse(path: str, text: str) -> tuple[TraceRow, ...]:
    """The text is the key too, so that a changed file is read anew while a thousand runs parse it once."""
    reader = csv.reader(text.splitlines(), skipinitialspace=True, strict=True)
    rows = []
    clock = Clock()
    try:
        names = [name.strip() for name in next(filter(None, reader), [])]
        _check_header(f"{path}: line {max(1, reader.line_num)}", names)
        for cells in reader:
            if cells:
                rows.append(_row(f"{path}: line {reader.line_num}", reader.line_num, names, cells, clock))
    except csv.Error as error:
        raise LinkError(f"{path}: line {reader.line_num}: is not CSV ({error}); expected commas and rows") from None
    if not rows:
        raise LinkError(f"{path}: has no rows; expected a header and one line a message")
    return tuple(rows)


def _check_header(where: str, names: list[str]) -> None:
    if twice := next((name for name in ("sent_s", "arrived_s", "lost") if names.count(name) > 1), None):
        raise LinkError(f"{where}: has {names.count(twice)} columns {twice}; keep one of them")
    if "arrived_s" in names and "lost" in names:
        raise LinkError(f"{where}: has both arrived_s and lost; keep one (an empty arrived_s says lost)")
    if "lost" not in names and not {"sent_s", "arrived_s"} <= set(names):
        found = ", ".join(names) or "nothing"
        commas = ", with commas between" if len(names) == 1 and re.search(r"[;\t|]", found) else ""
        raise LinkError(f"{where}: the header is {found}; expected columns sent_s and arrived_s, or lost{commas}")


def _row(where: str, line: int, names: list[str], cells: list[str], clock: Clock) -> TraceRow:
    if len(cells) != len(names):
        raise LinkError(f"{where}: has {len(cells)} fields; expected {len(names)}, as in the header")
    fields = dict(zip(names, (cell.strip() for cell in cells), strict=True))
    sent_s = clock.seconds(where, "sent_s", fields["sent_s"]) if "sent_s" in fields else None
    if "lost" in fields:
        if fields["lost"] not in ("0", "1"):
            raise LinkError(f"{where}: lost is {fields['lost']!r}; expected 0 (arrived) or 1 (lost)")
        return TraceRow(fields["lost"] == "1", None, sent_s, line)
    if sent_s is None or not fields["arrived_s"]:
        return TraceRow(True, math.inf, sent_s, line)
    arrived_s = clock.seconds(where, "arrived_s", fields["arrived_s"])
    if arrived_s < sent_s:
        arrived, sent = fields["arrived_s"], fields["sent_s"]
        raise LinkError(f"{where}: arrived_s is {arrived}, before sent_s, which is {sent}; correct one of them")
    return TraceRow(False, arrived_s - sent_s, sent_s, line)


class Clock:
    """How a record tells the time, in seconds or in dates; found out from the first."""

    def __init__(self) -> None:
        self._in_dates: bool | None = None

    def seconds(self, where: str, name: str, text: str) -> float:
        """`text` in seconds, of a date since 1970. Raises LinkError for what is neither, or not as the one before."""
        date_s = math.nan
        try:
            seconds = float(text)
        except ValueError:
            seconds = date_s = _date_s(text)
        if not abs(seconds) <= LATEST_S:
            empty = ", or nothing where the message was lost" if name == "arrived_s" else ""
            raise LinkError(f"{where}: {name} is {text!r}; expected seconds, such as 12.5, or a date, such as "
                            f"2026-08-01T12:00:00Z{empty}")  # fmt: skip
        in_dates = not math.isnan(date_s)
        if self._in_dates not in (None, in_dates):
            raise LinkError(f"{where}: {name} is {text!r}; expected {'a date' if self._in_dates else 'seconds'}, as in "
                            "the times before it")  # fmt: skip
        self._in_dates = in_dates
        return seconds


def _date_s(text: str) -> float:
    """Seconds since 1970 of "2026-08-01T12:00:00Z", or of "26-08-01 12:00:00" as RockBLOCKs have it; NaN for none."""
    for whole in (text, f"20{text}"):
        with suppress(ValueError):
            date = datetime.fromisoformat(whole)
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    return math.nan


class Replay:
    """The fates of a recorded link; past its end the record starts again.

    `lost(time_s)` takes the row of one message; `delay_s()` then is the delay of that same row (inf where it was lost).
    By time, the first row is at 0 and the record lasts one mean gap longer than to its last row.
    """

    def __init__(self, spec: Trace) -> None:
        self._rows = read_trace(spec.path)
        self.has_delays = self._rows[0].delay_s is not None
        self._row = self._rows[-1]
        self._count = 0
        self._by_time = spec.by == "time"
        if self._by_time:
            self._starts_s = _starts_s(spec.path, self._rows)
            spans = len(self._rows) - 1
            self._length_s = self._starts_s[-1] * (spans + 1) / spans if spans else 0.0

    def __call__(self, time_s: float) -> bool:
        if self._by_time:
            within_s = (time_s + ROUNDING_S) % self._length_s if self._length_s else time_s
            self._row = self._rows[bisect_right(self._starts_s, within_s) - 1]
        else:
            self._row = self._rows[self._count % len(self._rows)]
            self._count += 1
        return self._row.lost

    def delay_s(self) -> float:
        delay_s = self._row.delay_s
        return 0.0 if delay_s is None else delay_s


def _starts_s(path: Path, rows: tuple[TraceRow, ...]) -> list[float]:
    starts_s = [row.sent_s for row in rows if row.sent_s is not None]
    if not starts_s:
        raise LinkError(f"{path}: has no column sent_s, which by: time needs; add it, or write by: message")
    for row, earlier_s, later_s in zip(rows[1:], starts_s, starts_s[1:], strict=False):
        if later_s < earlier_s:
            early_s = earlier_s - later_s
            raise LinkError(
                f"{path}: line {row.line}: sent_s is {early_s:g} s before that of the row above; sort by sent_s"
            )
    return [start_s - starts_s[0] for start_s in starts_s]
