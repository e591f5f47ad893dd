"""Polynomials over GF(256): values at any so many places tell the others, as worked by hand and as zfec has it."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsim.air.gf256 import TIMES, interpolate


def test_products_by_hand():
    # 3 * 3 = (a + 1)^2 = a^2 + 1, as twice a is 0; a * a^7 = a^8 = a^4 + a^3 + a^2 + 1.
    assert TIMES[3][3] == 0b101
    assert TIMES[2][0x80] == 0b11101
    assert all(TIMES[0][x] == TIMES[x][0] == 0 and TIMES[1][x] == x for x in range(256))


def test_every_byte_but_0_has_an_inverse_and_the_powers_of_a_are_all_of_them():
    assert all(sorted(row) == list(range(256)) for row in TIMES[1:])
    power, met = 1, set()
    for _ in range(255):
        met.add(power)
        power = TIMES[2][power]
    assert power == 1
    assert met == set(range(1, 256))


def test_a_line_by_hand():
    # Through 41 at 0 and 44 at 1 goes 41 + 5 x: at 2 it is 41 ^ 0a, and at 4 it is 41 ^ 14.
    assert interpolate({0: b"\x41", 1: b"\x44"}, [2, 3]) == [b"\x4b", b"\x55"]


def test_a_line_that_leaves_8_bits_by_hand():
    # Through 0 at 0 and 80 at 1 goes 80 x: at 2 it is a^8, which is 1d.
    assert interpolate({0: b"\0", 1: b"\x80"}, [2]) == [b"\x1d"]


CURVE = {0: 0x01, 1: 0x01, 2: 0x07, 3: 0x15, 4: 0x49}
"""1 + x + x^2 by hand: at 0; at 1, where 1 ^ 1 ^ 1; at 2, 1 ^ 2 ^ 4; at 4, 1 ^ 4 ^ 10; at 8, 1 ^ 8 ^ 40."""


@pytest.mark.parametrize("held", list(combinations(CURVE, 3)))
def test_any_three_values_of_a_parabola_tell_all_others(held):
    others = [k for k in CURVE if k not in held]
    assert interpolate({k: bytes([CURVE[k]]) for k in held}, others) == [bytes([CURVE[k]]) for k in others]


def test_one_value_is_a_constant_and_nothing_wanted_is_nothing():
    assert interpolate({7: b"abc"}, [0, 255]) == [b"abc", b"abc"]
    assert interpolate({7: b"abc"}, []) == []
    assert interpolate({0: b"", 1: b""}, [2]) == [b""]


def test_symbols_longer_than_are_added_up_at_once_come_out_whole():
    short = interpolate({0: b"ABC", 1: b"DEF"}, [2, 3, 4])
    assert interpolate({0: b"ABC" * 200_000, 1: b"DEF" * 200_000}, [2, 3, 4]) == [each * 200_000 for each in short]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 255), st.integers(0, 30), st.data())
def test_encoding_and_decoding_give_the_bytes_of_zfec(protects, length, data):
    zfec = pytest.importorskip("zfec", reason="zfec, of the extra dev, is what the bytes are compared with")
    drawn = data.draw(st.lists(st.binary(min_size=length, max_size=length), min_size=1, max_size=8))
    payloads = [drawn[k % len(drawn)][k % (length + 1) :].ljust(length, bytes([k])) for k in range(protects)]
    places = data.draw(st.lists(st.integers(protects, 255), unique=True, max_size=40))
    symbols = interpolate(dict(enumerate(payloads)), places)
    assert symbols == zfec.Encoder(protects, 256).encode(payloads, places)
    everything = dict(enumerate(payloads)) | dict(zip(places, symbols, strict=True))
    held = {k: everything[k] for k in data.draw(st.permutations(sorted(everything)))[:protects]}
    missing = [k for k in range(protects) if k not in held]
    assert interpolate(held, missing) == [payloads[k] for k in missing]
    ordered = dict(sorted(held.items()))
    assert zfec.Decoder(protects, 256).decode(list(ordered.values()), list(ordered)) == payloads
