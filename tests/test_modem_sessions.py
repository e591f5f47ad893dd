"""Session k of the emulated modem ends as send k of the simulator, where that does not hang on the time of sending."""

from collections import Counter
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsim.air.packets import pack, packetize
from satsim.links.linkspec import LinkSpec
from satsim.simulation.sessions import Sessions
from satsim.simulation.simulation import simulate

PAYLOADS = [bytes([k]) * 40 for k in range(50)]
MESSAGES = [pack(p) for p in packetize(PAYLOADS, codec="external", model_id=1, height=100, width=200)]
BURSTS = {"model": "gilbert_elliott", "good_to_bad": 0.2, "bad_to_good": 0.4, "loss_good": 0.05, "loss_bad": 0.9}
LINKS = {
    "as a service has it": "sbd_9603_open",
    "loss above and below": {"preset": "sbd_9603_open", "loss_ratio": 0.3, "ground_loss_ratio": 0.3},
    "bursts": {"preset": "sbd_9603_open", "loss": BURSTS},
    "bursts and single losses": {"packet_bytes": 340, "loss": BURSTS, "loss_ratio": 0.1, "ground_loss_ratio": 0.1},
    "twice": {"preset": "sbd_9603_open", "duplicate_ratio": 0.4, "loss_ratio": 0.2},
    "bit errors": {"preset": "sbd_9603_open", "bit_error_ratio": 1e-3, "duplicate_ratio": 0.3},
    "BeiDou, civil": {"preset": "bds2_civil", "loss_ratio": 0.4},
    "BeiDou, acknowledged from the ground": {"preset": "bds3_regional", "loss_ratio": 0.3},
    "the 9704's": {"preset": "imt_9704", "loss_ratio": 0.3},
    "the paper's": {"preset": "progic_ref", "loss_ratio": 0.3},
    "a delay by chance": {"packet_bytes": 340, "delay": {"model": "lognormal", "median_s": 20, "p90_s": 90}},
    "too old on arrival": {"delay": {"model": "lognormal", "median_s": 20, "p90_s": 90}, "lifetime_s": 30,
                           "duplicate_ratio": 0.5},
    "held back": {"delay_s": 3, "reorder_ratio": 0.5, "reorder_s": 100},
}  # fmt: skip


def simulated(link, seed):
    """(kinds of what becomes of it, seconds from sending to each arrival) for each send of a single round."""
    kinds = {k: Counter() for k in range(len(MESSAGES))}
    took_s = {k: [] for k in range(len(MESSAGES))}
    sent_s = {}
    for event in simulate([MESSAGES], link, seed, transport="once"):
        if event.kind == "sent":
            sent_s[event.payload_index] = event.time_s
        elif event.kind != "shown":
            kind = "damaged" if event.kind == "undetected" else event.kind
            kinds[event.payload_index][kind] += 1
            if kind in ("delivered", "duplicate", "damaged"):
                took_s[event.payload_index].append(event.time_s - sent_s[event.payload_index])
    return kinds, took_s


def emulated(link, seed, gaps_s):
    """The same of sessions held at such intervals, from what they tell and what lands."""
    sessions, now_s = Sessions(link, seed), 0.0
    kinds = {k: Counter() for k in range(len(MESSAGES))}
    took_s = {k: [] for k in range(len(MESSAGES))}
    for k, message in enumerate(MESSAGES):
        now_s += gaps_s[k]
        attempt = sessions.send(now_s, k, message)
        assert attempt.in_contact
        if not attempt.taken or attempt.lost_below:
            kinds[k]["lost"] += 1
        if attempt.late:
            kinds[k]["late"] += 1 + attempt.twice
        if attempt.twice:
            kinds[k]["copied"] += 1
    for each in sessions.landed(1e9):
        k = each.number
        took_s[k].append(each.time_s - each.sent_s)
        if each.message != MESSAGES[k]:
            kinds[k]["damaged"] += 1
        else:
            kinds[k]["duplicate" if kinds[k]["delivered"] else "delivered"] += 1
    assert sessions.next_s == inf
    return kinds, took_s


@pytest.mark.parametrize("name", LINKS)
def test_a_session_ends_as_the_send_of_that_number(name):
    link = LinkSpec.model_validate(LINKS[name])
    for seed in range(5):
        expected, expected_s = simulated(link, seed)
        for gaps_s in ([7.0] * 50, np.random.default_rng(seed).uniform(0.1, 300, 50)):
            kinds, took_s = emulated(link, seed, gaps_s)
            assert kinds == expected
            for k in kinds:
                assert took_s[k] == pytest.approx(expected_s[k], abs=1e-5)


IN_TIME = {
    "under trees": {"preset": "sbd_9603_canopy"},
    "in passes": {"preset": "sbd_9603_open", "windows": {"model": "periodic", "period_s": 900, "open_s": 200},
                  "loss_ratio": 0.3},
    "in chance's passes": {"preset": "orbcomm_globalgram", "loss_ratio": 0.3},
    "on a road": {"loss": {"model": "lutz", "environment": "city", "elevation_deg": 20, "speed_kmh": 40}},
}  # fmt: skip


