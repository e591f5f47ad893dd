"""What becomes of one message between two ends."""

from math import sqrt

import numpy as np
import pytest
import simpy

from satsim.links.linkspec import LinkSpec
from satsim.simulation.events import Log
from satsim.simulation.simulation import CONCERNS
from satsim.simulation.terminal import Link

MESSAGE = b"ten bytes."
BURSTS = {"model": "gilbert_elliott", "good_to_bad": 0.2, "bad_to_good": 0.3}


class Run:
    """`count` messages put a second apart, and what came of them."""

    def __init__(self, count=1, seed=1, in_contact=lambda: True, **link):
        self.env = simpy.Environment()
        self.log = Log()
        self.landings = []
        children = np.random.SeedSequence(seed).spawn(len(CONCERNS))
        chance = {concern: np.random.default_rng(child) for concern, child in zip(CONCERNS, children, strict=True)}
        self.link = Link(self.env, LinkSpec(**link), chance, self.log, self.landings)
        self.fates = []
        self.env.process(self.put(count, in_contact))
        self.env.run()

    def put(self, count, in_contact):
        for slot in range(count):
            sent = self.log.sent(self.env.now, slot, slot, len(MESSAGE), 0.0, 0)
            self.fates.append(self.link.put(sent, MESSAGE))
            if self.link.copies:
                self.env.process(self.link.repeat(sent, MESSAGE, in_contact))
            yield self.env.timeout(1)

    def rows(self, kind):
        return [(row.time_s, row.slot) for row in self.log.rows if row.kind == kind]

    def lost(self):
        return {row.slot for row in self.log.rows if row.kind == "lost"}


def test_a_message_lands_after_the_delay_as_it_was_sent():
    run = Run(2, delay_s=2.5)
    assert [(time_s, sent.slot, message) for time_s, sent, message, _ in run.landings] == [
        (2.5, 0, MESSAGE),
        (3.5, 1, MESSAGE),
    ]
    assert run.fates == [(True, 2.5), (True, 3.5)]


def test_each_byte_takes_its_time():
    assert Run(delay_s=1, delay_s_per_byte=0.25).fates == [(True, 1 + 10 * 0.25)]


def test_a_lost_message_has_a_row_at_once_and_never_lands():
    run = Run(3, loss_ratio=1, delay_s=5)
    assert run.rows("lost") == [(0, 0), (1, 1), (2, 2)]
    assert run.landings == []
    assert run.fates == [(False, None)] * 3


def test_what_is_lost_on_the_ground_was_heard_by_the_satellite():
    run = Run(3, ground_loss_ratio=1)
    assert run.rows("lost") == [(0, 0), (1, 1), (2, 2)]
    assert run.landings == []
    assert run.fates == [(True, None)] * 3


def test_a_message_older_than_its_lifetime_expires_when_that_is_over():
    run = Run(delay_s=10, lifetime_s=9)
    assert [(time_s, message) for time_s, _, message, _ in run.landings] == [(9, None)]
    assert run.fates == [(True, None)]
    assert Run(delay_s=10, lifetime_s=10).fates == [(True, 10)], "just in time"


def test_a_duplicate_lands_with_the_first_and_is_marked():
    run = Run(duplicate_ratio=1, delay_s=3)
    assert [(time_s, copy) for time_s, _, _, copy in run.landings] == [(3, False), (3, True)]


def test_nothing_that_is_lost_or_expires_is_doubled():
    assert Run(duplicate_ratio=1, loss_ratio=1).landings == []
    assert len(Run(duplicate_ratio=1, delay_s=2, lifetime_s=1).landings) == 1


def test_with_every_bit_in_error_all_are_inverted_and_the_sender_may_not_count_on_it():
    run = Run(bit_error_ratio=1)
    assert run.landings[0][2] == bytes(255 - byte for byte in MESSAGE)
    assert run.fates == [(True, None)]


def test_copies_follow_one_another_at_gaps_between_the_given():
    run = Run(copies={"count": 3, "gap_s": [10, 20]}, delay_s=100)
    first, second = (time_s for time_s, _ in run.rows("copied"))
    assert 10 <= first <= 20
    assert 10 <= second - first <= 20
    assert [time_s for time_s, *_ in run.landings] == [100, first + 100, second + 100]
    assert {sent.slot for _, sent, *_ in run.landings} == {0}


def test_a_copy_out_of_contact_is_lost():
    run = Run(copies={"count": 3, "gap_s": [10, 10]}, in_contact=lambda: False)
    assert run.rows("copied") == run.rows("lost") == [(10, 0), (20, 0)]
    assert [time_s for time_s, *_ in run.landings] == [0], "the message itself went in contact"


def test_each_copy_has_a_fate_of_its_own():
    # One of three arrives with 1 - 0.5 ** 3 = 0.875; 4 standard deviations of the binomial: a chance of 1 in 15000.
    n, p = 1000, 0.875
    run = Run(n, copies={"count": 3, "gap_s": [1, 2]}, loss_ratio=0.5)
    assert len(run.rows("copied")) == 2 * n
    through = len({sent.slot for _, sent, *_ in run.landings})
    assert abs(through - n * p) <= 4 * sqrt(n * p * (1 - p))


def test_a_message_must_survive_bursts_and_independent_loss():
    alone = Run(500, loss_ratio=0.3).lost()
    bursts = Run(500, loss=BURSTS).lost()
    assert alone
    assert bursts
    assert Run(500, loss_ratio=0.3, loss=BURSTS).lost() == alone | bursts


@pytest.mark.parametrize(
    "other",
    [
        {"delay": {"model": "lognormal", "median_s": 5, "p90_s": 50}},
        {"reorder_ratio": 0.5, "reorder_s": 30},
        {"duplicate_ratio": 0.5},
        {"bit_error_ratio": 0.01},
        {"lifetime_s": 1, "delay_s": 2},
        {"poll_s": 300},
    ],
    ids=lambda other: next(iter(other)),
)
def test_no_other_concern_changes_which_messages_are_lost(other):
    link = {"loss_ratio": 0.2, "loss": BURSTS, "ground_loss_ratio": 0.2}
    assert Run(100, **link, **other).lost() == Run(100, **link).lost() != set()


def test_a_message_lost_draws_its_delay_and_damage_all_the_same():
    link = {
        "delay": {"model": "lognormal", "median_s": 5, "p90_s": 50},
        "duplicate_ratio": 0.5,
        "bit_error_ratio": 0.01,
    }
    whole = {(sent.slot, copy): (time_s, message) for time_s, sent, message, copy in Run(100, **link).landings}
    holes = Run(100, **link, loss_ratio=0.5, ground_loss_ratio=0.2)
    left = {(sent.slot, copy): (time_s, message) for time_s, sent, message, copy in holes.landings}
    assert 0 < len(left) < len(whole)
    assert left == {key: landing for key, landing in whole.items() if key[0] not in holes.lost()}
