"""What senders hold before the first slot."""

from itertools import combinations

import numpy as np
import pytest

from codec.fake import FakeCodec
from satsim.air.inbox import unpack
from satsim.air.packets import HEADER_BYTES, LENGTH_BYTES
from satsim.air.position import Position
from satsim.errors import PacketError
from satsim.scenario.scenario import Scenario
from satsim.scoring.header import TAKEN_UNIX_S, sender_key
from satsim.scoring.outbox import fill_outbox

IMAGE = np.full((16, 32, 3), 7, np.uint8)
PLACE = {"latitude_deg": 46.5, "longitude_deg": 8.5}


class Staged:
    """A coder whose payloads leave as many bytes of the room free as `spare` says, payload by payload."""

    name = "staged"
    model_id = 5

    def __init__(self, spare, stages=1):
        self.stages = stages
        self.spare = spare
        self.asked = []

    def encode(self, image, payload_bytes):
        self.asked.append(payload_bytes)
        return [bytes([k + 1]) * (payload_bytes - spare) for k, spare in enumerate(self.spare)]


def fill(coder, packet_bytes=40, transport="once", **scenario):
    plan = Scenario.model_validate(
        {
            "name": "story",
            "image": {"path": "photo.png"},
            "link": {"packet_bytes": packet_bytes},
            "schemes": [{"name": "one", "codec": "codec.fake:FakeCodec", "transport": transport}],
            **scenario,
        }
    )
    return fill_outbox(lambda options: coder, IMAGE, plan, plan.schemes[0]), plan


def test_messages_are_header_and_payload_in_order():
    outbox, _ = fill(FakeCodec(strips=4))
    assert outbox.payloads == [bytes([7, 7, 7])] * 4
    assert [unpack(message).payload for message in outbox.messages[0]] == outbox.payloads
    assert [unpack(message).payload_index for message in outbox.messages[0]] == outbox.order == [0, 1, 2, 3]
    assert {len(message) for message in outbox.messages[0]} == {HEADER_BYTES + 3}
    assert {(unpack(message).height, unpack(message).width) for message in outbox.messages[0]} == {(16, 32)}


@pytest.mark.parametrize(
    ("header", "overhead_bytes"),
    [
        ({}, 20),
        ({"position": PLACE}, 20 + 11),
        ({"tag_bytes": 8}, 20 + 8),
        ({"position": PLACE, "tag_bytes": 16}, 20 + 11 + 16),
    ],
)
def test_position_and_tag_take_their_room_from_the_payload(header, overhead_bytes):
    coder = Staged(spare=[0, 0, 3])
    outbox, _ = fill(coder, packet_bytes=60, header=header)
    assert coder.asked == [60 - overhead_bytes]
    assert [len(message) for message in outbox.messages[0]] == [60, 60, 57]


def test_a_scheme_with_a_link_of_its_own_fills_the_messages_of_that():
    scheme = {"name": "one", "codec": "codec.fake:FakeCodec", "link": {"packet_bytes": 30}}
    outbox, _ = fill(Staged(spare=[0]), schemes=[scheme])
    assert len(outbox.messages[0][0]) == 30


def test_a_position_says_where_and_when_each_sender_took_its_photo():
    senders = {"count": 2, "start_gap_s": 90}
    outbox, _ = fill(FakeCodec(), header={"position": PLACE}, senders=senders)
    assert [unpack(messages[0]).position for messages in outbox.messages] == [
        Position(TAKEN_UNIX_S, 46.5, 8.5),
        Position(TAKEN_UNIX_S + 90, 46.5, 8.5),
    ]


def test_several_senders_send_the_same_photo_in_messages_of_their_own():
    outbox, _ = fill(FakeCodec(strips=4), senders={"count": 3}, transport={"name": "once", "repair_packets": 2})
    assert [{unpack(message).sender for message in own} for own in outbox.messages] == [{0}, {1}, {2}]
    assert len({message for own in outbox.messages for message in own}) == 3 * (4 + 2)
    assert [[unpack(message).payload for message in own[:4]] for own in outbox.messages] == [outbox.payloads] * 3


