"""Bootstrap intervals of means over photos: what they hold, what pairs cancel, and where there is none."""

import math

import numpy as np
import pytest

from codec.evaluation.intervals import draws, interval, interval_of, mean_interval


def test_photos_are_drawn_the_same_for_all_that_is_compared():
    assert np.array_equal(draws(24), draws(24))
    assert draws(24).shape == (10_000, 24)


def test_ratios_keep_photos_in_pairs():
    before = np.array([0.1, 0.4, 0.7, 1.0])
    low, high = interval(before)
    assert 0.1 <= low < before.mean() < high <= 1.0
    assert interval(before * 0.9, before) == pytest.approx((0.9, 0.9))


def test_an_interval_holds_the_mean_about_as_often_as_it_claims():
    # Of 200 sets of 30 photos each, 95 % should hold 0; the binomial's 1 in 10,000 point is 173.
    rng = np.random.default_rng(3)
    ends = [interval(rng.normal(size=30), resamples=500) for _ in range(200)]
    assert sum(low <= 0 <= high for low, high in ends) >= 173


@pytest.mark.parametrize("values", [[], [0.5], [1.0, math.inf]])
def test_one_photo_or_an_infinite_score_has_no_interval(values):
    assert mean_interval(values) is None


def test_a_statistic_that_often_has_no_value_has_no_interval():
    assert interval_of(lambda drawn: 1.0, 3) == (1.0, 1.0)
    assert interval_of(lambda drawn: None if drawn[0] == 0 else 1.0, 3) is None, "a third of the draws have none"
