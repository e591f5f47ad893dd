"""Exactly n bits an index."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.base import CodecError
from codec.progic.layout import pack_indices, packed_bytes, unpack_indices


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
