"""What the Iridium gateway and its resellers send, byte by byte; vectors stand in the modules' own words."""

import calendar
import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsim.errors import PacketError
from satsim.sbd import directip, webhook
from satsim.sbd.directip import Location, MoMessage, MtConfirmation, MtMessage
from satsim.sbd.webhook import FORM, JSON, read_hook

IMEI = "300234010753370"
SENT_S = calendar.timegm((2021, 10, 31, 10, 41, 50))
ABC = MoMessage(IMEI, 12, 0, 0, SENT_S, b"ABC", cdr=0x01020304)
SOUTHWEST = Location(-(52 + 23.202 / 60), -(0 + 17.628 / 60), 8)
VECTORS = [
    bytes.fromhex(block)
    for block in re.findall(r"^    (01 00[0-9a-f ]+(?:\n {12}[0-9a-f ]+)*)$", directip.__doc__, flags=re.MULTILINE)
]
FORM_VECTOR = webhook.__doc__.split()[-1].encode()
imeis = st.from_regex(r"[0-9]{15}", fullmatch=True)
places = st.builds(Location, st.floats(-90, 90), st.floats(-180, 180), st.integers(0, 2**32 - 1))
ups = st.builds(
    MoMessage,
    imeis,
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=1960),
    st.integers(0, 2**32 - 1),
    st.none() | places,
)


def test_the_vectors_of_directip_are_read_and_written_as_they_stand():
    plain, placed, kept, not_kept, down, queued, refused = VECTORS
    assert directip.read_mo(plain) == ABC
    assert directip.write_mo(ABC) == plain
    assert directip.write_mo(ABC._replace(location=SOUTHWEST)) == placed
    assert directip.read_mo(placed).location == pytest.approx(SOUTHWEST)
    assert (directip.write_confirmation(True), directip.write_confirmation(False)) == (kept, not_kept)
    assert directip.read_confirmation(kept) is True
    assert directip.read_confirmation(not_kept) is False
    message = MtMessage(IMEI, b"ABC", 0x0A0B0C0D, 0, 2)
    assert directip.read_mt(down) == message
    assert directip.write_mt(message) == down
    answers = [MtConfirmation(0x0A0B0C0D, IMEI, 7, 1), MtConfirmation(0x0A0B0C0D, IMEI, 0, -5)]
    assert [directip.read_mt_confirmation(answer) for answer in (queued, refused)] == answers
    assert [directip.write_mt_confirmation(answer) for answer in answers] == [queued, refused]


def test_north_and_east_of_zero_are_told_from_south_and_west():
    for latitude_deg, longitude_deg, flags in [(1.5, 2.5, 0), (1.5, -2.5, 1), (-1.5, 2.5, 2), (-1.5, -2.5, 3)]:
        written = directip.write_mo(ABC._replace(location=Location(latitude_deg, longitude_deg, 1)))
        element = dict(directip.elements_of(written))[directip.MO_LOCATION]
        assert element[0] == flags
        assert directip.read_mo(written).location == (latitude_deg, longitude_deg, 1)


@given(ups)
def test_what_is_written_is_read_again(message):
    read = directip.read_mo(directip.write_mo(message))
    assert read._replace(location=None) == message._replace(location=None)
    if message.location:
        assert read.location == pytest.approx(message.location, abs=1 / 120_000)


@given(st.binary(max_size=80), st.integers(0, len(VECTORS) - 1), st.integers(0, 80))
def test_any_bytes_are_read_or_refused(junk, which, cut):
    for content in (junk, VECTORS[which][:cut] + junk, b"\1" + len(junk).to_bytes(2, "big") + junk):
        for read in (
            directip.read_mo,
            directip.read_mt,
            directip.read_confirmation,
            directip.read_mt_confirmation,
            directip.split,
            lambda content: read_hook(content, JSON),
            lambda content: read_hook(content, FORM),
        ):
            with suppress(PacketError):
                read(content)


@pytest.mark.parametrize("cut", range(len(VECTORS[0])))
def test_a_message_that_is_cut_anywhere_is_none(cut):
    with pytest.raises(PacketError):
        directip.read_mo(VECTORS[0][:cut])


def test_a_session_without_a_message_has_no_payload_element():
    written = directip.write_mo(ABC._replace(payload=b""))
    assert [number for number, _ in directip.elements_of(written)] == [directip.MO_HEADER]
    assert directip.read_mo(written).payload == b""


def test_a_location_that_is_none_costs_no_message():
    elements = directip.elements_of(VECTORS[0])
    for location in (b"", bytes(10), b"\0" + b"\xff" * 10, bytes([0, 90, 0, 1, 0, 0, 0, 0, 0, 0, 0])):
        assert directip.read_mo(directip.join([*elements, (3, location)])) == ABC


def test_what_could_be_read_in_two_ways_is_refused():
    elements = directip.elements_of(VECTORS[0])
    with pytest.raises(PacketError, match="0x02 stands twice"):
        directip.read_mo(directip.join([*elements, (2, b"DEF")]))
    with pytest.raises(PacketError, match="stands twice"):
        read_hook(FORM_VECTOR + b"&data=00", FORM)
    with pytest.raises(PacketError, match="stands twice"):
        read_hook(b'{"imei": 1, "imei": 2}', JSON)


