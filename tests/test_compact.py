"""The compact header, byte by byte; when it is used; and that the two forms keep apart."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import satsim.air.compact
from codec.base import WeightsError
from codec.fake import FakeCodec
from codec.progic.codec import ProgicCodec
from codec.progic.extras.full import FullReceiver
from codec.progic.receiver import ProgicReceiver
from codec.progic.shape import list_models
from codec.receivers import load_receiver
from satsim.air.compact import FRAMES, short_id
from satsim.air.forms import header_forms, misfit
from satsim.air.inbox import Inbox, unpack
from satsim.air.packets import CODEC_NUMBERS, Packet, Repair, overhead_bytes, pack
from satsim.air.position import Position
from satsim.air.repair import repair_packets
from satsim.air.seal import Sealer, SenderKey
from satsim.errors import PacketError, RefusedError
from satsim.keys import new_key, read_key, read_keys
from satsim.messages import encode_photo
from satsim.notices import scheme_notices
from satsim.receiving import Wanted, decode_messages
from satsim.scenario.scenario import Scenario
from satsim.scoring.header import compact_notice, sender_key
from satsim.scoring.outbox import fill_outbox

BY_HAND = Packet("progic", 0x89ABCDEF, 0x102, 0x04, 4, 5, 256, 512, b"ABC", compact=True)
MESSAGE = bytes.fromhex(
    "20"  # version 2, nothing more
    "11"  # codec 1: progic; frame 1: 256x512
    "4444"  # 0x89ab ^ 0xcdef
    "408204"  # 0100000010 0000100 0000100: sender 0x102, payload 4 of 5, less one
    "04"  # image
    "3a8d6196"  # CRC-32 of the 8 bytes above and the three below
    "414243"  # ABC
)
REPAIR = BY_HAND._replace(payload_index=-1, payload_count=3, payload=b"KLI", repair=Repair(protects=2, number=0))
REPAIR_MESSAGE = bytes.fromhex(
    "21" "11" "4444"
    "408202"  # 0100000010 00001 0000 00010: sender 0x102, over 2 payloads, less one, symbol 0, of 3, less one
    "04" "07820ab0" "4b4c49"
)  # fmt: skip
PLACED = BY_HAND._replace(position=Position(1785585600, 46.55, 8.61))
PLACED_MESSAGE = bytes.fromhex("24" "11" "4444" "408204" "04" "f070e588" "6a6ddfc0aea4f0d31c55d0" "414243")  # fmt: skip
KEY = SenderKey(0x102, bytes(range(16)))
KEYS = {0x102: KEY}
SEALED_MESSAGE = bytes.fromhex(
    "2c" "11" "4444" "408204" "04"
    "00000006"  # message 6 of this sender
    "23672e533d0783f4c3012e" "a6bd68" "e0c43ed85da40f9a"
)  # fmt: skip


def as_received(packet):
    return packet._replace(model_id=short_id(packet.model_id))


@pytest.mark.parametrize(
    ("packet", "message"),
    [(BY_HAND, MESSAGE), (REPAIR, REPAIR_MESSAGE), (PLACED, PLACED_MESSAGE)],
    ids=["plain", "repair", "position"],
)
def test_the_test_vectors_written_out_by_hand(packet, message):
    assert pack(packet).hex() == message.hex()
    assert unpack(message) == as_received(packet)
    assert int.from_bytes(message[8:12], "big") == zlib.crc32(message[:8] + message[12:])


def test_the_sealed_vector():
    assert Sealer(KEY, 6).seal(PLACED).hex() == SEALED_MESSAGE.hex()
    assert unpack(SEALED_MESSAGE, KEYS) == as_received(PLACED)


def test_the_sealed_vector_is_ccm_of_a_nonce_that_holds_the_version():
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    nonce = b"satsim\x02" + bytes.fromhex("0102" "00000006")  # fmt: skip
    sealed = AESCCM(bytes(range(16)), tag_length=8).encrypt(nonce, PLACED_MESSAGE[12:], SEALED_MESSAGE[:12])
    assert sealed == SEALED_MESSAGE[12:]


def test_the_vectors_are_those_of_the_docstring():
    written = satsim.air.compact.__doc__.replace(" ", "").splitlines()
    for message in (MESSAGE, REPAIR_MESSAGE, PLACED_MESSAGE, SEALED_MESSAGE):
        assert message.hex() in written


def test_a_sealed_stage_of_320_bytes_fits_an_iridium_message():
    assert len(Sealer(KEY, 0).seal(BY_HAND._replace(payload=bytes(320)))) == 320 + 12 + 8 == 340
    assert overhead_bytes(tag_bytes=8, compact=True) == 20
    assert overhead_bytes(position=True, tag_bytes=8, compact=True) == len(SEALED_MESSAGE) - 3 == 31


def test_sixteen_frames_have_a_number_each():
    assert len(set(FRAMES)) == len(FRAMES) == 16
    for number, (width, height) in enumerate(FRAMES):
        message = pack(BY_HAND._replace(width=width, height=height))
        assert message[1] & 15 == number
        assert (unpack(message).width, unpack(message).height) == (width, height)


def test_a_short_id_is_the_two_halves_xored_and_its_own_short_id():
    assert short_id(0x89ABCDEF) == 0x89AB ^ 0xCDEF == 0x4444
    assert short_id(0x4444) == 0x4444


@st.composite
def packets(draw):
    """Anything that a compact header can say."""
    width, height = draw(st.sampled_from(FRAMES))
    fields = {
        "codec": draw(st.sampled_from(sorted(CODEC_NUMBERS))),
        "model_id": draw(st.integers(0, 2**32 - 1)),
        "sender": draw(st.integers(0, 1023)),
        "image_id": draw(st.integers(0, 255)),
        "payload": draw(st.binary(min_size=3, max_size=320)),
        "width": width,
        "height": height,
        "position": draw(st.none() | st.just(PLACED.position)),
        "compact": True,
    }
    if draw(st.booleans()):
        count = draw(st.integers(1, 128))
        return Packet(payload_index=draw(st.integers(0, count - 1)), payload_count=count, **fields)
    count = draw(st.integers(1, 32))
    repair = Repair(draw(st.integers(1, count)), draw(st.integers(0, 15)), draw(st.booleans()))
    return Packet(payload_index=-1, payload_count=count, repair=repair, **fields)


@given(packets())
def test_unpacking_gives_back_what_was_packed(packet):
    message = pack(packet)
    assert unpack(message) == as_received(packet)
    assert pack(unpack(message)) == message
    longer = packet._replace(compact=False)
    assert unpack(pack(longer)) == longer
    assert len(message) == len(pack(longer)) - 8


@given(packets(), st.integers(0, 2**32 - 1))
def test_what_was_sealed_comes_back_in_either_form(packet, counter):
    key = SenderKey(packet.sender, bytes(16))
    longer = packet._replace(compact=False)
    message = Sealer(key, counter).seal(packet)
    assert unpack(message, {key.sender: key}) == as_received(packet)
    assert unpack(Sealer(key, counter).seal(longer), {key.sender: key}) == longer
    assert message[8:12] == counter.to_bytes(4, "big")


def is_sound(front, body):
    """Whether the fields agree with each other, told apart from the code under test."""
    place = int.from_bytes(front[4:7], "big") % 2**14
    if front[1] >> 4 not in (*range(1, 13), 15):
        return False
    if front[0] & 1 and place >> 9 > place % 32:
        return False
    if not front[0] & 1 and place >> 7 > place % 128:
        return False
    if front[0] & 4 and int.from_bytes(body[4:11], "big") >= 180_000_001 * 360_000_000:
        return False
    return len(body) >= (11 if front[0] & 4 else 0) + (3 if front[0] & 2 else 1)


def under_a_true_checksum(front, body):
    return front + zlib.crc32(front + body).to_bytes(4, "big") + body


@given(
    st.sampled_from([0x20, 0x21, 0x23, 0x24, 0x25, 0x27]),
    st.binary(min_size=7, max_size=7),
    st.binary(min_size=1, max_size=30),
)
def test_any_header_under_a_true_checksum_gives_a_packet_or_a_packet_error(first, rest, body):
    message = under_a_true_checksum(bytes([first]) + rest, body)
    if is_sound(message[:8], body):
        assert pack(unpack(message)) == message
    else:
        with pytest.raises(PacketError):
            unpack(message)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({0: 0x22}, "first byte is 0x22"),
        ({1: 0x01}, "codec number is 0; this version knows 1, 2"),
        ({1: 0xD1}, "codec number is 13"),
        ({1: 0xE1}, "codec number is 14"),
        ({6: 0x03}, "index is 4 of 4 payloads; expected at most 3"),
        ({0: 0x21, 6: 0x00}, "repair symbol 0 over 2 of 1 payloads; there is none such"),
        ({0: 0x24}, "3 bytes after the header; expected 11 of position and time"),
    ],
)
def test_what_no_sender_writes_is_refused_even_under_a_true_checksum(change, complaint):
    front = bytearray(MESSAGE[:8])
    for place, value in change.items():
        front[place] = value
    with pytest.raises(PacketError, match=complaint):
        unpack(under_a_true_checksum(bytes(front), b"ABC"))


@pytest.mark.parametrize("message", [MESSAGE, REPAIR_MESSAGE, PLACED_MESSAGE], ids=["plain", "repair", "position"])
def test_every_single_bit_flip_and_every_shortened_message_is_refused(message):
    for bit in range(8 * len(message)):
        flipped = bytearray(message)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PacketError):
            unpack(bytes(flipped))
    for length in range(len(message)):
        with pytest.raises(PacketError):
            unpack(message[:length])


def test_every_bit_flip_of_a_sealed_message_is_refused_and_so_is_the_other_version():
    other = bytes([SEALED_MESSAGE[0] ^ 0x30]) + SEALED_MESSAGE[1:]
    wrong = [other, *(SEALED_MESSAGE[:length] for length in range(len(SEALED_MESSAGE)))]
    for bit in range(8 * len(SEALED_MESSAGE)):
        flipped = bytearray(SEALED_MESSAGE)
        flipped[bit // 8] ^= 1 << bit % 8
        wrong.append(bytes(flipped))
    inbox = Inbox(KEYS)
    for message in wrong:
        with pytest.raises(PacketError):
            inbox.accept(message)
    assert (inbox.images, inbox.windows) == ({}, {})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"width": 257}, "frame is 257x512; expected one of the 16"),
        ({"sender": 1024}, "sender is 1024; expected at most 1023"),
        ({"image_id": 256}, "image_id is 256; expected at most 255"),
        ({"payload_count": 129}, "payload_count is 129; expected at most 128"),
        (
            {"payload_index": -1, "payload_count": 33, "repair": Repair(2, 0)},
            "payload_count is 33; expected at",
        ),
        ({"payload_index": -1, "repair": Repair(2, 16)}, "repair.number is 16; expected at most 15"),
        ({"payload": b""}, "payload length is 0"),
        ({"codec": "smoke"}, "codec is 'smoke'"),
        ({"model_id": 2**32}, "model_id is 4294967296"),
    ],
)
def test_what_it_cannot_say_is_refused_by_name(change, complaint):
    with pytest.raises(PacketError, match=complaint):
        pack(BY_HAND._replace(**change))
    assert complaint in misfit([BY_HAND, BY_HAND._replace(**change)])


def test_the_extremes_of_every_field_fit():
    largest = Packet("external", 2**32 - 1, 1023, 255, 127, 128, 512, 768, b"x", compact=True)
    assert unpack(pack(largest)) == as_received(largest)
    repair = largest._replace(payload_index=-1, payload_count=32, repair=Repair(32, 15))
    assert unpack(pack(repair)) == as_received(repair)


@pytest.mark.parametrize(
    ("packet_bytes", "tag_bytes", "change", "forms"),
    [
        (360, 0, {}, [False]),
        (340, 0, {}, [False]),  # a stage fits to the byte
        (339, 0, {}, [True, False]),
        (340, 0, {"codec": "progic-full"}, [True, False]),  # a stage and a sketch of 8 bytes do
        (348, 0, {"codec": "progic-full"}, [False]),
        (360, 8, {"position": PLACED.position}, [False]),
        (340, 8, {}, [True, False]),
        (340, 16, {}, [True, False]),  # though it makes no room for a stage
        (340, 0, {"position": PLACED.position}, [True, False]),
        (70, 0, {}, [True, False]),
        (28, 8, {}, [True]),  # the longer one would leave nothing
        (340, 8, {"width": 257}, [False]),
        (340, 8, {"image_id": 256}, [False]),
        (340, 8, {"sender": 1024}, [False]),
    ],
)
def test_the_form_follows_from_link_and_seal(packet_bytes, tag_bytes, change, forms):
    assert header_forms(packet_bytes, tag_bytes, BY_HAND._replace(compact=False, **change)) == forms


@pytest.mark.parametrize(
    ("packet_bytes", "change", "complaint"),
    [
        (20, {}, "20 bytes less 12 of compact header, 8 of tag: nothing is left; expected at least 21 bytes"),
        (
            28,
            {"width": 257},
            r"28 bytes less 20 of header, 8 of tag: nothing is left; .* \(a compact .*: frame is 257",
        ),
    ],
)
def test_a_message_without_room_in_any_form_says_so(packet_bytes, change, complaint):
    with pytest.raises(PacketError, match=complaint):
        header_forms(packet_bytes, 8, BY_HAND._replace(**change))


def test_no_nonce_serves_a_key_twice_whatever_forms_a_sender_mixes():
    sealer = Sealer(KEY, 0)
    messages = [sealer.seal(BY_HAND._replace(compact=k % 3 > 0)) for k in range(30)]
    headers = [message[: 12 if message[0] >> 4 == 2 else 20] for message in messages]
    assert [int.from_bytes(header[-4:], "big") for header in headers] == list(range(30))
    assert len({KEY.nonce(header) for header in headers}) == 30


@given(st.integers(0, 2**32 - 1))
def test_not_even_one_counter_gives_the_two_forms_one_nonce(counter):
    one, other = (Sealer(KEY, counter).seal(BY_HAND._replace(compact=compact)) for compact in (False, True))
    assert KEY.nonce(one[:20]) != KEY.nonce(other[:12])


def test_a_counter_that_came_under_one_header_is_a_replay_under_the_other():
    for first, second in ((False, True), (True, False)):
        inbox = Inbox(KEYS)
        inbox.accept(Sealer(KEY, 5).seal(BY_HAND._replace(compact=first)))
        again = Sealer(KEY, 5).seal(BY_HAND._replace(compact=second, payload_index=1, payload=b"DEF"))
        with pytest.raises(RefusedError, match="counter 5 of sender 258 came before: a replay"):
            inbox.accept(again)
        assert inbox.accept(Sealer(KEY, 6).seal(BY_HAND._replace(compact=second))).is_new


def test_packets_of_the_two_forms_are_two_images_even_if_the_model_id_is_a_short_one():
    packet = BY_HAND._replace(model_id=0x4444, image_id=0x04)
    inbox = Inbox()
    for compact in (False, True, False, True):
        inbox.accept(pack(packet._replace(compact=compact, payload=b"compact" if compact else b"longer")))
    assert sorted(inbox.images.values(), key=str) == [{4: b"compact"}, {4: b"longer"}]


def test_repair_packets_serve_their_own_form():
    whole = [BY_HAND._replace(payload_index=k, payload=bytes([k] * 3)) for k in range(5)]
    inbox = Inbox()
    for packet in [*whole[2:], *repair_packets(whole, [(5, 2)])]:
        inbox.accept(pack(packet))
    [key] = inbox.images
    assert key.compact
    assert inbox.payloads(key) == {k: bytes([k] * 3) for k in range(5)}


class Cutter:
    """A coder of so many payloads, or of as many as so many bytes take."""

    name, model_id = "cutter", 5

    def __init__(self, payloads=None, size=None):
        self.payloads, self.size, self.asked = payloads, size, []

    def encode(self, image, payload_bytes):
        self.asked.append(payload_bytes)
        count = self.payloads or -(-self.size // payload_bytes)
        return [bytes([k % 256]) * payload_bytes for k in range(count)]


def fill(coder, packet_bytes, shape=(256, 256), transport="once", **scenario):
    plan = Scenario.model_validate(
        {
            "name": "story",
            "image": {"path": "photo.png"},
            "link": {"packet_bytes": packet_bytes},
            "schemes": [{"name": "one", "codec": "codec.fake:FakeCodec", "transport": transport}],
            **scenario,
        }
    )
    outbox = fill_outbox(lambda options: coder, np.zeros((*shape, 3), np.uint8), plan, plan.schemes[0])
    return outbox, plan, scheme_notices(plan, plan.schemes[0], outbox)


def test_a_sealed_scenario_at_340_bytes_sends_whole_stages_and_says_how():
    coder = Cutter(payloads=5)
    outbox, plan, notices = fill(coder, 340, header={"tag_bytes": 8}, senders={"count": 2})
    assert coder.asked == [320]
    assert outbox.header_bytes == 20
    for sender in range(2):
        packets = [unpack(message, {sender: sender_key(plan, sender)}) for message in outbox.messages[sender]]
        assert [(packet.compact, len(packet.payload)) for packet in packets] == [(True, 320)] * 5
    assert notices == [
        "the header is compact, 12 bytes, where it can be: one of 20 leaves 312 of a message of 340 bytes to the codec,"
        " less than a stage of 320"
    ]


def test_a_sketch_at_340_bytes_takes_the_compact_header_and_says_why():
    assert compact_notice(340, 12, "progic-full").endswith(
        "one of 20 leaves 320 of a message of 340 bytes to the codec, less than a stage of 320 and a sketch of 8"
    )


@pytest.mark.parametrize("packet_bytes", [340, 360])
def test_a_plain_stage_keeps_its_20_bytes_and_nothing_is_said(packet_bytes):
    outbox, _, notices = fill(Cutter(payloads=5), packet_bytes)
    assert {unpack(message).compact for message in outbox.messages[0]} == {False}
    assert (outbox.header_bytes, notices) == (20, [])


@pytest.mark.parametrize(
    ("size", "transport", "asked", "compact"),
    [
        (128 * 58, "once", [58], True),
        (128 * 58 + 1, "once", [58, 50], False),
        (32 * 58, {"name": "once", "repair_packets": 16}, [58], True),
        (32 * 58, {"name": "once", "repair_packets": 17}, [58, 50], False),
        (32 * 58 + 1, {"name": "once", "repair_packets": 1}, [58, 50], False),
    ],
)
def test_an_image_of_too_many_packets_is_cut_again_for_the_longer_header(size, transport, asked, compact):
    coder = Cutter(size=size)
    outbox, _, _ = fill(coder, 70, transport=transport)
    assert coder.asked == asked
    assert {unpack(message).compact for message in outbox.messages[0]} == {compact}
    assert {len(message) for message in outbox.messages[0]} == {70}
    assert outbox.header_bytes == (12 if compact else 20)


def test_where_only_a_compact_header_leaves_room_too_many_packets_send_nothing_and_say_so():
    assert len(fill(Cutter(payloads=5), 25, header={"tag_bytes": 8})[0].messages[0][0]) == 25
    for coder, shape, why in (
        (Cutter(payloads=129), (256, 256), "payload_count is 129; expected at most 128 in a compact header"),
        (FakeCodec(), (100, 100), "nothing is left; expected at least 29 bytes"),
    ):
        outbox, _, [notice] = fill(coder, 25, shape, header={"tag_bytes": 8})
        assert outbox.messages == [[]]
        assert why in outbox.why_empty
        assert outbox.why_empty in notice


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.arange(128 * 128 * 3, dtype=np.uint8).reshape(128, 128, 3)).save(path)
    return path


def by_hand(photo, model, packet_bytes, key_file=None, position=None, image_id=9):
    frame = {"path": photo, "width": 128, "height": 128, "fit": "crop"}
    options = {"model": str(model)}
    return encode_photo(frame, packet_bytes, "progic", options, None, image_id, position=position, key_file=key_file)


def seen_of(messages, model=None, own_codec=None, keys=None):
    """The picture of the one image there is, and the report."""
    received = decode_messages(messages, Wanted(model=model, own_codec=own_codec), keys)
    received.check()
    [image] = received.images
    return image.picture, received.report


def named(messages):
    return [(f"packet_{k}", message) for k, message in enumerate(messages)]


def test_encode_and_decode_by_hand_choose_and_read_both_forms(photo, tiny_weights, tmp_path):
    key_file = tmp_path / "mine.yaml"
    new_key(key_file, sender=7)
    compact = by_hand(photo, tiny_weights, 84, key_file)  # 64 indices of 8 bits: stages of 64 bytes
    assert compact.header == "compact header of 12 bytes"
    assert compact.notes == []
    assert [len(message) for message in compact.messages] == [64 + 12 + 8] * 5
    longer = by_hand(photo, tiny_weights, 360)
    assert longer.header == "header of 20 bytes"
    shown, report = seen_of(named(compact.messages), str(tiny_weights), keys=read_keys(key_file))
    assert np.array_equal(shown, seen_of(named(longer.messages), str(tiny_weights))[0])
    assert report == ["holding 5 of 5 packets of sender 7 image 9 (progic, 128x128, compact header)"]
    assert read_key(key_file).next_counter == 5
    assert by_hand(photo, tiny_weights, 84, key_file, image_id=256).header == "header of 20 bytes"


def test_a_folder_of_both_forms_is_two_images(photo, tiny_weights):
    messages = [*by_hand(photo, tiny_weights, 84).messages, *by_hand(photo, tiny_weights, 360).messages]
    received = decode_messages(named(messages), Wanted(model=str(tiny_weights)))
    assert {seen.key.compact: seen.held for seen in received.images} == {False: [0], True: [0, 1, 2, 3, 4]}
    assert received.contradictions == []


def test_a_receiver_finds_the_model_by_its_short_id_and_refuses_another(photo, tiny_weights):
    messages = named(by_hand(photo, tiny_weights, 84).messages)
    assert seen_of(messages[2:3], str(tiny_weights))[0].shape == (128, 128, 3)
    short = f"{short_id(ProgicCodec(str(tiny_weights)).model_id):04x}"
    with pytest.raises(WeightsError, match=f"packets are for ProGIC model of short id {short}; at hand: .*--model"):
        seen_of(messages)
    assert load_receiver("jpeg2000", 2, short_id=short_id).model_id == 2


def test_no_two_shipped_models_share_a_short_id():
    for receiver in (ProgicReceiver, FullReceiver):
        ids = [short_id(receiver(name).model_id) for name in list_models()]
        assert len(ids) > 1
        assert len({*ids}) == len(ids)
