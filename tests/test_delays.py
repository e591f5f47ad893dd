"""How long messages take. Where chance decides, the bound is four standard deviations of what is estimated."""

from math import inf, sqrt
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsim.links import linkspec
from satsim.links.delays import DELAY_MODELS, make_delay
from satsim.links.linkspec import LinkSpec
from satsim.links.losses import make_loss
from satsim.simulation.acks import constant_delay_s

MYRIOTA = {
    "model": "lognormal",
    "median_s": 4 * 3600,
    "p90_s": 8 * 3600,
    "larger": [
        {"from_bytes": 400, "median_s": 6 * 3600, "p90_s": 12 * 3600},
        {"from_bytes": 800, "median_s": 9 * 3600, "p90_s": 24 * 3600},
    ],
}


def delays(count=1, seed=1, message_bytes=100, interval_s=60.0, **link):
    """The delays of messages sent one each interval from 0 on."""
    delay_s = make_delay(LinkSpec(**link), np.random.default_rng(seed))
    return [delay_s(k * interval_s, message_bytes) for k in range(count)]


def share_within(values, limit):
    return sum(value <= limit for value in values) / len(values)


class TestConstant:
    def test_without_a_delay_messages_arrive_as_they_leave(self):
        assert delays(3) == [0, 0, 0]

    def test_the_part_by_length_adds_to_the_constant(self):
        # Iridium SBD: 5 s and 15 s for 1960 bytes, so 340 bytes take 7.6 s.
        assert delays(delay_s=5, delay_s_per_byte=15 / 1960, message_bytes=340) == [pytest.approx(7.602, abs=0.0005)]

    def test_the_constant_part_leaves_chance_and_polling_out(self):
        link = LinkSpec(delay_s=5, delay_s_per_byte=0.1, delay=MYRIOTA, reorder_ratio=1, reorder_s=9, poll_s=300)
        assert constant_delay_s(link, 50) == 10


class TestLognormal:
    @pytest.mark.parametrize(
        ("message_bytes", "median_h", "p90_h"),
        [(30, 4, 8), (399, 4, 8), (400, 6, 12), (799, 6, 12), (800, 9, 24), (1500, 9, 24)],
    )
    def test_half_arrive_by_the_median_and_nine_in_ten_by_p90(self, message_bytes, median_h, p90_h):
        values = delays(10_000, delay=MYRIOTA, message_bytes=message_bytes)
        assert abs(share_within(values, median_h * 3600) - 0.5) <= 4 * sqrt(0.25 / 10_000)  # binomial
        assert abs(share_within(values, p90_h * 3600) - 0.9) <= 4 * sqrt(0.09 / 10_000)

    def test_p90_at_the_median_leaves_no_chance(self):
        assert delays(5, delay={"model": "lognormal", "median_s": 7, "p90_s": 7}) == [7] * 5

    def test_it_comes_on_top_of_the_constant(self):
        late = delays(50, delay=MYRIOTA, delay_s=100)
        assert late == pytest.approx([100 + value for value in delays(50, delay=MYRIOTA)])


class TestWaitForPass:
    PASS = {"model": "wait_for_pass", "windows": {"model": "list", "open_s": [[100, 200], [400, 401]]}}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("sent_s", "delay_s"), [(40, 60), (100, 0), (199.5, 0), (200, 200), (399, 1), (401, inf), (9999, inf)]
    )
    def test_a_message_waits_for_the_next_contact(self, sent_s, delay_s):
        delay = make_delay(LinkSpec(delay=self.PASS), np.random.default_rng(1))
        assert delay(sent_s, 100) == delay_s

    def test_then_it_takes_the_constant_delay(self):
        assert delays(2, delay=self.PASS, delay_s=10) == [110, 50]

    def test_what_never_arrives_is_never_polled(self):
        assert delays(10, delay=self.PASS, poll_s=300)[-1] == inf

    def test_passes_at_random_times_are_waited_for_half_a_period_on_average(self):
        # Contact of 1 s each 1000 s: waits are uniform in 0 .. 999 but for one in a thousand; deviation 999/sqrt(12).
        passes = {"model": "periodic", "period_s": 1000, "open_s": 1}
        waits = [delays(seed=k, delay={"model": "wait_for_pass", "windows": passes})[0] for k in range(500)]
        assert abs(np.mean(waits) - 0.999 * 999 / 2) <= 4 * 999 / sqrt(12 * 500)


