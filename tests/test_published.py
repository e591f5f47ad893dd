"""Curves of others: points with a source, drawn dashed, and only where they belong."""

from pathlib import Path

import numpy as np
import pytest
from measurements import curves

from codec.evaluation.published import __file__ as HERE
from codec.evaluation.published import published_curves
from codec.evaluation.rate_plots import PUBLISHED, rate_figure
from codec.evaluation.rates import make_points
from codec.yaml_reader import read_yaml

FILES = sorted(Path(HERE).parent.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_names_its_project_and_commit_and_every_curve_its_file(path):
    text = path.read_text(encoding="utf-8")
    told = read_yaml(text)
    assert "# https://github.com/" in text
    assert len(text.split(" at ")[-1].split()[0]) == 40  # the commit
    for curve in told["curves"]:
        assert "/" in curve["source"]
        assert curve["bpp"] == sorted(curve["bpp"])
        values = {key: each for key, each in curve.items() if key not in ("label", "source", "rival")}
        assert len({len(each) for each in values.values()}) == 1


def test_the_anchor_of_the_paper_has_its_published_points():
    (curve,) = (each for each in published_curves("kodak-whole") if (each.label, each.metric) == ("MS-ILLM", "dists"))
    assert curve.points[0] == (0.044345, 0.13462)  # projects/illm/results.csv: 0.0443454..., 0.1346152...


def test_published_curves_are_for_whole_photos_of_that_set_alone():
    assert published_curves("kodak-256") == []
    assert published_curves("holiday-whole") == []


def test_a_figure_draws_them_dashed_within_its_rates_and_says_that_they_were_not_measured():
    rows = [each._replace(dataset="kodak-whole") for each in curves("psnr", avif=[(0.05, 24), (0.5, 31)])]
    figure = rate_figure(make_points(rows), "kodak-whole", published_curves("kodak-whole"))
    ours, *theirs = figure.axes[0].get_lines()
    assert np.array(ours.get_xydata()).tolist() == [[0.05, 24], [0.5, 31]]
    assert len(theirs) == 13
    for line in theirs:
        assert line.is_dashed()
        assert line.get_xdata()[0] >= 0.05 / 1.15
        assert line.get_xdata()[-1] <= 0.5 * 1.15
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[0] == "avif"
    assert "VTM (published)" in legend
    assert PUBLISHED.split(";")[0] in " ".join(text.get_text() for text in figure.texts)
