"""Stripped files rebuild to the very same picture, and wrong bytes are refused."""

import numpy as np
import pytest
from conftest import photo_like, skip_where_missing

from codec.base import CodecError
from codec.rivals import load_format
from codec.rivals.fixed_rate import pack_varint, unpack_varint
from codec.rivals.jpeg2000 import packets_of, rebuild, write_layers

# Bytes that the container costs at least, as measured here less a small margin for other library versions.
LEAST_SAVED_BYTES = {"jpeg": 580, "webp": 26, "avif": 270, "heic": 360, "jpegxl": 4, "jpeg2000": 110, "vvc": 60}
BOTH_CHROMAS = ("jpeg", "avif", "heic")


def blank(form, height, width, quality, full=False):
    return form.write(np.full((height, width, 3), 128, np.uint8), quality, full, False)


@pytest.mark.parametrize(
    ("name", "full"),
    [*((name, False) for name in LEAST_SAVED_BYTES), *((name, True) for name in BOTH_CHROMAS)],
)
def test_a_stripped_file_rebuilds_to_the_same_picture(name, full):
    skip_where_missing(name)
    form, image = load_format(name), photo_like(37, 53)
    quality = form.qualities[len(form.qualities) // 3]
    file = form.write(image, quality, full, False)
    known = blank(form, 37, 53, quality if form.sends_quality else form.qualities[0], full)
    payload = form.strip(file, known)
    assert len(file) - len(payload) >= LEAST_SAVED_BYTES[name] - (name == "jpeg") * 500  # fitted tables are sent
    again = form.read(form.rebuild(payload, known), 37, 53)
    assert np.array_equal(again, form.read(file, 37, 53))


def test_a_jpeg_with_the_standard_tables_sends_only_a_zero_and_its_scan():
    form = load_format("jpeg")
    file = blank(form, 40, 40, 50)
    payload = form.strip(file, file)
    assert payload[:1] == b"\0"
    assert len(file) - len(payload) >= LEAST_SAVED_BYTES["jpeg"]
    assert form.rebuild(payload, file) == file


@pytest.mark.parametrize(("value", "packed"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (16384, "808001")])
def test_varints_are_leb128(value, packed):
    assert pack_varint(value).hex() == packed
    assert unpack_varint(bytes.fromhex(packed)) == (value, len(packed) // 2)


def test_a_varint_cut_short_is_none_and_an_endless_one_is_refused():
    assert unpack_varint(b"\x80\x80") is None
    with pytest.raises(CodecError, match="over 4 bytes"):
        unpack_varint(b"\xff" * 9)


def test_jpeg2000_packets_are_layers_times_resolutions_times_components():
    image = photo_like(64, 64)  # sides of 64 pixels have 4 resolutions
    packets = packets_of(write_layers(image, [200, 400], lengths=True))
    assert len(packets) == 2 * 4 * 3


def test_jpeg2000_packets_that_did_not_come_count_as_empty():
    form, image = load_format("jpeg2000"), photo_like(64, 64)
    file = write_layers(image, [200, 400], lengths=True)
    packets = packets_of(file)
    errors = []
    for held in (12, 24):
        shown = form.read(rebuild(b"".join(packets[:held]), file), 64, 64)
        errors.append(np.mean((shown.astype(float) - image) ** 2))
    assert errors[1] < errors[0]


def test_the_file_of_another_size_is_refused_before_it_is_decoded():
    form = load_format("webp")
    with pytest.raises(CodecError, match="expected 16x16"):
        form.read(blank(form, 600, 600, 10), 16, 16)


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", "heic", "jpegxl", "jpeg2000"])
def test_a_file_of_another_format_is_refused(name):
    form = load_format(name)
    wrong = b"RIFF" + bytes(60)
    known = blank(form, 16, 16, form.qualities[5])
    if name == "jpegxl":  # only its header is known, and that comes from the blank
        with pytest.raises(CodecError):
            form.strip(wrong, wrong)
    else:
        with pytest.raises(CodecError):
            form.strip(wrong, known)