class TestHoldBack:
    def test_a_share_is_held_back_for_a_uniform_time(self):
        values = delays(10_000, reorder_ratio=0.2, reorder_s=30)
        held = [value for value in values if value]
        assert abs(len(held) / 10_000 - 0.2) <= 4 * sqrt(0.16 / 10_000)  # binomial
        assert abs(np.mean(held) - 15) <= 4 * 30 / sqrt(12 * len(held))  # of a uniform law
        assert max(held) < 30

    @settings(max_examples=40)
    @given(st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted), st.integers(0, 2**32))
    def test_a_higher_share_only_holds_back_more_messages(self, ratio, seed):
        fewer, more = (delays(30, seed, reorder_ratio=each, reorder_s=30) for each in ratio)
        assert all(late in (0, later) for late, later in zip(fewer, more, strict=True))

    def test_it_leaves_the_other_delays_as_they_were(self):
        assert delays(50, delay=MYRIOTA, reorder_ratio=1e-300, reorder_s=9) == delays(50, delay=MYRIOTA)


class TestPolling:
    @pytest.mark.parametrize(
        ("sent_s", "delay_s", "arrives_s"), [(0, 0, 0), (0, 10, 300), (60, 240, 300), (60, 240.5, 600), (290, 20, 600)]
    )
    def test_messages_are_seen_at_the_next_look(self, sent_s, delay_s, arrives_s):
        delay = make_delay(LinkSpec(delay_s=delay_s, poll_s=300), np.random.default_rng(1))
        assert sent_s + delay(sent_s, 100) == pytest.approx(arrives_s)

    def test_a_sum_of_floats_is_not_late_by_its_last_digit(self):
        delay = make_delay(LinkSpec(delay_s=0.2, poll_s=0.1), np.random.default_rng(1))
        assert 0.1 + 0.2 > 0.3
        assert delay(0.1, 100) == pytest.approx(0.2)

    @given(st.floats(0, 1e6), st.floats(0, 1e4), st.floats(0.1, 1e4))
    def test_a_look_is_never_before_the_arrival_and_less_than_a_period_after(self, sent_s, delay_s, poll_s):
        seen_s = make_delay(LinkSpec(delay_s=delay_s, poll_s=poll_s), np.random.default_rng(1))(sent_s, 100)
        assert -1e-6 <= seen_s - delay_s <= poll_s + 1e-6
        assert seen_s >= 0


class TestRecordedDelays:
    @pytest.fixture
    def link(self, tmp_path):
        path = tmp_path / "trace.csv"
        path.write_text("sent_s,arrived_s\n0,4\n60,\n120,121\n")
        return LinkSpec(loss={"model": "trace", "path": path}, delay_s=50, delay=MYRIOTA, reorder_ratio=1, reorder_s=9)

    def fates(self, link, count):
        lost = make_loss(link, np.random.default_rng(1))
        delay_s = make_delay(link, np.random.default_rng(2), lost)
        return [(lost(60.0 * k), delay_s(60.0 * k, 100)) for k in range(count)]

    def test_loss_and_delay_of_a_message_come_from_one_row_in_place_of_other_delays(self, link):
        assert self.fates(link, 4) == [(False, 4), (True, inf), (False, 1), (False, 4)]

    def test_polling_comes_on_top(self, link):
        assert self.fates(link.model_copy(update={"poll_s": 50}), 3) == [(False, 50), (True, inf), (False, 30)]

    def test_a_record_without_arrivals_leaves_delays_to_the_link(self, tmp_path):
        path = tmp_path / "trace.csv"
        path.write_text("lost\n0\n1\n")
        assert self.fates(LinkSpec(loss={"model": "trace", "path": path}, delay_s=3), 2) == [(False, 3), (True, 3)]

    def test_the_replay_cannot_be_forgotten(self, link):
        with pytest.raises(TypeError, match="give make_delay the loss model of the same link"):
            make_delay(link, np.random.default_rng(1))


def test_the_story_is_the_same_again_and_another_with_another_seed():
    link = {"delay": MYRIOTA, "reorder_ratio": 0.5, "reorder_s": 60, "poll_s": 5}
    assert delays(100, 3, **link) == delays(100, 3, **link)
    assert delays(100, 3, **link) != delays(100, 4, **link)


def test_every_delay_model_of_a_link_exists():
    models = get_args(get_args(linkspec.OurDelay)[0])
    assert set(DELAY_MODELS) == {get_args(each.model_fields["model"].annotation)[0] for each in models}
