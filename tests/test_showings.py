"""Many runs at once: the table says what the events say, bit for bit; and a few runs by hand."""

from collections import Counter
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsim.links.costs import costs
from satsim.links.draws import child
from satsim.links.linkspec import LinkSpec
from satsim.scenario.scenario import SendersSpec, TransportSpec
from satsim.scoring.rounds import round_order
from satsim.simulation.channel import SCHEDULES
from satsim.simulation.events import blank
from satsim.simulation.fates import draw
from satsim.simulation.runs import show_runs
from satsim.simulation.simulation import simulate
from satsim.simulation.table import fill_by_table, why_no_table

TEN = [[bytes(100)] * 10]
ONCE, ARQ = TransportSpec(), TransportSpec(name="arq")


def same(one, other):
    """Whether two showings hold the same numbers; NaN is NaN."""
    assert one.counts.keys() == other.counts.keys()
    assert one.bill.keys() == other.bill.keys()
    pairs = [(one.time_s, other.time_s), (one.index, other.index), (one.bytes_sent, other.bytes_sent)]
    pairs += [(one.counts[kind], other.counts[kind]) for kind in one.counts]
    assert all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)
    assert all(np.array_equal(one.bill[item], other.bill[item], equal_nan=True) for item in one.bill)
    return True


def both(messages, link, seeds, **options):
    """Showings by table, after a check that those by events are the same."""
    by_table = show_runs(messages, link, seeds, engine="table", **options)
    by_events = show_runs(messages, link, seeds, engine="events", **options)
    assert (by_table.engine, by_events.engine) == ("table", "events")
    assert same(by_table, by_events)
    return by_table


# By hand


def test_three_messages_a_minute_apart_are_on_the_screen_a_minute_apart():
    shown = both([[b"one", b"two", b"three"]], LinkSpec(interval_s=60, delay_s=5), range(2))
    assert shown.time_s.tolist() == [[[5, 65, 125]]] * 2
    assert shown.index.tolist() == [[[0, 1, 2]]] * 2
    assert shown.counts["sent"].tolist() == shown.counts["delivered"].tolist() == [3, 3]
    assert shown.bytes_sent.tolist() == [11, 11]


def test_what_is_not_there_in_time_is_not_shown():
    shown = both([[b"one", b"two", b"three"]], LinkSpec(interval_s=60, delay_s=70), [1], duration_s=130)
    assert shown.time_s.tolist() == [[[70, np.inf, np.inf]]]
    assert shown.index.tolist() == [[[0, -1, -1]]]
    assert {kind: counts.tolist() for kind, counts in shown.counts.items() if counts.any()} == {
        "sent": [3],
        "delivered": [1],
        "in_flight": [2],
    }


def test_what_is_decoded_when_time_is_up_is_not_shown():
    shown = both([[b"one", b"two"]], LinkSpec(interval_s=10, decode_s=5), [1], duration_s=15)
    assert shown.time_s.tolist() == [[[5, np.inf]]]
    assert shown.counts["delivered"].tolist() == [2]


def test_nothing_is_shown_where_all_is_lost():
    shown = both(TEN, LinkSpec(loss_ratio=1), range(5))
    assert np.isinf(shown.time_s).all()
    assert (shown.index == -1).all()
    assert shown.counts["lost"].tolist() == [10] * 5


def test_one_receiver_decodes_for_all_senders_one_message_after_the_other():
    # Two senders, both at 0 and 10; each decoding takes 4 s.
    shown = both([[b"a", b"b"]] * 2, LinkSpec(interval_s=10, decode_s=4), [1], senders=SendersSpec(count=2))
    assert shown.time_s.tolist() == [[[4, 14], [8, 18]]]


def test_a_carousel_shows_each_message_once_and_counts_the_others_as_duplicates():
    shown = both([[b"a", b"b"]], LinkSpec(interval_s=10), [1], transport="carousel", duration_s=50)
    assert shown.time_s.tolist() == [[[0, 10]]]
    assert (shown.counts["sent"], shown.counts["delivered"], shown.counts["duplicate"]) == (5, 2, 3)


