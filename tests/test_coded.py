"""ProGIC's payloads, coded: exact, alone, never longer, the same on every machine, and safe from any bytes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import picture, tiny_tables, write_tiny_tables, write_tiny_weights
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from codec import load_codec, load_receiver
from codec.base import CodecError, WeightsError
from codec.progic import layout
from codec.progic.coding.coded import PayloadCoder
from codec.progic.coding.contexts import POWERS, StageTables, neighbours, offsets, read_tables, tables_path
from codec.progic.coding.range_coder import RangeDecoder, RangeEncoder
from codec.progic.shape import read_weights

VECTOR = "011be59841029ca8"
"""Stage 1 of 3x4 cells, codewords 3 3 3 3, 3 3 3 7, 3 3 255 0, with the tiny tables."""


def coder_of(path):
    """By the tables beside a weights file."""
    weights = read_weights(path, ("quantizer.",))
    return PayloadCoder(weights.config, read_tables(path, weights.arrays["quantizer.codebooks"])[0])


@pytest.fixture(scope="module")
def coder(tiny_weights):
    return coder_of(tiny_weights)


def likely(shape, seed):
    """Indices of 8 bits, most of them 3, which the tiny tables hold likely."""
    chance = np.random.default_rng(seed)
    return np.where(chance.random(shape) < 0.8, 3, chance.integers(0, 256, shape))


def shrunk(coder, indices, payload_bytes):
    """(plain, coded) payloads of int64[N, rows, columns]."""
    plain = layout.split(indices, 8, payload_bytes)
    return plain, [coder.shrink(each, k, *indices.shape[1:]) for k, each in enumerate(plain)]


shapes = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 300))


@given(shapes, st.integers(0, 9))
def test_every_payload_comes_back_by_itself_and_is_never_longer_than_plain(coder, shape, seed):
    rows, columns, payload_bytes = shape
    for indices in (likely((5, rows, columns), seed), np.random.default_rng(seed).integers(0, 256, (5, rows, columns))):
        plain, coded = shrunk(coder, indices, payload_bytes)
        for k, (one, other) in enumerate(zip(plain, coded, strict=True)):
            assert len(other) <= len(one)
            assert coder.expand(other, k, rows, columns) == one


@pytest.mark.parametrize("codeword", [0, 3, 255])
def test_a_stage_of_one_codeword_comes_back_whatever_it_is(coder, codeword):
    plain, coded = shrunk(coder, np.full((5, 16, 16), codeword), 256)
    assert [coder.expand(each, k, 16, 16) for k, each in enumerate(coded)] == plain


def test_likely_indices_take_fewer_bytes_and_random_ones_are_sent_plain(coder):
    plain, coded = shrunk(coder, likely((5, 16, 16), 1), 256)
    assert [len(each) for each in plain] == [256] * 5
    assert all(len(each) < 160 for each in coded)
    plain, coded = shrunk(coder, np.random.default_rng(1).integers(0, 256, (5, 16, 16)), 256)
    assert coded == plain


def test_coded_payloads_never_have_the_length_of_a_plain_one(coder):
    for seed in range(60):
        plain, coded = shrunk(coder, likely((5, 5, 5), seed), 25)
        assert all(coder.is_plain(len(each), 25) == (each == one) for one, each in zip(plain, coded, strict=True))
    assert [n for n in range(1, 126) if coder.is_plain(n, 25)] == [1, 2, 3, 4, 5, 7, 9, 13, 25, 125]


def test_the_test_vector_of_the_documentation(coder):
    indices = np.array([[3, 3, 3, 3], [3, 3, 3, 7], [3, 3, 255, 0]])
    plain = layout.pack_indices(indices.reshape(-1), 8)
    assert coder.shrink(plain, 0, 3, 4).hex() == VECTOR
    assert coder.expand(bytes.fromhex(VECTOR), 0, 3, 4) == plain


def test_the_test_vector_of_the_range_coder():
    encoder = RangeEncoder()
    for symbol in (2, 0, 1, 1):
        encoder.encode(symbol, [1, 2, 5])
    encoder.encode(0, [1, 3])
    stream = encoder.finish()
    decoder = RangeDecoder(stream)
    assert [decoder.decode([1, 2, 5]) for _ in range(4)] == [2, 0, 1, 1]
    assert decoder.decode([1, 3]) == 0
    assert stream.hex() == "6340"  # 0.3877 of 65,536: 3/8 + 5/512 + 5/2048 is 0.3872, and 5/4096 wide


@given(st.lists(st.tuples(st.lists(st.integers(1, 4097), min_size=1, max_size=32), st.integers(0, 31)), max_size=80))
def test_the_range_coder_gives_back_any_symbols_of_any_frequencies(pairs):
    encoder = RangeEncoder()
    said = [(frequencies, symbol % len(frequencies)) for frequencies, symbol in pairs]
    for frequencies, symbol in said:
        encoder.encode(symbol, frequencies)
    decoder = RangeDecoder(encoder.finish())
    assert [decoder.decode(frequencies) for frequencies, _ in said] == [symbol for _, symbol in said]


def test_the_range_coder_takes_hardly_more_than_the_information():
    chance = np.random.default_rng(4)
    frequencies = [4000, 1000, 500, 30, 6]
    share = np.array(frequencies) / sum(frequencies)
    symbols = chance.choice(5, 4000, p=share)
    encoder = RangeEncoder()
    for symbol in symbols.tolist():
        encoder.encode(symbol, frequencies)
    ideal = -np.log2(share[symbols]).sum() / 8
    assert ideal <= len(encoder.finish()) <= ideal * 1.002 + 2


@given(st.binary(min_size=1, max_size=140), st.integers(-1, 12))
def test_any_bytes_give_indices_of_the_codebook_or_an_error(coder, payload, k):
    try:
        plain = coder.expand(payload, k, 8, 8)
    except CodecError:
        return
    assert coder.is_plain(len(plain), 64)
    if not coder.is_plain(len(payload), 64):
        assert coder.shrink(plain, k, 8, 8) == payload


def test_cut_and_flipped_bytes_give_another_payload_or_an_error_but_never_the_same(coder):
    plain, coded = shrunk(coder, likely((5, 8, 8), 2), 64)
    payload = coded[0]
    hurt = [payload[:n] for n in range(1, len(payload))] + [payload + b"\0", payload + b"\1"]
    for n in range(len(payload) * 8):
        flipped = bytearray(payload)
        flipped[n // 8] ^= 1 << n % 8
        hurt.append(bytes(flipped))
    refused = 0
    for each in hurt:
        try:
            assert coder.expand(each, 0, 8, 8) != plain[0]
        except CodecError:
            refused += 1
    assert refused


@pytest.mark.parametrize(("payload", "k", "says"), [(b"\0" * 50, 0, "0, which tells"), (b"\1" * 50, 9, "5 stages")])
def test_what_no_encoder_writes_is_refused_in_a_line(coder, payload, k, says):
    with pytest.raises(CodecError, match=says):
        coder.expand(payload, k, 8, 8)


def test_pictures_are_those_of_plain_progic_from_any_payloads(tiny_weights):
    options = {"model": str(tiny_weights)}
    plain, coded = load_codec("progic", **options, guess=True), load_codec("progic-full", **options, extras=False)
    image = picture(100, 150)
    one, other = plain.encode(image, 40), coded.encode(image, 40)
    assert len(one) == len(other)
    received = [0, 3, 4]
    receiver = load_receiver("progic-full", coded.model_id, str(tiny_weights))
    expected = load_receiver("progic", plain.model_id, str(tiny_weights), guess=True)
    held = {k: other[k] for k in received}
    assert np.array_equal(coded.decode(held, 100, 150), plain.decode({k: one[k] for k in received}, 100, 150))
    assert np.array_equal(receiver.decode(held, 100, 150), expected.decode({k: one[k] for k in received}, 100, 150))


def test_a_neighbour_comes_earlier_in_the_same_payload():
    for parts in (1, 2, 3, 4, 9):
        order = layout.deal(8, 9, parts)
        count = -(-72 // parts)
        for k in range(parts):
            places = order[k * count : (k + 1) * count]
            near = neighbours(places, 8, 9, parts)
            for n, row in enumerate(near):
                for at, (y, x) in zip(row, offsets(parts), strict=True):
                    if at >= 0:
                        assert at < n
                        assert divmod(places[at], 9) == (places[n] // 9 + y, places[n] % 9 + x)


def test_the_nearest_neighbours_of_a_whole_stage_are_above_and_left():
    assert offsets(1)[:4] == [(-1, 0), (0, -1), (-1, -1), (-1, 1)]
    assert offsets(2)[0] in [(-1, -1), (-1, 1)]
    assert offsets(64) == []


def test_powers_of_two_are_exact():
    assert POWERS[0] == 4096
    assert POWERS[128] == 2896  # 4096 / sqrt 2 is 2896.3
    assert all(int(power) ** 256 <= 2 ** (12 * 256 - k) < int(power + 1) ** 256 for k, power in enumerate(POWERS))


def test_frequencies_of_one_cell_are_those_of_many_at_once():
    tables = StageTables(**{name: array.astype(np.int64) for name, array in tiny_tables().items()})
    numbers = np.arange(8)
    before = np.random.default_rng(0).integers(-1, 256, (50, 8))
    together = tables.class_frequencies(tables.features(before, numbers))
    alone = [tables.class_frequencies(tables.features(row[None], numbers))[0] for row in before]
    assert np.array_equal(together, alone)
    assert together.min() >= 1
    assert together.max() == 4097


SETTINGS = [
    {"OMP_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"},
    {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX"},
]


def test_coded_bytes_are_the_same_whatever_threads_and_instructions_there_are(coder, tiny_weights):
    program = (
        "import sys, hashlib, numpy as np; from pathlib import Path; from test_coded import coder_of;"
        " coder = coder_of(Path(sys.argv[1])); chance = np.random.default_rng(5);"
        " often = chance.random((5, 256)) < .8; rest = chance.integers(0, 256, (5, 256));"
        " plain = [bytes(each) for each in np.where(often, 3, rest).tolist()];"
        " print(hashlib.sha256(b''.join(coder.shrink(each, k, 16, 16) for k, each in enumerate(plain))).hexdigest())"
    )
    told = set()
    for setting in SETTINGS:
        known = {name: value for name, value in os.environ.items() if name not in {n for s in SETTINGS for n in s}}
        command = [sys.executable, "-W", "ignore", "-c", program, str(tiny_weights)]
        done = subprocess.run(
            command, env=known | setting, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
        told.add(done.stdout)
    assert len(told) == 1


class TestTables:
    @pytest.fixture
    def weights(self, tmp_path):
        path = write_tiny_weights(tmp_path / "mine.safetensors", seed=0)
        write_tiny_tables(path)
        return path

    def test_without_them_stages_go_plain_and_coded_ones_are_refused(self, weights):
        payload = bytes.fromhex(VECTOR)
        tables_path(weights).unlink()
        coder = coder_of(weights)
        plain = bytes([3] * 12)
        assert coder.shrink(plain, 0, 3, 4) == plain
        with pytest.raises(CodecError, match="payload 0 is coded by tables, and this model has none beside it"):
            coder.expand(payload, 0, 3, 4)

    def test_those_for_other_codebooks_are_refused(self, weights):
        write_tiny_weights(weights, seed=1)
        with pytest.raises(WeightsError, match=r"tables for codebooks .*; the weights have "):
            load_codec("progic-full", model=str(weights))

    def test_damaged_ones_are_refused(self, weights):
        content = tables_path(weights).read_bytes()
        for bad in (b"", content[:500], content[:-100], b"no archive"):
            tables_path(weights).write_bytes(bad)
            with pytest.raises(WeightsError, match="not tables to code by"):
                load_codec("progic-full", model=str(weights))

    def test_other_tables_are_another_model_on_the_air(self, weights):
        before = load_codec("progic-full", model=str(weights)).model_id
        books = np.load(tables_path(weights))
        held = {name: books[name] for name in books.files}
        held["0.start"] = held["0.start"] + 1
        np.savez(tables_path(weights), **held)
        assert load_codec("progic-full", model=str(weights)).model_id != before
        assert load_codec("progic", model=str(weights)).model_id != before

    def test_tables_are_learned_from_photos_and_save_what_these_have_in_common(self, weights, tmp_path):
        tables_path(weights).unlink()
        (tmp_path / "photos").mkdir()
        Image.fromarray(picture(96, 128)).save(tmp_path / "photos" / "disc.png")
        command = [sys.executable, "-m", "codec.training.coding", tmp_path / "photos", "--model", weights]
        subprocess.run([*command, "--minutes", "0.05", "--cache", tmp_path], check=True, capture_output=True)
        options = {"model": str(weights)}
        plain = load_codec("progic", **options).encode(picture(96, 128), 340)
        coded = load_codec("progic-full", **options, extras=False).encode(picture(96, 128), 340)
        assert sum(map(len, coded)) < 0.9 * sum(map(len, plain))
