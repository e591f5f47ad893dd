"""When a sender may send, and what it hears."""

from dataclasses import dataclass

import numpy as np
import pytest
import simpy

from satsim.links.linkspec import LinkSpec
from satsim.simulation.channel import SCHEDULES, Channel
from satsim.simulation.events import Log
from satsim.simulation.simulation import CONCERNS
from satsim.simulation.terminal import Link, Terminal

MESSAGE = b"ten bytes."


def make_terminal(link, **options):
    env = simpy.Environment()
    spec = LinkSpec(**link)
    log = Log()
    children = np.random.SeedSequence(1).spawn(len(CONCERNS))
    chance = {concern: np.random.default_rng(child) for concern, child in zip(CONCERNS, children, strict=True)}
    return Terminal(env, spec, Link(env, spec, chance, log, []), log, [MESSAGE], chance, **options)


def sent_times(waits, *, until=1000, retry=False, options=(), **link):
    """Times at which a sender sends who lets so many seconds pass before it asks for each slot."""
    terminal = make_terminal(link, **dict(options))

    def sender():
        for k, wait_s in enumerate(waits):
            if not (retry and k):
                yield terminal.env.timeout(wait_s)
            yield terminal.retry(wait_s) if retry and k else terminal.slot()
            terminal.send(0)

    terminal.env.process(sender())
    terminal.env.run(until)
    return [row.time_s for row in terminal.log.rows if row.kind == "sent"]


def words(**link):
    """(when, whether it got through) of each word that the sender of one message at 0 hears."""
    terminal = make_terminal(link)
    heard = []
    for word in terminal.send(0):
        word.callbacks.append(lambda word: heard.append((terminal.env.now, word.value[0])))
    terminal.env.run()
    return heard


def test_slots_lie_an_interval_apart_from_zero():
    assert sent_times([0] * 4, interval_s=10) == [0, 10, 20, 30]


def test_the_first_slot_comes_after_the_picture_and_its_coding():
    assert sent_times([0, 0], interval_s=10, encode_s=3, options={"created_s": 100.0}) == [103, 113]


def test_a_sender_that_comes_late_sends_at_once_and_counts_anew():
    assert sent_times([0, 25, 0, 4], interval_s=10) == [0, 25, 35, 45]


def test_slots_fall_into_contact():
    windows = {"model": "list", "open_s": [[5, 26], [100, 105], [112, 200]]}
    assert sent_times([0] * 6, interval_s=10, windows=windows) == [5, 15, 25, 100, 112, 122]


def test_after_the_last_contact_nothing_is_sent():
    assert sent_times([0] * 6, interval_s=10, windows={"model": "list", "open_s": [[0, 15]]}) == [0, 10]


def test_the_radio_is_busy_while_a_message_leaves():
    assert sent_times([0] * 3, interval_s=10, delay_s_per_byte=2.5) == [0, 25, 50]
    assert sent_times([0] * 3, interval_s=10, delay_s=25) == [0, 10, 20], "what only travels leaves room for others"


def test_a_retry_waits_for_its_gap_its_interval_and_the_radio():
    assert sent_times([0, 7, 1], retry=True, interval_s=60, retry_interval_s=5) == [0, 7, 12]
    assert sent_times([0, 7, 1], retry=True, interval_s=60) == [0, 60, 120]
    assert sent_times([0, 7], retry=True, interval_s=60, retry_interval_s=5, delay_s_per_byte=2) == [0, 20]


def test_a_retry_falls_into_contact():
    windows = {"model": "list", "open_s": [[0, 5], [90, 100]]}
    assert sent_times([0, 7], retry=True, interval_s=60, retry_interval_s=5, windows=windows) == [0, 90]


def test_without_acknowledgements_nothing_is_heard():
    assert words() == []


@pytest.mark.parametrize(
    ("link", "heard"),
    [
        ({"ack": {"kind": "session"}}, (3, True)),
        ({"ack": {"kind": "session"}, "loss_ratio": 1}, (3, False)),
        ({"ack": {"kind": "session"}, "ground_loss_ratio": 1}, (3, True)),
        ({"ack": {"kind": "satellite", "delay_s": 7}}, (7, True)),
        ({"ack": {"kind": "satellite", "delay_s": 7}, "loss_ratio": 1}, (7, False)),
        ({"ack": {"kind": "satellite", "delay_s": 7}, "ground_loss_ratio": 1}, (7, True)),
        ({"ack": {"kind": "satellite", "delay_s": 7}, "lifetime_s": 1}, (7, True)),
        ({"ack": {"kind": "end", "delay_s": 7}}, (3 + 7, True)),
        ({"ack": {"kind": "end", "delay_s": 7}, "loss_ratio": 1}, (2 * 3 + 7 + 1, False)),
        ({"ack": {"kind": "end", "delay_s": 7}, "ground_loss_ratio": 1}, (2 * 3 + 7 + 1, False)),
        ({"ack": {"kind": "end", "delay_s": 7}, "lifetime_s": 1}, (2 * 3 + 7 + 1, False)),
        ({"ack": {"kind": "end", "delay_s": 7}, "bit_error_ratio": 1}, (2 * 3 + 7 + 1, False)),
        ({"ack": {"kind": "end", "delay_s": 7, "timeout_s": 50}, "loss_ratio": 1}, (50, False)),
        ({"ack": {"kind": "end", "delay_s": 7, "timeout_s": 10}}, (10, True)),
    ],
    ids=str,
)
def test_the_one_word_on_a_message_that_takes_three_seconds(link, heard):
    assert words(delay_s=1, delay_s_per_byte=0.2, **link) == [heard]


