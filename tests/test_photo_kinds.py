"""Photos that are not plain 8-bit JPEG or PNG: what becomes of them, and what is said of it."""

import io
import os
import struct
import subprocess
import sys

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from conftest import picture
from PIL import Image, ImageCms, ImageDraw

from codec.base import PhotoError
from codec.folders import left_out_of, list_photos
from codec.photo.modes import in_rgb
from codec.photos import fit_photo, open_photo

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
LYING = np.concatenate([np.full((32, 32, 3), RED), np.full((32, 32, 3), BLUE)], 1).astype(np.uint8)
"""Red on the left, blue on the right: a quarter turn clockwise puts red above blue."""
QUARTER = 6
"""The EXIF orientation for that turn."""


def read(path):
    """Pixels and notes."""
    photo, notes = open_photo(path)
    assert photo.mode == "RGB"
    return np.asarray(photo), notes


def exif(orientation=QUARTER):
    made = Image.Exif()
    made[0x0112] = orientation
    return made


def jpeg_of(pixels, **how):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **how)
    return file.getvalue()


def noise(height, width, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def tiff_of(samples, sample_format=1, photometric=1):
    """A grey TIFF without compression, of samples that Pillow does not write: unsigned 1, signed 2, float 3."""
    data, (height, width) = samples.tobytes(), samples.shape
    tags = {256: width, 257: height, 258: 8 * samples.itemsize, 259: 1, 262: photometric, 273: 200, 277: 1,
            278: height, 279: len(data), 339: sample_format}  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return (b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)).ljust(200, b"\0") + data


def profile_of(name="RGB", gamma=1.8):
    """An ICC profile of the primaries of Display P3, or of grey, with a plain power as its tone curve."""
    tags = {b"desc": text_tag("made"), b"cprt": text_tag("none"), b"wtpt": xyz_tag(0.9642, 1.0, 0.8249)}
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    if name == "GRAY":
        tags[b"kTRC"] = curve
    else:
        primaries = (0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841)
        for letter, place in zip((b"r", b"g", b"b"), primaries, strict=True):
            tags |= {letter + b"XYZ": xyz_tag(*place), letter + b"TRC": curve}
    at, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", tag, at + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02100000, b"mntr", name.ljust(4).encode(), b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", *fixed(0.9642, 1.0, 0.8249))
    return head.ljust(128, b"\0") + table + body


def fixed(*numbers):
    return [round(number * 65536) for number in numbers]


def xyz_tag(*numbers):
    return b"XYZ " + bytes(4) + struct.pack(">iii", *fixed(*numbers))


def text_tag(text):
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text.encode() + bytes(1 + 78)


# Transparency


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_black_drawing_on_a_transparent_ground_is_black_on_white_and_that_is_said(tmp_path, mode):
    drawing = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(drawing).rectangle((16, 24, 47, 39), fill=(0, 0, 0, 255))
    (drawing.quantize(4) if mode == "P" else drawing.convert(mode)).save(tmp_path / "drawing.png")
    image, notes = read(tmp_path / "drawing.png")
    assert (image[24:40, 16:48] == 0).all()
    assert (image[:24] == WHITE).all()
    assert notes == ("drawing.png: its transparent parts are shown on white",)


def test_a_colour_hidden_under_full_transparency_does_not_show(tmp_path):
    Image.new("RGBA", (32, 32), (200, 30, 60, 0)).save(tmp_path / "hidden.png")
    assert (read(tmp_path / "hidden.png")[0] == WHITE).all()


def test_half_transparent_red_is_pink(tmp_path):
    Image.new("RGBA", (32, 32), (255, 0, 0, 128)).save(tmp_path / "half.webp", lossless=True)
    assert read(tmp_path / "half.webp")[0][0, 0].tolist() == [255, 127, 127]


