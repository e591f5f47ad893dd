"""The resend request: what a receiver lacks, in 50 bytes; any bytes are a request or an error."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import satsim.air.request
from satsim.air.packets import Packet
from satsim.air.request import Missing, Request, is_request, read_request, write_request
from satsim.air.seal import Sealer, SenderKey
from satsim.errors import PacketError, RefusedError

KEY = SenderKey(0x0102, bytes(range(16)), tag_bytes=8)
KEYS = {0x0102: KEY}
PLAIN = [Missing(0x0304, False, (1, 3), 0x5A), Missing(4, True, tuple(range(5, 101)), 0x77)]
SEALED = [Missing(0x0304, False, (1, 3), counter=0x10006), Missing(4, True, tuple(range(5, 101)), counter=0x7000)]
MESSAGE = bytes.fromhex(
    "30" "0102" "470a1bff"  # version 3, sender, checksum
    "20" "0304" "5a" "00" "50"  # one byte of bitmap from payload 0 on, of which bits 1 and 3 are set
    "80" "04" "77" "005064"  # compact headers, one range: 5 to 100
)  # fmt: skip
SEALED_MESSAGE = bytes.fromhex("3801026a6ddfc030e03c45191961cb31ae15915d5c4a5c2b823068074b")


def asked_for(message, keys=None):
    return {(image.image_id, image.compact): image.payloads for image in read_request(message, keys).images}


def test_the_test_vectors():
    assert write_request(0x0102, PLAIN).hex() == MESSAGE.hex()
    assert read_request(MESSAGE) == Request(0x0102, tuple(PLAIN))
    assert write_request(0x0102, SEALED, KEY, 0x6A6DDFC0).hex() == SEALED_MESSAGE.hex()
    for message in (MESSAGE, SEALED_MESSAGE):
        assert message.hex() in satsim.air.request.__doc__.replace(" ", "")


def test_a_sealed_request_says_its_counter_and_the_lower_half_of_those_of_images():
    request = read_request(SEALED_MESSAGE, KEYS)
    assert request.counter == 0x6A6DDFC0
    assert request.images == (SEALED[0]._replace(counter=0x0006), SEALED[1])


def test_one_hole_of_five_in_each_of_seven_photos_takes_one_credit():
    images = [Missing(k, False, (k % 5,), mark=9) for k in range(7)]
    message = write_request(1, images)
    assert len(message) <= 50
    assert asked_for(message) == {(k, False): (k % 5,) for k in range(7)}


def test_what_does_not_fit_is_left_for_the_next_request_and_what_comes_first_is_asked_for_first():
    every_fifth = tuple(range(0, 4096, 5))
    message = write_request(1, [Missing(1, False, every_fifth, 3)])
    first = asked_for(message)[1, False]
    assert len(message) <= 50
    assert len(first) > 50
    assert first == every_fifth[: len(first)]
    rest = every_fifth[len(first) :]
    assert asked_for(write_request(1, [Missing(1, False, rest, 3)]))[1, False][:50] == rest[:50]


def test_all_but_the_first_of_4096_payloads_is_one_range():
    message = write_request(1, [Missing(1, False, tuple(range(1, 4096)), 3)])
    assert len(message) == 7 + 4 + 3
    assert asked_for(message)[1, False] == tuple(range(1, 4096))


def test_a_damaged_request_is_none():
    for k in range(len(MESSAGE)):
        with pytest.raises(PacketError):
            read_request(MESSAGE[:k] + bytes([MESSAGE[k] ^ 1]) + MESSAGE[k + 1 :])
        with pytest.raises(PacketError):
            read_request(MESSAGE[:k])
        sealed = bytearray(SEALED_MESSAGE)
        sealed[k] ^= 1
        with pytest.raises(PacketError):
            read_request(bytes(sealed), KEYS)


def test_a_sender_with_a_key_takes_no_request_that_its_key_did_not_seal():
    with pytest.raises(RefusedError, match="not sealed"):
        read_request(MESSAGE, KEYS)
    with pytest.raises(RefusedError, match="broken"):
        read_request(SEALED_MESSAGE, {0x0102: SenderKey(0x0102, bytes(16))})


def test_a_sender_without_the_key_says_so():
    with pytest.raises(RefusedError, match="sender 258, which is not among"):
        read_request(SEALED_MESSAGE)


def test_a_request_is_no_packet_and_a_packet_no_request():
    packet = Packet("progic", 1, 0x0102, 4, 0, 1, 256, 256, b"ABC")
    assert not is_request(Sealer(KEY, 0).seal(packet))
    with pytest.raises(PacketError, match="first byte"):
        read_request(Sealer(KEY, 0).seal(packet), KEYS)


def test_the_seals_of_a_request_and_of_a_packet_with_the_same_counter_share_no_nonce():
    packet_header, request_header = b"\x18" + bytes(15) + bytes([0, 0, 0, 9]), b"\x38\x01\x02" + bytes([0, 0, 0, 9])
    assert KEY.nonce(packet_header) != KEY.nonce(request_header)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (Missing(256, True, (1,)), "image_id is 256; expected 0 to 255"),
        (Missing(1, True, (128,)), "payload index is 128; expected 0 to 127"),
        (Missing(1, False, (4096,)), "payload index is 4096; expected 0 to 4095"),
        (Missing(1, False, (3, -1)), "payload index is -1; expected 0 to 4095"),
        (Missing(1, False, (3,), mark=256), "mark is 256; expected 0 to 255"),
        (Missing(1, False, ()), "no payload is missing"),
    ],
)
def test_what_cannot_be_asked_for_is_told(image, says):
    with pytest.raises(PacketError, match=says):
        write_request(1, [image])


def test_a_request_too_short_for_an_entry_is_told():
    with pytest.raises(PacketError, match="room for none"):
        write_request(1, PLAIN, most_bytes=11)


@pytest.mark.parametrize(
    "entries",
    [
        "20 0304 5a 00",  # ends before the bitmap
        "20 0304 5a 00 00",  # asks for nothing
        "00 0304 5a 00a005",  # from 10 to 5
        "80 04 77 000080",  # beyond what a compact header can say
        "20 0304 5a ff 0001",  # one byte more
    ],
)
def test_entries_that_nobody_writes_are_refused_though_sealed(entries):
    header = b"\x38\x01\x02\x00\x00\x00\x01"
    with pytest.raises(PacketError):
        read_request(header + KEY.encrypt(header, bytes.fromhex(entries)), KEYS)


@given(st.binary(max_size=60), st.sampled_from([b"", b"\x30", b"\x38", b"\x38\x01\x02"]))
def test_any_bytes_are_a_request_or_an_error(content, start):
    for keys in (None, KEYS):
        with suppress(PacketError):
            assert isinstance(read_request(start + content, keys), Request)


@given(st.binary(min_size=1, max_size=40))
def test_any_sealed_entries_are_a_request_or_an_error(entries):
    header = b"\x38\x01\x02\x00\x00\x00\x01"
    try:
        request = read_request(header + KEY.encrypt(header, entries), KEYS)
    except PacketError:
        return
    assert all(image.payloads for image in request.images)


images = st.builds(
    lambda number, compact, payloads, which, sealed: Missing(
        number,
        compact,
        tuple(sorted({payload % 128 for payload in payloads} if compact else payloads)),
        0 if sealed else which % 256,
        which if sealed else None,
    ),
    st.integers(0, 255),
    st.booleans(),
    st.sets(st.integers(0, 4095), min_size=1),
    st.integers(0, 2**16 - 1),
    st.booleans(),
)


@given(st.lists(images, min_size=1, max_size=8, unique_by=lambda image: image[:2]), st.booleans())
def test_what_is_read_is_the_beginning_of_what_was_asked_for(wanted, sealed):
    message = write_request(0x0102, wanted, KEY if sealed else None, 5)
    assert len(message) <= 50
    request = read_request(message, KEYS if sealed else None)
    whole = {image._replace(payloads=()): image.payloads for image in wanted}
    assert request.images[0]._replace(payloads=()) == wanted[0]._replace(payloads=())
    for image in request.images:
        assert image.payloads == whole[image._replace(payloads=())][: len(image.payloads)]
