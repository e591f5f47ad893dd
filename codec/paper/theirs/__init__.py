"""The paper's own numbers, a file a table: what stands in its text and nothing read off a plot.

The text at hand is the web page of arXiv 2603.02897v1, which has no page numbers: places are tables and sections.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from codec.yaml_reader import read_text, read_yaml


class Number(NamedTuple):
    """A cell of the paper."""

    value: float | None
    """None where the paper has none, or a bound such as `>9999`."""
    shown: str
    place: str


@cache
def table(name: str) -> dict[str, Any]:
    """A file of this folder."""
    found: dict[str, Any] = read_yaml(read_text(Path(__file__).with_name(f"{name}.yaml")))
    return found


def number(name: str, row: str, column: str) -> Number:
    """One cell of a table by its row and column."""
    found = table(name)
    cell = found["rows"][row][found["columns"].index(column)]
    value = float(cell) if isinstance(cell, int | float) else None
    return Number(value, "–" if cell is None else str(cell), found["place"])


def said(what: str) -> Number:
    """A number of the paper's sentences, by the beginning of its name in text.yaml."""
    name = next(each for each in table("text")["rows"] if each.startswith(what))
    cell = number("text", name, "value")
    return cell._replace(place=name.rpartition("(")[2].rstrip(")"))
