"""Many runs against what can be summed by hand.

A share of n independent runs lies within 4 standard errors, 4 * sqrt(p * (1 - p) / n), of its probability p, give or
take three runs, as what is rare is Poisson; sound code misses that once in 15,000 comparisons. A quantile lies between
the true ones of 4 standard errors less and more. The seeds are fixed.
"""

from itertools import accumulate
from math import comb, inf, sqrt

import numpy as np
import pytest

from satsim.links.linkspec import LinkSpec
from satsim.scenario.scenario import TransportSpec
from satsim.scoring.rounds import round_order
from satsim.simulation.runs import show_runs
from satsim.sweep.quantiles import at_least_as_good
from satsim.sweep.quantiles import share as share_with_interval

RUNS = 20_000
FIVE = [[bytes(340)] * 5]
LOSSES = [0.1, 0.4]


def agree(hits, probability):
    """Whether the share of true `hits` lies within 4 standard errors and three runs of `probability`."""
    n = len(hits)
    return abs(np.sum(hits) - n * probability) <= 4 * sqrt(n * probability * (1 - probability)) + 3


def binomial(count, n, p):
    """Chance of `count` hits in `n` tries."""
    return comb(n, count) * p**count * (1 - p) ** (n - count)


def at_least(count, n, p):
    """Chance of `count` hits or more in `n` tries."""
    return sum(binomial(k, n, p) for k in range(count, n + 1))


def quantile(times_s, probabilities, share):
    """The first of `times_s` by which the sum of `probabilities` reaches `share`; inf where it never does."""
    reached = (time_s for time_s, total in zip(times_s, accumulate(probabilities), strict=True) if total >= share)
    return next(reached, inf)


def quantile_agrees(found_s, times_s, probabilities, share):
    """Whether the quantile of `found_s`, one a run, lies between the true ones 4 standard errors below and above."""
    bound = 4 * sqrt(share * (1 - share) / len(found_s))
    found = np.sort(found_s)[int(np.ceil(share * len(found_s))) - 1]
    return quantile(times_s, probabilities, share - bound) <= found <= quantile(times_s, probabilities, share + bound)


# Once, each message lost alone: slots at 0, 60, ... 240 s, and 5 s on the way.

LINKS = {p: LinkSpec(interval_s=60, delay_s=5, loss_ratio=p) for p in LOSSES}
SLOTS_S = [5, 65, 125, 185, 245]


@pytest.mark.parametrize("p", LOSSES)
def test_each_message_is_shown_in_one_minus_p_of_the_runs(p):
    index = show_runs(FIVE, LINKS[p], range(RUNS)).index[:, 0]
    for message in range(5):
        assert agree((index == message).any(axis=1), 1 - p)


@pytest.mark.parametrize("p", LOSSES)
def test_the_number_shown_is_binomial(p):
    shown = (show_runs(FIVE, LINKS[p], range(RUNS)).index[:, 0] >= 0).sum(axis=1)
    for count in range(6):
        assert agree(shown == count, binomial(count, 5, 1 - p))


@pytest.mark.parametrize("p", LOSSES)
def test_a_decoder_that_needs_any_one_message_waits_a_geometric_time(p):
    first_s = show_runs(FIVE, LINKS[p], range(RUNS)).time_s[:, 0, 0]
    for slot, time_s in enumerate(SLOTS_S):
        assert agree(first_s == time_s, (1 - p) * p**slot)
    assert agree(first_s == inf, p**5)


@pytest.mark.parametrize("p", LOSSES)
def test_a_decoder_that_needs_all_has_them_at_the_last_slot_or_never(p):
    last_s = show_runs(FIVE, LINKS[p], range(RUNS)).time_s[:, 0, -1]
    assert set(last_s.tolist()) == {245, inf}
    assert agree(last_s == 245, (1 - p) ** 5)


@pytest.mark.parametrize("p", LOSSES)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.75, 0.95])
def test_quantiles_of_the_time_to_two_messages(p, share):
    second_s = show_runs(FIVE, LINKS[p], range(RUNS)).time_s[:, 0, 1]
    # The second arrives in slot k where just one of the k before it does.
    probabilities = [k * (1 - p) ** 2 * p ** (k - 1) if k else 0 for k in range(5)]
    assert quantile_agrees(second_s, SLOTS_S, probabilities, share)


def test_losses_of_two_senders_are_independent():
    link = LinkSpec(interval_s=60, loss_ratio=0.4)
    none_s = show_runs(FIVE * 2, link, range(RUNS)).time_s[:, :, 0] == inf
    assert agree(none_s[:, 0] & none_s[:, 1], 0.4**10)


