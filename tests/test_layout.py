"""Which indices ride in which payload, and what is left where payloads are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.base import CodecError
from codec.progic.layout import deal, join, make_cut, pack_indices, packed_bytes, split, unpack_indices


def grid_of(stages, rows, columns, bits, seed=0):
    return np.random.default_rng(seed).integers(0, 1 << bits, (stages, rows, columns))


def home_of(rows, columns, bits, payload_bytes):
    """Of each cell of a stage the payload it rides in, int64[rows, columns], by losing one payload at a time."""
    payloads = split(np.zeros((1, rows, columns), np.int64), bits, payload_bytes)
    home = np.full((rows, columns), -1)
    for k, payload in enumerate(payloads):
        home[join({k: payload}, 1, rows, columns, bits)[0] >= 0] = k
    return home, len(payloads)


shapes = st.tuples(st.integers(1, 6), st.integers(1, 12), st.integers(1, 12), st.integers(8, 14), st.integers(2, 400))


@given(shapes, st.integers(0, 9))
def test_what_is_split_joins_again_for_any_shape_and_payload_size(shape, seed):
    stages, rows, columns, bits, payload_bytes = shape
    indices = grid_of(stages, rows, columns, bits, seed)
    payloads = split(indices, bits, payload_bytes)
    assert len({len(payload) for payload in payloads}) == 1
    assert 1 <= len(payloads[0]) <= payload_bytes
    assert np.array_equal(join(dict(enumerate(payloads)), stages, rows, columns, bits), indices)


@given(shapes, st.data())
def test_holes_are_minus_one_exactly_where_a_payload_is_lost(shape, data):
    stages, rows, columns, bits, payload_bytes = shape
    indices = grid_of(stages, rows, columns, bits)
    payloads = split(indices, bits, payload_bytes)
    kept = data.draw(st.sets(st.integers(0, len(payloads) - 1)))
    held = {k: payloads[k] for k in kept}
    grid = join(held, stages, rows, columns, bits)
    lost = join({k: p for k, p in enumerate(payloads) if k not in kept}, stages, rows, columns, bits)
    assert ((grid == -1) != (lost == -1)).all(), "each cell rides in exactly one payload"
    assert np.array_equal(grid[grid >= 0], indices[grid >= 0])
    assert np.array_equal(join(dict(reversed(held.items())), stages, rows, columns, bits), grid)


def test_a_256x256_stage_of_ten_bits_at_f16_is_one_payload_of_320_bytes():
    assert [len(p) for p in split(grid_of(5, 16, 16, 10), 10, 340)] == [320] * 5
    assert [len(p) for p in split(grid_of(5, 16, 16, 10), 10, 320)] == [320] * 5


def test_payload_k_is_stage_k_where_a_stage_fits():
    payloads = split(grid_of(5, 16, 16, 10), 10, 340)
    held = join({3: payloads[3]}, 5, 16, 16, 10) >= 0
    assert held.all(axis=(1, 2)).tolist() == [False, False, False, True, False]


def test_coarse_stages_come_first():
    payloads = split(grid_of(3, 20, 20, 10), 10, 100)
    assert len(payloads) == 3 * 5
    assert (join(dict(enumerate(payloads[:5])), 3, 20, 20, 10)[0] >= 0).all()
    assert (join(dict(enumerate(payloads[:5])), 3, 20, 20, 10)[1:] == -1).all()


def test_small_stages_ride_together_as_divisors_of_their_number():
    assert [len(p) for p in split(grid_of(6, 4, 4, 8), 8, 80)] == [48, 48], "5 would fit, but 5 does not divide 6"
    assert [len(p) for p in split(grid_of(5, 4, 4, 8), 8, 70)] == [16] * 5, "4 would fit, but 4 does not divide 5"
    assert [len(p) for p in split(grid_of(5, 4, 4, 8), 8, 80)] == [80]


def test_a_dealt_stage_leaves_as_few_payloads_as_can_be():
    cut = make_cut(stages=5, cells=32 * 32, bits=10, payload_bytes=340)
    assert (cut.payloads_per_stage, cut.indices) == (4, 256)


@pytest.mark.parametrize(
    ("rows", "columns", "payload_bytes"), [(32, 32, 340), (16, 48, 340), (9, 12, 50), (64, 64, 340)]
)
def test_neighbours_lie_in_different_payloads_where_the_payloads_divide_the_columns(rows, columns, payload_bytes):
    home, payloads = home_of(rows, columns, 10, payload_bytes)
    assert columns % payloads == 0
    assert payloads > 1
    assert (home[:, 1:] != home[:, :-1]).all()
    assert (home[1:] != home[:-1]).all()


@pytest.mark.parametrize(("rows", "columns"), [(17, 23), (30, 41), (45, 60), (25, 11), (100, 9)])
def test_on_any_other_grid_at_most_three_of_a_hundred_neighbours_share_a_payload(rows, columns):
    home, payloads = home_of(rows, columns, 10, 340)
    assert payloads > 1
    shared = (home[:, 1:] == home[:, :-1]).sum() + (home[1:] == home[:-1]).sum()
    assert shared <= 0.03 * (rows * (columns - 1) + columns * (rows - 1))


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20))
def test_a_deal_names_each_cell_once(rows, columns, payloads):
    assert sorted(deal(rows, columns, payloads)) == list(range(rows * columns))


def test_nothing_received_is_all_holes():
    assert (join({}, 2, 3, 4, 10) == -1).all()
    assert join({}, 2, 3, 4, 10).shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("received", "complaint"),
    [
        ({0: bytes(320), 1: bytes(319)}, "one length"),
        ({0: bytes(321)}, "fits no cut"),
        ({0: b""}, "fits no cut"),
        ({0: bytes(320 * 6)}, "fits no cut"),
        ({5: bytes(320)}, "would hold stage 6; this model has 5"),
        ({-1: bytes(320)}, "would hold stage 0"),
    ],
)
def test_payloads_of_no_cut_are_refused(received, complaint):
    with pytest.raises(CodecError, match=complaint):
        join(received, 5, 16, 16, 10)


@given(st.dictionaries(st.integers(-3, 40), st.binary(max_size=50), max_size=6), st.integers(8, 12))
def test_any_bytes_give_a_grid_or_a_codec_error(received, bits):
    try:
        grid = join(received, 3, 4, 5, bits)
    except CodecError:
        return
    assert grid.shape == (3, 4, 5)
    assert grid.min() >= -1
    assert grid.max() < 1 << bits


def test_a_payload_too_small_for_one_index_says_what_is_needed():
    with pytest.raises(CodecError, match="payload_bytes is 1; expected at least 2"):
        split(grid_of(1, 2, 2, 10), 10, 1)


def test_fewer_than_eight_bits_are_refused_since_a_length_would_be_ambiguous():
    with pytest.raises(CodecError, match="at least 8"):
        split(grid_of(1, 3, 3, 4), 4, 100)


# Exactly n bits an index


def test_three_indices_of_ten_bits_by_hand():
    # 1 = 00000000 01, 2 = 000000 0010, 1023 = 1111 111111, then two zeros to fill up the fourth byte
    assert pack_indices(np.array([1, 2, 1023]), 10) == bytes([0b00000000, 0b01000000, 0b00101111, 0b11111100])


def test_bytes_of_eight_bits_are_themselves():
    assert pack_indices(np.array([0, 7, 255]), 8) == b"\x00\x07\xff"


def test_256_indices_of_ten_bits_are_320_bytes():
    assert len(pack_indices(np.arange(256), 10)) == packed_bytes(256, 10) == 320


def test_no_indices_are_no_bytes():
    assert pack_indices(np.zeros(0, np.int64), 10) == b""
    assert unpack_indices(b"", 10).size == 0


@given(st.integers(8, 16).flatmap(lambda bits: st.tuples(st.just(bits), st.lists(st.integers(0, 2**bits - 1)))))
def test_unpacking_gives_back_what_was_packed(case):
    bits, indices = case
    packed = pack_indices(np.array(indices, np.int64), bits)
    assert len(packed) == packed_bytes(len(indices), bits)
    assert unpack_indices(packed, bits).tolist() == indices


@pytest.mark.parametrize("wrong", [-1, 1024])
def test_an_index_that_ten_bits_cannot_hold_is_refused(wrong):
    with pytest.raises(ValueError, match="expected 0 to 1023"):
        pack_indices(np.array([5, wrong]), 10)


def test_stray_bits_after_the_last_index_are_refused():
    with pytest.raises(CodecError, match="stray bits"):
        unpack_indices(bytes([0, 0b00000001]), 10)
