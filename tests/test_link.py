"""What becomes of a message between two ends."""

import itertools
from math import sqrt

import numpy as np
import pytest
import simpy

from satsim.link import LOSS_MODELS, Link, independent
from satsim.scenario import LinkSpec


def carry(spec, slots, seed=1):
    """(arrival time, slot) of messages put one a second."""
    env = simpy.Environment()
    link = Link(env, spec, np.random.default_rng(seed))
    arrivals = []

    def put():
        for slot in range(slots):
            link.put(slot, b"message")
            yield env.timeout(1)

    def note():
        while True:
            slot, message = yield link.inbox.get()
            assert message == b"message"
            arrivals.append((env.now, slot))

    env.process(put())
    env.process(note())
    env.run()
    return arrivals


def test_without_loss_every_message_arrives_after_the_delay():
    assert carry(LinkSpec(delay_s=2.5), 3) == [(2.5, 0), (3.5, 1), (4.5, 2)]


def test_messages_may_be_under_way_at_once():
    assert carry(LinkSpec(delay_s=100), 2) == [(100, 0), (101, 1)]


def test_at_a_loss_of_one_nothing_arrives():
    assert carry(LinkSpec(loss_ratio=1), 20) == []


def test_put_says_whether_the_message_is_lost():
    link = Link(simpy.Environment(), LinkSpec(loss_ratio=0.5), np.random.default_rng(3))
    fates = [link.put(slot, b"m") for slot in range(50)]
    assert set(fates) == {True, False}


def test_losses_are_one_uniform_draw_a_message():
    draws = np.random.default_rng(8).random(100)
    losses = itertools.islice(independent(LinkSpec(loss_ratio=0.3), np.random.default_rng(8)), 100)
    assert list(losses) == (draws < 0.3).tolist()


@pytest.mark.parametrize("loss_ratio", [0.05, 0.3, 0.9])
def test_mean_loss_lies_within_four_standard_deviations_of_the_binomial(loss_ratio):
    # n independent losses have mean n p and standard deviation sqrt(n p (1 - p)); 4 of them is a chance of 1 in 15000.
    n = 20_000
    lost = sum(itertools.islice(independent(LinkSpec(loss_ratio=loss_ratio), np.random.default_rng(5)), n))
    assert abs(lost - n * loss_ratio) <= 4 * sqrt(n * loss_ratio * (1 - loss_ratio))


def test_every_loss_model_of_a_scenario_exists():
    assert set(LOSS_MODELS) == set(LinkSpec.model_fields["loss_model"].annotation.__args__)
