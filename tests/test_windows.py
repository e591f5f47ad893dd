"""When there is contact. Where chance decides, the bound is four standard deviations of what is estimated."""

from math import inf, sqrt
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from satsim.links import linkspec
from satsim.links.windows import WINDOW_MODELS, make_windows

LIST = {"model": "list", "open_s": [[10, 20], [50, 60.5]]}
PERIODIC = {"model": "periodic", "period_s": 100, "open_s": 30, "first_s": 40}
RANDOM = {"model": "periodic", "period_s": 100, "open_s": 30}
RENEWAL = {"model": "renewal", "mean_open_s": 30, "mean_closed_s": 70}
CHECK = TypeAdapter(linkspec.Windows)


def windows(spec, seed=1):
    return make_windows(CHECK.validate_python(spec), np.random.default_rng(seed))


def finder(spec, seed=1):
    """From a time to the window that contains it, or else the next: (start, end), the start not before zero."""
    checked = CHECK.validate_python(spec)
    find = WINDOW_MODELS[checked.model](checked, np.random.default_rng(seed), None)
    return lambda time_s: (max(0.0, find(time_s).open_s), find(time_s).close_s)


def first(spec, count, seed=1):
    """(start, end) of the first windows."""
    find, found, time_s = finder(spec, seed), [], 0.0
    for _ in range(count):
        found.append(find(time_s))
        time_s = found[-1][1]
    return found


def in_contact(contact, time_s):
    return contact.next_open(time_s) == time_s


def test_without_windows_there_is_always_contact():
    contact = make_windows(None, np.random.default_rng(1))
    assert [contact.next_open(0), contact.next_open(5e9)] == [0, 5e9]


class TestListed:
    @pytest.mark.parametrize(
        ("time_s", "next_open_s", "opened_s", "closes_s"),
        [
            (0, 10, 10, 20),  # before contact all three speak of the next
            (10, 10, 10, 20),  # the start belongs to it
            (19.9, 19.9, 10, 20),
            (20, 50, 50, 60.5),  # the end does not
            (60.5, inf, inf, inf),
        ],
    )
    def test_windows_hold_their_start_and_not_their_end(self, time_s, next_open_s, opened_s, closes_s):
        contact = windows(LIST)
        assert contact.next_open(time_s) == next_open_s
        assert finder(LIST)(time_s) == (opened_s, closes_s)


class TestPeriodic:
    def test_windows_follow_a_period_apart_from_the_first_on(self):
        assert first(PERIODIC, 3) == [(40, 70), (140, 170), (240, 270)]

    def test_the_billionth_is_where_its_number_puts_it(self):
        assert windows(PERIODIC).next_open(1e11 + 75) == 1e11 + 140

    def test_there_is_none_before_a_first_that_is_given(self):
        assert first(PERIODIC | {"first_s": 250}, 1) == [(250, 280)]

    def test_open_for_the_whole_period_is_open_for_ever(self):
        assert first(PERIODIC | {"open_s": 100}, 1) == [(40, inf)]
        assert first(RANDOM | {"open_s": 100}, 1) == [(0, inf)]

    def test_a_random_first_is_anywhere_in_the_period_also_amid_a_window(self):
        # The share that begins in contact is 30 of 100 (binomial); the others wait for a uniform 0 .. 70.
        starts = [windows(RANDOM, seed).next_open(0) for seed in range(2000)]
        waits = [start for start in starts if start > 0]
        assert abs(1 - len(waits) / 2000 - 0.3) <= 4 * sqrt(0.21 / 2000)
        assert abs(np.mean(waits) - 35) <= 4 * 70 / sqrt(12 * len(waits))
        assert max(waits) < 70

    def test_a_window_that_is_on_at_the_start_ends_early_and_counts_from_zero(self):
        seed = next(seed for seed in range(50) if in_contact(windows(RANDOM, seed), 0))
        (opens_s, closes_s), (next_s, _) = first(RANDOM, 2, seed)
        assert opens_s == 0
        assert 0 < closes_s < 30
        assert next_s == pytest.approx(closes_s + 70)


class TestRenewal:
    def test_stays_have_their_means(self):
        found = np.array(first(RENEWAL, 4000))
        opens, closed = found[:, 1] - found[:, 0], found[1:, 0] - found[:-1, 1]
        assert abs(opens.mean() - 30) <= 4 * 30 / sqrt(len(opens))  # an exponential law spreads like its mean
        assert abs(closed.mean() - 70) <= 4 * 70 / sqrt(len(closed))

    @pytest.mark.parametrize("time_s", [0, 5, 1000])
    def test_the_share_of_contact_is_the_same_at_every_time(self, time_s):
        share = np.mean([in_contact(windows(RENEWAL, seed), time_s) for seed in range(1000)])
        assert abs(share - 0.3) <= 4 * sqrt(0.21 / 1000)  # binomial


MODELS = st.sampled_from([LIST, PERIODIC, RANDOM, RENEWAL])


class TestEveryModel:
    @settings(max_examples=60)
    @given(spec=MODELS, times=st.lists(st.floats(0, 2000), max_size=10), seed=st.integers(0, 2**32))
    def test_the_next_contact_is_contact_and_ends_later(self, spec, times, seed):
        contact, find = windows(spec, seed), finder(spec, seed)
        for time_s in times:
            open_s = contact.next_open(time_s)
            assert open_s >= time_s
            assert contact.next_open(open_s) == open_s
            assert open_s == inf or find(open_s)[0] <= open_s < find(open_s)[1]

    @settings(max_examples=60)
    @given(spec=MODELS, times=st.lists(st.floats(0, 2000), max_size=10), seed=st.integers(0, 2**32))
    def test_questions_in_any_order_get_the_same_answers(self, spec, times, seed):
        asked, sorted_ = windows(spec, seed), windows(spec, seed)
        answers = {time_s: sorted_.next_open(time_s) for time_s in sorted(times)}
        assert [asked.next_open(time_s) for time_s in times] == [answers[time_s] for time_s in times]

    @pytest.mark.parametrize("spec", [RANDOM, RENEWAL], ids=lambda spec: spec["model"])
    def test_the_story_is_the_same_again_and_another_with_another_seed(self, spec):
        assert first(spec, 20, seed=3) == first(spec, 20, seed=3)
        assert first(spec, 20, seed=3) != first(spec, 20, seed=4)


def test_every_window_model_of_a_link_exists():
    models = get_args(get_args(linkspec.Windows)[0])
    assert set(WINDOW_MODELS) == {get_args(each.model_fields["model"].annotation)[0] for each in models}