@pytest.mark.parametrize(("mode", "colour"), [("L", 9), ("RGB", (9, 8, 7))])
def test_a_colour_that_a_png_names_transparent_is_white(tmp_path, mode, colour):
    photo = Image.new(mode, (32, 32), colour)
    photo.putpixel((3, 2), 77 if mode == "L" else (77, 77, 77))
    photo.save(tmp_path / "photo.png", transparency=colour)
    image, notes = read(tmp_path / "photo.png")
    assert image[2, 3].tolist() == [77, 77, 77]
    assert (image[3:] == WHITE).all()
    assert notes == ("photo.png: its transparent parts are shown on white",)


def test_an_alpha_channel_that_hides_nothing_changes_no_pixel_and_is_not_spoken_of(tmp_path):
    Image.fromarray(np.dstack([picture(48, 64), np.full((48, 64), 255, np.uint8)])).save(tmp_path / "photo.png")
    image, notes = read(tmp_path / "photo.png")
    assert np.array_equal(image, picture(48, 64))
    assert notes == ()


# Deep grey


def test_a_thermal_picture_of_sixteen_bits_is_scaled_by_its_own_range_and_that_is_said(tmp_path):
    values = np.linspace(20_000, 30_000, 65_536).astype(">u2")
    (tmp_path / "t.pgm").write_bytes(b"P5\n256 256\n65535\n" + values.tobytes())
    image, notes = read(tmp_path / "t.pgm")
    assert image[0, 0, 0] == 0
    assert image[-1, -1, 0] == 255
    assert len(np.unique(image)) == 256
    assert (np.diff(image[..., 0].reshape(-1).astype(int)) >= 0).all()
    assert notes == ("t.pgm: its 16-bit values, 20000 to 30000, are shown as 0 to 255 by their own range",)


