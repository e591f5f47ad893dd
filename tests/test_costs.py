"""What messages cost: sums that can be checked by hand."""

from typing import NamedTuple

import pytest

from satsim.links.costs import costs
from satsim.links.linkspec import Cost

SBD = Cost(credit_bytes=50, price_per_credit=0.16)


class Row(NamedTuple):
    kind: str
    slot: int
    message_bytes: int
    sender: int = 0


def test_340_bytes_on_sbd_are_seven_credits_and_one_dollar_twelve():
    assert costs([Row("sent", 0, 340), Row("delivered", 0, 340)], SBD) == {
        "messages": 1,
        "bytes": 340,
        "credits": 7,
        "price": 1.12,
        "currency": "USD",
        "energy_j": None,
    }


def test_credits_begin_anew_with_each_message():
    bill = costs([Row("sent", 0, 51), Row("sent", 1, 51), Row("sent", 2, 50)], SBD)
    assert (bill["credits"], bill["bytes"]) == (2 + 2 + 1, 152)


def test_lost_messages_cost_unless_failed_ones_are_free():
    events = [Row("sent", 0, 340), Row("lost", 0, 340), Row("sent", 1, 340)]
    assert costs(events, SBD)["price"] == 2.24
    free = costs(events, SBD.model_copy(update={"failed_free": True}))
    assert (free["price"], free["credits"], free["messages"], free["bytes"]) == (1.12, 7, 2, 680)


def test_a_loss_is_that_of_the_sender_whose_slot_it_was():
    events = [Row("sent", 0, 100, sender=1), Row("sent", 0, 50, sender=2), Row("lost", 0, 100, sender=1)]
    assert costs(events, SBD.model_copy(update={"failed_free": True}))["credits"] == 1


@pytest.mark.parametrize(("losses", "credits"), [(1, 7), (2, 0)])
def test_a_message_with_copies_costs_once_and_is_free_only_if_every_copy_was_lost(losses, credits):
    events = [Row("sent", 0, 340), Row("copied", 0, 340), *[Row("lost", 0, 340)] * losses]
    assert costs(events, SBD.model_copy(update={"failed_free": True}))["credits"] == credits


def test_a_price_that_nobody_knows_is_none_and_a_free_service_costs_nothing():
    events = [Row("sent", 0, 340)]
    assert costs(events, Cost())["price"] is None
    assert costs(events, Cost(credit_bytes=50))["credits"] == 7
    assert costs(events, Cost(credit_bytes=50))["price"] is None
    assert costs(events, Cost(price_per_message=0.0))["price"] == 0


def test_prices_by_message_and_by_credit_add_up_in_their_currency():
    bill = costs([Row("sent", 0, 100), Row("sent", 1, 10)], SBD.model_copy(update={"price_per_message": 0.5}))
    assert bill["price"] == pytest.approx(3 * 0.16 + 2 * 0.5)
    assert costs([], Cost(currency="EUR", price_per_message=1.0))["currency"] == "EUR"


def test_every_attempt_takes_energy_also_a_lost_one_that_is_free():
    cost = Cost(joules_per_message=6.0, price_per_message=1.0, failed_free=True)
    bill = costs([Row("sent", 0, 10), Row("sent", 1, 10), Row("lost", 1, 10)], cost)
    assert (bill["energy_j"], bill["price"]) == (12.0, 1.0)


def test_nothing_sent_costs_nothing():
    assert costs([], SBD) == {
        "messages": 0,
        "bytes": 0,
        "credits": 0,
        "price": 0,
        "currency": "USD",
        "energy_j": None,
    }
