"""The figure of a study, drawn from a small folder written by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from satsim.figures.page import STYLE
from satsim.figures.study import draw_study, read_marks, study_figure

CODECS = ("progic", "avif", "jxl", "jpeg2000")


def write_folder(folder: Path, first_image_s: float | None = 65.0, **more: Any) -> Path:
    """A study of a design for each codec, each dearer and better than the one before, the last over a budget.

    All but the last are on the front, and the second is recommended. `more` goes into study.json.
    """
    folder.mkdir()
    rows = [
        {"design": f"{codec} 1 stage, once", "codec": codec, "first_image_s": first_image_s, "final": 0.3 - k / 20,
         "messages": k + 1, "share": 0.9, "over_budget": "messages" if codec == CODECS[-1] else "",
         "recommended": "yes" if k == 1 else "no"}
        for k, codec in enumerate(CODECS)
    ]  # fmt: skip
    for name, some in (("designs.csv", rows), ("front.csv", rows[:-1])):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(some)
    summary = {
        "title": "A useful picture within five minutes",
        "goal": {"text": "dists-lite <= 0.3 by 5 min with 0.95", "level": 0.3, "probability": 0.95},
        "metric": {"label": "DISTS-lite (ours)", "unit": "", "higher_is_better": False},
        "budgets": ["messages <= 3"],
        "cost": "messages",
        "currency": "USD",
        "replications": 100,
        "duration_s": 420.0,
        "interval_s": 60.0,
        "image": {"width": 256, "height": 256},
        "notices": ["nobody acknowledges on this link, so arq is left out"],
    }
    (folder / "study.json").write_text(json.dumps(summary | more), encoding="utf-8")
    return folder


def figure_of(folder: Path) -> Figure:
    """The figure, its layout done."""
    summary = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    every, front = (read_marks(folder / name, summary["cost"]) for name in ("designs.csv", "front.csv"))
    with matplotlib.rc_context(STYLE):
        figure = study_figure(summary, every, front)
        FigureCanvasAgg(figure).draw()
    return figure


def texts(figure: Figure) -> list[str]:
    """All that is written in it, each text on one line."""
    return [" ".join(text.get_text().split()) for text in figure.findobj(Text) if text.get_text()]


def test_the_front_is_numbered_and_told_with_costs_and_the_recommended_design_is_named(tmp_path: Path) -> None:
    written = texts(figure_of(write_folder(tmp_path / "study")))
    assert "1 progic 1 stage, once 1 message, goal 90.0% 1:05, 0.300" in written
    assert "2 avif 1 stage, once recommended 2 messages, goal 90.0% 1:05, 0.250" in written
    assert not any(text.startswith("4 ") for text in written), "the last design is not on the front"
    assert {"1", "2", "3", "goal: 0.300", "over budget", "recommended", *CODECS} <= set(written)


def test_every_key_is_within_the_page(tmp_path: Path) -> None:
    figure = figure_of(write_folder(tmp_path / "study"))
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 7
    for text in legend.get_texts():
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text.get_text()


def test_a_study_in_which_nothing_is_shown_says_so(tmp_path: Path) -> None:
    written = texts(figure_of(write_folder(tmp_path / "study", first_image_s=None)))
    assert "no design shows a picture so surely" in written
    assert any("4 of 4 designs show nothing so surely" in text for text in written)


@pytest.mark.parametrize("senders", [{"count": 1}, {"count": 3, "start_gap_s": 60.0, "slot_s": 3.0}])
def test_the_front_is_drawn_into_one_picture_the_same_each_time(tmp_path: Path, senders: dict[str, Any]) -> None:
    folder = write_folder(tmp_path / "study", senders=senders)
    draw_study(folder)
    once = (folder / "front.png").read_bytes()
    draw_study(folder)
    assert (folder / "front.png").read_bytes() == once
    with Image.open(folder / "front.png") as picture:
        assert picture.width == 1600