def test_a_sixteen_bit_picture_that_uses_its_format_is_scaled_by_that_and_it_is_said(tmp_path):
    Image.fromarray((np.arange(4096).reshape(64, 64) * 16).astype(np.uint16)).save(tmp_path / "ramp.png")
    image, notes = read(tmp_path / "ramp.png")
    assert np.array_equal(image[..., 1].reshape(-1), np.arange(4096) // 16)
    assert notes[0].endswith("0 to 65520, are shown as 0 to 255 by the range of the format, 0 to 65535")


@pytest.mark.parametrize(
    ("kind", "low", "high", "said"),
    [
        ("<i2", -3000, 3000, "signed 16-bit values, -3000 to 3000, are shown as 0 to 255 by their own range"),
        ("<i4", -70_000, 2_000_000, "signed 32-bit values, -70000 to 2e+06, are shown as 0 to 255 by their own range"),
        ("<u4", 0, 2**32 - 1, "32-bit values, 0 to 4.29497e+09, are shown as 0 to 255 by the range of the format"),
        ("<u4", 5, 900, "32-bit values, 5 to 900, are shown as 0 to 255 by their own range"),
        ("<f4", 0, 1, "floating-point values, 0 to 1, are shown as 0 to 255 by the range of the format, 0 to 1"),
        ("<f4", -40, 110, "floating-point values, -40 to 110, are shown as 0 to 255 by their own range"),
    ],
)
def test_a_ramp_in_any_deep_tiff_is_a_ramp_from_black_to_white(tmp_path, kind, low, high, said):
    samples = np.linspace(low, high, 4096).astype(kind).reshape(64, 64)
    (tmp_path / "ramp.tif").write_bytes(tiff_of(samples, {"i": 2, "u": 1, "f": 3}[kind[1]]))
    image, notes = read(tmp_path / "ramp.tif")
    ramp = image[..., 0].reshape(-1).astype(int)
    assert (ramp[0], ramp[-1]) == (0, 255)
    assert np.abs(ramp - np.linspace(0, 255, 4096)).max() <= 1
    assert said in notes[0]


def test_a_tiff_of_a_kind_that_is_not_read_is_refused_as_such(tmp_path):
    (tmp_path / "complex.tif").write_bytes(tiff_of(np.ones((32, 32), "<c16"), 6))
    with pytest.raises(
        PhotoError, match=r"complex\.tif: is TIFF of a kind that is not read here, or damaged; save it as"
    ):
        open_photo(tmp_path / "complex.tif")


def test_what_is_no_number_in_a_float_picture_is_black_and_infinity_white(tmp_path):
    samples = np.linspace(10, 20, 1024, dtype=np.float32).reshape(32, 32)
    samples[3, 3], samples[4, 4] = np.nan, np.inf
    (tmp_path / "holes.tif").write_bytes(tiff_of(samples, 3))
    image, _ = read(tmp_path / "holes.tif")
    assert (image[3, 3, 0], image[4, 4, 0]) == (0, 255)
    assert image[31, 30, 0] in (254, 255)


def test_a_deep_picture_whose_zero_is_white_is_turned_over(tmp_path):
    samples = np.linspace(0, 65_535, 1024).astype("<u2").reshape(32, 32)
    (tmp_path / "film.tif").write_bytes(tiff_of(samples, photometric=0))
    image, _ = read(tmp_path / "film.tif")
    assert (image[0, 0, 0], image[-1, -1, 0]) == (255, 0)


def test_a_deep_picture_all_of_one_value_is_one_grey(tmp_path):
    (tmp_path / "flat.tif").write_bytes(tiff_of(np.full((32, 32), -7, "<i4"), 2))
    assert len(np.unique(read(tmp_path / "flat.tif")[0])) == 1


# HEIC and JPEG XL


@pytest.mark.parametrize("notes_of", ["container and EXIF", "EXIF alone"])
def test_a_heic_photo_held_upright_is_turned_once(tmp_path, notes_of):
    pillow_heif.encode("RGB", (64, 32), LYING.tobytes(), tmp_path / "p.heic", quality=95, exif=exif().tobytes())
    data = (tmp_path / "p.heic").read_bytes()
    assert b"irot" in data
    if notes_of == "EXIF alone":
        (tmp_path / "p.heic").write_bytes(data.replace(b"irot", b"free"))
    image, notes = read(tmp_path / "p.heic")
    assert image.shape == (64, 32, 3)
    assert np.abs(image[4:28].astype(int) - RED).max() < 16
    assert np.abs(image[36:60].astype(int) - BLUE).max() < 16
    assert notes == ()


def test_a_heic_photo_is_known_by_its_content_whatever_its_name(tmp_path):
    pillow_heif.from_pillow(Image.fromarray(picture(48, 64))).save(tmp_path / "photo.jpg.heic", quality=95)
    (tmp_path / "photo.jpg.heic").rename(tmp_path / "photo.jpg")
    image = fit_photo(tmp_path / "photo.jpg", 64, 48, "keep").pixels
    assert np.abs(image.astype(int) - picture(48, 64)).mean() < 8


def test_an_avif_that_calls_itself_a_heif_container_first_is_read_too(tmp_path):
    Image.fromarray(picture(48, 64)).save(tmp_path / "p.avif", quality=95)
    data = (tmp_path / "p.avif").read_bytes()
    (tmp_path / "p.avif").write_bytes(data[:8] + b"mif1" + data[12:])
    assert np.abs(read(tmp_path / "p.avif")[0].astype(int) - picture(48, 64)).mean() < 8


def test_a_transparent_heic_is_shown_on_white(tmp_path):
    pillow_heif.from_pillow(Image.new("RGBA", (64, 64), (0, 0, 0, 0))).save(tmp_path / "clear.heic", quality=95)
    image, notes = read(tmp_path / "clear.heic")
    assert image.min() >= 250
    assert notes == ("clear.heic: its transparent parts are shown on white",)


@pytest.mark.parametrize("boxed", [True, False])
def test_a_jpeg_xl_photo_is_read_where_imagecodecs_is_installed(tmp_path, boxed):
    (tmp_path / "p.jxl").write_bytes(imagecodecs.jpegxl_encode(picture(48, 64), lossless=True, usecontainer=boxed))
    image, notes = read(tmp_path / "p.jxl")
    assert np.array_equal(image, picture(48, 64))
    assert notes == ()


def test_without_imagecodecs_a_jpeg_xl_photo_is_refused_and_the_package_named(tmp_path, monkeypatch):
    (tmp_path / "p.jxl").write_bytes(imagecodecs.jpegxl_encode(picture(48, 64)))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(PhotoError, match=r"p\.jxl: is JPEG XL, .* pip install 'satsim-link\[rivals\]'"):
        open_photo(tmp_path / "p.jxl")


def test_without_imagecodecs_deep_colours_are_noted_and_a_deep_tiff_refused(tmp_path, monkeypatch):
    deep = np.linspace(0, 65535, 3 * 32 * 32).astype("<u2").reshape(32, 32, 3)
    (tmp_path / "p.png").write_bytes(imagecodecs.png_encode(deep))
    (tmp_path / "p.tif").write_bytes(tiff_of(deep.astype("<f8")[..., 0], 3))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    image, notes = read(tmp_path / "p.png")
    assert notes == (
        "p.png: its 16-bit colours are cut to 8 bits; with imagecodecs (satsim-link[rivals]) they are scaled",
    )
    assert (image[0, 0, 0], image[-1, -1, -1]) == (0, 255)
    with pytest.raises(PhotoError, match=r"p\.tif: is TIFF .* needs imagecodecs: pip install 'satsim-link\[rivals\]'"):
        read(tmp_path / "p.tif")


def test_a_jpeg_xl_that_promises_too_many_pixels_is_refused_before_they_are_made(tmp_path):
    side = 30_000 - 1
    bits = 0 | 3 << 1 | side << 3 | 1 << 33  # large, a height of 30 bits, as wide as high
    (tmp_path / "bomb.jxl").write_bytes(b"\xff\x0a" + bits.to_bytes(10, "little"))
    with pytest.raises(PhotoError, match=r"bomb\.jxl: is 30000x30000 pixels; expected at most 250,000,000"):
        open_photo(tmp_path / "bomb.jxl")


# Colour profiles


def test_display_p3_and_linear_pictures_are_turned_into_srgb(tmp_path):
    profile = profile_of(gamma=1.0)
    photo = Image.new("RGB", (32, 32), (55, 55, 55))  # 0.2157 of full light, 128 of sRGB
    photo.save(tmp_path / "linear.png", icc_profile=profile)
    image, notes = read(tmp_path / "linear.png")
    assert np.abs(image.astype(int) - 128).max() <= 1
    assert notes == ()


def test_a_saturated_colour_of_a_wide_gamut_is_converted_as_littlecms_does(tmp_path):
    profile = profile_of(gamma=2.2)
    photo = Image.new("RGB", (32, 32), (200, 90, 60))
    photo.save(tmp_path / "wide.jpg", quality=100, subsampling=0, icc_profile=profile)
    wanted = ImageCms.profileToProfile(photo, io.BytesIO(profile), ImageCms.createProfile("sRGB"))
    image, _ = read(tmp_path / "wide.jpg")
    assert np.abs(image.astype(int) - wanted.getpixel((0, 0))).max() <= 3
    assert image[0, 0, 0] - 200 >= 10, "the same red takes more of the narrower gamut's"


def test_a_picture_with_the_profile_of_srgb_stays_to_the_bit(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(noise(48, 64)).save(tmp_path / "photo.png", icc_profile=profile)
    image, notes = read(tmp_path / "photo.png")
    assert np.array_equal(image, noise(48, 64))
    assert notes == ()


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (b"no profile at all", "cannot be read"),
        (profile_of()[:200], "cannot be read"),
        (profile_of("GRAY"), "is of GRAY colours while the picture is RGB"),
    ],
)
def test_a_broken_or_foreign_profile_is_ignored_with_a_note(tmp_path, profile, said):
    Image.fromarray(picture(48, 64)).save(tmp_path / "photo.png", icc_profile=profile)
    image, notes = read(tmp_path / "photo.png")
    assert np.array_equal(image, picture(48, 64))
    [note] = notes
    assert said in note
    assert note.endswith("so its colours are taken as sRGB")
    assert "\n" not in note


