"""Photos that nobody expects: rare modes and depths, named colours, several pictures in a file, and no photos."""

import io
import os
import struct
import zlib

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from codec.base import PhotoError
from codec.photos import open_photo

ON_WHITE = "its transparent parts are shown on white"
BY_FORMAT = "its 16-bit values, 0 to 65535, are shown as 0 to 255 by the range of the format, 0 to 65535"
RAMP = np.linspace(0, 65535, 1024).astype(np.uint16).reshape(32, 32)
SRGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
P3_TO_XYZ = np.array([[0.4866, 0.2657, 0.1982], [0.2290, 0.6917, 0.0793], [0.0000, 0.0451, 1.0439]])
ADOBE_TO_XYZ = np.array([[0.5767, 0.1856, 0.1882], [0.2973, 0.6274, 0.0753], [0.0270, 0.0707, 0.9911]])
"""From linear light, as the standards print them."""
SKIN = (200, 120, 90)


def read(path):
    """Pixels as integers, and notes without the name of the file."""
    photo, notes = open_photo(path)
    assert photo.mode == "RGB"
    return np.asarray(photo).astype(int), [note.removeprefix(f"{path.name}: ") for note in notes]


def png(rows, kind, depth=8, width=32, extra=()):
    """A PNG of rows of bytes; `kind` is 0 for grey, 2 for RGB, 3 palette, 4 grey and alpha, 6 RGBA."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        *extra,
        (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def rows_of(pixels):
    return [row.tobytes() for row in pixels]


def flat(colour=SKIN):
    return np.full((32, 32, 3), colour, np.uint8)


def in_srgb(colour, to_xyz, curve):
    """What a colour of other primaries and another tone curve is in sRGB, by the standards' own sums."""
    light = np.linalg.inv(SRGB_TO_XYZ) @ to_xyz @ curve(np.array(colour) / 255)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def srgb_curve(level):
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


# Rare transparency and depths


@pytest.mark.parametrize(("depth", "byte"), [(1, 0xFF), (2, 0x55), (4, 0x55)])
def test_a_grey_of_few_bits_that_a_png_names_transparent_is_white_and_black_stays_black(tmp_path, depth, byte):
    rows = [bytes([byte] * 4 * depth)] * 16 + [bytes(4 * depth)] * 16
    clear = byte & ((1 << depth) - 1)
    (tmp_path / "few.png").write_bytes(png(rows, 0, depth, extra=[(b"tRNS", struct.pack(">H", clear))]))
    image, notes = read(tmp_path / "few.png")
    assert (image[:16] == 255).all()
    assert (image[16:] == 0).all()
    assert notes == [ON_WHITE]


def test_of_sixteen_bit_colours_only_the_very_one_named_is_transparent(tmp_path):
    colours = np.stack([RAMP] * 3, -1).astype(">u2")
    (tmp_path / "t.png").write_bytes(png(rows_of(colours), 2, 16, extra=[(b"tRNS", struct.pack(">HHH", 0, 0, 0))]))
    image, notes = read(tmp_path / "t.png")
    assert image[0, :4, 0].tolist() == [255, 0, 0, 0]
    assert notes == [BY_FORMAT, ON_WHITE]


@pytest.mark.parametrize(("kind", "channels"), [(4, 2), (6, 4)])
def test_sixteen_bit_colours_with_alpha_are_shown_on_white(tmp_path, kind, channels):
    samples = np.stack([RAMP] * (channels - 1) + [np.full_like(RAMP, 65535)], -1).astype(">u2")
    samples[:16, :, -1] = 0
    (tmp_path / "a.png").write_bytes(png(rows_of(samples), kind, 16))
    image, notes = read(tmp_path / "a.png")
    assert (image[:16] == 255).all()
    assert np.array_equal(image[16:, :, 0], RAMP[16:] >> 8)
    assert notes == [BY_FORMAT, ON_WHITE]


def test_colours_of_twelve_bits_in_sixteen_are_not_all_dark_and_keep_their_hue(tmp_path):
    samples = np.stack([RAMP >> 4, RAMP >> 5, RAMP >> 6], -1).astype(">u2")
    (tmp_path / "dark.png").write_bytes(png(rows_of(samples), 2, 16))
    image, notes = read(tmp_path / "dark.png")
    assert image[31, 31].tolist() == [255, 127, 64]
    assert notes == ["its 16-bit values, 0 to 4095, are shown as 0 to 255 by their own range"]


def test_white_of_a_sixteen_bit_jpeg_2000_in_colour_is_white(tmp_path):
    data = imagecodecs.jpeg2k_encode(np.stack([RAMP] * 3, -1), level=0, codecformat="jp2")
    (tmp_path / "deep.jp2").write_bytes(data)
    image, notes = read(tmp_path / "deep.jp2")
    assert image[31, 31].tolist() == [255, 255, 255]
    assert notes == [BY_FORMAT]


