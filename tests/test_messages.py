"""A photo to messages and back, by hand."""

import numpy as np
import pytest
from PIL import Image

from codec import load_codec
from codec.base import CodecError, WeightsError
from satsim.messages import decode_messages, encode_photo, read_messages, write_picture
from satsim.packets import PacketError, unpack
from satsim.photo import PhotoError, load_photo
from satsim.scenario import ImageSpec, ScenarioError

FAKE = "codec.fake:FakeCodec"


def encode(photo, codec=FAKE, settings=(), packet_bytes=340, sender=7, image_id=9, **frame):
    fields = {"path": photo, "width": 64, "height": 48, "fit": "crop"} | frame
    return encode_photo(fields, packet_bytes, codec, settings, sender, image_id)


def named(messages):
    return [(f"packet_{k}", message) for k, message in enumerate(messages)]


def test_the_messages_are_those_of_the_air(small_photo):
    messages = encode(small_photo)
    assert [len(message) for message in messages] == [23] * 10
    packet = unpack(messages[4])
    assert (packet.codec, packet.sender, packet.image_id, packet.payload_index) == ("external", 7, 9, 4)
    assert (packet.width, packet.height) == (64, 48)


def test_what_is_decoded_is_what_the_codec_shows(small_photo):
    picture, report = decode_messages(named(encode(small_photo)), own_codec=FAKE)
    codec = load_codec(FAKE)
    image = load_photo(ImageSpec(path=small_photo, width=64, height=48))
    assert np.array_equal(picture, codec.decode(dict(enumerate(codec.encode(image, 320))), 48, 64))
    assert report == ["holding 10 of 10 packets of sender 7 image 9 (external, 64x48)"]


def test_any_subset_in_any_order_gives_the_same_picture(small_photo):
    messages = named(encode(small_photo))
    one, _ = decode_messages([messages[k] for k in (8, 1, 4)], own_codec=FAKE)
    other, _ = decode_messages([messages[k] for k in (1, 4, 8, 4)], own_codec=FAKE)
    assert np.array_equal(one, other)
    assert one[5:10].any()
    assert not one[:5].any(), "the first strip never came"


def test_progic_goes_there_and_back_from_any_one_packet(small_photo, tiny_weights):
    messages = encode(small_photo, "progic", [f"model={tiny_weights}"], packet_bytes=32)
    assert len(messages) == 5
    for message in named(messages):
        picture, _ = decode_messages([message], model=str(tiny_weights))
        assert picture.shape == (48, 64, 3)


def test_progic_without_the_senders_weights_is_refused(small_photo, tiny_weights):
    messages = encode(small_photo, "progic", [f"model={tiny_weights}"])
    with pytest.raises(WeightsError, match="--model"):
        decode_messages(named(messages))


def test_a_whole_progic_waits_for_all_its_packets_also_when_fewer_stages_are_sent(small_photo, tiny_weights):
    settings = [f"model={tiny_weights}", "stages=3"]
    messages = named(encode(small_photo, "progic-whole", settings, packet_bytes=32))
    assert len(messages) == 3
    with pytest.raises(CodecError, match="nothing to show yet, progic-whole needs more"):
        decode_messages(messages[:2], model=str(tiny_weights))
    picture, _ = decode_messages(messages, model=str(tiny_weights))
    assert picture.shape == (48, 64, 3)


def test_a_rival_goes_there_and_back(small_photo):
    messages = encode(small_photo, "jpeg", ["budget_bytes=600"])
    picture, _ = decode_messages(named(messages))
    assert picture.shape == (48, 64, 3)
    with pytest.raises(CodecError, match="nothing to show yet, jpeg needs more of them"):
        decode_messages(named(messages)[:1])


def test_repetitions_and_damage_are_reported_and_harmless(small_photo):
    messages = named(encode(small_photo))
    clean, _ = decode_messages(messages[:3], own_codec=FAKE)
    dirty, report = decode_messages([*messages[:3], messages[1], ("holiday.jpg", b"not a packet")], own_codec=FAKE)
    assert np.array_equal(clean, dirty)
    assert report[0] == "packet_1: a repetition, ignored"
    assert report[1].startswith("holiday.jpg: not used: message of 12 bytes")
    assert report[2].startswith("holding 3 of 10 packets")


def test_no_packet_at_all_is_an_error_that_names_each_file():
    with pytest.raises(PacketError, match=r"(?s)a\.bin: not used.*b\.bin: not used.*none of 2 files is a packet"):
        decode_messages([("a.bin", b"x" * 30), ("b.bin", b"")])


def test_packets_of_two_images_are_not_mixed(small_photo):
    messages = named([*encode(small_photo), *encode(small_photo, image_id=10)])
    with pytest.raises(PacketError, match=r"packets of 2 images .*image 9.*image 10.*give those of one"):
        decode_messages(messages, own_codec=FAKE)


def test_an_unnamed_codec_must_be_named(small_photo):
    with pytest.raises(CodecError, match="--codec module:Class"):
        decode_messages(named(encode(small_photo)))


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


def test_a_folder_stands_for_its_packets_in_order(tmp_path):
    for name in ("b.bin", "a.bin", "note.txt"):
        (tmp_path / name).write_text(name)
    assert [content for _, content in read_messages([tmp_path, tmp_path / "note.txt"])] == [
        b"a.bin",
        b"b.bin",
        b"note.txt",
    ]


def test_a_missing_packet_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.bin"):
        read_messages([tmp_path / "absent.bin"])


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