def test_only_its_own_sender_key_opens_a_sealed_message():
    outbox, plan = fill(FakeCodec(strips=2), senders={"count": 2}, header={"tag_bytes": 8})
    keys = [sender_key(plan, sender) for sender in range(2)]
    for sender, own in enumerate(outbox.messages):
        assert [unpack(message, {sender: keys[sender]}).payload for message in own] == outbox.payloads
        with pytest.raises(PacketError, match="seal of sender"):
            unpack(own[0], {sender: keys[1 - sender]})


def test_stages_cut_into_several_payloads_travel_stage_by_stage():
    outbox, _ = fill(Staged([0] * 6, stages=3), transport={"name": "once", "base_copies": 2})
    assert outbox.per_stage == 2
    assert outbox.order == [0, 1, 0, 1, 2, 3, 4, 5]


def test_several_stages_in_one_payload_count_as_one():
    outbox, _ = fill(Staged([0] * 2, stages=4), transport={"name": "once", "base_copies": 2})
    assert outbox.per_stage == 1
    assert outbox.order == [0, 0, 1]


def test_of_payloads_that_do_not_divide_into_stages_none_is_left_behind():
    outbox, _ = fill(Staged([0] * 7, stages=3), transport={"name": "once", "repair_packets": 1})
    assert outbox.order == list(range(7 + 1))


def test_a_coder_without_stages_is_one_stage():
    outbox, _ = fill(FakeCodec(strips=3), transport={"name": "once", "base_copies": 2})
    assert outbox.per_stage == 3
    assert outbox.order == [0, 1, 2, 0, 1, 2]


def test_repair_packets_of_equal_payloads_fill_the_same_room():
    coder = Staged([0, 0, 0])
    outbox, _ = fill(coder, transport={"name": "once", "repair_packets": 2})
    assert coder.asked == [20]
    assert [len(message) for message in outbox.messages[0]] == [40] * 5


def test_unequal_payloads_are_cut_two_bytes_shorter_so_that_repair_packets_fit():
    coder = Staged([0, 0, 5])
    outbox, _ = fill(coder, transport={"name": "once", "repair_packets": 2})
    assert coder.asked == [20, 20 - LENGTH_BYTES]
    assert [len(message) for message in outbox.messages[0]] == [38, 38, 33, 40, 40]


def test_unequal_payloads_without_repair_packets_use_all_the_room():
    coder = Staged([0, 0, 5])
    fill(coder, transport={"name": "once", "repair_by_stage": [0]})
    assert coder.asked == [20]


@pytest.mark.parametrize("spare", [[0, 0, 0], [0, 0, 5]], ids=["equal", "unequal"])
def test_any_three_of_three_payloads_and_two_repair_packets_give_all(spare):
    outbox, _ = fill(Staged(spare), transport={"name": "once", "repair_packets": 2})
    carried = [*outbox.payloads, *outbox.repairs.values()]
    assert [unpack(message).payload for message in outbox.messages[0]] == carried
    for held in combinations(range(5), 3):
        assert outbox.recovered({k: carried[k] for k in held}) == dict(enumerate(outbox.payloads))
    for held in combinations(range(5), 2):
        own = {k: carried[k] for k in held if k < 3}
        assert outbox.recovered({k: carried[k] for k in held}) == own, "one too few gives nothing"


def test_repair_packets_of_a_stage_recover_what_is_up_to_it():
    outbox, _ = fill(Staged([0] * 4, stages=2), transport={"name": "once", "repair_by_stage": [1, 1]})
    assert [(repair.protects, repair.number) for repair in outbox.repairs] == [(2, 0), (4, 0)]
    assert outbox.order == [0, 1, 4, 2, 3, 5]
    symbols = [*outbox.repairs.values()]
    assert set(outbox.recovered({1: outbox.payloads[1], 4: symbols[0]})) == {0, 1}
    held = {1: outbox.payloads[1], 2: outbox.payloads[2], 4: symbols[0], 5: symbols[1]}
    assert outbox.recovered(held) == dict(enumerate(outbox.payloads))


@pytest.mark.parametrize(("spare", "length"), [(-1, 21), (20, 0)])
def test_a_payload_that_is_empty_or_too_large_is_refused(spare, length):
    with pytest.raises(PacketError, match=f"payload 1 has {length} bytes; expected 1 to 20"):
        fill(Staged([0, spare]))