def test_a_word_after_the_timeout_comes_on_top_of_the_silence():
    assert words(delay_s=3, ack={"kind": "end", "delay_s": 7, "timeout_s": 9}) == [(9, False), (10, True)]


@pytest.mark.parametrize(("kind", "when_s"), [("session", 3), ("satellite", 7), ("end", 2 * 3 + 7 + 1)])
def test_a_false_negative_sounds_like_failure(kind, when_s):
    delay_s = 0 if kind == "session" else 7
    assert words(delay_s=3, ack={"kind": kind, "delay_s": delay_s, "false_negative_ratio": 1}) == [(when_s, False)]


def test_a_loss_does_not_change_which_other_words_are_misheard():
    heard = []
    for loss_ratio in (0, 0.5):
        terminal = make_terminal({"loss_ratio": loss_ratio, "ack": {"kind": "session", "false_negative_ratio": 0.5}})
        heard.append([terminal.send(0)[0].value[0] for _ in range(100)])
    lost = {row.slot for row in terminal.log.rows if row.kind == "lost"}
    without, with_loss = heard
    assert 0 < sum(with_loss) < sum(without) < 100
    assert with_loss == [through and slot not in lost for slot, through in enumerate(without)]


@dataclass
class Asker:
    """As much of a terminal as a channel asks about."""

    sender: int
    sent: int = 0
    opens_s: float = 0.0
    closes_s: float = np.inf

    def next_contact_s(self, time_s):
        return np.inf if time_s >= self.closes_s else max(time_s, self.opens_s)


def granted(schedule, *asked, slot_s=10.0):
    """(slot's time, sender) in order of time, for (time of asking, seconds from then on ready, asker)."""
    env = simpy.Environment()
    channel = Channel(env, slot_s, schedule)
    got = []

    def ask(at_s, ready_s, asker):
        yield env.timeout(at_s)
        yield channel.grant(asker, ready_s)
        asker.sent += 1
        got.append((env.now, asker.sender))

    for at_s, ready_s, asker in asked:
        env.process(ask(at_s, ready_s, asker))
    env.run(1000)
    return got


@pytest.mark.parametrize(
    ("schedule", "order"),
    [("first_come", [2, 0, 1]), ("round_robin", [0, 1, 2]), ("first_previews", [1, 2, 0]), ("whole_photos", [0, 2, 1])],
)
def test_three_that_wait_are_served_in_the_order_of_the_schedule(schedule, order):
    # 2 asks first, then 0, then 1; before, 0 has sent five messages, 2 four and 1 three.
    askers = (1, 1, Asker(2, sent=4)), (2, 2, Asker(0, sent=5)), (3, 3, Asker(1, sent=3))
    assert granted(schedule, *askers) == list(zip([10, 20, 30], order, strict=True))


def test_round_robin_goes_on_after_the_one_served_last():
    early = (0, 0, Asker(1))
    late = [(5, 5, Asker(0)), (5, 5, Asker(1)), (5, 5, Asker(2))]
    assert granted("round_robin", early, *late) == [(0, 1), (10, 2), (20, 0), (30, 1)]


def test_who_is_ready_first_waits_longest_also_if_it_asked_later():
    assert granted("first_come", (0, 9, Asker(0)), (5, 5, Asker(1))) == [(10, 1), (20, 0)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_nobody_is_served_before_it_is_ready(schedule):
    assert granted(schedule, (0, 31, Asker(0)), (0, 5, Asker(1))) == [(10, 1), (40, 0)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_who_becomes_ready_with_a_slot_may_have_it(schedule):
    assert granted(schedule, (0, 10, Asker(0)), (0, 10, Asker(1))) == [(10, 0), (20, 1)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_sender_out_of_contact_does_not_block_the_channel(schedule):
    askers = (0, 0, Asker(0, opens_s=35)), (0, 0, Asker(1)), (1, 1, Asker(2, closes_s=5))
    assert granted(schedule, *askers) == [(0, 1), (40, 0)]


def test_a_channel_on_which_contact_is_over_for_good_comes_to_rest():
    env = simpy.Environment()
    channel = Channel(env, 10.0, "first_come")
    never = channel.grant(Asker(0, closes_s=0), 0.0)
    env.run()
    assert not never.triggered
    assert env.now == 0


def test_a_slot_that_nobody_used_is_gone():
    assert granted("first_come", (0, 0, Asker(0)), (20.5, 20.5, Asker(1)), (20.5, 20.5, Asker(2))) == [
        (0, 0),
        (30, 1),
        (40, 2),
    ]


def test_slots_of_a_channel_are_computed_from_their_number_and_not_summed():
    asked = [(0, 0, Asker(k)) for k in range(101)]
    assert granted("first_come", *asked, slot_s=0.1)[-1][0] == pytest.approx(10, abs=1e-12)
