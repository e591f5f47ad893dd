"""The wire format, byte by byte."""

import zlib
from math import asin, cos, radians, sin, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

import satsim.air.packets
from satsim.air.inbox import Inbox, unpack
from satsim.air.packets import CODEC_NUMBERS, HEADER_BYTES, Packet, Repair, overhead_bytes, pack, packetize
from satsim.air.position import Position
from satsim.air.repair import repair_packets
from satsim.errors import PacketError, RefusedError

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

REPAIR_BY_HAND = BY_HAND._replace(
    payload_index=-1, payload_count=3, payload=bytes.fromhex("4b4c49"), repair=Repair(protects=2, number=0)
)
REPAIR_MESSAGE = bytes.fromhex(
    "11"  # version 1, a repair packet
    "01" "89abcdef" "0102" "0304"  # as above
    "01"  # over 2 payloads, less one
    "00"  # the first symbol over them
    "02"  # of an image of 3 payloads, less one
    "0ff1ff"
    "4ed5c9f4"  # CRC-32
    "4b4c49"  # the symbol; test_repair.py computes it
)  # fmt: skip
PLACED = BY_HAND._replace(position=Position(time_unix_s=1785585600, latitude_deg=46.55, longitude_deg=8.61))
PLACED_MESSAGE = bytes.fromhex(
    "14"  # version 1, with position and time
    "01" "89abcdef" "0102" "0304" "004004" "0ff1ff"
    "d66055d9"  # CRC-32
    "6a6ddfc0"  # 1785585600, which `date -u -d @1785585600` says is 2026-08-01 12:00:00
    "aea4f0d31c55d0"  # 136,550,000 * 360,000,000 + 188,610,000
    "414243"
)  # fmt: skip

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


millionths = st.integers(-90_000_000, 90_000_000), st.integers(-180_000_000, 179_999_999)
positions = st.builds(
    lambda time, latitude, longitude: Position(time, latitude / 1e6, longitude / 1e6),
    st.integers(0, 2**32 - 1),
    *millionths,
)


@st.composite
def packets(draw):
    fields = {name: draw(strategy) for name, strategy in numbers.items()}
    fields["position"] = draw(st.none() | positions)
    if draw(st.booleans()):
        return Packet(payload_index=draw(st.integers(0, fields["payload_count"] - 1)), **fields)
    fields["payload_count"] = draw(st.integers(1, 256))
    protects = draw(st.integers(1, min(fields["payload_count"], 255)))
    repair = Repair(protects, draw(st.integers(0, 255 - protects)), draw(st.booleans()))
    fields["payload"] += bytes(2)  # a prefixed symbol has at least 3 bytes
    return Packet(payload_index=-1, repair=repair, **fields)


@pytest.mark.parametrize(
    ("packet", "message"),
    [(BY_HAND, MESSAGE), (REPAIR_BY_HAND, REPAIR_MESSAGE), (PLACED, PLACED_MESSAGE)],
    ids=["plain", "repair", "position"],
)
def test_the_test_vectors_written_out_by_hand(packet, message):
    assert pack(packet).hex() == message.hex()
    assert unpack(message) == packet


def test_the_vectors_are_those_of_the_docstring():
    lines = {line.strip() for line in satsim.air.packets.__doc__.splitlines()}
    vectors = {bytes.fromhex(line) for line in lines if line[3:14] == "01 89abcdef" and line[:2] != "1c"}
    assert vectors == {MESSAGE, pack(BY_HAND._replace(mark=0x5A)), REPAIR_MESSAGE, PLACED_MESSAGE}


def test_the_checksum_is_the_crc_of_ethernet():
    assert crc32_by_polynomial(b"123456789") == 0xCBF43926
    assert int.from_bytes(MESSAGE[16:20], "big") == crc32_by_polynomial(MESSAGE[:16] + MESSAGE[20:])


def test_a_mark_is_xored_into_each_byte_of_the_checksum():
    marked = pack(BY_HAND._replace(mark=0x5A))
    assert marked[16:20] == bytes(byte ^ 0x5A for byte in MESSAGE[16:20])
    assert marked[:16] + marked[20:] == MESSAGE[:16] + MESSAGE[20:]


