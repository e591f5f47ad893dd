"""What is sent in which slot: the order of a round, and how rounds go on."""

from collections import Counter
from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsim.links.linkspec import LinkSpec
from satsim.scenario.scenario import TransportSpec
from satsim.scoring.rounds import interleave, repair_plan, round_order
from satsim.simulation.simulation import simulate

SESSION = {"kind": "session"}


def go(link, count=1, senders=1, order=None, duration_s=10_000.0, seed=1, **transport):
    """Events of `count` messages from each sender."""
    messages = [[b"message %d" % k for k in range(count)] for _ in range(senders)]
    spec = TransportSpec(**{"name": "arq", **transport})
    return simulate(messages, LinkSpec(**link), seed, transport=spec, order=order, duration_s=duration_s)


def rows(events, kind):
    """(time, message) of all rows of a kind."""
    return [(event.time_s, event.payload_index) for event in events if event.kind == kind]


def sent_gaps(events, sender):
    return [b - a for a, b in pairwise(e.time_s for e in events if e.kind == "sent" and e.sender == sender)]


@pytest.fixture
def fates(tmp_path):
    """A loss model under which message after message meets the fates of a word: x is lost."""

    def trace(word):
        path = tmp_path / "trace.csv"
        path.write_text("lost\n" + "".join(f"{int(letter == 'x')}\n" for letter in word))
        return {"model": "trace", "path": path}

    return trace


# Rounds


def test_by_itself_a_round_is_stage_after_stage():
    assert round_order(TransportSpec(), stages=3, per_stage=2) == [0, 1, 2, 3, 4, 5]


def test_copies_of_the_first_stage_follow_at_once():
    assert round_order(TransportSpec(base_copies=3), stages=3, per_stage=2) == [0, 1, 0, 1, 0, 1, 2, 3, 4, 5]


def test_copies_of_the_first_stage_are_spread_one_after_each_later_stage():
    spec = TransportSpec(base_copies=3, base_spread=True)
    assert round_order(spec, stages=4, per_stage=1) == [0, 1, 0, 2, 0, 3]
    assert round_order(spec, stages=2, per_stage=1) == [0, 1, 0, 0], "the rest at the end"
    assert round_order(spec, stages=1, per_stage=2) == [0, 1, 0, 1, 0, 1]


def test_repair_packets_follow_what_they_cover_and_are_numbered_on():
    spec = TransportSpec(repair_by_stage=(2, 0, 1), repair_packets=1)
    assert repair_plan(spec, stages=4, per_stage=2) == [(2, 2), (6, 1), (8, 1)]
    assert round_order(spec, stages=4, per_stage=2) == [0, 1, 8, 9, 2, 3, 4, 5, 10, 6, 7, 11]


def test_repair_packets_of_the_last_stage_and_of_the_round_add_up():
    spec = TransportSpec(repair_by_stage=(0, 2), repair_packets=3)
    assert repair_plan(spec, stages=2, per_stage=1) == [(2, 5)]
    assert round_order(spec, stages=2, per_stage=1) == [0, 1, 2, 3, 4, 5, 6]


def test_copies_follow_the_repair_packets_of_the_first_stage():
    spec = TransportSpec(base_copies=2, repair_by_stage=(1,))
    assert round_order(spec, stages=2, per_stage=1) == [0, 2, 0, 1]


def test_interleaving_writes_rows_and_reads_columns():
    assert interleave(list(range(6)), 1) == [0, 1, 2, 3, 4, 5]
    assert interleave(list(range(6)), 2) == [0, 2, 4, 1, 3, 5]
    assert interleave(list(range(7)), 3) == [0, 3, 6, 1, 4, 2, 5]
    assert interleave(list(range(3)), 100) == [0, 1, 2]


def test_interleaving_stays_within_a_stage_and_holds_for_copies_too():
    spec = TransportSpec(interleave=2, base_copies=2)
    assert round_order(spec, stages=2, per_stage=4) == [0, 2, 1, 3, 0, 2, 1, 3, 4, 6, 5, 7]


