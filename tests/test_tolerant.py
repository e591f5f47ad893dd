"""SSDV and PCSI: their published formats to the bit, and what a receiver sees when packets are lost."""

import numpy as np
import pytest
from conftest import photo_like

from codec import load_codec
from codec.base import BudgetError, CodecError
from codec.rivals.tolerant import pcsi, sparse, ssdv

TILES = np.kron(np.arange(12).reshape(3, 4) * 20, np.ones((16, 16)))[..., None].repeat(3, axis=2).astype(np.uint8)
"""Greys of 16x16 pixels: its JPEG file does not hang on how a library rounds."""
HEAD = "5567 a22c7090 07 0000 04 03 24 00 0000"
SCAN = "8e8a28a005a28a2800a28a280168a28a0028a28a005a28a280168a28a0028a28a005a28a280168a28a0028a28a005a28a2803f"
NOISE, CHECK = "2d3e838c296a9f58", "e085761d"
"""Of the packet that Philip Heron's own program makes of that file (options -e -n -q 0 -c SATSIM -i 7)."""


def tiles_payloads(payload_bytes):
    return ssdv.pack(ssdv.write(TILES, 0, False, False), payload_bytes, 0)


def test_ssdv_packets_are_those_of_the_reference_encoder_to_the_bit():
    (packet,) = ssdv.published(tiles_payloads(241), 48, 64, "SATSIM", 7)
    assert len(packet) == 256
    assert packet.startswith(bytes.fromhex(HEAD + SCAN + NOISE))
    assert packet.endswith(bytes.fromhex(CHECK))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("quality", [1, 6])
def test_all_ssdv_packets_show_what_the_jpeg_file_shows(quality, full):
    image = photo_like(40, 56)
    file = ssdv.write(image, quality, full, False)
    payloads = ssdv.pack(file, 100, 8 * full + quality)
    assert {len(payload) for payload in payloads[:-1]} == {100}
    shown = ssdv.SsdvCodec(1000).decode(dict(enumerate(payloads)), 40, 56)
    assert np.array_equal(shown, ssdv.read(file, 40, 56))


def test_the_tables_of_ssdv_are_those_of_its_source_at_quality_4():
    assert ssdv.table(ssdv.LUMA, 4)[:8] == [16, 12, 12, 14, 12, 10, 16, 14]
    assert len(ssdv.table(ssdv.CHROMA, 4)) == 64
    assert set(ssdv.table(ssdv.CHROMA, 0)) == {255}  # times 50, and no divisor is larger
    assert set(ssdv.table(ssdv.LUMA, 7)) == {1}


def test_zigzag_order_becomes_rows():
    assert ssdv.natural(list(range(64)))[:9] == [0, 1, 5, 6, 14, 15, 27, 28, 2]  # T.81 figure A.6


def test_a_callsign_is_written_in_base_40_backwards():
    (packet,) = ssdv.published(tiles_payloads(241), 48, 64, "AB1", 7)
    assert int.from_bytes(packet[2:6], "big") == 14 + 40 * (15 + 40 * 2)


def test_what_the_published_packets_cannot_say_is_refused():
    with pytest.raises(CodecError, match="the format takes 4080 pixels"):
        ssdv.published(tiles_payloads(300), 4096, 64, "SATSIM", 7)


