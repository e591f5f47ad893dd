"""One results folder for one run: rows, summary, frames and figures, written whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import yaml
from PIL import Image

from satsim import plots
from satsim.pipeline import Result, SchemeEvent
from satsim.timeline import Point


def write_report(result: Result, out: Path) -> Path | None:
    """Write `out`; a folder that is already there is moved aside, and its new path returned.

    Everything is first written to a hidden folder beside `out` and then renamed, so that a full disk or Ctrl-C leaves
    nothing half-written. Raises OSError where the disk will not take it.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "frames").mkdir(parents=True)
        _write_rows(partial / "timeline.csv", Point._fields, result.points)
        _write_rows(partial / "events.csv", SchemeEvent._fields, result.events)
        (partial / "summary.json").write_text(json.dumps(result.summary, indent=2) + "\n")
        resolved = yaml.safe_dump(result.scenario.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
        (partial / "scenario.yaml").write_text(resolved, encoding="utf-8")
        Image.fromarray(result.reference).save(partial / "frames" / "original.png")
        for file, picture in result.frames.items():
            Image.fromarray(picture).save(partial / "frames" / file)
        plots.draw(partial)
        aside = _move_aside(out)
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return aside


def _write_rows(path: Path, fields: Iterable[str], rows: Iterable[NamedTuple]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(fields)
        writer.writerows(rows)


def _move_aside(out: Path) -> Path | None:
    """Rename `out`, if it is there, to the first free of out.1, out.2 ..."""
    if not out.exists():
        return None
    number = 1
    while (aside := out.with_name(f"{out.name}.{number}")).exists():
        number += 1
    return out.rename(aside)