def test_the_order_of_sending_is_the_order_on_the_screen():
    shown = both([[b"a", b"b", b"c"]], LinkSpec(interval_s=10), [1], order=[2, 0, 0, 1])
    assert shown.index.tolist() == [[[2, 0, 1]]]
    assert shown.time_s.tolist() == [[[0, 10, 30]]]


def test_a_message_that_expires_is_late():
    shown = both([[bytes(1), bytes(9)]], LinkSpec(interval_s=10, delay_s_per_byte=1, lifetime_s=5), range(3))
    assert shown.index.tolist() == [[[0, -1]]] * 3
    assert shown.counts["late"].tolist() == [1, 1, 1]


def test_a_carousel_and_a_single_round_meet_the_same_losses():
    link = LinkSpec(interval_s=10, loss_ratio=0.5)
    once, carousel = (show_runs(TEN, link, range(50), transport=name, duration_s=100) for name in ("once", "carousel"))
    assert same(once, carousel)


def test_a_run_is_that_of_its_seed_whichever_others_are_made():
    link = LinkSpec(loss_ratio=0.5)
    many, few = show_runs(TEN, link, range(100)), show_runs(TEN, link, [70, 3])
    assert np.array_equal(many.time_s[[70, 3]], few.time_s)


def test_runs_are_the_same_in_blocks_of_three():
    link = LinkSpec(loss_ratio=0.5, duplicate_ratio=0.5, cost={"price_per_message": 0.1})
    blocks = blank(TEN, 20, "table")
    fill_by_table(blocks, TEN, link, range(20), ONCE, None, inf, None, largest=30)
    assert same(blocks, show_runs(TEN, link, range(20)))


@pytest.mark.parametrize("count", [1, 16, 17, 20_000])  # the last is too much to be remembered
def test_a_column_has_the_numbers_that_the_run_of_one_seed_draws(count):
    numbers = draw(range(40), 7, count)
    assert numbers.shape == (count, 40)
    for seed in (0, 39):
        assert np.array_equal(numbers[:, seed], child(seed, 7).random(count))


def test_no_runs_and_no_messages_are_empty_tables():
    assert both(TEN, LinkSpec(loss_ratio=0.5), []).time_s.shape == (0, 1, 10)
    for loss in LOSSES:
        assert both([[]], LinkSpec(loss_ratio=0.5, loss=loss), [1, 2]).time_s.shape == (2, 1, 0)


def test_the_bill_is_that_of_each_run():
    cost = {"credit_bytes": 30, "price_per_credit": 0.07, "price_per_message": 0.013, "failed_free": True}
    link = LinkSpec(loss_ratio=0.4, cost=cost | {"joules_per_message": 3.3})
    messages = [[bytes(size) for size in (10, 30, 31, 90, 91)]]
    shown = both(messages, link, range(40))
    for run in range(40):
        bill = costs(simulate(messages, link, run), link.cost)
        assert bill["price"] == shown.bill["price"][run]
        assert bill["credits"] == shown.bill["credits"][run]
    assert len(set(shown.bill["price"].tolist())) > 5


def test_what_is_not_known_of_a_bill_is_no_number():
    bill = both(TEN, LinkSpec(), [1]).bill
    assert bill["messages"] == [10]
    assert all(np.isnan(bill[item]).all() for item in ("credits", "price", "energy_j"))