def test_a_lost_ssdv_packet_leaves_the_rest_as_it_was_and_repeats_the_last_colour_in_the_gap():
    payloads = tiles_payloads(12)
    codec = ssdv.SsdvCodec(1000)
    whole = codec.decode(dict(enumerate(payloads)), 48, 64)
    assert np.abs(whole.astype(int) - TILES).max() < 40  # quality 0: steps of 255 in sums of 64 levels over 8
    first = int.from_bytes(payloads[2][2:4], "big")
    holed = codec.decode({k: each for k, each in enumerate(payloads) if k != 1}, 48, 64)
    assert first > 1
    changed = np.flatnonzero((holed != whole).any(axis=(1, 2)))
    assert len(changed)
    assert np.array_equal(holed[first // 4 * 16 :, first % 4 * 16 :], whole[first // 4 * 16 :, first % 4 * 16 :])


def test_before_the_first_packet_ssdv_shows_grey():
    payloads = tiles_payloads(12)
    shown = ssdv.SsdvCodec(1000).decode({len(payloads) - 1: payloads[-1]}, 48, 64)
    assert (shown[0, 0] == 128).all()


def test_the_shuffle_of_pcsi_is_the_published_one():
    assert (1103515245 * 1 + 12345) % 2**31 == 1103527590
    # By hand, of 4: the states mod 4, 3, 2, 1 swap places 3 and 2, 2 and 0, 1 and 1, 0 and 0.
    assert pcsi.shuffled(4).tolist() == [1, 3, 0, 2]
    assert pcsi.shuffled(256)[:8].tolist() == [178, 117, 23, 184, 219, 64, 1, 182]  # as its own program has it


def test_a_level_of_200_in_4_bits_is_12_as_the_paper_says():
    grey = np.full((16, 16, 3), 200, np.uint8)
    cut = pcsi.make_cut(40, 4, 20, 0)
    assert cut.head() == bytes([cut.coloured, 3])
    levels = pcsi.read_pixels(pcsi.pack(grey, cut, 0)[2:], 4, 3)
    assert levels.tolist() == [12, 8, 8]  # 200 of 255 is 12 of 15; no colour is 128 of 255, 8 of 15


def test_a_packet_of_249_bytes_of_pixels_has_as_many_as_the_original_program_puts_there():
    cut = pcsi.make_cut(251, 4, 20, 0)
    assert cut.coloured == 23  # round(1992 / 22 * 3 / 12)
    assert cut.pixels - cut.coloured == 429  # int(3 * (1992 / 12 - 23))


def test_pixels_are_counted_down_the_columns():
    order = pcsi.shuffled(12)
    rows, columns = pcsi.places(pcsi.Cut(0, 4, 1, 3), 1, 3, 4)
    assert [3 * column + row for row, column in zip(rows, columns, strict=True)] == order[3:6].tolist()


def test_the_plane_that_is_inferred_is_the_one_of_the_least_sum():
    # At the least sum, the slope of the squared errors is `weight` against each coefficient, and no more at a zero.
    rng = np.random.default_rng(1)
    values = photo_like(24, 32)[..., 0].astype(np.float32)
    known = rng.random(values.shape) < 0.4
    found = sparse.fill_in(values, known)
    left, right = sparse.cosines(24), sparse.cosines(32)
    coefficients = left @ (found - values[known].mean()) @ right.T
    slope = 2 * left @ np.where(known, found - values, 0) @ right.T
    coefficients[0, 0] = slope[0, 0] = 0
    there = np.abs(coefficients) > 0.5
    assert there.sum() > 20
    assert np.abs(slope[there] + sparse.WEIGHT * np.sign(coefficients[there])).max() < 0.25
    assert np.abs(slope).max() < sparse.WEIGHT + 0.25


def test_a_smooth_plane_comes_back_from_a_third_of_its_pixels():
    rows, columns = np.mgrid[:32, :32]
    plane = (128 + 60 * np.cos(rows / 10) * np.cos(columns / 7)).astype(np.float32)
    known = np.random.default_rng(2).random(plane.shape) < 1 / 3
    assert np.abs(sparse.fill_in(plane, known) - plane).mean() < 2


def test_each_packet_of_pcsi_makes_the_whole_picture_better_and_any_will_do():
    image = photo_like(64, 64)
    payloads = load_codec("pcsi", budget_bytes=900).encode(image, 150)
    assert len({len(payload) for payload in payloads}) == 1
    codec = load_codec("pcsi", budget_bytes=900)
    errors = [
        np.abs(codec.decode({k: payloads[k] for k in held}, 64, 64).astype(int) - image).mean()
        for held in ([3], [3, 1], [3, 1, 5, 0], range(len(payloads)))
    ]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("name", ["ssdv", "pcsi"])
def test_payloads_of_two_pictures_are_not_mixed(name):
    small, large = (load_codec(name, budget_bytes=size).encode(photo_like(64, 64), 150) for size in (150, 1800))
    with pytest.raises(CodecError, match="payloads of 2 pictures"):
        load_codec(name, budget_bytes=150).decode({0: small[0], 1: large[1]}, 64, 64)


@pytest.mark.parametrize("name", ["ssdv", "pcsi"])
def test_packets_too_small_for_their_heads_are_refused(name):
    with pytest.raises(BudgetError, match="bytes or more of both"):
        load_codec(name, budget_bytes=500).encode(photo_like(64, 64), 5)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"bit_depth": 10}, "bit_depth is 10; expected 3, 6"), ({"chroma": 0}, "chroma is 0; expected 1 to 1000")],
)
def test_settings_of_pcsi_that_are_none_are_told(options, said):
    with pytest.raises(CodecError, match=said):
        load_codec("pcsi", budget_bytes=500, **options)