@pytest.mark.parametrize(
    ("kind", "low", "high", "channels"),
    [
        ("<f8", 0, 1, 1),
        (">f8", -4, 10, 1),
        ("<f2", 0, 1, 1),
        (">u4", 0, 2**32 - 1, 1),
        ("<f4", 0, 1, 3),
        ("i1", -100, 100, 1),
    ],
)
def test_tiff_that_pillow_does_not_know_is_a_ramp_too(tmp_path, kind, low, high, channels):
    samples = np.linspace(low, high, 1024).astype(kind).reshape(32, 32)
    data = samples.repeat(channels).tobytes()
    order = ">" if kind[0] == ">" else "<"
    bits, numbers = 8 * samples.itemsize, {"u": 1, "i": 2, "f": 3}
    tags = {256: (32,), 257: (32,), 258: (bits,) * channels, 259: (1,), 262: (1 if channels == 1 else 2,), 273: (200,),
            277: (channels,), 278: (32,), 279: (len(data),), 339: (numbers[samples.dtype.kind],)}  # fmt: skip
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, 3 if len(value) > 1 else 4, len(value))
        + (struct.pack(f"{order}I", 180 if len(value) > 1 else value[0]))
        for tag, value in tags.items()
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4)
    head = head.ljust(180, b"\0") + struct.pack(f"{order}{channels}H", *(bits,) * channels)
    (tmp_path / "ramp.tif").write_bytes(head.ljust(200, b"\0") + data)
    image, [note] = read(tmp_path / "ramp.tif")
    assert np.abs(image[..., 1].reshape(-1) - np.linspace(0, 255, 1024)).max() <= 2
    assert "are shown as 0 to 255 by" in note


# Colours that are named


def test_a_png_of_linear_light_by_its_gamma_chunk_is_turned_into_srgb(tmp_path):
    gamma = b"gAMA", struct.pack(">I", 100_000)
    for kind, pixels in ((2, flat((55, 55, 55))), (0, flat()[..., 0] * 0 + 55)):
        (tmp_path / "linear.png").write_bytes(png(rows_of(pixels), kind, extra=[gamma]))
        image, [note] = read(tmp_path / "linear.png")
        assert np.abs(image - 128).max() <= 1, "0.2157 of full light, 128 of sRGB"
        assert note == "its colours, with a gamma of 1 by a note in the file, are turned into sRGB"


@pytest.mark.parametrize("extra", [[(b"gAMA", struct.pack(">I", 45_455))], [(b"gAMA", bytes(4))],
                                   [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000))]])  # fmt: skip
def test_the_usual_gamma_none_and_that_of_a_png_that_says_srgb_change_nothing(tmp_path, extra):
    (tmp_path / "usual.png").write_bytes(png(rows_of(flat()), 2, extra=extra))
    image, notes = read(tmp_path / "usual.png")
    assert (image == SKIN).all()
    assert notes == []


def test_display_p3_by_its_code_is_turned_into_srgb_in_png_avif_and_heic(tmp_path):
    (tmp_path / "p3.png").write_bytes(png(rows_of(flat()), 2, extra=[(b"cICP", bytes([12, 13, 0, 1]))]))
    Image.fromarray(flat()).resize((64, 64)).save(tmp_path / "p3.avif", quality=100, subsampling="4:4:4")
    pillow_heif.from_pillow(Image.fromarray(flat()).resize((64, 64))).save(
        tmp_path / "p3.heic", quality=100, chroma=444
    )
    for name in ("p3.avif", "p3.heic"):
        before, notes = read(tmp_path / name)
        assert np.abs(before - SKIN).max() <= 2
        assert notes == []
        data = (tmp_path / name).read_bytes()
        assert data.count(b"colrnclx\0\x01\0\x0d") == 1
        (tmp_path / name).write_bytes(data.replace(b"colrnclx\0\x01\0\x0d", b"colrnclx\0\x0c\0\x0d"))
    for name in ("p3.png", "p3.avif", "p3.heic"):
        image, notes = read(tmp_path / name)
        assert np.abs(image - in_srgb(SKIN, P3_TO_XYZ, srgb_curve)).max() <= 3
        assert notes == ["its colours, Display P3 by a note in the file, are turned into sRGB"]


def test_the_brightness_of_hdr_is_left_and_that_is_said(tmp_path):
    (tmp_path / "hdr.png").write_bytes(png(rows_of(flat()), 2, extra=[(b"cICP", bytes([9, 16, 0, 1]))]))
    image, notes = read(tmp_path / "hdr.png")
    assert (image == SKIN).all()
    assert notes == ["its brightness is coded for HDR (PQ), and is taken as that of sRGB"]


@pytest.mark.parametrize("said", [True, False])
def test_adobe_rgb_by_exif_is_turned_into_srgb_and_other_colours_are_told(tmp_path, said):
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 65535} | ({0xA005: {1: "R03"}} if said else {})
    Image.fromarray(flat()).save(tmp_path / "camera.jpg", quality=100, subsampling=0, exif=exif)
    image, [note] = read(tmp_path / "camera.jpg")
    wanted = in_srgb(SKIN, ADOBE_TO_XYZ, lambda level: level ** (563 / 256)) if said else SKIN
    assert np.abs(image - wanted).max() <= 3
    assert note.startswith(
        "its colours, Adobe RGB by a note" if said else "its EXIF note says that its colours are not"
    )


