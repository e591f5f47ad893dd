"""Quantiles and shares over runs, and how often their intervals hold the truth."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from codec.metrics import MetricInfo
from satsim.sweep.quantiles import at_least_as_good, estimate, ranks, share

DISTS = MetricInfo("dists", "DISTS", "", False, 16, ())
PSNR = MetricInfo("psnr", "PSNR", "dB", True, 1, ())


def row_of(columns, quantity, certainty=None, metrics=(DISTS, PSNR)):
    rows = estimate(columns, metrics)
    (found,) = [
        row
        for row in rows
        if row.quantity == quantity and (row.statistic == "share" if certainty is None else row.certainty == certainty)
    ]
    return found


def test_the_95_percent_value_of_1_to_100_is_95():
    assert at_least_as_good(np.arange(1.0, 101.0), 0.95).value == 95
    assert at_least_as_good(np.arange(1.0, 101.0), 0.5).value == 50


def test_a_single_run_is_its_own_quantile_and_bounds_nothing():
    found = at_least_as_good(np.array([7.0]), 0.95)
    assert found.value == 7
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_ranks_for_the_median_of_ten_are_those_of_the_tables():
    # P(2 <= Binomial(10, 1/2) < 9) = 0.9785; the next narrower, from 3, leaves 5.5 % below: David and Nagaraja, 7.1
    assert ranks(10, 0.5) == (2, 9)


@pytest.mark.parametrize("certainty", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("count", [1, 20, 100, 5000])
def test_ranks_hold_the_binomial_mass_they_promise(count, certainty):
    lower, upper = ranks(count, certainty)
    mass = [
        math.exp(
            math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
            + k * math.log(certainty) + (count - k) * math.log1p(-certainty)
        )
        for k in range(count + 1)
    ]  # fmt: skip
    assert sum(mass[lower:upper]) >= 0.95 - 1e-9
    assert sum(mass[:lower]) <= 0.025 + 1e-9
    assert sum(mass[upper:]) <= 0.025 + 1e-9


def test_never_counts_as_the_worst():
    times = np.array([10.0, math.nan, 20.0, 30.0, math.nan])
    assert row_of({"first_image_s": times}, "first_image_s", 0.5).value == 30
    assert math.isnan(row_of({"first_image_s": times}, "first_image_s", 0.75).value)
    assert row_of({"first_image_s": times}, "first_image_s").value == 0.6


def test_where_higher_is_better_95_percent_are_at_least_as_high():
    values = np.arange(1.0, 101.0)
    found = row_of({"final_psnr": values}, "final_psnr", 0.95)
    assert found.value == 6  # 95 of the 100 are 6 or more
    assert found.low <= found.value <= found.high
    assert row_of({"final_dists": values}, "final_dists", 0.95).value == 95


def test_shares_are_told_of_times_alone():
    rows = estimate({"bytes_sent": np.array([1, 2])}, [DISTS])
    assert {row.statistic for row in rows} == {"certainty"}


def test_wilsons_interval_is_that_of_the_textbook():
    # 8 of 10: Brown, Cai, DasGupta (2001) give the score interval 0.490 to 0.943
    found = share(8, 10)
    assert (round(found.low, 3), round(found.high, 3)) == (0.49, 0.943)
    assert share(0, 10).low == 0
    assert share(10, 10).high == 1


TRIALS = 2000
# An interval that holds the truth in a share c of all cases does so in c +- 4 sqrt(c (1 - c) / TRIALS) of our trials.
BOUND = 4 * math.sqrt(0.95 * 0.05 / TRIALS)


@pytest.mark.parametrize("certainty", [0.05, 0.5, 0.95])
def test_intervals_of_quantiles_hold_the_truth_as_often_as_they_claim(certainty):
    rng = np.random.default_rng(5)
    truth = NormalDist().inv_cdf(certainty)
    held = 0
    for _ in range(TRIALS):
        found = at_least_as_good(np.sort(rng.standard_normal(400)), certainty)
        held += found.low <= truth <= found.high
    # The steps between order statistics make them hold it a little more often than 95 %: by up to 1.5 % at 400 runs.
    assert 0.95 - BOUND <= held / TRIALS <= 0.965 + BOUND


def test_intervals_of_a_time_on_a_grid_of_slots_hold_it_at_least_as_often():
    # Times take few values here, so that an interval may well be a single slot: coverage can only rise.
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(TRIALS):
        found = at_least_as_good(np.sort(rng.geometric(0.8, 200) * 60.0), 0.95)
        held += found.low <= 120 <= found.high  # 0.8 come with the first, 0.96 with the second
    assert held / TRIALS >= 0.95 - BOUND


@pytest.mark.parametrize("truth", [0.1, 0.5, 0.9])
def test_intervals_of_shares_hold_the_truth_about_as_often_as_they_claim(truth):
    # Wilson's interval holds it 95 % of the time on the average over truths, 93 to 97 % at one (Brown et al., fig. 5).
    rng = np.random.default_rng(7)
    held = 0
    for came in rng.binomial(300, truth, TRIALS).tolist():
        found = share(came, 300)
        held += found.low <= truth <= found.high
    assert 0.93 - BOUND <= held / TRIALS <= 0.97 + BOUND
