"""Tables as lists of rows, which need no library, and become data frames where pandas is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from satsim.errors import SatsimError

MOST_SHOWN = 20
"""Rows that a notebook shows; it says how many more there are."""


class Rows(list[dict[str, Any]]):
    """A list of dictionaries that all have the same keys."""

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        super().__init__(dict(row) for row in rows)

    def to_pandas(self) -> Any:
        """The rows as a pandas.DataFrame. Raises SatsimError where pandas is not installed."""
        try:
            import pandas
        except ImportError:
            raise SatsimError("a data frame needs the library pandas: pip install pandas") from None
        return pandas.DataFrame(list(self))

    def where(self, **wanted: Any) -> Rows:
        """The rows that have these values: `timeline.where(metric="lpips")`."""
        return Rows(row for row in self if all(row.get(key) == value for key, value in wanted.items()))

    def _repr_html_(self) -> str:
        """The rows as notebooks show them."""
        if not self:
            return "<p>no rows</p>"
        heads = "".join(f"<th>{escape(str(key))}</th>" for key in self[0])
        lines = [
            "<tr>" + "".join(f"<td>{escape(cell(value))}</td>" for value in row.values()) + "</tr>"
            for row in self[:MOST_SHOWN]
        ]
        more = f"<p>and {len(self) - MOST_SHOWN} more rows</p>" if len(self) > MOST_SHOWN else ""
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>{more}"


def aligned(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """Rows of the same keys: those of all, None where one has none."""
    rows = list(rows)
    keys = dict.fromkeys(key for row in rows for key in row)
    return Rows({key: row.get(key) for key in keys} for row in rows)


def cell(value: Any) -> str:
    """A value in a few letters; nothing for what is not known."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def flat(nested: Mapping[str, Any]) -> dict[str, Any]:
    """`nested` without dictionaries inside: {"cost": {"price": 1}} is {"cost_price": 1}."""
    row: dict[str, Any] = {}
    for key, value in nested.items():
        inside = flat(value) if isinstance(value, Mapping) else {"": value}
        row |= {f"{key}_{name}" if name else key: each for name, each in inside.items()}
    return row
