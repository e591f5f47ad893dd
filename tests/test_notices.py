"""What a reader would not guess."""

from itertools import permutations

from satsim.links.linkspec import LinkSpec
from satsim.notices import assumed_numbers, link_notices

CANOPY = "sbd_9603_canopy"


def test_an_assumed_number_is_named_where_any_link_has_it_whatever_their_order():
    plain = LinkSpec(preset=CANOPY)
    sure = LinkSpec(preset=CANOPY, loss_ratio=0.1, ack={"false_negative_ratio": 0.0})
    other = LinkSpec(preset=CANOPY, ack={"false_negative_ratio": 0.0})
    assert assumed_numbers(sure) == []
    said = f"{CANOPY}: assumed, neither measured nor published: " + ", ".join(assumed_numbers(plain))
    for links in permutations([plain, sure, other]):
        assert link_notices(links) == [said]
    loss = [number for number in assumed_numbers(plain) if number.startswith("loss")]
    for links in permutations([sure, other]):
        assert link_notices(links) == [f"{CANOPY}: assumed, neither measured nor published: " + ", ".join(loss)]
    assert link_notices([sure, LinkSpec()]) == []