def test_no_inverted_bit_of_a_message_passes_for_another_mark():
    bits = 8 * 360
    changes = {zlib.crc32(bytes(360)) ^ zlib.crc32((1 << bit).to_bytes(360, "big")) for bit in range(bits)}
    assert len(changes) == bits
    assert not changes & {mark * 0x01010101 for mark in range(256)}


def test_the_header_is_20_bytes_so_that_a_stage_of_320_fits_an_iridium_message():
    assert HEADER_BYTES == 20
    assert len(pack(BY_HAND._replace(payload=bytes(320)))) == 340
    assert len(pack(REPAIR_BY_HAND._replace(payload=bytes(320)))) == 340


def test_what_a_message_holds_beside_its_payload():
    assert overhead_bytes() == len(pack(BY_HAND)) - 3 == 20
    assert overhead_bytes(position=True) == len(pack(PLACED)) - 3 == 31
    assert overhead_bytes(position=True, tag_bytes=8) == 39


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


def under_a_true_checksum(front, body):
    return front + crc32_by_polynomial(front + body).to_bytes(4, "big") + body


def is_sound(front, body):
    """Whether the fields agree with each other, told apart from the code under test."""
    first, codec, a, b, c = front[0], front[1], *front[10:13]
    if codec not in CODEC_NUMBERS.values():
        return False
    if first & 1 and not (a <= c and a + 1 + b <= 255):
        return False
    if not first & 1 and 16 * a + b // 16 > b % 16 * 256 + c:
        return False
    if first & 4 and int.from_bytes(body[4:11], "big") >= 180_000_001 * 360_000_000:
        return False
    return len(body) >= (11 if first & 4 else 0) + (3 if first & 2 else 1)


codecs_and_not = st.sampled_from([*CODEC_NUMBERS.values(), 0, 100])


@given(
    st.sampled_from([0x10, 0x11, 0x13, 0x14, 0x15, 0x17]),
    codecs_and_not,
    st.binary(min_size=14, max_size=14),
    st.binary(min_size=1, max_size=30),
)
def test_any_header_under_a_true_checksum_gives_a_packet_or_a_packet_error(first, codec, front, body):
    message = under_a_true_checksum(bytes([first, codec]) + front, body)
    if is_sound(message[:16], body):
        assert pack(unpack(message)) == message
    else:
        with pytest.raises(PacketError):
            unpack(message)


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


@pytest.mark.parametrize("first", [0x12, 0x16, 0x1A, 0x1E, 0x00, 0x30, 0xF0])
def test_another_version_and_prefixed_symbols_without_repair_are_refused_even_under_a_true_checksum(first):
    with pytest.raises(PacketError, match=f"first byte is {first:#04x}; expected that of a version 1 or 2 packet"):
        unpack(under_a_true_checksum(bytes([first]) + MESSAGE[1:16], b"ABC"))


def test_a_sealed_packet_says_that_a_key_is_needed():
    with pytest.raises(RefusedError, match=r"sealed by sender 258; a key is needed"):
        unpack(b"\x18" + MESSAGE[1:] + bytes(8))


@pytest.mark.parametrize(
    ("latitude_deg", "longitude_deg"),
    [(90, 0), (-90, 0), (90, 179.999999), (-90, -180), (0, -180), (0, 179.999999), (46.55, 8.61), (-33.868820, 151.2)],
)
def test_poles_date_line_and_six_decimals_come_back_as_they_were(latitude_deg, longitude_deg):
    position = Position(0, latitude_deg, longitude_deg)
    assert unpack(pack(BY_HAND._replace(position=position))).position == position


@pytest.mark.parametrize("longitude_deg", [180, 179.9999996])
def test_the_date_line_comes_back_as_its_other_name(longitude_deg):
    position = unpack(pack(BY_HAND._replace(position=Position(2**32 - 1, 0, longitude_deg)))).position
    assert position == Position(2**32 - 1, 0, -180)