@given(
    st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.booleans(), st.integers(1, 8),
    st.lists(st.integers(0, 3), max_size=7), st.integers(0, 3),
)  # fmt: skip
def test_a_round_has_each_message_once_and_the_first_stage_as_often_as_asked(
    stages, per_stage, base_copies, base_spread, depth, by_stage, repair_packets
):
    spec = TransportSpec(
        base_copies=base_copies, base_spread=base_spread, interleave=depth, repair_by_stage=tuple(by_stage),
        repair_packets=repair_packets,
    )  # fmt: skip
    order = round_order(spec, stages, per_stage)
    count = stages * per_stage + sum(by_stage[:stages]) + repair_packets
    assert Counter(order) == {k: base_copies if k < per_stage else 1 for k in range(count)}
    number = stages * per_stage
    for covered, wanted in repair_plan(spec, stages, per_stage):
        for _ in range(wanted):
            assert all(order.index(k) < order.index(number) for k in range(covered))
            number += 1


def test_a_transport_sends_in_the_order_of_the_round():
    for name in ("once", "carousel", "arq"):
        events = go({"interval_s": 1, "ack": SESSION}, count=3, order=[2, 0, 2, 1], name=name, duration_s=4)
        assert rows(events, "sent") == [(0, 2), (1, 0), (2, 2), (3, 1)]


def test_a_carousel_begins_the_round_again():
    assert rows(go({"interval_s": 1}, count=2, name="carousel", duration_s=5), "sent") == [
        (0, 0),
        (1, 1),
        (2, 0),
        (3, 1),
        (4, 0),
    ]


# One message at a time, by sessions


def test_without_acknowledgements_arq_is_once():
    link = {"loss_ratio": 0.4}
    assert go(link, count=30, name="arq") == go(link, count=30, name="once")


def test_a_failed_message_is_sent_again_before_the_next(fates):
    events = go({"interval_s": 10, "ack": SESSION, "loss": fates("xxoxo")}, count=2, ladder=((3, 3),))
    assert rows(events, "sent") == [(0, 0), (10, 0), (20, 0), (30, 1), (40, 1)]
    assert rows(events, "acknowledged") == [(20, 0), (40, 1)]


def test_a_retry_may_come_sooner_than_the_next_slot(fates):
    link = {"interval_s": 40, "retry_interval_s": 10, "delay_s": 2, "ack": SESSION, "loss": fates("xxoo")}
    events = go(link, count=2, ladder=((3, 3), (20, 20)))
    # Failure at 2, and 10 s have to pass since 0; failure at 12 and 20 s later; then the next slot, 40 s after that.
    assert rows(events, "sent") == [(0, 0), (10, 0), (32, 0), (72, 1)]


def test_the_next_message_waits_for_the_session_to_end():
    events = go({"interval_s": 10, "delay_s": 25, "ack": SESSION}, count=3)
    assert rows(events, "sent") == [(0, 0), (25, 1), (50, 2)]
    assert rows(events, "delivered") == rows(events, "acknowledged") == [(25, 0), (50, 1), (75, 2)]


def test_the_standard_ladder_waits_up_to_5_5_30_30_and_then_180_seconds():
    n = 400
    link = {"interval_s": 60, "retry_interval_s": 0.001, "ack": SESSION, "loss_ratio": 1}
    events = go(link, senders=n, give_up_s=None, duration_s=500)
    gaps = [sent_gaps(events, sender) for sender in range(n)]
    for k, longest in enumerate([5, 5, 30, 30]):
        waits = [gap[k] for gap in gaps]
        assert 0 <= min(waits) < 0.1 * longest < 0.9 * longest < max(waits) <= longest
        # A uniform number up to L has mean L / 2 and standard deviation L / sqrt(12); 4 of those of the mean.
        assert abs(sum(waits) / n - longest / 2) <= 4 * longest / sqrt(12 * n)
    assert {round(wait, 6) for gap in gaps for wait in gap[4:]} == {180}


def test_the_retry_interval_is_a_floor_under_the_ladder():
    link = {"interval_s": 60, "retry_interval_s": 10, "ack": SESSION, "loss_ratio": 1}
    gaps = sent_gaps(go(link, give_up_s=None, duration_s=400), sender=0)
    assert gaps[:2] == [10, 10]
    assert 10 <= min(gaps[2:4]) <= max(gaps[2:4]) <= 30


