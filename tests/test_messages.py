"""A photo to messages and back, by hand."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from codec import load_codec
from codec.base import CodecError, PhotoError, WeightsError
from satsim.air.inbox import unpack
from satsim.air.packets import pack
from satsim.air.position import Position
from satsim.air.repair import repair_packets
from satsim.errors import PacketError, ScenarioError
from satsim.keys import new_key, read_key, read_keys
from satsim.messages import encode_photo, parse_position
from satsim.pictures import write_picture
from satsim.receiving import Wanted, decode_messages
from satsim.scenario.scenario import ImageSpec
from satsim.scenario.settings import read_setting
from satsim.scoring.outbox import load_photo

FAKE = "codec.fake:FakeCodec"


PLACE = Position(time_unix_s=1785585600, latitude_deg=46.55, longitude_deg=8.61)


def encoded(
    photo, codec=FAKE, settings=(), packet_bytes=340, sender=7, image_id=9, position=None, key_file=None, **frame
):
    fields = {"path": photo, "width": 64, "height": 48, "fit": "crop"} | frame
    options = dict(read_setting("--option", setting, "stages=3") for setting in settings)
    return encode_photo(fields, packet_bytes, codec, options, sender, image_id, position=position, key_file=key_file)


def encode(photo, **how):
    return encoded(photo, **how).messages


@pytest.fixture
def key_file(tmp_path):
    """A key of sender 7, with tags of 8 bytes, that has sealed nothing yet."""
    path = tmp_path / "mine.yaml"
    new_key(path, sender=7)
    return path


def seen_of(messages, model=None, own_codec=None, keys=None):
    """The picture of the one image there is, and the report."""
    received = decode_messages(messages, Wanted(model=model, own_codec=own_codec), keys)
    received.check()
    [image] = received.images
    return image.picture, received.report


def named(messages):
    return [(f"packet_{k}", message) for k, message in enumerate(messages)]


def test_the_messages_are_those_of_the_air(small_photo):
    messages = encode(small_photo)
    assert [len(message) for message in messages] == [23] * 10
    packet = unpack(messages[4])
    assert (packet.codec, packet.sender, packet.image_id, packet.payload_index) == ("external", 7, 9, 4)
    assert (packet.width, packet.height) == (64, 48)


def test_what_is_decoded_is_what_the_codec_shows(small_photo):
    picture, report = seen_of(named(encode(small_photo)), own_codec=FAKE)
    codec = load_codec(FAKE)
    image = load_photo(ImageSpec(path=small_photo, width=64, height=48)).pixels
    assert np.array_equal(picture, codec.decode(dict(enumerate(codec.encode(image, 320))), 48, 64))
    assert report[0] == "holding 10 of 10 packets of sender 7 image 9 (external, 64x48)"
    assert len(report) == 1


def test_any_subset_in_any_order_gives_the_same_picture(small_photo):
    messages = named(encode(small_photo))
    one, _ = seen_of([messages[k] for k in (8, 1, 4)], own_codec=FAKE)
    other, _ = seen_of([messages[k] for k in (1, 4, 8, 4)], own_codec=FAKE)
    assert np.array_equal(one, other)
    assert one[5:10].any()
    assert not one[:5].any(), "the first strip never came"


def test_progic_goes_there_and_back_from_any_one_packet(small_photo, tiny_weights):
    messages = encode(small_photo, codec="progic", settings=[f"model={tiny_weights}"], packet_bytes=32)
    assert len(messages) == 5
    for message in named(messages):
        picture, _ = seen_of([message], model=str(tiny_weights))
        assert picture.shape == (48, 64, 3)


def test_progic_without_the_senders_weights_is_refused(small_photo, tiny_weights):
    messages = encode(small_photo, codec="progic", settings=[f"model={tiny_weights}"])
    with pytest.raises(WeightsError, match="--model"):
        seen_of(named(messages))


def test_a_whole_progic_waits_for_all_its_packets_also_when_fewer_stages_are_sent(small_photo, tiny_weights):
    settings = [f"model={tiny_weights}", "stages=3"]
    messages = named(encode(small_photo, codec="progic-whole", settings=settings, packet_bytes=32))
    assert len(messages) == 3
    with pytest.raises(CodecError, match="nothing to show yet, progic-whole needs more"):
        seen_of(messages[:2], model=str(tiny_weights))
    picture, _ = seen_of(messages, model=str(tiny_weights))
    assert picture.shape == (48, 64, 3)


def test_a_rival_goes_there_and_back(small_photo):
    messages = encode(small_photo, codec="jpeg", settings=["budget_bytes=600"])
    picture, _ = seen_of(named(messages))
    assert picture.shape == (48, 64, 3)
    with pytest.raises(CodecError, match="nothing to show yet, jpeg needs more of them"):
        seen_of(named(messages)[:1])


def test_a_budget_in_packets_is_what_the_header_and_the_seal_leave(small_photo, key_file):
    plain = encode(small_photo, codec="jpeg", settings=["budget_packets=2"], packet_bytes=400)
    sealed = encode(small_photo, codec="jpeg", settings=["budget_packets=2"], packet_bytes=400, key_file=key_file)
    assert len(plain) <= 2
    assert max(map(len, plain)) <= 400
    assert len(sealed) <= 2
    assert max(map(len, sealed)) <= 400
    as_progic = encode(small_photo, codec="jpeg", packet_bytes=40)
    assert len(as_progic) <= 5, "five stages of 12 cells, 15 bytes each, ride in five packets"


def test_repetitions_and_damage_are_reported_and_harmless(small_photo):
    messages = named(encode(small_photo))
    clean, _ = seen_of(messages[:3], own_codec=FAKE)
    dirty, report = seen_of([*messages[:3], messages[1], ("holiday.jpg", b"not a packet")], own_codec=FAKE)
    assert np.array_equal(clean, dirty)
    assert report[0] == "packet_1: a repetition, ignored"
    assert report[1].startswith("holiday.jpg: not used: message of 12 bytes")
    assert report[2].startswith("holding 3 of 10 packets")


def test_no_packet_at_all_is_an_error_that_names_each_file():
    with pytest.raises(PacketError, match=r"(?s)a\.bin: not used.*b\.bin: not used.*none of 2 files is a packet"):
        seen_of([("a.bin", b"x" * 30), ("b.bin", b"")])


def test_repair_packets_stand_in_for_lost_ones(small_photo):
    messages = encode(small_photo)
    packets = [unpack(message) for message in messages]
    repair = [pack(packet) for packet in repair_packets(packets, [(4, 2)])]
    whole, _ = seen_of(named(messages), own_codec=FAKE)
    seen, report = seen_of(named(messages[2:] + repair), own_codec=FAKE)
    assert np.array_equal(seen, whole)
    [line] = (line for line in report if line.startswith("holding"))
    assert line.startswith("holding 8 of 10 packets of sender 7 image 9 (external, 64x48) and 2 for repair")
    assert line.endswith("which give 2 more")


def test_repair_completes_a_picture_that_waits_for_all(small_photo, tiny_weights):
    settings = [f"model={tiny_weights}", "stages=3"]
    messages = encode(small_photo, codec="progic-whole", settings=settings, packet_bytes=32)
    repair = [pack(packet) for packet in repair_packets([unpack(message) for message in messages], [(3, 1)])]
    picture, _ = seen_of(named(messages[1:] + repair), model=str(tiny_weights))
    assert np.array_equal(picture, seen_of(named(messages), model=str(tiny_weights))[0])


def test_place_and_time_go_there_and_back_and_cost_eleven_bytes(small_photo):
    messages = encode(small_photo, position=PLACE)
    assert [len(message) for message in messages] == [34] * 10
    _, report = seen_of(named(messages), own_codec=FAKE)
    assert report[0] == "taken 2026-08-01T12:00:00Z at 46.550000, 8.610000"


def test_sealed_messages_are_counted_in_the_key_file_and_read_with_it(small_photo, key_file):
    messages = encode(small_photo, key_file=key_file, sender=None)
    assert [len(message) for message in messages] == [31] * 10
    assert [int.from_bytes(message[16:20], "big") for message in messages] == list(range(10))
    assert read_key(key_file).next_counter == 10
    assert encode(small_photo, key_file=key_file) == messages, "sealed again it is the same, byte for byte"
    assert read_key(key_file).next_counter == 10
    keys = read_keys(key_file)
    picture, report = seen_of(named(messages), own_codec=FAKE, keys=keys)
    assert np.array_equal(picture, seen_of(named(encode(small_photo)), own_codec=FAKE)[0])
    assert report == ["holding 10 of 10 packets of sender 7 image 9 (external, 64x48)"]
    with pytest.raises(PacketError, match=r"sealed by sender 7; a key is needed \(decode --keys\)"):
        seen_of(named(messages), own_codec=FAKE)
    with pytest.raises(PacketError, match=r"not sealed; with keys, only sealed packets are taken"):
        seen_of(named(encode(small_photo)), own_codec=FAKE, keys=keys)


@pytest.fixture
def other_photo(tmp_path):
    """A PNG file of 64x48 pixels unlike `small_photo`."""
    path = tmp_path / "other.png"
    Image.fromarray(np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)).save(path)
    return path


def test_without_a_number_photo_settings_and_model_give_one(small_photo, other_photo, tiny_weights):
    number = encoded(small_photo, image_id=None).image_id
    assert number == encoded(small_photo, image_id=None, sender=8).image_id
    assert {unpack(message).image_id for message in encode(small_photo, image_id=None)} == {number}
    progic = {"codec": "progic", "settings": [f"model={tiny_weights}"], "image_id": None}
    others = [
        encoded(other_photo, image_id=None),
        encoded(small_photo, image_id=None, position=PLACE),
        encoded(small_photo, image_id=None, settings=["strips=5"]),
        encoded(small_photo, **progic),
        encoded(small_photo, **progic, width=32),
    ]
    assert len({number, *(each.image_id for each in others)}) == 6


def test_a_number_that_follows_from_content_keeps_the_compact_header_where_it_is_needed(small_photo, other_photo):
    frame = {"width": 128, "height": 128, "packet_bytes": 60, "image_id": None, "settings": ["strips=5"]}
    one, other = encoded(small_photo, **frame), encoded(other_photo, **frame)
    assert one.header == other.header == "compact header of 12 bytes"
    assert max(one.image_id, other.image_id) < 256
    assert one.image_id != other.image_id


def test_with_a_key_file_photos_are_counted_and_sending_again_keeps_the_number(small_photo, other_photo, key_file):
    sent = [encoded(photo, image_id=None, key_file=key_file) for photo in (small_photo, other_photo, small_photo)]
    assert [each.image_id for each in sent] == [0, 1, 0]
    keys = read_keys(key_file)
    assert [unpack(each.messages[-1], keys).image_id for each in sent] == [0, 1, 0]
    assert read_key(key_file).next_counter == 20
    assert sent[0].messages == sent[2].messages


def test_a_number_that_another_photo_had_is_refused(small_photo, other_photo, key_file):
    assert encoded(small_photo, image_id=5, key_file=key_file).image_id == 5
    assert encoded(small_photo, image_id=5, key_file=key_file).image_id == 5
    before = key_file.read_bytes()
    with pytest.raises(ScenarioError, match=r"mine\.yaml: image number 5 was given to another photo"):
        encoded(other_photo, image_id=5, key_file=key_file)
    assert key_file.read_bytes() == before


def test_two_photos_under_one_number_given_by_hand_are_told_apart(small_photo, other_photo):
    one, other = (encode(photo, image_id=5) for photo in (small_photo, other_photo))
    received = decode_messages(named([*one[::2], *other[1:5:2]]), Wanted(own_codec=FAKE))
    [seen] = received.images
    assert seen.held == [0, 2, 4, 6, 8]
    assert received.contradictions


def test_a_mistake_takes_no_counters(small_photo, key_file):
    before = key_file.read_bytes()
    with pytest.raises(PacketError, match="sender is 8; expected 7, as in"):
        encode(small_photo, key_file=key_file, sender=8)
    with pytest.raises(PacketError, match="image_id is -1"):
        encode(small_photo, key_file=key_file, image_id=-1)
    assert key_file.read_bytes() == before


@pytest.mark.parametrize(
    ("packet_bytes", "error", "complaint"),
    [
        (39, PacketError, "39 bytes less 20 of header, 11 of position and time, 8 of tag: nothing is left"),
        (41, CodecError, "payload_bytes is 2; expected at least 3 (message of 41 bytes less 20 of header, 11 of"),
    ],
)
def test_a_message_without_room_says_what_takes_it(small_photo, key_file, packet_bytes, error, complaint):
    with pytest.raises(error) as caught:
        encode(small_photo, packet_bytes=packet_bytes, position=PLACE, key_file=key_file)
    assert complaint in str(caught.value)
    assert all(len(m) == 42 for m in encode(small_photo, packet_bytes=42, position=PLACE, key_file=key_file))


def test_a_stage_that_no_longer_fits_one_message_is_a_note(small_photo, tiny_weights, key_file):
    how = {
        "codec": "progic",
        "settings": [f"model={tiny_weights}"],
        "image_id": None,
    }  # 12 indices of 8 bits: stages of 12 bytes
    assert encoded(small_photo, packet_bytes=32, **how).notes == []
    assert encoded(small_photo, packet_bytes=40, key_file=key_file, **how).notes == []
    messages, [note], *_ = encoded(small_photo, packet_bytes=32, key_file=key_file, **how)
    assert note == "a stage of 12 bytes no longer fits one message: 32 bytes less 20 of header, 8 of tag leave 4"
    assert len(messages) == 15, "three for each of five stages"
    picture, _ = seen_of(named(messages), model=str(tiny_weights), keys=read_keys(key_file))
    assert picture.shape == (48, 64, 3)


def test_place_and_time_are_read_as_written():
    assert parse_position(None, None) is None
    assert parse_position("46.55,8.61", "2026-08-01T12:00:00Z") == PLACE
    assert parse_position(" 46.55, 8.61", "2026-08-01T14:00:00.9+02:00") == PLACE


@pytest.mark.parametrize(
    ("place", "taken_at", "complaint"),
    [
        ("1,2", None, "go together"),
        (None, "2026-08-01T12:00:00Z", "go together"),
        ("1", "2026-08-01T12:00:00Z", "--position 1: expected LAT,LON"),
        ("north,1", "2026-08-01T12:00:00Z", "--position north,1: expected LAT,LON"),
        ("91,0", "2026-08-01T12:00:00Z", "position.latitude_deg is 91.0; expected -90 to 90"),
        ("nan,0", "2026-08-01T12:00:00Z", "position.latitude_deg is nan"),
        ("1,2", "2026-08-01T12:00:00", "--taken-at 2026-08-01T12:00:00: expected a time with its zone"),
        ("1,2", "noon", "--taken-at noon: expected a time with its zone"),
        ("1,2", "1969-12-31T23:59:59Z", "position.time_unix_s is -1; expected 0 to 4294967295"),
    ],
)
def test_a_place_or_time_that_cannot_be_sent_is_refused_by_name(place, taken_at, complaint):
    with pytest.raises(PacketError) as caught:
        parse_position(place, taken_at)
    assert complaint in str(caught.value)


def test_an_unnamed_codec_must_be_named(small_photo):
    with pytest.raises(CodecError, match="--codec module:Class"):
        seen_of(named(encode(small_photo)))


@pytest.mark.parametrize(
    ("changes", "error", "complaint"),
    [
        ({"width": 5}, ScenarioError, "image.width is 5; expected 16 to 4096"),
        ({"fit": "squash"}, ScenarioError, "image.fit is 'squash'"),
        ({"packet_bytes": 20}, ScenarioError, "link.packet_bytes is 20; expected more than 20"),
        ({"packet_bytes": 22}, CodecError, "payload_bytes is 2; expected at least 3"),
        ({"sender": 70_000}, PacketError, "sender is 70000; expected 0 to 65535"),
        ({"image_id": -1}, PacketError, "image_id is -1"),
        ({"codec": "jpge"}, CodecError, "did you mean 'jpeg'"),
        ({"settings": ["strips"]}, ScenarioError, "--option strips: expected key=value"),
        ({"settings": ["strips=[1"]}, ScenarioError, "--option strips=[1: the value is line 1: not YAML"),
        ({"settings": ["stripes=4"]}, CodecError, "no option 'stripes'"),
        ({"photo": "/absent.png"}, PhotoError, "/absent.png: no such image file"),
    ],
)
def test_a_mistake_is_refused_by_name(small_photo, changes, error, complaint):
    with pytest.raises(error) as caught:
        encode(**({"photo": small_photo} | changes))
    assert complaint in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".WEBP"])
def test_a_picture_is_written_in_the_format_of_its_suffix(tmp_path, suffix):
    write_picture(np.full((20, 30, 3), 99, np.uint8), tmp_path / f"out{suffix}")
    with Image.open(tmp_path / f"out{suffix}") as picture:
        assert picture.size == (30, 20)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["out", "out.txt", "out.psd", "out.pgn"])
def test_a_suffix_of_no_format_that_can_be_written_is_refused(tmp_path, name):
    with pytest.raises(ScenarioError, match="no picture format has the suffix"):
        write_picture(np.zeros((20, 30, 3), np.uint8), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "out.xbm").write_text("old")
    with pytest.raises(OSError, match="RGB"):  # this format holds black and white only
        write_picture(np.zeros((20, 30, 3), np.uint8), tmp_path / "out.xbm")
    assert (tmp_path / "out.xbm").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the limit on sizes of files is that of POSIX")
def test_a_key_that_the_disk_has_no_room_for_leaves_no_file(tmp_path):
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10));"
        "from pathlib import Path; from satsim.keys import new_key; new_key(Path(sys.argv[1]), sender=7)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "k.yaml")], capture_output=True, text=True)
    assert "OSError" in done.stderr, "the disk took only ten bytes"
    assert list(tmp_path.iterdir()) == []