def test_a_grey_picture_is_converted_by_a_grey_profile_and_by_one_of_colours(tmp_path):
    for name in ("GRAY", "RGB"):
        Image.new("L", (32, 32), 55).save(tmp_path / "grey.png", icc_profile=profile_of(name, 1.0))
        image, notes = read(tmp_path / "grey.png")
        assert np.abs(image.astype(int) - 128).max() <= 1
        assert notes == ()


# Damaged and large files


@pytest.mark.parametrize("lost", [1, 2, 40, 800])
def test_a_jpeg_without_its_last_bytes_is_taken_with_a_note(tmp_path, lost):
    whole = jpeg_of(noise(128, 128), quality=90)
    (tmp_path / "cut.jpg").write_bytes(whole[:-lost])
    image, notes = read(tmp_path / "cut.jpg")
    assert np.array_equal(image[:100], np.asarray(Image.open(io.BytesIO(whole)))[:100])
    [note] = notes
    assert note.startswith("cut.jpg: lacks its last bytes")


def test_the_grey_rows_of_a_cut_jpeg_are_counted_and_more_than_a_quarter_are_too_many(tmp_path):
    whole = jpeg_of(noise(256, 128), quality=90)
    (tmp_path / "cut.jpg").write_bytes(whole[: round(len(whole) * 0.87)])
    image, [note] = read(tmp_path / "cut.jpg")
    grey = int((np.abs(image.astype(int) - 128) <= 1).all(axis=(1, 2)).sum())
    assert 16 <= grey <= 64
    assert note == f"cut.jpg: lacks its last bytes: the lowest {grey} of its 256 rows are grey"
    (tmp_path / "cut.jpg").write_bytes(whole[: round(len(whole) * 0.6)])
    with pytest.raises(PhotoError, match=r"cut\.jpg: lacks more than a quarter of its image"):
        open_photo(tmp_path / "cut.jpg")