def test_a_message_that_fails_for_too_long_goes_behind_all_others_and_comes_back(fates):
    # After failures at 0, 10 and 20 the next try would be at 30, more than 25 s after the first.
    link = {"interval_s": 10, "ack": SESSION, "loss": fates("xxxooo")}
    events = go(link, count=3, ladder=((10, 10),), give_up_s=25)
    assert rows(events, "sent") == [(0, 0), (10, 0), (20, 0), (30, 1), (40, 2), (50, 0)]
    assert rows(events, "gave_up") == [(20, 0)]
    assert rows(events, "acknowledged") == [(30, 1), (40, 2), (50, 0)]


def test_who_never_gives_up_holds_up_all_others(fates):
    link = {"interval_s": 10, "ack": SESSION, "loss": fates("x" * 50 + "oo")}
    events = go(link, count=2, ladder=((10, 10),), give_up_s=None)
    assert [index for _, index in rows(events, "sent")] == [0] * 51 + [1]
    assert rows(events, "gave_up") == []


def test_attempts_until_ten_messages_are_through_are_negative_binomial():
    # k successes at loss p take k / (1 - p) attempts with variance k p / (1 - p)^2; 4 standard deviations of the mean
    # of n runs, and of the share of runs without any failure, which has probability (1 - p)^k.
    n, k, p = 200, 10, 0.2
    events = go({"interval_s": 1, "ack": SESSION, "loss_ratio": p}, count=k, senders=n, ladder=((0, 0),))
    attempts = Counter(event.sender for event in events if event.kind == "sent")
    assert Counter(event.sender for event in events if event.kind == "acknowledged") == dict.fromkeys(range(n), k)
    assert abs(attempts.total() / n - k / (1 - p)) <= 4 * sqrt(k * p) / (1 - p) / sqrt(n)
    flawless = sum(count == k for count in attempts.values())
    chance = (1 - p) ** k
    assert abs(flawless - n * chance) <= 4 * sqrt(n * chance * (1 - chance))
    # Attempts follow each other, so the last acknowledgement is as many seconds in as there were attempts, less one.
    assert max(attempts.values()) - 1 == max(time_s for time_s, _ in rows(events, "acknowledged"))


def test_false_negatives_make_duplicates():
    # Every attempt gets through, and is repeated with chance r: n messages make n r / (1 - r) duplicates on average,
    # with variance n r / (1 - r)^2; 4 standard deviations.
    n, r = 1500, 0.1
    events = go({"interval_s": 1, "ack": {**SESSION, "false_negative_ratio": r}}, count=n, ladder=((0, 0),))
    duplicates = len(rows(events, "duplicate"))
    assert abs(duplicates - n * r / (1 - r)) <= 4 * sqrt(n * r) / (1 - r)
    assert duplicates == len(rows(events, "sent")) - n
    assert len(rows(events, "acknowledged")) == len(rows(events, "delivered")) == n


# Many messages under way


def test_new_messages_go_on_while_words_are_under_way():
    link = {"interval_s": 1, "delay_s": 2, "ack": {"kind": "end", "delay_s": 3}}
    events = go(link, count=20)
    assert rows(events, "sent") == [(k, k) for k in range(20)]
    assert rows(events, "acknowledged") == [(k + 5, k) for k in range(20)]


def test_a_retry_goes_before_new_messages(fates):
    # Silence counts as failure after 2 * 2 + 3 + 1 = 8 s.
    link = {"interval_s": 1, "delay_s": 2, "ack": {"kind": "end", "delay_s": 3}, "loss": fates("x" + "o" * 19)}
    sent = rows(go(link, count=12, ladder=((0, 0),)), "sent")
    assert sent == [*((k, k) for k in range(8)), (8, 0), *((k + 1, k) for k in range(8, 12))]


def test_of_two_retries_the_one_due_first_goes_first(fates):
    # Failures are known 5 s after sending. 0 fails at 0 and 10 and is due again 100 s after the second failure, at 115;
    # 1 fails at 20 and is due 1 s after that is known, but an interval after its first attempt: at 30.
    link = {"interval_s": 10, "ack": {"kind": "end", "timeout_s": 5}, "loss": fates("xxxoo")}
    events = go(link, count=2, ladder=((1, 1), (100, 100)))
    assert rows(events, "sent") == [(0, 0), (10, 0), (20, 1), (30, 1), (115, 0)]


