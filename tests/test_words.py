"""One clock, one span, one reader of durations: every table and figure tells time alike."""

import math

import pytest

from satsim.durations import parse_duration
from satsim.words import clock, clock_words, number, shorten, span, with_unit


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "never"), (math.nan, "never"), (0, "0:00"), (59.7, "1:00"), (65, "1:05"), (245.4, "4:05"),
        (3600, "1:00:00"), (3605, "1:00:05"), (7445, "2:04:05"), (4 * 86_400 + 3600, "4 d 01:00"),
    ],
)  # fmt: skip
def test_a_clock_tells_hours_from_the_first_one_on(seconds, text):
    assert clock(seconds) == text


def test_beside_an_hour_every_time_has_hours():
    assert clock(65, end_s=3600) == "0:01:05"
    assert [clock_words(3599), clock_words(3600)] == ["minutes and seconds", "hours, minutes and seconds"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.6, "0.6 s"), (32.7, "32.7 s"), (90, "90 s"), (60, "1 min"), (600, "10 min"), (5400, "90 min"),
        (3600, "1 h"), (7200, "2 h"), (86_400, "1 day"), (172_800, "2 days"), (3605, "3605 s"), (397.2, "6.62 min"),
        (119.5, "119.5 s"), (9000.5, "2.5 h"), (150, "2.5 min"), (17_280, "4.8 h"), (720_000, "200 h"),
    ],
)  # fmt: skip
def test_a_span_is_told_in_the_largest_unit_of_which_it_is_whole(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("600 s", 600), ("10 min", 600), ("10min", 600), (" 1 h ", 3600), ("1.5 hours", 5400), (".5 min", 30),
        ("1 h 30 min", 5400), ("1:30:00", 5400), ("10:00", 600), ("2 days", 172_800),
    ],
)  # fmt: skip
def test_a_duration_may_be_written_in_many_ways(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("seconds", [1, 59, 60, 90, 600, 3600, 3605, 5400, 7200, 9240, 17_280, 86_400, 604_800])
def test_what_a_span_says_is_read_back(seconds):
    assert parse_duration(span(seconds)) == seconds


def test_a_bare_number_has_the_unit_that_the_place_gives_it():
    assert parse_duration("90", bare_s=1.0) == 90
    with pytest.raises(ValueError, match="'90' has no unit; expected a time such as 10 min"):
        parse_duration("90")


@pytest.mark.parametrize(
    ("text", "said"),
    [("soon", "'soon' is no time"), ("", "'' is no time"), ("3 moons", "no unit of time is called 'moons'"),
     ("1:99", "is no time"), ("5 min x", "is no time"), ("-5 s", "is no time"), ("1.2.3 s", "is no time")],
)  # fmt: skip
def test_what_is_no_duration_is_told_with_what_is_expected(text, said):
    with pytest.raises(ValueError, match=f"{said}.*; expected a time such as 10 min, 600 s, 1 h or 1:30:00"):
        parse_duration(text)


def test_a_score_has_three_digits_or_so():
    assert [number(0.12345), number(24.56), number(math.inf)] == ["0.123", "24.6", "∞"]


def test_a_metric_is_told_with_its_unit_where_it_has_one():
    assert with_unit({"label": "PSNR", "unit": "dB"}) == "PSNR in dB"
    assert with_unit({"label": "DISTS", "unit": ""}) == "DISTS"


def test_what_does_not_fit_ends_in_an_ellipsis():
    assert shorten("one two three four", 9, 2) == "one two\nthree …"
