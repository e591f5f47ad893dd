"""Bjontegaard rates of curves whose answer is known without a computer."""

import sys

import pytest
from measurements import curves, row

from codec.base import CodecError
from codec.evaluation.rates import bd_rate, bd_rates, curve, find_anchor, make_points


def only(rows, anchor="anchor"):
    [found] = bd_rates(make_points(rows), anchor)
    return found


QUALITY = [20.0, 23.0, 27.0, 28.0]


def test_half_the_bytes_at_every_quality_is_minus_50_percent():
    percent, overlap, note = bd_rate([0.1, 0.2, 0.4, 0.8], QUALITY, [0.05, 0.1, 0.2, 0.4], QUALITY)
    assert percent == pytest.approx(-50)
    assert (overlap, note) == (1, "")


def test_a_third_more_bytes_at_every_quality_is_plus_33_percent_whatever_points_the_curves_have():
    # Log rate is linear in quality, so that both curves are straight and PCHIP is exact.
    percent, _, _ = bd_rate([1, 2, 4, 16], [0, 1, 2, 4], [4 / 3, 8 / 3, 64 / 3], [0, 1, 4])
    assert percent == pytest.approx(100 / 3)


def test_savings_that_grow_evenly_from_none_to_three_quarters_are_the_geometric_mean_a_half():
    percent, _, _ = bd_rate([1, 2, 4], [0, 1, 2], [1, 1], [0, 2])
    assert percent == pytest.approx(-50)


def test_only_qualities_that_both_reach_count_and_their_share_is_told():
    # The anchor spans qualities 0 to 4, the test 2 to 6: 2 of 6 are shared, and there a quarter of the bytes do.
    percent, overlap, _ = bd_rate([1, 2, 4, 8, 16], [0, 1, 2, 3, 4], [1, 2, 4, 8, 16], [2, 3, 4, 5, 6])
    assert percent == pytest.approx(-75)
    assert overlap == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("quality", "note"), [([5, 6], "no overlap: always better"), ([-3, 0], "no overlap: always worse")]
)
def test_curves_that_share_no_quality_have_no_rate(quality, note):
    percent, overlap, said = bd_rate([1, 2], [0, 4], [1, 2], quality)
    assert (percent, overlap) == (None, 0)
    assert said.startswith(note)


def test_a_metric_for_which_lower_is_better_is_turned_round():
    better = curves("lpips-squeeze", anchor=[(0.1, 0.5), (0.4, 0.3)], codec=[(0.05, 0.5), (0.2, 0.3)])
    assert only(better).percent == pytest.approx(-50)
    higher = curves("psnr", anchor=[(0.1, 20), (0.4, 30)], codec=[(0.2, 20), (0.8, 30)])
    assert only(higher).percent == pytest.approx(100)


def test_points_are_taken_by_bytes_not_in_the_order_of_rows():
    rows = curves("psnr", anchor=[(0.4, 30), (0.1, 20)], codec=[(0.05, 20), (0.2, 30)])
    assert only(rows).percent == pytest.approx(-50)


@pytest.mark.parametrize(
    ("points", "note"),
    [
        ([(0.1, 25)], "a curve needs 2 points; codec has 1"),
        ([(0.1, 25), (0.2, 24), (0.3, 28)], "codec: more bytes do not always bring more quality"),
        ([(0.1, float("inf")), (0.2, 25)], "a curve needs 2 points; codec has 1"),
        ([(0.1, 1), (0.2, 2)], "no overlap: always worse than the anchor"),
    ],
)
def test_a_curve_that_cannot_be_compared_says_why_instead_of_a_number(points, note):
    found = only(curves("psnr", anchor=[(0.1, 20), (0.4, 30)], codec=points))
    assert (found.percent, found.note) == (None, note)


def test_a_point_is_the_mean_over_the_pictures_and_the_median_of_times():
    rows = [row(image=f"{k}.png", value=value, encode_s=k) for k, value in enumerate((10.0, 20.0, 60.0))]
    [point] = make_points(rows)
    assert (point.value, point.pictures, point.missing, point.encode_ms) == (30, 3, 0, 1000)


def test_a_rate_at_which_a_picture_shows_nothing_is_counted_and_in_no_curve():
    rows = [row(image=image, rate=k, bpp=k / 10, value=20.0 + k) for image in ("one", "two") for k in (1, 2)]
    rows[0] = rows[0]._replace(value=None)
    points = make_points(rows)
    assert [(point.rate, point.missing) for point in points] == [(1, 1), (2, 0)]
    assert [point.rate for point in curve(points, "photos-256", "a", "psnr")] == [2]


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        (row(), "is scored twice for a"),
        (row(rate=2, model_id="00000002"), "a is model 00000001 and also 00000002"),
        (row(codec="b", image="two.png"), "b is measured on other pictures than a"),
    ],
)
def test_rows_that_do_not_go_together_are_refused(second, complaint):
    with pytest.raises(CodecError, match=complaint):
        make_points([row(), second])


def test_no_rows_at_all_are_refused():
    with pytest.raises(CodecError, match="no rows to compare"):
        make_points([])


def test_an_anchor_is_found_by_label_or_by_name_where_only_one_has_it():
    codecs = ["progic:model=nano", "progic:model=other", "avif"]
    assert find_anchor("avif", codecs) == "avif"
    assert find_anchor("progic:model=other", codecs) == "progic:model=other"
    assert find_anchor("progic", codecs[1:]) == "progic:model=other"
    with pytest.raises(CodecError, match=r"anchor is 'progic'; expected one of the codecs measured: progic:model=nano"):
        find_anchor("progic", codecs)


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "bjontegaard", None)  # what Python itself does for a module that cannot come in
    with pytest.raises(CodecError, match=r"pip install 'satsim-link\[research\]'"):
        bd_rates(make_points([row(), row(codec="b")]), "a")
