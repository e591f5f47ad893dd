"""The story of one image on one link, on paper."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsim.packets import packetize
from satsim.scenario import LinkSpec
from satsim.simulation import Event, simulate

MINUTE = LinkSpec(interval_s=60, delay_s=0, loss_ratio=0)


def packets_of(count):
    return packetize([b"payload"] * count, codec="external", model_id=1, height=100, width=200)


def times(events, kind):
    return [event.time_s for event in events if event.kind == kind]


def slots(events, kind):
    return {event.slot for event in events if event.kind == kind}


def test_ten_packets_a_minute_apart_finish_after_nine_minutes(ten_packets):
    events = simulate(ten_packets, LinkSpec(interval_s=60, delay_s=0, loss_ratio=0), seed=1)
    assert events[-1].time_s == 540
    assert times(events, "sent") == times(events, "shown") == [60 * k for k in range(10)]


def test_one_packet_without_delay_is_sent_delivered_and_shown_at_zero():
    assert simulate(packets_of(1), MINUTE, seed=1) == [
        Event(0, "sent", 0, 0, 27, 0),
        Event(0, "delivered", 0, 0, 27, 0),
        Event(0, "shown", 0, 0, 27, 0),
    ]


def test_a_run_is_half_open(ten_packets):
    assert times(simulate(ten_packets, MINUTE, seed=1, duration_s=120), "sent") == [0, 60]
    assert times(simulate(ten_packets, MINUTE, seed=1, duration_s=120.001), "sent") == [0, 60, 120]


def test_what_is_under_way_when_time_is_up_does_not_arrive(ten_packets):
    events = simulate(ten_packets, LinkSpec(interval_s=60, delay_s=90), seed=1, duration_s=180)
    assert times(events, "sent") == [0, 60, 120]
    assert times(events, "shown") == [90, 150]


def test_delay_shifts_arrivals_and_not_slots(ten_packets):
    events = simulate(ten_packets, LinkSpec(interval_s=60, delay_s=7.5), seed=1)
    assert times(events, "sent") == [60 * k for k in range(10)]
    assert times(events, "delivered") == times(events, "shown") == [60 * k + 7.5 for k in range(10)]


def test_encoding_puts_off_the_first_slot_and_decoding_each_picture(ten_packets):
    events = simulate(ten_packets, LinkSpec(interval_s=60, delay_s=1, encode_s=3, decode_s=2), seed=1)
    assert times(events, "sent")[:3] == [3, 63, 123]
    assert times(events, "delivered")[:3] == [4, 64, 124]
    assert times(events, "shown")[:3] == [6, 66, 126]


def test_a_slow_decoder_queues_messages_but_they_arrive_on_time():
    events = simulate(packets_of(3), LinkSpec(interval_s=10, decode_s=25), seed=1)
    assert times(events, "delivered") == [0, 10, 20]
    assert times(events, "shown") == [25, 50, 75]


def test_slots_are_computed_from_their_number_and_not_summed():
    events = simulate(packets_of(1001), LinkSpec(interval_s=0.1), seed=1)
    assert times(events, "sent")[1000] == pytest.approx(100, abs=1e-12)


def test_events_come_in_order_of_time(ten_packets):
    events = simulate(ten_packets, LinkSpec(interval_s=10, delay_s=33, decode_s=4, loss_ratio=0.3), seed=4)
    assert times(events, "sent")
    assert [event.time_s for event in events] == sorted(event.time_s for event in events)


def test_the_picture_was_taken_at_zero_also_for_a_repetition():
    events = simulate(packets_of(2), LinkSpec(interval_s=10, encode_s=5), seed=1, transport="carousel", duration_s=100)
    assert {event.created_s for event in events} == {0.0}


def test_messages_count_their_header(ten_packets):
    assert {event.message_bytes for event in simulate(ten_packets, MINUTE, seed=1)} == {23}


def test_a_seed_tells_the_same_story_twice_and_another_seed_another():
    link = LinkSpec(loss_ratio=0.5)
    assert simulate(packets_of(50), link, seed=1) == simulate(packets_of(50), link, seed=1)
    assert simulate(packets_of(50), link, seed=1) != simulate(packets_of(50), link, seed=2)


@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_loss_under_the_same_seed_only_adds_losses(seed, one, other):
    less, more = sorted([one, other])
    lost = [slots(simulate(packets_of(20), LinkSpec(loss_ratio=p), seed), "lost") for p in (less, more)]
    assert lost[0] <= lost[1]


def test_losses_do_not_depend_on_transport_or_delay():
    once = simulate(packets_of(12), LinkSpec(loss_ratio=0.4), seed=9, duration_s=720)
    round_and_round = simulate(
        packets_of(4), LinkSpec(loss_ratio=0.4, delay_s=300, decode_s=40), seed=9, transport="carousel", duration_s=720
    )
    assert slots(once, "lost") == slots(round_and_round, "lost") != set()


def test_a_lost_message_is_sent_and_lost_and_nothing_more():
    events = simulate(packets_of(30), LinkSpec(loss_ratio=0.5), seed=1)
    for slot in slots(events, "lost"):
        assert [event.kind for event in events if event.slot == slot] == ["sent", "lost"]
    assert slots(events, "lost") | slots(events, "shown") == set(range(30))
    assert not slots(events, "lost") & slots(events, "shown")


def test_mean_loss_lies_within_four_standard_deviations_of_the_binomial():
    # 200 runs of 50 packets: n = 10000 independent losses; a chance of 1 in 15000 to lie further off.
    n, p = 200 * 50, 0.2
    lost = sum(len(slots(simulate(packets_of(50), LinkSpec(loss_ratio=p), seed), "lost")) for seed in range(200))
    assert abs(lost - n * p) <= 4 * sqrt(n * p * (1 - p))


def test_a_carousel_fills_the_holes():
    link = LinkSpec(interval_s=10, loss_ratio=0.5)
    once = simulate(packets_of(8), link, seed=3, duration_s=1000)
    carousel = simulate(packets_of(8), link, seed=3, transport="carousel", duration_s=1000)
    assert {event.payload_index for event in once if event.kind == "shown"} < set(range(8))
    assert {event.payload_index for event in carousel if event.kind == "shown"} == set(range(8))
    assert len(times(carousel, "sent")) == 100


def test_what_comes_by_again_is_a_duplicate_and_not_shown_again():
    events = simulate(packets_of(2), LinkSpec(interval_s=10), seed=1, transport="carousel", duration_s=50)
    assert [(e.time_s, e.kind, e.payload_index) for e in events if e.kind != "sent"] == [
        (0, "delivered", 0),
        (0, "shown", 0),
        (10, "delivered", 1),
        (10, "shown", 1),
        (20, "duplicate", 0),
        (30, "duplicate", 1),
        (40, "duplicate", 0),
    ]


def test_a_carousel_without_an_end_is_refused(ten_packets):
    with pytest.raises(ValueError, match="never ends"):
        simulate(ten_packets, MINUTE, seed=1, transport="carousel")
