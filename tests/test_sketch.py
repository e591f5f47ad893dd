"""Sketches of colour behind the stages of ProGIC: where they fit, what they say, what a receiver makes of them."""

import numpy as np
import pytest
from conftest import photo_like
from hypothesis import given
from hypothesis import strategies as st

from codec.base import CodecError
from codec.progic.extras import sketch
from codec.progic.extras.sketch import (
    KINDS,
    LEAST,
    MOST,
    bounds,
    coefficients,
    correct,
    read_code,
    to_code,
    write_sketch,
)
from satsim.air.packets import SKETCH_BYTES

GREY = np.full((32, 48, 3), 100, np.uint8)


def sketches_of(image, count, size):
    """One of each kind in turn."""
    return [write_sketch(coefficients(image), k % KINDS, size) for k in range(count)]


def test_a_grey_photo_has_the_coefficients_that_one_computes_by_hand():
    """Y is 100, counted from 128; of the weights of Cb and Cr, in 1/256, each sums up to 0."""
    found = coefficients(GREY)
    assert found[0, 0, 0] == -28 * 256
    assert not found[1:].any()
    assert np.abs(found[0].ravel()[1:]).max() <= 1


@pytest.mark.parametrize(
    ("number", "least", "code"),
    [(0, 0, "1"), (-1, 0, "010"), (1, 0, "011"), (-2, 0, "00100"), (0, 2, "100"), (-2, 2, "111"), (2, 2, "01000")],
)
def test_codes_are_exp_golomb_of_numbers_folded(number, least, code):
    assert to_code(number, least) == code
    assert read_code("11" + code + "0", 2, least) == (number, 2 + len(code))


@given(st.integers(-5000, 5000), st.integers(0, 8))
def test_what_a_code_says_is_read_again(number, least):
    code = to_code(number, least)
    assert read_code(code, 0, least) == (number, len(code))


@pytest.mark.parametrize("size", [LEAST, 20, 40, MOST])
@pytest.mark.parametrize("k", range(KINDS))
def test_each_sketch_tells_the_roughest_chroma(k, size):
    told = dict(enumerate(sketches_of(photo_like(64, 64), KINDS, size)))
    low, high = bounds({k: told[k]})
    assert np.isfinite(low[1:, 0, 0]).all()
    assert (high - low)[1:, 0, 0].max() <= 768, "3 grey levels"


def test_the_sketch_of_a_photo_moves_nothing_in_it():
    photo = photo_like(96, 64)
    assert np.array_equal(correct(photo, dict(enumerate(sketches_of(photo, 5, 20)))), photo)


@pytest.mark.parametrize("k", range(KINDS))
@pytest.mark.parametrize("size", [(64, 64), (37, 53), (16, 300)])
def test_any_one_sketch_turns_another_photo_to_the_colour_of_its_own(k, size):
    """A blue wall, where the decode is grey: red and blue come within 6 levels, on average over the picture."""
    wall = np.full((*size, 3), (90, 110, 160), np.uint8)
    told = sketches_of(wall, 5, 20)
    shown = correct(np.full_like(wall, 115), {k: told[k]})
    assert np.abs(shown.astype(int) - wall).max() <= 6


def test_several_sketches_say_where_a_coefficient_lies_more_closely_than_one():
    sketches = dict(enumerate(sketches_of(photo_like(64, 64), 5, 20)))
    found = [bounds({k: sketches[k] for k in held}) for held in ((1,), (1, 3))]
    widths = [high[1, 0, 0] - low[1, 0, 0] for low, high in found]
    assert widths == [768, 384]


@pytest.mark.parametrize("size", [(80, 112), (16, 16), (256, 100)])
def test_the_photo_lies_within_all_bounds_of_its_sketches(size):
    photo = photo_like(*size)
    low, high = bounds(dict(enumerate(sketches_of(photo, 10, 20))))
    found = coefficients(photo)
    assert (low <= found).all()
    assert (found < high).all()


@pytest.mark.parametrize("end", ["00000001", "00000011"])
def test_a_code_that_does_not_end_is_damage(end):
    [last] = sketches_of(GREY, 1, 8)
    with pytest.raises(CodecError, match="a sketch ends in a code that does not end"):
        bounds({0: last[:-2] + bytes([0, int(end, 2)])})


def test_the_vectors_of_the_docstring_are_what_is_written():
    y, x = np.mgrid[:64, :48]
    image = np.stack([5 * x, 3 * y, 2 * (x + y)], axis=-1).astype(np.uint8)
    found = sketches_of(image, 5, 20)
    vectors = [found[0], found[1], found[4], *sketches_of(image, 1, 8), *sketches_of(GREY, 1, 8)]
    assert sketch.__doc__ is not None
    assert [line.strip() for line in sketch.__doc__.splitlines()[-5:]] == [each.hex() for each in vectors]


def test_the_least_sketch_is_what_headers_make_room_for():
    assert SKETCH_BYTES == LEAST
