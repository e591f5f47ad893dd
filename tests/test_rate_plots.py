"""Rate-distortion figures: what is drawn where; what cannot be drawn is said."""

import io

import numpy as np
import pytest
from measurements import curves, row
from PIL import Image

from codec.evaluation.rate_plots import gaps, rate_figure
from codec.evaluation.rates import make_points
from codec.figures import png

ROWS = [
    *curves("psnr", avif=[(0.05, 20), (0.2, 30)], progic=[(0.04, 21), (0.08, 25), (0.16, 27)]),
    *curves("lpips-squeeze", avif=[(0.05, 0.5), (0.2, 0.3)], progic=[(0.04, 0.3), (0.08, 0.2), (0.16, 0.1)]),
]


def visible(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def test_there_is_a_panel_a_metric_and_a_curve_a_codec_with_the_points_as_they_are():
    figure = rate_figure(make_points(ROWS), "photos-256")
    left, right = visible(figure)
    assert (left.get_title(loc="left"), right.get_title(loc="left")) == (
        "PSNR: higher is better",
        "LPIPS (SqueezeNet): lower is better",
    )
    avif, progic = left.get_lines()
    assert np.array(avif.get_xydata()).tolist() == [[0.05, 20], [0.2, 30]]
    assert np.array(progic.get_xydata()).tolist() == [[0.04, 21], [0.08, 25], [0.16, 27]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["avif", "progic"]


def test_codecs_differ_in_colour_marker_and_dashes_and_look_the_same_for_all_datasets():
    elsewhere = [each._replace(dataset="fire-256") for each in ROWS if each.codec == "progic"]
    points = make_points([*ROWS, *elsewhere])
    avif, progic = visible(rate_figure(points, "photos-256"))[0].get_lines()
    assert avif.get_color() != progic.get_color()
    assert avif.get_marker() != progic.get_marker()
    assert avif.get_linestyle() != progic.get_linestyle()
    [alone] = visible(rate_figure(points, "fire-256"))[0].get_lines()
    assert alone.get_color() == progic.get_color()


@pytest.mark.parametrize("number", [1, 4, 5])
def test_every_metric_has_its_panel(number):
    names = ["psnr", "ms-ssim", "lpips-squeeze", "lpips-vgg", "dists"][:number]
    rows = [each._replace(metric=name) for name in names for each in ROWS[:5]]
    assert len(visible(rate_figure(make_points(rows), "photos-256"))) == number


def test_the_file_is_a_picture_and_the_same_each_time():
    points = make_points(ROWS)
    content = png(rate_figure(points, "photos-256"))
    assert content == png(rate_figure(points, "photos-256"))
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.width > 1000
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20, "not blank"


def test_points_that_are_not_drawn_are_named():
    rows = [row(image=image, rate=k, bpp=k / 10) for image in ("one", "two") for k in (1, 2)]
    rows[0] = rows[0]._replace(value=None)
    points = make_points(rows)
    assert gaps(points, ["psnr"]) == ["a is not drawn where pictures do not fit or show nothing (rate 1: 1 of 2)."]
    assert any("rate 1: 1 of 2" in text.get_text() for text in rate_figure(points, "photos-256").texts)


def test_a_codec_without_any_picture_does_not_stop_the_figure():
    rows = [*ROWS[:5], row(codec="none", rate=1, bpp=0.001, value=None)]
    figure = rate_figure(make_points(rows), "photos-256")
    with Image.open(io.BytesIO(png(figure))) as picture:
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20, "not blank"
    assert any("none is not drawn" in text.get_text() for text in figure.texts)
    avif, progic, none = visible(figure)[0].get_lines()
    assert (len(avif.get_xydata()), len(progic.get_xydata()), len(none.get_xydata())) == (2, 3, 0)