def test_runs_with_acknowledgements_are_those_of_the_simulation():
    link = LinkSpec(interval_s=10, loss_ratio=0.4, ack={"kind": "session"}, cost={"price_per_message": 0.5})
    shown = show_runs(TEN, link, range(5), transport="arq", duration_s=200)
    assert shown.engine == "events"
    for run in range(5):
        events = simulate(TEN, link, run, transport="arq", duration_s=200)
        seen = [(event.time_s, event.payload_index) for event in events if event.kind == "shown"]
        count = len(seen)
        assert list(zip(shown.time_s[run, 0], shown.index[run, 0], strict=True))[:count] == seen
        assert (shown.index[run, 0, count:] == -1).all()
        kinds = Counter(event.kind for event in events)
        assert {kind: counts[run] for kind, counts in shown.counts.items()} == {k: kinds[k] for k in shown.counts}
        assert shown.bill["price"][run] == 0.5 * kinds["sent"]


# Every link for which there is a table

LOSSES = [
    {"model": "gilbert_elliott", "good_to_bad": 0.2, "bad_to_good": 0.4, "loss_good": 0.1, "loss_bad": 0.9},
    {"model": "gilbert_elliott", "good_to_bad": 0.3, "bad_to_good": 0.3, "start": "bad"},
    {"model": "gilbert_elliott", "good_to_bad": 0.3, "bad_to_good": 0.3, "start": "good"},
    {"model": "two_state", "mean_good_s": 20, "mean_bad_s": 10, "loss_good": 0.1, "loss_bad": 0.9},
    {"model": "lutz", "environment": "city", "elevation_deg": 30, "speed_kmh": 5, "loss_good": 0.1},
    {"model": "blockage", "environment": "urban", "elevation_deg": 40, "loss_clear": 0.2},
    {"model": "blockage", "environment": "dense_urban", "elevation_deg": 33, "move_every_s": 15, "loss_blocked": 0.8},
]
PASSES = {"model": "periodic", "period_s": 50, "open_s": 20, "first_s": 3}
LISTED = {"model": "list", "open_s": [[1, 30], [42, 43], [70, 100]]}
LINKS = st.fixed_dictionaries(
    {
        "interval_s": st.sampled_from([0.1, 3, 10]),
        "windows": st.sampled_from([None, None, PASSES, LISTED]),
        "delay_s": st.sampled_from([0, 0.3, 12.5]),
        "delay_s_per_byte": st.sampled_from([0, 0.01, 0.2]),
        "delay": st.sampled_from([None, None, {"model": "wait_for_pass", "windows": LISTED}]),
        "poll_s": st.sampled_from([0, 0, 15]),
        "lifetime_s": st.sampled_from([None, None, 5, 20]),
        "loss_ratio": st.one_of(st.just(0), st.floats(0, 1)),
        "loss": st.sampled_from([None, *LOSSES]),
        "ground_loss_ratio": st.sampled_from([0, 0.3]),
        "duplicate_ratio": st.sampled_from([0, 0.5]),
        "ack": st.sampled_from([{}, {"kind": "end", "false_negative_ratio": 0.5}]),
        "encode_s": st.sampled_from([0, 4]),
        "decode_s": st.sampled_from([0, 0.7, 6]),
        "cost": st.fixed_dictionaries(
            {
                "credit_bytes": st.just(20),
                "price_per_credit": st.sampled_from([None, 0.07]),
                "price_per_message": st.sampled_from([None, 0.013]),
                "failed_free": st.booleans(),
                "joules_per_message": st.sampled_from([None, 0.3]),
            }
        ),
    }
)
SENDERS = st.fixed_dictionaries(
    {
        "count": st.integers(1, 3),
        "start_gap_s": st.sampled_from([0, 7, 31.3]),
        "slot_s": st.sampled_from([None, 4]),
        "schedule": st.sampled_from(sorted(SCHEDULES)),
    }
)
WAYS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["once", "carousel", "arq"]),
        "base_copies": st.integers(1, 3),
        "base_spread": st.booleans(),
        "repair_packets": st.integers(0, 2),
        "interleave": st.integers(1, 3),
    }
)