def test_a_retry_keeps_the_retry_interval_and_leaves_its_slots_to_others(fates):
    link = {"interval_s": 1, "retry_interval_s": 4, "ack": {"kind": "satellite"}, "loss": fates("xxxooooo")}
    events = go(link, count=3, ladder=((0, 0),))
    assert rows(events, "sent") == [(0, 0), (1, 1), (2, 2), (4, 0), (5, 1), (6, 2)]


def test_a_late_word_stops_retries():
    # Silence is taken for failure at 3 and a retry due at 13; the word comes after all at 4.
    link = {"interval_s": 1, "delay_s": 4, "ack": {"kind": "end", "timeout_s": 3}}
    events = go(link, count=2, ladder=((10, 10),))
    assert rows(events, "sent") == [(0, 0), (1, 1)]
    assert rows(events, "acknowledged") == [(4, 0), (5, 1)]


def test_a_word_that_comes_while_a_retry_waits_for_its_slot_calls_it_off():
    # Silence is taken for failure at 3, the next slot is at 10, and the word comes at 4.
    link = {"interval_s": 10, "retry_interval_s": 1, "delay_s": 4, "ack": {"kind": "end", "timeout_s": 3}}
    events = go(link, ladder=((0, 0),))
    assert rows(events, "sent") == [(0, 0)]
    assert rows(events, "acknowledged") == [(4, 0)]


def test_of_two_words_on_one_message_the_second_says_nothing_new():
    # Sent at 0 and, after silence until 3 and a wait of 10, at 13; the words come at 20 and 33.
    link = {"interval_s": 1, "delay_s": 20, "ack": {"kind": "end", "timeout_s": 3}}
    events = go(link, ladder=((10, 10),))
    assert rows(events, "sent") == [(0, 0), (13, 0)]
    assert rows(events, "delivered") == rows(events, "acknowledged") == [(20, 0)]
    assert rows(events, "duplicate") == [(33, 0)]


def test_given_up_with_words_under_way_a_message_comes_back_after_all_others(fates):
    # After the second failure, known at 11, the next try would be at 16, more than 12 s after the first.
    link = {"interval_s": 10, "ack": {"kind": "satellite", "delay_s": 1}, "loss": fates("xxoooo")}
    events = go(link, count=3, ladder=((5, 5),), give_up_s=12)
    assert rows(events, "gave_up") == [(11, 0)]
    assert rows(events, "sent") == [(0, 0), (10, 0), (20, 1), (30, 2), (40, 0)]


def test_a_satellite_knows_nothing_of_the_ground():
    link = {"interval_s": 1, "ground_loss_ratio": 1}
    events = go({**link, "ack": {"kind": "satellite", "delay_s": 9}}, count=4)
    assert rows(events, "acknowledged") == [(k + 9, k) for k in range(4)]
    assert rows(events, "delivered") == []
    events = go({**link, "ack": {"kind": "end"}}, count=4, duration_s=200)
    assert rows(events, "acknowledged") == []
    assert len(rows(events, "sent")) > 4, "from end to end they are tried again"


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(["session", "satellite", "end"]),
    loss_ratio=st.floats(0, 0.6),
    delay_s=st.sampled_from([0, 3, 25.5]),
    false_negative_ratio=st.sampled_from([0, 0.3]),
    give_up_s=st.sampled_from([None, 20]),
)
def test_arq_delivers_everything_and_lets_be_what_is_acknowledged(
    seed, kind, loss_ratio, delay_s, false_negative_ratio, give_up_s
):
    ack = {"kind": kind, "delay_s": 0 if kind == "session" else 2, "false_negative_ratio": false_negative_ratio}
    link = {"interval_s": 5, "delay_s": delay_s, "loss_ratio": loss_ratio, "ack": ack}
    events = go(link, count=6, seed=seed, ladder=((0, 5), (0, 20)), give_up_s=give_up_s)
    heard = {index: time_s for time_s, index in rows(events, "acknowledged")}
    assert len(rows(events, "acknowledged")) == 6, "each once"
    assert set(heard) == {index for _, index in rows(events, "delivered")} == set(range(6))
    assert all(time_s <= heard[index] for time_s, index in rows(events, "sent"))
