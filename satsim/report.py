"""One results folder for one run: rows, summary, frames and figures, written whole or not at all."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from PIL import Image

from satsim.folders import fresh_folder
from satsim.pipeline import Result, SchemeEvent
from satsim.timeline import Point


def write_report(result: Result, out: Path) -> None:
    """Write `out`; a folder already there is moved aside (`fresh_folder`). Raises OSError where the disk is full."""
    with fresh_folder(out) as folder:
        (folder / "frames").mkdir()
        _write_rows(folder / "timeline.csv", Point._fields, result.points)
        _write_rows(folder / "events.csv", SchemeEvent._fields, result.events)
        (folder / "summary.json").write_text(json.dumps(_finite(result.summary), indent=2) + "\n", encoding="utf-8")
        resolved = yaml.safe_dump(result.scenario.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
        (folder / "scenario.yaml").write_text(resolved, encoding="utf-8")
        Image.fromarray(result.reference).save(folder / "frames" / "original.png")
        for file, picture in result.frames.items():
            Image.fromarray(picture).save(folder / "frames" / file)
        from satsim.figures.run import draw_run

        draw_run(folder)


def _finite(value: Any) -> Any:
    """`value` with every infinite number, which JSON has not, as the text "inf" (the PSNR of equal pictures)."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _write_rows(path: Path, fields: Iterable[str], rows: Iterable[NamedTuple]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(fields)
        writer.writerows(rows)
