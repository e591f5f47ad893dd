"""The wire format, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsim.packets import CODEC_NUMBERS, HEADER_BYTES, Inbox, Packet, PacketError, pack, packetize, unpack

BY_HAND = Packet(
    codec="progic",
    model_id=0x89ABCDEF,
    sender=0x0102,
    image_id=0x0304,
    payload_index=4,
    payload_count=5,
    width=256,
    height=512,
    payload=b"ABC",
)
MESSAGE = bytes.fromhex(
    "10"  # version 1, nothing reserved
    "01"  # codec 1: progic
    "89abcdef"  # model id
    "0102"  # sender
    "0304"  # image
    "004004"  # payload 4 of 5: 004 and, less one, 004
    "0ff1ff"  # 256 and 512 pixels, less one: 0ff and 1ff
    "b7c0eb7e"  # CRC-32 of the 16 bytes above and the three below
    "414243"  # ABC
)

numbers = {
    "codec": st.sampled_from(sorted(CODEC_NUMBERS)),
    "model_id": st.integers(0, 2**32 - 1),
    "sender": st.integers(0, 2**16 - 1),
    "image_id": st.integers(0, 2**16 - 1),
    "payload_count": st.integers(1, 4096),
    "width": st.integers(1, 4096),
    "height": st.integers(1, 4096),
    "payload": st.binary(min_size=1, max_size=400),
}


def crc32_by_polynomial(data):
    """CRC-32 of IEEE 802.3, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@st.composite
def packets(draw):
    fields = {name: draw(strategy) for name, strategy in numbers.items()}
    return Packet(payload_index=draw(st.integers(0, fields["payload_count"] - 1)), **fields)


def test_the_test_vector_written_out_by_hand():
    assert pack(BY_HAND).hex() == MESSAGE.hex()
    assert unpack(MESSAGE) == BY_HAND


def test_the_checksum_is_the_crc_of_ethernet():
    assert crc32_by_polynomial(b"123456789") == 0xCBF43926
    assert int.from_bytes(MESSAGE[16:20], "big") == crc32_by_polynomial(MESSAGE[:16] + MESSAGE[20:])


def test_the_header_is_20_bytes_so_that_a_stage_of_320_fits_an_iridium_message():
    assert HEADER_BYTES == 20
    assert len(pack(BY_HAND._replace(payload=bytes(320)))) == 340


@given(packets())
def test_unpacking_gives_back_what_was_packed(packet):
    assert unpack(pack(packet)) == packet


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda tail: MESSAGE[:20] + tail)))
def test_any_bytes_give_a_packet_or_a_packet_error(message):
    try:
        packet = unpack(message)
    except PacketError:
        return
    assert pack(packet) == message


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=1, max_size=30))
def test_any_header_under_a_true_checksum_gives_a_packet_or_a_packet_error(front, payload):
    front = b"\x10" + front[1:]
    message = front + crc32_by_polynomial(front + payload).to_bytes(4, "big") + payload
    try:
        packet = unpack(message)
    except PacketError:
        assert (
            front[1] not in CODEC_NUMBERS.values()
            or 16 * front[10] + front[11] // 16 > front[11] % 16 * 256 + front[12]
        )
        return
    assert pack(packet) == message


def test_every_single_bit_flip_is_refused():
    for bit in range(8 * len(MESSAGE)):
        flipped = bytearray(MESSAGE)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PacketError):
            unpack(bytes(flipped))


def test_every_shortened_message_is_refused():
    for length in range(len(MESSAGE)):
        with pytest.raises(PacketError):
            unpack(MESSAGE[:length])


def test_a_reserved_bit_is_refused_even_under_a_true_checksum():
    front = b"\x11" + MESSAGE[1:16]
    with pytest.raises(PacketError, match="first byte is 0x11; expected 0x10"):
        unpack(front + crc32_by_polynomial(front + b"ABC").to_bytes(4, "big") + b"ABC")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"codec": "smoke"}, "codec is 'smoke'"),
        ({"model_id": 2**32}, "model_id is 4294967296; expected 0 to 4294967295"),
        ({"sender": -1}, "sender is -1; expected 0 to 65535"),
        ({"image_id": 65536}, "image_id is 65536"),
        ({"payload_index": 5}, "payload_index is 5; expected 0 to 4"),
        ({"payload_count": 4097}, "payload_count is 4097"),
        ({"width": 0}, "width is 0; expected 1 to 4096"),
        ({"height": 4097}, "height is 4097"),
        ({"payload": b""}, "payload length is 0"),
    ],
)
def test_a_value_that_no_header_can_carry_is_refused_by_name(change, complaint):
    with pytest.raises(PacketError, match=complaint):
        pack(BY_HAND._replace(**change))


def test_the_extremes_of_every_field_fit():
    largest = Packet("external", 2**32 - 1, 65535, 65535, 4095, 4096, 4096, 4096, b"x")
    assert unpack(pack(largest)) == largest


def test_packetize_numbers_the_payloads_in_order():
    packets = packetize([b"a", b"b"], codec="jpeg", model_id=1, height=30, width=40, sender=7, image_id=9)
    assert packets == [
        Packet("jpeg", 1, 7, 9, 0, 2, 40, 30, b"a"),
        Packet("jpeg", 1, 7, 9, 1, 2, 40, 30, b"b"),
    ]


@pytest.mark.parametrize("count", [0, 4097])
def test_packetize_refuses_more_payloads_than_twelve_bits_count(count):
    with pytest.raises(PacketError, match=f"image has {count} payloads; expected 1 to 4096"):
        packetize([b"a"] * count, codec="jpeg", model_id=1, height=30, width=40)


def test_the_numbers_of_codecs_differ():
    assert len(set(CODEC_NUMBERS.values())) == len(CODEC_NUMBERS)


def test_an_inbox_holds_each_payload_once_and_the_first_stays(ten_packets):
    inbox = Inbox()
    assert inbox.accept(pack(ten_packets[3])) == (3, True)
    [key] = inbox.images
    assert inbox.accept(pack(ten_packets[3])) == (3, False)
    assert inbox.accept(pack(ten_packets[3]._replace(payload=b"other"))) == (3, False)
    assert inbox.images == {key: {3: bytes([3, 3, 3])}}


@given(st.permutations(range(10)), st.lists(st.integers(0, 9), max_size=10))
def test_reordering_and_repetition_change_nothing(order, repeated):
    packets = packetize([bytes([k]) for k in range(10)], codec="jpeg", model_id=1, height=30, width=40)
    inbox = Inbox()
    for k in [*order, *repeated]:
        inbox.accept(pack(packets[k]))
    assert list(inbox.images.values()) == [{k: bytes([k]) for k in range(10)}]


@pytest.mark.parametrize(
    "change",
    [
        {"sender": 1},
        {"image_id": 1},
        {"codec": "avif"},
        {"model_id": 2},
        {"width": 41},
        {"height": 31},
        {"payload_count": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_two_images_never_mix(change):
    one = Packet("jpeg", 1, 0, 0, 0, 2, 40, 30, b"one")
    other = one._replace(payload=b"two", payload_index=1, **change)
    inbox = Inbox()
    inbox.accept(pack(one))
    inbox.accept(pack(other))
    assert sorted(inbox.images.values(), key=str) == [{0: b"one"}, {1: b"two"}]


def test_damaged_bytes_leave_an_inbox_empty():
    inbox = Inbox()
    with pytest.raises(PacketError):
        inbox.accept(MESSAGE[:-1] + b"X")
    assert inbox.images == {}
