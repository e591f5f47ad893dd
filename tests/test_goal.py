"""Goals and budgets in words: what they mean, and what is said of those that mean nothing."""

import pytest

from codec.metrics import METRICS
from satsim.errors import StudyError
from satsim.study.goal import BETTER, Budget, Goal, parse_budget, parse_goal


def refusal(parse, text):
    with pytest.raises(StudyError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    assert repr(text) in str(caught.value)
    return str(caught.value)


def test_a_goal_is_a_metric_a_level_a_time_and_a_probability():
    goal = parse_goal("lpips <= 0.3 by 10 min with 0.95")
    assert goal == Goal(metric="lpips-squeeze", level=0.3, by_s=600, probability=0.95)


def test_the_text_of_a_goal_says_the_same_goal():
    goal = parse_goal("PSNR>=21 by 1:30:00 with 90%")
    assert goal == Goal("psnr", 21, 5400, 0.9)
    assert str(goal) == "psnr >= 21 by 90 min with 0.9"
    assert parse_goal(str(goal)) == goal


@pytest.mark.parametrize(
    ("name", "metric"),
    [("lpips", "lpips-squeeze"), ("lpips-vgg", "lpips-vgg"), ("dists_lite", "dists-lite"), ("DISTS", "dists")],
)
def test_metrics_go_by_their_own_names_and_some_short_ones(name, metric):
    assert parse_goal(f"{name} ≤ 0.3 by 600 s with 0.95").metric == metric


@pytest.mark.parametrize("name", ["ms-ssim", "msssim", "MS_SSIM"])
def test_ms_ssim_has_three_spellings(name):
    assert parse_goal(f"{name} >= 0.8 by 600 s with 0.95").metric == "ms-ssim"


def test_the_directions_are_those_of_the_metrics():
    assert {name: info.higher_is_better for name, info in METRICS.items()} == {
        name: better == "higher" for name, better in BETTER.items()
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("600 s", 600), ("10 min", 600), ("10min", 600), ("1 h", 3600), ("1.5 hours", 5400), ("1 h 30 min", 5400),
     ("1:30:00", 5400), ("10:00", 600), ("2 days", 172_800)],
)  # fmt: skip
def test_durations_may_be_written_in_many_ways(text, seconds):
    assert parse_goal(f"lpips <= 0.3 by {text} with 0.95").by_s == seconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "says no time"),
        ("lpips <= 0.3", "says no time ('by ...'); expected METRIC <= NUMBER by DURATION with PROBABILITY, such as"),
        ("lpips <= 0.3 by 10 min", "says no probability ('with ...')"),
        ("lpips 0.3 by 10 min with 0.95", "'lpips 0.3' has no <= or >="),
        ("lpips < 0.3 by 10 min with 0.95", "found '<'; expected <= or >="),
        ("lpips <= low by 10 min with 0.95", "'low' is no number"),
        ("lpips <= nan by 10 min with 0.95", "'nan' is no number"),
        ("lpipps <= 0.3 by 10 min with 0.95", "no metric is called 'lpipps'; did you mean lpips?"),
        ("beauty >= 3 by 10 min with 0.95", "no metric is called 'beauty'; expected one of: dists"),
        ("lpips <= 0.3 by 10 with 0.95", "'10' has no unit; expected a time such as 10 min"),
        ("lpips <= 0.3 by noon with 0.95", "'noon' is no time"),
        ("lpips <= 0.3 by 3 moons with 0.95", "no unit of time is called 'moons'"),
        ("lpips <= 0.3 by 0 s with 0.95", "more than 0 and less than 30 days"),
        ("lpips <= 0.3 by 40 days with 0.95", "more than 0 and less than 30 days"),
        ("lpips <= 0.3 by 10 min with luck", "'luck' is no probability; expected a share between 0 and 1"),
        ("lpips <= 0.3 by 10 min with 95", "a probability of 95; expected a share between 0 and 1, such as 0.95"),
        ("lpips <= 0.3 by 10 min with 100%", "no number of runs shows that something never fails"),
    ],
)
def test_a_goal_that_cannot_be_read_is_told_with_what_is_expected(text, said):
    assert said in refusal(parse_goal, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("psnr <= 20 by 10 min with 0.95", "higher psnr is better; write psnr >= 20"),
        ("lpips >= 0.3 by 10 min with 0.95", "lower lpips-squeeze is better; write lpips <= 0.3"),
    ],
)
def test_the_wrong_direction_is_refused_with_the_right_one(text, said):
    assert said in refusal(parse_goal, text)


def test_a_budget_is_a_quantity_and_its_upper_limit():
    assert parse_budget(" messages<=12 ") == Budget("messages", 12)
    assert str(parse_budget("price <= 5.50")) == "price <= 5.5"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("twelve messages", "has no <= or >=; expected QUANTITY <= NUMBER, such as 'messages <= 12'"),
        ("message <= 12", "nothing to limit is called 'message'; did you mean messages?"),
        ("joy <= 12", "expected one of: messages, bytes, price, energy, minutes"),
        ("messages >= 12", "a budget is an upper limit; write messages <= 12"),
        ("price <= -1", "less than nothing"),
        ("price <= cheap", "'cheap' is no number"),
    ],
)
def test_a_budget_that_cannot_be_read_is_told_with_what_is_expected(text, said):
    assert said in refusal(parse_budget, text)