def test_elements_of_later_revisions_are_passed_over():
    elements = directip.elements_of(VECTORS[0])
    assert directip.read_mo(directip.join([(0x09, b"new"), *elements])) == ABC


@pytest.mark.parametrize(
    "message",
    [
        ABC._replace(imei="12"),
        ABC._replace(imei="30023401075337x"),
        ABC._replace(momsn=65536),
        ABC._replace(payload=bytes(1961)),
        ABC._replace(location=Location(91, 0, 0)),
        ABC._replace(location=Location(0, float("nan"), 0)),
        ABC._replace(time_unix_s=-1),
    ],
)
def test_a_field_that_no_message_can_hold_is_told_before_anything_is_sent(message):
    with pytest.raises(PacketError):
        directip.write_mo(message)


def test_several_messages_in_one_stream_are_told_apart():
    assert directip.split(b"".join(VECTORS)) == VECTORS
    with pytest.raises(PacketError, match="ends 1 bytes early"):
        directip.split(b"".join(VECTORS)[:-1])


def test_the_vector_of_the_web_hook_is_read_and_written_as_it_stands():
    assert webhook.write_form(ABC) == FORM_VECTOR
    hook = read_hook(FORM_VECTOR, FORM)
    assert hook[:6] == (IMEI, 12, SENT_S, None, b"ABC", None)
    assert hook.fields == {"serial": "12345", "transmit_time": "21-10-31 10:41:50"}
    assert read_hook(webhook.write_json(ABC), "application/json; charset=utf-8") == hook
    assert read_hook(webhook.write_json(ABC), "") == hook


def test_all_forms_of_the_web_hook_say_the_same():
    placed = ABC._replace(location=Location(52.3867, 0.2938, 8))
    old = {
        **{"imei": IMEI, "momsn": 12, "transmit_time": "21-10-31 10:41:50", "iridium_latitude": 52.3867},
        **{"iridium_longitude": 0.2938, "iridium_cep": 8, "data": " 41 4243 "},
    }
    push = {
        **{"imei": IMEI, "momsn": "12", "transmit_time": "2021-10-31T10:41:50Z", "lat": "52.3867", "lon": "0.2938"},
        **{"id": "x", "transport": "IRIDIUM", "device_type": "ROCKBLOCK", "data": "0x41,0x42,0x43", "JWT": "a.b.c"},
    }
    lingo = {
        "sbd": {
            **{"imei": IMEI, "momsn": 12, "status": "SESSION_STATUS_OK"},
            "sessionAt": {"year": 2021, "month": 10, "day": 31, "hour": 10, "minute": 41, "second": 50},
            "location": {"latitude": 52.3867, "longitude": 0.2938, "cep": 8.0},
        },
        "message": "QUJD",
    }
    for content in (webhook.write_json(placed), *(json.dumps(each).encode() for each in (old, push, lingo))):
        hook = read_hook(content, JSON)
        assert (hook.imei, hook.momsn, hook.transmit_time_unix_s, hook.payload) == (IMEI, 12, SENT_S, b"ABC")
        assert hook.location[:2] == (52.3867, 0.2938)
    assert read_hook(webhook.write_form(placed), FORM).location == placed.location
    assert read_hook(json.dumps(push).encode(), JSON).jwt == "a.b.c"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "data is missing"),
        (b"imei=300234010753370&momsn=12&data=4", "hexadecimal"),
        (b"imei=300234010753370&momsn=12&data=zz", "hexadecimal"),
        (b"imei=30023401075337&momsn=12&data=", "15 digits"),
        (b"imei=300234010753370&momsn=-1&data=", "whole number"),
        (b"imei=300234010753370&momsn=%ff&data=", "form fields"),
        (b"momsn=12&data=41", "imei is missing"),
        (b"a=1&" * 100, "64 form fields"),
        (b'{"imei": ["300234010753370"], "momsn": 1, "data": "41"}', "imei is no text"),
        (b'{"imei": "300234010753370", "momsn": true, "data": "41"}', "momsn is no text"),
        (b'{"imei": "300234010753370", "momsn": 1, "data": 41}', "data is no text"),
        (b'{"sbd": {}, "message": "?"}', "base64"),
        (b"{" * 100_000, "no JSON"),
        (b'{"momsn": ' + b"9" * 5000 + b"}", "no JSON"),
    ],
)
def test_a_web_hook_that_cannot_be_used_says_why(content, said):
    with pytest.raises(PacketError, match=said):
        read_hook(content, JSON if content[:1] == b"{" else FORM)


def test_a_signature_counts_for_what_it_signs_alone():
    hook = read_hook(FORM_VECTOR, FORM)
    signed = webhook.fields_of(ABC)
    assert webhook.disagreement(hook, signed) is None
    assert webhook.disagreement(hook, signed | {"data": "41 42 43", "momsn": 12}) is None
    assert webhook.disagreement(hook, signed | {"data": "414244"}) == "data"
    assert webhook.disagreement(hook, signed | {"imei": "300234010753371"}) == "imei"
    assert webhook.disagreement(hook, {"iss": "Rock 7"}) == "imei"