def metres_between(one, other):
    """Great-circle distance on a sphere of the earth's equatorial radius (haversine)."""
    (a, b), (c, d) = ((radians(p.latitude_deg), radians(p.longitude_deg)) for p in (one, other))
    h = sin((a - c) / 2) ** 2 + cos(a) * cos(c) * sin((b - d) / 2) ** 2
    return 2 * 6_378_137 * asin(sqrt(h))


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_rounding_moves_a_place_by_less_than_eight_centimetres(latitude_deg, longitude_deg):
    position = Position(5, latitude_deg, longitude_deg)
    back = unpack(pack(BY_HAND._replace(position=position))).position
    assert back.time_unix_s == 5
    assert abs(back.latitude_deg - latitude_deg) <= 0.5e-6 + 1e-13
    assert metres_between(position, back) < 0.08


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
        ({"payload_index": -1}, "payload_index is -1; expected 0 to 4"),
        ({"repair": Repair(2, 0)}, "payload_index is 4; expected -1"),
        ({"payload_index": -1, "repair": Repair(0, 0)}, "repair.protects is 0; expected 1 to 5"),
        ({"payload_index": -1, "repair": Repair(6, 0)}, "repair.protects is 6; expected 1 to 5"),
        ({"payload_index": -1, "repair": Repair(5, 251)}, "repair.number is 251; expected 0 to 250"),
        (
            {"payload_index": -1, "repair": Repair(5, 0), "payload_count": 257},
            "payload_count is 257; expected 1 to 256",
        ),
        ({"payload_index": -1, "repair": Repair(5, 0, True), "payload": b"ab"}, "payload length is 2; expected 3"),
        ({"position": Position(-1, 0, 0)}, "position.time_unix_s is -1; expected 0 to 4294967295"),
        ({"position": Position(2**32, 0, 0)}, "position.time_unix_s is 4294967296"),
        ({"position": Position(0, 90.000001, 0)}, "position.latitude_deg is 90.000001; expected -90 to 90"),
        ({"position": Position(0, 0, -180.1)}, "position.longitude_deg is -180.1; expected -180 to 180"),
        ({"position": Position(0, float("nan"), 0)}, "position.latitude_deg is nan"),
    ],
)
def test_a_value_that_no_header_can_carry_is_refused_by_name(change, complaint):
    with pytest.raises(PacketError, match=complaint):
        pack(BY_HAND._replace(**change))


def test_the_extremes_of_every_field_fit():
    largest = Packet("external", 2**32 - 1, 65535, 65535, 4095, 4096, 4096, 4096, b"x")
    assert unpack(pack(largest)) == largest
    repair = largest._replace(payload_index=-1, payload_count=256, repair=Repair(255, 0))
    assert unpack(pack(repair)) == repair


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


def test_an_inbox_holds_each_payload_once_and_other_bytes_for_its_place_beside_it(ten_packets):
    inbox = Inbox()
    assert inbox.accept(pack(ten_packets[3])) == (ten_packets[3], True)
    [key] = inbox.images
    assert inbox.accept(pack(ten_packets[3])) == (ten_packets[3], False)
    assert inbox.images == {key: {3: bytes([3, 3, 3])}}
    assert inbox.accept(pack(ten_packets[3]._replace(payload=b"other"))).is_new
    assert inbox.agreed(key).contested == [3]
    assert inbox.images == {key: {}}, "nothing says which of the two is right"


def test_an_inbox_holds_repair_symbols_beside_the_payloads_and_counts_what_they_give(ten_packets):
    [repair] = repair_packets(ten_packets, [(3, 1)])
    inbox = Inbox()
    assert inbox.accept(pack(repair)) == (repair, True)
    assert inbox.accept(pack(repair)) == (repair, False)
    [key] = inbox.images
    assert inbox.payloads(key) == {}
    inbox.accept(pack(ten_packets[2]))
    inbox.accept(pack(ten_packets[0]))
    assert list(inbox.images) == [key], "a repair packet is of the same image"
    assert inbox.images == {key: {0: bytes(3), 2: bytes([2, 2, 2])}}
    assert inbox.repairs == {key: {Repair(3, 0): repair.payload}}
    assert inbox.payloads(key) == {k: bytes([k, k, k]) for k in range(3)}


@given(st.permutations(range(14)), st.lists(st.integers(0, 13), max_size=10))
def test_reordering_and_repetition_change_nothing(order, repeated):
    packets = packetize([bytes([k]) for k in range(10)], codec="jpeg", model_id=1, height=30, width=40)
    packets += repair_packets(packets, [(3, 2), (10, 2)])
    inbox = Inbox()
    new = [inbox.accept(pack(packets[k])).is_new for k in [*order, *repeated]]
    assert new == [True] * 14 + [False] * len(repeated)
    assert list(inbox.images.values()) == [{k: bytes([k]) for k in range(10)}]
    assert [len(symbols) for symbols in inbox.repairs.values()] == [4]


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
