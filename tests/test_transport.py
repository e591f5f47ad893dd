"""What is sent in which slot."""

from itertools import islice

import pytest

from satsim.transport import TRANSPORTS, carousel, once


def test_once_sends_each_payload_once_in_order():
    assert list(once(4)) == [0, 1, 2, 3]


def test_a_carousel_goes_round_and_round():
    assert list(islice(carousel(3), 8)) == [0, 1, 2, 0, 1, 2, 0, 1]


@pytest.mark.parametrize("transport", TRANSPORTS.values(), ids=TRANSPORTS)
def test_every_transport_sends_each_payload_in_its_first_round(transport):
    assert sorted(islice(transport(7), 7)) == list(range(7))
