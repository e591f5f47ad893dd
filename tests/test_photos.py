"""Photos from disk, good and bad."""

import io
import struct
import zlib

import numpy as np
import pytest
from conftest import picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from codec.base import PhotoError
from codec.folders import list_photos, read_photo
from codec.photos import GREY, enlarged, fit_photo, open_photo, reduced
from satsim.scenario.scenario import ImageSpec
from satsim.scoring.outbox import load_photo

RED, BLUE = (255, 0, 0), (0, 0, 255)


def load(path, width=256, height=256, fit="crop"):
    return fit_photo(path, width, height, fit).pixels


def complaint_about(path, **frame):
    with pytest.raises(PhotoError) as caught:
        load(path, **frame)
    line = str(caught.value)
    assert str(path) in line
    assert "\n" not in line
    return line


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_that_says(width, height):
    """A PNG of a few bytes whose header promises any number of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b""))
        + png_chunk(b"IEND", b"")
    )


def test_a_photo_of_the_frames_size_comes_unchanged(small_photo):
    assert np.array_equal(load(small_photo, width=64, height=48), picture(48, 64))


def test_crop_fills_the_frame_and_cuts_the_sides(tmp_path):
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, :32], wide[:, 32:64], wide[:, 64:] = RED, (0, 255, 0), BLUE
    Image.fromarray(wide).save(tmp_path / "wide.png")
    middle = load(tmp_path / "wide.png", width=32, height=32)
    assert (middle[:, 4:-4] == (0, 255, 0)).all()


def test_pad_shows_the_whole_photo_between_grey_bars(tmp_path):
    Image.fromarray(np.full((32, 64, 3), RED, np.uint8)).save(tmp_path / "wide.png")
    padded = load(tmp_path / "wide.png", width=64, height=64, fit="pad")
    assert (padded[:16] == GREY).all()
    assert (padded[16:48] == RED).all()
    assert (padded[48:] == GREY).all()


def test_keep_keeps_the_photos_own_size(small_photo):
    assert load(small_photo, fit="keep").shape == (48, 64, 3)


@pytest.mark.parametrize("size", [(15, 64), (64, 15), (4097, 16)])
def test_keep_refuses_sizes_that_no_codec_takes(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "odd.png")
    assert "expected sides of 16 to 4096 with fit keep (use crop or pad)" in complaint_about(
        tmp_path / "odd.png", fit="keep"
    )


def test_a_scenarios_photo_is_fitted_as_it_says(small_photo):
    spec = ImageSpec(path=small_photo, width=32, height=16, fit="pad")
    assert np.array_equal(load_photo(spec).pixels, fit_photo(small_photo, 32, 16, "pad").pixels)


@pytest.mark.parametrize("side", [16, 48])
def test_a_photo_to_measure_on_is_its_centre_square(tmp_path, side):
    wide = np.concatenate([np.full((48, 48, 3), colour, np.uint8) for colour in (RED, (0, 255, 0), BLUE)], axis=1)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    square = read_photo(tmp_path / "wide.png", side).pixels
    assert square.shape == (side, side, 3)
    assert (square[:, 4:-4] == (0, 255, 0)).all()
    assert np.array_equal(read_photo(tmp_path / "wide.png", None).pixels, wide)


def test_a_photo_to_measure_on_has_a_size_that_codecs_take(tmp_path):
    Image.new("RGB", (15, 64)).save(tmp_path / "narrow.png")
    with pytest.raises(PhotoError, match=r"narrow\.png: image is 15x64 pixels; expected sides of 16 to 4096"):
        read_photo(tmp_path / "narrow.png", None)


def test_photos_are_listed_by_path_and_other_files_left_out(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.PNG", "b/1.jpg", "a.webp", "notes.txt"):
        (tmp_path / name).touch()
    assert list_photos(tmp_path) == [tmp_path / name for name in ("a.webp", "b/1.jpg", "b/2.PNG")]
    with pytest.raises(PhotoError, match=r"no photo below it; expected files ending in \.avif, \.bmp, \.gif, \.heic, "):
        list_photos(tmp_path / "c")


def test_a_photo_is_opened_in_rgb_at_its_own_size(small_photo):
    photo, notes = open_photo(small_photo)
    assert (photo.mode, photo.size, notes) == ("RGB", (64, 48), ())


def test_pictures_shrink_to_sixteen_pixels_at_least_and_grow_back():
    image = picture(48, 64)
    assert reduced(image, 0.5).shape == (24, 32, 3)
    assert reduced(image, 0.1).shape == (16, 16, 3)
    assert enlarged(reduced(image, 0.5), 48, 64).shape == image.shape
    assert reduced(image, 1.0) is enlarged(image, 48, 64) is image


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_a_sliver_is_fitted_all_the_same(tmp_path, size, fit):
    Image.new("RGB", size, RED).save(tmp_path / "sliver.png")
    assert load(tmp_path / "sliver.png", width=64, height=48, fit=fit).shape == (48, 64, 3)


def test_a_photo_held_upright_is_turned_by_its_exif_note(tmp_path):
    lying = Image.fromarray(np.concatenate([np.full((32, 32, 3), RED), np.full((32, 32, 3), BLUE)], 1).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright: the left side becomes the top
    lying.save(tmp_path / "turned.png", exif=exif)
    upright = load(tmp_path / "turned.png", fit="keep")
    assert upright.shape == (64, 32, 3)
    assert (upright[:32] == RED).all()
    assert (upright[32:] == BLUE).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path, mode):
    suffix = {"CMYK": "tiff", "F": "tiff"}.get(mode, "png")
    if mode == "I;16":
        photo = Image.fromarray(np.full((32, 32), 40_000, np.uint16))
    else:
        photo = Image.new("RGB", (32, 32), (200, 100, 50)).convert(mode)
    photo.save(tmp_path / f"photo.{suffix}")
    image = load(tmp_path / f"photo.{suffix}", width=32, height=32)
    assert image.shape == (32, 32, 3)
    assert image.dtype == np.uint8


def test_sixteen_bit_grey_keeps_its_ramp(tmp_path):
    ramp = np.tile((np.arange(64) * 1024).astype(np.uint16), (64, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    image = load(tmp_path / "ramp.png", width=64, height=64)
    assert image[0, :, 0].tolist() == [4 * k for k in range(64)]


def test_a_palette_with_transparent_colours_becomes_rgb(tmp_path):
    Image.new("RGB", (32, 32), RED).quantize(4).save(tmp_path / "photo.png", transparency=bytes([0, 128]))
    assert load(tmp_path / "photo.png", width=32, height=32).shape == (32, 32, 3)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "bmp", "tiff", "gif"])
def test_common_formats_are_read(tmp_path, suffix):
    Image.fromarray(picture(48, 64)).save(tmp_path / f"photo.{suffix}")
    assert load(tmp_path / f"photo.{suffix}", fit="keep").shape == (48, 64, 3)


def test_a_missing_photo(tmp_path):
    assert "no such image file" in complaint_about(tmp_path / "absent.png")


def test_a_folder_is_no_photo(tmp_path):
    assert "cannot be read as an image" in complaint_about(tmp_path)


@pytest.mark.parametrize("content", [b"", b"This is a note, not a photo.\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_what_is_no_image_inside(tmp_path, content):
    (tmp_path / "note.png").write_bytes(content)
    assert "image" in complaint_about(tmp_path / "note.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_photo_cut_in_half(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "image" in complaint_about(path)


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (16_000, 16_000), (2**31 - 1, 1)])
def test_a_header_that_promises_too_many_pixels_is_refused_before_they_are_made(tmp_path, width, height):
    (tmp_path / "bomb.png").write_bytes(png_that_says(width, height))
    assert "250,000,000" in complaint_about(tmp_path / "bomb.png")


@pytest.mark.parametrize(("width", "height"), [(0, 0), (0, 10), (10, 0)])
def test_a_header_that_promises_no_pixels_is_refused(tmp_path, width, height):
    (tmp_path / "empty.png").write_bytes(png_that_says(width, height))
    assert "image" in complaint_about(tmp_path / "empty.png")


def _encoded(suffix):
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(24, 24)).save(buffer, suffix, exif=exif)
    return buffer.getvalue()


@given(st.sampled_from(["png", "jpeg", "webp", "tiff"]), st.data())
def test_a_damaged_photo_gives_a_picture_or_one_line(tmp_path_factory, suffix, data):
    good = _encoded(suffix)
    at = data.draw(st.integers(0, len(good) - 1))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(good[:at] + data.draw(st.binary(max_size=8)) + good[at + data.draw(st.integers(0, 8)) :])
    try:
        image = load(path, width=16, height=16)
    except PhotoError:
        return
    assert image.shape == (16, 16, 3)