@settings(max_examples=120)
@given(
    LINKS, SENDERS, WAYS, st.lists(st.integers(1, 60), min_size=8, max_size=8), st.sampled_from([0.5, 40.0, 151.3]),
    st.integers(0, 2**63),
)  # fmt: skip
def test_the_table_is_what_the_events_are(link, senders, way, sizes, duration_s, seed):
    way["name"] = "once" if way["name"] == "arq" and link["ack"] else way["name"]
    transport, crowd = TransportSpec(**way), SendersSpec(**senders)
    messages = [[bytes(size) for size in sizes[: 6 + transport.repair_packets]] for _ in range(crowd.count)]
    both(
        messages,
        LinkSpec(**link),
        range(seed, seed + 5),
        transport=transport,
        order=round_order(transport, 3, 2),
        duration_s=duration_s,
        senders=crowd,
    )


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: "-".join(str(value) for value in loss.values()))
@pytest.mark.parametrize("transport", ["once", "carousel"])
def test_each_loss_model_is_the_same_by_table(loss, transport):
    link = LinkSpec(interval_s=7, loss=loss, loss_ratio=0.1)
    shown = both(TEN * 3, link, range(60), transport=transport, duration_s=300)
    lost = shown.counts["lost"]
    assert lost.min() < lost.max()


@pytest.mark.parametrize("by", ["message", "time"])
def test_a_record_is_the_same_by_table_with_its_delays(tmp_path, by):
    path = tmp_path / "trace.csv"
    path.write_text("sent_s,arrived_s\n0,3\n60,\n120,130\n180,500\n")
    link = LinkSpec(interval_s=70, loss={"model": "trace", "path": path, "by": by}, loss_ratio=0.2)
    shown = both(TEN * 2, link, range(30), duration_s=600)
    assert shown.counts["lost"].min() >= 2


# Where there is no table


@pytest.mark.parametrize(
    ("link", "transport", "reason"),
    [
        ({}, ONCE, None),
        ({"ack": {"kind": "session"}}, ONCE, None),
        ({}, ARQ, None),
        ({"ack": {"kind": "session"}}, ARQ, "acknowledgements"),
        ({"copies": {"count": 2, "gap_s": [1, 2]}}, ONCE, "repeats messages by itself"),
        ({"windows": {"model": "renewal", "mean_open_s": 20, "mean_closed_s": 10}}, ONCE, "windows are left to chance"),
        ({"windows": {"model": "periodic", "period_s": 20, "open_s": 10}}, ONCE, "windows are left to chance"),
        ({"windows": PASSES}, ONCE, None),
        ({"delay": {"model": "lognormal", "median_s": 5, "p90_s": 40}}, ONCE, "delays are left to chance"),
        ({"delay": {"model": "wait_for_pass", "windows": PASSES}}, ONCE, None),
        (
            {"delay": {"model": "wait_for_pass", "windows": {"model": "periodic", "period_s": 20, "open_s": 10}}},
            ONCE,
            "passes that are left to chance",
        ),
        ({"reorder_ratio": 0.1, "reorder_s": 5}, ONCE, "held back by chance"),
        ({"bit_error_ratio": 1e-4}, ONCE, "bits arrive inverted"),
    ],
)
def test_the_reason_against_a_table_is_told_and_events_stand_in(link, transport, reason):
    spec = LinkSpec(**link)
    told = why_no_table(spec, transport)
    assert told is None if reason is None else reason in told
    options = {"transport": transport, "duration_s": 100}
    assert show_runs(TEN, spec, [1], **options).engine == ("table" if reason is None else "events")
    if reason:
        with pytest.raises(ValueError, match=reason):
            show_runs(TEN, spec, [1], engine="table", **options)


def test_an_engine_that_is_neither_is_refused():
    with pytest.raises(ValueError, match="expected table, events"):
        show_runs(TEN, LinkSpec(), [1], engine="steam")


@pytest.mark.parametrize("engine", ["table", "events"])
def test_a_carousel_without_an_end_is_refused(engine):
    with pytest.raises(ValueError, match="may never end"):
        show_runs(TEN, LinkSpec(), [1], transport="carousel", engine=engine)