# Again and again


@pytest.mark.parametrize("p", LOSSES)
def test_a_carousel_has_shown_a_message_after_r_rounds_unless_all_r_were_lost(p):
    shown = show_runs(FIVE, LINKS[p], range(RUNS), transport="carousel", duration_s=900)  # 15 slots: three rounds
    for message in range(5):
        at_s = np.where(shown.index[:, 0] == message, shown.time_s[:, 0], inf).min(axis=1)
        for rounds in (1, 2, 3):
            assert agree(at_s <= 5 + 300 * (rounds - 1) + 60 * message, 1 - p**rounds)


@pytest.mark.parametrize("p", LOSSES)
def test_by_sessions_the_time_to_the_kth_message_is_negative_binomial(p):
    # Each attempt is known after 5 s and made again in the next slot: one a minute until all five are through.
    runs, attempts = 2000, range(120)
    link = LinkSpec(interval_s=60, delay_s=5, loss_ratio=p, ack={"kind": "session"})
    transport = TransportSpec(name="arq", ladder=((0, 0),), give_up_s=None)
    times_s = show_runs(FIVE, link, range(runs), transport=transport, duration_s=60.0 * len(attempts)).time_s[:, 0]
    for k in range(1, 6):
        # The k-th is through in attempt m where k - 1 of the m before it are.
        probabilities = [comb(m, k - 1) * (1 - p) ** k * p ** (m - k + 1) if m >= k - 1 else 0 for m in attempts]
        for m in range(12):
            assert agree(times_s[:, k - 1] <= 60 * m + 5, sum(probabilities[: m + 1]))
        for share in (0.05, 0.5, 0.75, 0.95):
            assert quantile_agrees(times_s[:, k - 1], [60 * m + 5 for m in attempts], probabilities, share)


# Repair packets: any five of eight will do.


@pytest.mark.parametrize("p", LOSSES)
def test_repair_packets_make_it_any_five_of_eight(p):
    transport = TransportSpec(repair_packets=3)
    order = round_order(transport, 5, 1)
    assert order == list(range(8))
    fifth_s = show_runs([[bytes(340)] * 8], LINKS[p], range(RUNS), transport=transport, order=order).time_s[:, 0, 4]
    for slot in range(4, 8):
        assert agree(fifth_s <= 5 + 60 * slot, at_least(5, slot + 1, 1 - p))
    assert agree(fifth_s == inf, 1 - at_least(5, 8, 1 - p))


# How often the intervals of a sweep hold the truth: 400 sweeps of 100 runs each, whose seeds do not meet.

SWEEPS, EACH = 400, 100
MISSED = 4 * sqrt(0.95 * 0.05 / SWEEPS)
"""An interval that holds the truth in 95% of all cases does so in 95% of our sweeps, give or take this."""


def first_times():
    """When there is a first picture, at 40% loss: one row a sweep."""
    showings = show_runs(FIVE, LINKS[0.4], range(SWEEPS * EACH))
    return showings.time_s[:, 0, 0].reshape(SWEEPS, EACH)


def test_intervals_of_the_share_that_shows_a_picture_hold_it_as_often_as_they_should():
    # A share near one has few values, so that Wilson's interval holds it not in 95% of cases, but in exactly those of
    # 98 pictures or more in 100 runs (Brown, Cai, DasGupta 2001 on such dips): 92%.
    truth = 1 - 0.4**5
    assert share_with_interval(97, EACH).high < truth < share_with_interval(98, EACH).high
    exact = at_least(98, EACH, truth)
    held = []
    for row in first_times():
        found = share_with_interval(int((row < inf).sum()), EACH)
        held.append(found.low <= truth <= found.high)
    assert abs(np.mean(held) - exact) <= 4 * sqrt(exact * (1 - exact) / SWEEPS)


@pytest.mark.parametrize("certainty", [0.5, 0.75, 0.95])
def test_intervals_of_the_time_to_a_first_picture_hold_it_at_least_as_often_as_they_claim(certainty):
    # Slots are coarse, so an interval often holds more than it claims; it must not hold less.
    truth = quantile(SLOTS_S, [0.6 * 0.4**k for k in range(5)], certainty)
    held = []
    for row in first_times():
        found = at_least_as_good(np.sort(row), certainty)
        held.append(found.low <= truth <= found.high)
    assert np.mean(held) >= 0.95 - MISSED