@pytest.mark.parametrize("name", IN_TIME)
def test_what_hangs_on_the_time_is_the_same_too_where_messages_leave_when_the_simulators_do(name):
    link = LinkSpec.model_validate(IN_TIME[name])
    for seed in range(5):
        expected, expected_s = simulated(link, seed)
        events = simulate([MESSAGES], link, seed, transport="once")
        sent_s = [event.time_s for event in events if event.kind == "sent"]
        assert sum(kinds["lost"] for kinds in expected.values()) > 0
        kinds, took_s = emulated(link, seed, np.diff(sent_s, prepend=0))
        assert kinds == expected
        for k in kinds:
            assert took_s[k] == pytest.approx(expected_s[k], abs=1e-5)


RATIO = st.sampled_from([0, 0.1, 0.5, 1])
LOSSES = st.sampled_from([None, BURSTS, BURSTS | {"start": "bad"}, BURSTS | {"bad_to_good": 1, "loss_good": 1}])


@given(
    link=st.fixed_dictionaries({
        "loss_ratio": RATIO, "ground_loss_ratio": RATIO, "duplicate_ratio": RATIO, "loss": LOSSES,
        "bit_error_ratio": st.sampled_from([0, 1e-4, 1e-2]), "delay_s": st.sampled_from([0, 3]),
        "delay_s_per_byte": st.sampled_from([0, 0.01]), "lifetime_s": st.sampled_from([None, 3.2]),
    }),
    seed=st.integers(0, 2**32),
)  # fmt: skip
@settings(max_examples=60)
def test_any_link_whose_losses_do_not_hang_on_the_time_fares_the_same(link, seed):
    link = LinkSpec.model_validate(link)
    expected, expected_s = simulated(link, seed)
    kinds, took_s = emulated(link, seed, np.random.default_rng(seed).uniform(0, 50, 50))
    assert kinds == expected
    for k in kinds:
        assert took_s[k] == pytest.approx(expected_s[k], abs=1e-5)


def test_the_cases_above_meet_every_fate():
    """A comparison of fates that never occur would show nothing."""
    met = Counter()
    for link in LINKS.values():
        kinds, _ = simulated(LinkSpec.model_validate(link), 0)
        met += sum(kinds.values(), Counter())
    assert set(met) == {"lost", "late", "copied", "delivered", "duplicate", "damaged"}


@pytest.mark.parametrize("name", ["loss above and below", "bursts", "twice"])
def test_a_host_that_repeats_what_failed_needs_as_many_sessions_as_the_simulator(name):
    """Acknowledgements included: one in a hundred, and here one in five, is misheard."""
    link = LinkSpec.model_validate(LINKS[name])
    link = link.model_copy(update={"ack": link.ack.model_copy(update={"false_negative_ratio": 0.2})})
    for seed in range(5):
        transport = {"name": "arq", "give_up_s": None}
        events = simulate([MESSAGES], link, seed, transport=transport, duration_s=1e6)
        expected = [event.payload_index for event in events if event.kind == "sent"]
        sessions, now_s, tried = Sessions(link, seed), 0.0, []
        for k, message in enumerate(MESSAGES):
            heard = False
            while not heard:
                now_s += 20.0
                tried.append(k)
                heard = sessions.send(now_s, k, message).heard
        assert tried == expected
        assert len(tried) > len(MESSAGES)


def test_out_of_contact_nothing_is_drawn_so_that_the_next_send_in_contact_is_the_next_of_the_simulator():
    windows = {"model": "list", "open_s": [(100.0, 1e6)]}
    link = LinkSpec.model_validate({"loss_ratio": 0.5, "packet_bytes": 340, "windows": windows})
    expected, _ = simulated(link, 3)
    sessions = Sessions(link, 3)
    for time_s in (0.0, 50.0, 99.0):
        assert not sessions.in_contact(time_s)
        assert not sessions.send(time_s, 0, MESSAGES[0]).in_contact
    taken = [sessions.send(100.0 + k, k, message).taken for k, message in enumerate(MESSAGES)]
    assert taken == [expected[k]["lost"] == 0 for k in range(len(MESSAGES))]


def test_mailbox_checks_meet_losses_too_and_leave_those_of_messages_as_they_are():
    link = LinkSpec(loss_ratio=0.5, packet_bytes=340)
    expected, _ = simulated(link, 8)
    sessions, checks = Sessions(link, 8), []
    for k, message in enumerate(MESSAGES):
        checks.append(sessions.check(60.0 * k).taken)
        assert sessions.send(60.0 * k + 30, k, message).taken == (expected[k]["lost"] == 0)
    assert 10 < sum(checks) < 40  # of 50 at one half: five standard deviations are 18


def test_a_session_takes_the_delay_of_the_link_without_its_chance():
    iridium = Sessions(LinkSpec.model_validate("sbd_9603_open"), 0)
    assert iridium.session_s(340) == pytest.approx(5 + 340 * 0.0076530612)
    assert Sessions(LinkSpec.model_validate("bds3_regional"), 0).session_s(340) == 4.0 + 4.0  # and word from the ground
    stored = LinkSpec.model_validate({"delay_s": 900, "ack": {"kind": "satellite", "delay_s": 2}})
    assert Sessions(stored, 0).session_s(340) == 2.0


def test_blind_copies_of_the_terminal_land_later_and_are_waited_for():
    link = LinkSpec.model_validate({"copies": {"count": 3, "gap_s": [10, 10]}, "packet_bytes": 340})
    sessions = Sessions(link, 0)
    sessions.send(5.0, 1, MESSAGES[0])
    assert [(each.time_s, each.number) for each in sessions.landed(5.0)] == [(5.0, 1)]
    assert sessions.next_s == 15.0
    assert [each.time_s for each in sessions.landed(30.0)] == [15.0, 25.0]
    assert sessions.next_s == inf