def test_zeros_at_the_end_of_a_jpeg_in_place_of_its_last_rows_are_lost_rows_and_behind_its_image_are_nothing(tmp_path):
    whole = jpeg_of(noise(256, 128), quality=90)
    cut = round(len(whole) * 0.87)
    (tmp_path / "cut.jpg").write_bytes(whole[:cut] + bytes(len(whole) - cut))
    image, [note] = read(tmp_path / "cut.jpg")
    assert np.abs(image[-16:] - 128).max() <= 1
    assert note.endswith("of its 256 rows are grey")
    (tmp_path / "whole.jpg").write_bytes(whole + bytes(5000))
    image, notes = read(tmp_path / "whole.jpg")
    assert np.array_equal(image, np.asarray(Image.open(io.BytesIO(whole))))
    assert notes == ()


def test_a_progressive_jpeg_without_its_last_scans_is_coarser_and_that_is_said(tmp_path):
    whole = jpeg_of(noise(128, 128), quality=90, progressive=True)
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    assert read(tmp_path / "cut.jpg")[1] == ("cut.jpg: lacks its last bytes, so it is coarser than it was",)


@pytest.mark.parametrize("suffix", ["avif", "heic", "jxl", "png", "jpg", "webp", "tif", "gif"])
def test_whatever_a_decoder_stumbles_over_is_one_line(tmp_path, suffix):
    path, rng = tmp_path / f"photo.{suffix}", np.random.default_rng(5)
    if suffix == "jxl":
        path.write_bytes(imagecodecs.jpegxl_encode(noise(48, 48)))
    elif suffix == "heic":
        pillow_heif.from_pillow(Image.fromarray(noise(64, 64))).save(path)
    else:
        Image.fromarray(noise(48, 48)).save(path)
    good, lines = path.read_bytes(), []
    for _ in range(40):
        bad = bytearray(good)
        at, count = int(rng.integers(len(bad))), int(rng.integers(1, 200))
        bad[at : at + count] = bytes(min(count, len(bad) - at))
        path.write_bytes(bad)
        try:
            image, _ = read(path)
        except PhotoError as error:
            lines.append(str(error))
        else:
            assert image.ndim == 3
    assert lines
    assert all(line.startswith(f"{path}: ") and "\n" not in line for line in lines)


