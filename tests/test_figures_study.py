"""The figure of a study, drawn from a small folder written by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from satsim.figures.look import STYLE
from satsim.figures.study import Mark, draw_study, read_marks, study_figure, view_of

CODECS = ("progic", "avif", "jpegxl", "jpeg2000")
NAMES = ("ProGIC", "AVIF", "JPEG XL", "JPEG 2000")


def write_folder(
    folder: Path, first_image_s: Sequence[float | None] = (65.0,) * 4, gain: float = 0.05, **more: Any
) -> Path:
    """A study of a design for each codec, each dearer and by `gain` better than the one before, the last over a budget.

    All but the last are on the front, and the second is recommended. `more` goes into study.json.
    """
    folder.mkdir()
    rows = [
        {"design": f"{codec} 1 stage, once", "codec": codec, "first_image_s": first_image_s[k], "final": 0.3 - gain * k,
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
        "goal": {"text": "dists-lite <= 0.3 by 5 min with 0.95", "level": 0.3, "by_s": 300.0, "probability": 0.95},
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
    assert "1 ProGIC 1 stage, once 1 message, goal met in 90.0% first 1:05, final 0.300" in written
    assert "2 AVIF 1 stage, once recommended 2 messages, goal met in 90.0% first 1:05, final 0.250" in written
    assert not any(text.startswith("4 ") for text in written), "the last design is not on the front"
    assert {"1", "2", "3", "goal: 0.300", "over budget", "recommended", *NAMES} <= set(written)


def test_the_question_is_told_in_words(tmp_path: Path) -> None:
    asked = "Goal: DISTS-lite (ours) of 0.3 or better by 5 min in 95% of runs; messages at most 3."
    assert asked in " ".join(texts(figure_of(write_folder(tmp_path / "study"))))


def mark(first_s: float, final: float, cost: float) -> Mark:
    """A design on a front."""
    return Mark("a", "progic", first_s, final, cost, 0.9, over=False, recommended=False)


def test_a_front_is_drawn_by_the_quantities_that_differ_on_it() -> None:
    assert view_of([mark(65, 0.3, 1), mark(125, 0.2, 2)]) == ("first_s", "final")
    assert view_of([mark(65, 0.3, 1), mark(65, 0.2, 2)]) == ("cost", "final")
    assert view_of([mark(65, 0.3, 2), mark(125, 0.3, 1)]) == ("first_s", "cost")
    assert view_of([mark(65, 0.3, 2)]) == ("first_s", "final")
    assert view_of([]) == ("first_s", "final")


def test_where_all_of_the_front_have_their_first_picture_at_once_cost_is_the_axis_and_that_time_is_told(
    tmp_path: Path,
) -> None:
    figure = figure_of(write_folder(tmp_path / "study"))
    assert figure.axes[0].get_xlabel() == "messages sent"
    assert "All that are numbered have their first picture by 1:05." in " ".join(texts(figure))


@pytest.mark.parametrize("firsts", [[65.0] * 4, [65.0, 66.0, 67.0, 68.0], [5.0, 65.0, 70.0, 300.0]])
@pytest.mark.parametrize("gain", [0.0, 0.001, 0.05])
def test_numbers_and_names_never_meet(tmp_path: Path, firsts: list[float], gain: float) -> None:
    figure = figure_of(write_folder(tmp_path / "study", firsts, gain))
    written = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in written]
    assert len(boxes) >= 6
    for (text, box), (other, its) in combinations(boxes, 2):
        assert "goal" in text + other or not box.padded(-1).overlaps(its.padded(-1)), (text, other)


def test_every_key_is_within_the_page(tmp_path: Path) -> None:
    figure = figure_of(write_folder(tmp_path / "study"))
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 7
    for text in legend.get_texts():
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text.get_text()


def test_a_study_in_which_nothing_is_shown_says_so(tmp_path: Path) -> None:
    written = texts(figure_of(write_folder(tmp_path / "study", first_image_s=[None] * 4)))
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
