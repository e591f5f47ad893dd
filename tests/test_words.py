"""Times, spans and scores in words."""

import math

from satsim.words import clock, clock_words, number, shorten, span, with_unit


def test_a_clock_reads_minutes_and_seconds_and_hours_when_needed():
    assert [clock(5), clock(65), clock(3605)] == ["0:05", "1:05", "1:00:05"]


def test_a_clock_reads_hours_up_to_four_days_then_days():
    assert [clock(31 * 3600 + 300), clock(126 * 3600 + 600)] == ["31:05:00", "5 d 06:10"]


def test_clocks_beside_hours_have_hours_too():
    assert [clock(65, 3605), clock(65, 3599)] == ["0:01:05", "1:05"]
    assert [clock_words(3599), clock_words(3600)] == ["minutes and seconds", "hours, minutes and seconds"]


def test_a_span_is_told_in_its_largest_whole_unit():
    assert [span(3.5), span(60), span(90), span(120), span(7200), span(172800)] == [
        "3.5 s", "60 s", "90 s", "2 min", "2 h", "2 days",
    ]  # fmt: skip


def test_a_score_has_about_three_digits():
    assert [number(0.12345), number(9.9994), number(31.26), number(math.inf)] == ["0.123", "9.999", "31.3", "∞"]


def test_a_metric_is_told_with_its_unit_where_it_has_one():
    assert with_unit({"label": "PSNR", "unit": "dB"}) == "PSNR in dB"
    assert with_unit({"label": "DISTS", "unit": ""}) == "DISTS"


def test_what_does_not_fit_is_an_ellipsis():
    assert shorten("round and round", 15) == "round and round"
    assert shorten("round and round", 12) == "round and …"
    assert shorten("round and round", 9, lines=2) == "round and\nround"