@pytest.mark.parametrize("profile", [b"x\0\0" + zlib.compress(bytes(9_000_000)), b"x\0\0no zip at all"])
def test_a_png_with_a_profile_like_a_bomb_or_a_ruin_is_read_and_that_is_said(tmp_path, profile):
    (tmp_path / "p.png").write_bytes(png(rows_of(flat()), 2, extra=[(b"iCCP", profile)]))
    image, [note] = read(tmp_path / "p.png")
    assert (image == SKIN).all()
    assert note.startswith("its colour profile")


# Several pictures in a file


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif", "avif"])
def test_of_several_pictures_the_first_is_read_and_that_is_said(tmp_path, suffix):
    first, *more = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "lime")]
    first.save(tmp_path / f"film.{suffix}", save_all=True, append_images=more)
    image, notes = read(tmp_path / f"film.{suffix}")
    assert np.abs(image - (255, 0, 0)).max() <= 2
    assert notes == ["holds several pictures; its first one is read"]


def test_of_several_pictures_in_a_heic_the_main_one_is_read(tmp_path):
    film = pillow_heif.HeifFile()
    for colour in ("red", "blue"):
        film.add_from_pillow(Image.new("RGB", (64, 64), colour))
    film.save(tmp_path / "film.heic", primary_index=1)
    image, notes = read(tmp_path / "film.heic")
    assert np.abs(image - (0, 0, 255)).max() <= 3
    assert notes == ["holds several pictures; its main one is read"]


def test_the_aids_in_a_phones_mpo_are_not_spoken_of(tmp_path):
    Image.new("RGB", (32, 32), "red").save(
        tmp_path / "p.jpg", "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))]
    )
    assert read(tmp_path / "p.jpg")[1] == []


# No photos


@pytest.mark.parametrize("suffix", ["png", "webp", "gif", "avif"])
def test_a_file_that_is_damaged_at_its_head_is_named_after_its_kind(tmp_path, suffix):
    Image.fromarray(flat()).save(tmp_path / f"cut.{suffix}")
    data = (tmp_path / f"cut.{suffix}").read_bytes()
    (tmp_path / f"cut.{suffix}").write_bytes(data[:40] if suffix == "avif" else data[:11])
    with pytest.raises(
        PhotoError, match=r"begins as a \w+ image, but is damaged or cut short; copy it anew|cannot be read"
    ):
        open_photo(tmp_path / f"cut.{suffix}")


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(PhotoError, match=r"photo\.jpg: holds no image, for it is empty"):
        open_photo(tmp_path / "photo.jpg")


def test_a_pipe_and_a_device_are_refused_without_waiting_for_them(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", tmp_path / "null.jpg"):
        if path.name == "null.jpg":
            path.symlink_to(os.devnull)
        with pytest.raises(PhotoError, match="is a pipe or a device, which cannot be read as an image"):
            open_photo(path)


def test_a_link_to_itself_is_one_line(tmp_path):
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(PhotoError, match=r"loop\.jpg: cannot be read as an image \(Too many levels"):
        open_photo(tmp_path / "loop.jpg")


def test_postscript_is_not_run(tmp_path):
    (tmp_path / "p.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n")
    with pytest.raises(PhotoError, match=r"p\.jpg: is PostScript, a program rather than an image"):
        open_photo(tmp_path / "p.jpg")


@pytest.mark.parametrize("name", ["two\nlines.png", os.fsdecode(b"caf\xe9.png"), "[bold].png"])
def test_whatever_a_file_is_called_its_lines_are_lines_that_any_file_can_hold(tmp_path, name):
    Image.new("LA", (32, 32)).save(tmp_path / name)
    [note] = open_photo(tmp_path / name)[1]
    assert note.endswith(ON_WHITE)
    assert note.isprintable()
    assert note.encode()
    (tmp_path / name).write_bytes(b"no photo")
    with pytest.raises(PhotoError) as caught:
        open_photo(tmp_path / name)
    assert str(caught.value).isprintable()


def avif_that_says(width, height):
    """A blank AVIF of 64x64 whose header promises more."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "AVIF")
    data = file.getvalue()
    assert data.count(b"ispe" + bytes(4) + struct.pack(">II", 64, 64)) == 1
    return data.replace(struct.pack(">II", 64, 64), struct.pack(">II", width, height))


def test_an_avif_of_a_few_bytes_that_promises_240_megapixels_is_refused_before_they_are_made(tmp_path):
    (tmp_path / "bomb.avif").write_bytes(avif_that_says(20_000, 12_000))
    with pytest.raises(
        PhotoError, match=r"bomb\.avif: is 20000x12000 pixels by its header, and [\d,]+ bytes, which no"
    ):
        open_photo(tmp_path / "bomb.avif")


@pytest.mark.slow
def test_a_blank_avif_of_twelve_megapixels_is_a_photo(tmp_path):
    Image.new("RGB", (4000, 3000), (120, 160, 220)).save(tmp_path / "sky.avif", speed=10)
    assert (tmp_path / "sky.avif").stat().st_size < 4000
    assert read(tmp_path / "sky.avif")[0].shape == (3000, 4000, 3)