def test_a_damaged_tiff_is_refused_without_a_word_from_its_library(tmp_path, capfd):
    Image.fromarray(noise(48, 48)).save(tmp_path / "photo.tif", compression="tiff_lzw")
    data = bytearray((tmp_path / "photo.tif").read_bytes())
    data[500:2500] = bytes(2000)
    (tmp_path / "photo.tif").write_bytes(data)
    with pytest.raises(PhotoError, match=r"photo\.tif: cannot be read as an image"):
        open_photo(tmp_path / "photo.tif")
    assert capfd.readouterr().err == ""


def test_a_tiff_of_absurdly_many_channels_is_refused_without_a_word_from_pillow(tmp_path):
    data = tiff_of(np.zeros((32, 32), "u1")).replace(
        struct.pack("<HHII", 259, 4, 1, 1), struct.pack("<HHII", 277, 4, 1, 2048)
    )
    (tmp_path / "photo.tif").write_bytes(data)
    read_it = "import sys, pathlib, codec.photos as p; p.open_photo(pathlib.Path(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", read_it, tmp_path / "photo.tif"], capture_output=True, text=True)
    assert "samples per pixel" not in done.stderr
    assert "photo.tif: is TIFF of a kind that is not read here" in done.stderr


def test_a_broken_exif_note_does_not_spoil_the_picture(tmp_path):
    Image.fromarray(picture(48, 64)).save(tmp_path / "photo.png", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(9))
    assert np.array_equal(read(tmp_path / "photo.png")[0], picture(48, 64))


BIG = """
import re, sys
from pathlib import Path
from codec.photos import fit_photo
photo = fit_photo(Path(sys.argv[1]), 64, 48, "crop")
peak_kib = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(int(peak_kib) // 1024, *photo.notes)
"""
"""The peak is that of this program alone: what getrusage tells also counts whoever started it."""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(("width", "height"), [(12_000, 9_000), (16_320, 12_240)])
def test_a_phone_photo_of_108_or_200_megapixels_is_read_in_less_than_two_gigabytes(tmp_path, width, height):
    Image.effect_noise((width // 8, height // 8), 60).resize((width, height)).convert("RGB").save(tmp_path / "big.jpg")
    done = subprocess.run([sys.executable, "-c", BIG, str(tmp_path / "big.jpg")], capture_output=True, text=True,
                          env=os.environ, check=True)  # fmt: skip
    megabytes, said = done.stdout.strip().split(" ", 1)
    assert int(megabytes) < 2000
    assert said == f"big.jpg: is {width}x{height} pixels; read at half of that, {width // 2}x{height // 2}"


# Plain photos, and folders


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_plain_photo_is_read_to_the_bit_as_pillow_has_it_and_nothing_is_said(tmp_path, suffix):
    Image.fromarray(noise(48, 64)).save(tmp_path / f"photo.{suffix}", exif=exif(1))
    image, notes = read(tmp_path / f"photo.{suffix}")
    with Image.open(tmp_path / f"photo.{suffix}") as photo:
        assert np.array_equal(image, np.asarray(photo.convert("RGB")))
        assert np.array_equal(image, np.asarray(in_rgb(photo)[0])), "the other way to read it comes to the same"
    assert notes == ()


def test_hidden_files_are_skipped_and_what_is_left_out_is_said_in_one_line(tmp_path):
    folder = tmp_path / "photos"
    for name in ("a.jpg", "b/c.HEIC", "._a.jpg", ".thumbnails/a.jpg", ".DS_Store", "notes.txt", "b/clip.mov", "x.MOV"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "album.jpg").mkdir()
    assert list_photos(folder) == [folder / "a.jpg", folder / "b/c.HEIC"]
    assert left_out_of(folder) == [
        f"{folder}: left out 5 files: 2 hidden (._a.jpg, ...); 3 not photos by name (2 .mov, 1 .txt)"
    ]
    assert left_out_of(folder / "b") == [f"{folder / 'b'}: left out 1 file: 1 not photos by name (1 .mov)"]


def test_a_folder_of_nothing_but_photos_gives_no_line(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / ".gitignore").touch()
    assert left_out_of(tmp_path) == []
