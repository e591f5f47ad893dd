"""`progic-full`: coded stages, hints and sketches in one payload; never too long, alone of use, safe from any bytes."""

import numpy as np
import pytest
from conftest import photo_like, picture, write_tiny_guess, write_tiny_tables, write_tiny_weights

from codec import load_codec, load_receiver
from codec.base import CodecError, WeightsError
from codec.progic import layout
from codec.progic.extras import full
from codec.progic.extras.full import Filler, FullReceiver
from codec.progic.extras.guess import guess_path, read_guess
from codec.progic.extras.hints import describe, recall
from codec.progic.extras.sketch import MOST, coefficients, write_sketch
from codec.progic.shape import read_weights

BITS, STAGES = 8, 5
"""Of the tiny model."""


@pytest.fixture(scope="module")
def codec(tiny_weights):
    return load_codec("progic-full", model=str(tiny_weights))


@pytest.fixture(scope="module")
def plain(tiny_weights):
    return load_codec("progic", model=str(tiny_weights))


def filler_of(path, extras=True):
    """Of a weights file, its tables and its guess."""
    weights = read_weights(path, ("quantizer.",))
    codebooks = weights.arrays["quantizer.codebooks"]
    return Filler(path, weights.config, codebooks, read_guess(path, weights)["hints.books"], extras)


@pytest.fixture(scope="module")
def filler(tiny_weights):
    return filler_of(tiny_weights)


def told(filler, payloads, size, held=None):
    """What the payloads `held` say of a picture of this size."""
    return filler.read({k: payloads[k] for k in (range(len(payloads)) if held is None else held)}, *size)


@pytest.mark.parametrize("size", [(37, 53), (256, 256), (512, 512), (16, 300)])
@pytest.mark.parametrize("payload_bytes", [10, 40, 150, 256, 300, 340, 2000])
def test_there_are_the_payloads_of_progic_none_too_long_and_all_stages_in_them(
    codec, plain, filler, size, payload_bytes
):
    image = photo_like(*size)
    stages, payloads = plain.encode(image, payload_bytes), codec.encode(image, payload_bytes)
    assert len(payloads) == len(stages)
    assert all(len(each) <= payload_bytes for each in payloads)
    expected = layout.join(dict(enumerate(stages)), STAGES, *plain.grid(*size), BITS)
    assert np.array_equal(told(filler, payloads, size).grid, expected)


def test_where_a_link_leaves_room_each_payload_has_extras_and_the_first_a_sketch_alone(codec, filler):
    payloads = codec.encode(photo_like(256, 256), 340)
    assert payloads[0][0] == MOST
    assert [told(filler, payloads, (256, 256), [k]).hint is not None for k in range(5)] == [False, *[True] * 4]
    assert list(told(filler, payloads, (256, 256), [0]).sketches) == [0]


def test_what_has_no_room_is_plain(codec, plain):
    noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    stages, payloads = plain.encode(noise, 12), codec.encode(noise, 12)
    assert any(one == other for one, other in zip(stages, payloads, strict=True))
    assert all(len(payload) <= 12 for payload in payloads)


@pytest.mark.parametrize("size", [(256, 256), (512, 512), (200, 300)])
def test_later_payloads_together_hint_at_the_whole_first_stage(codec, plain, filler, tiny_weights, size):
    rows, columns = plain.grid(*size)
    payloads = codec.encode(photo_like(*size), 340)
    later = range(len(payloads) // STAGES, len(payloads))
    said = told(filler, payloads, size, later)
    assert (said.grid[0] == -1).all()
    first = told(filler, payloads, size).grid[0]
    words = read_weights(tiny_weights, ("quantizer.",)).arrays["quantizer.codebooks"][0][first]
    books = filler._books
    hints = describe(words, books)
    assert np.array_equal(said.hint, recall(hints, np.ones(len(hints), bool), books, rows, columns))


@pytest.mark.parametrize(("size", "count"), [((256, 256), 4), ((512, 512), 16)])
def test_a_lost_later_payload_thins_the_hints_by_its_even_share(codec, filler, size, count):
    payloads = codec.encode(photo_like(*size), 340)
    later = list(range(len(payloads) - count, len(payloads)))
    known = []
    for lost in later:
        hint = told(filler, payloads, size, [k for k in later if k != lost]).hint
        known.append(hint[:, -1].reshape(size[0] // 16, -1)[::2, ::2])
    assert {int((1 - each).sum()) for each in known} == {known[0].size // count}
    assert (np.sum([1 - each for each in known], axis=0) == 1).all(), "each block is told in one payload"
    assert all((1 - each).sum(axis=0).max() <= 4 for each in known), "no column of blocks is lost"


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (0, (0, 0)),
        (7, (7, 0)),
        (16, (16, 0)),
        (32, (32, 0)),
        (33, None),
        (39, None),
        (40, (32, 8)),
        (96, (32, 64)),
        (97, None),
    ],
)
def test_extras_are_hints_of_two_levels_and_then_a_sketch_of_8_to_64_bytes(filler, size, parts):
    assert filler._parts(size, np.arange(16)) == parts


@pytest.mark.parametrize("held", [(0,), (3,), (1, 2, 3, 4), (2, 4), (0, 1, 2, 3, 4)])
def test_numpy_shows_what_torch_shows_of_any_payloads(codec, tiny_weights, held):
    size = (100, 150)
    payloads = codec.encode(picture(*size), 150)
    assert len(payloads) == STAGES
    received = {k: payloads[k] for k in held}
    receiver = load_receiver("progic-full", codec.model_id, str(tiny_weights))
    shown = receiver.decode(received, *size).astype(int)
    assert np.abs(shown - codec.decode(received, *size)).max() <= 2
    assert receiver.encode(picture(*size), 150) == payloads


def test_hints_change_what_is_guessed_and_nothing_once_the_first_stage_is_there(codec, filler, tiny_weights):
    size = (256, 256)
    payloads = codec.encode(photo_like(*size), 340)
    decoder = FullReceiver(str(tiny_weights))._decoder

    def shown(held, hints):
        grid, hint, _ = told(filler, payloads, size, held)
        flat = grid.reshape(STAGES, -1)
        return decoder.decode(flat, *grid.shape[1:], hint if hints else None)

    assert not np.array_equal(shown([1, 2], True), shown([1, 2], False))
    assert np.array_equal(shown([0, 1, 2], True), shown([0, 1, 2], False))


class TestDamage:
    SIZE = (256, 256)

    @pytest.fixture
    def payload(self, codec):
        """The second of five: coded, with hints."""
        return codec.encode(photo_like(*self.SIZE), 340)[1]

    @pytest.mark.parametrize("change", [-1, 1, 3, -9, 100])
    def test_another_number_of_extras_is_refused(self, filler, payload, change):
        with pytest.raises(CodecError, match="payload"):
            filler.read({1: bytes([payload[0] + change]) + payload[1:]}, *self.SIZE)

    def test_nothing_but_a_head_is_refused(self, filler):
        for payload in (b"", b"\0" * 17, b"\xff" * 17, b"\5" * 17):
            with pytest.raises(CodecError):
                filler.read({1: payload}, *self.SIZE)

    def test_a_plain_stage_under_a_head_without_extras_is_what_no_encoder_writes(self, plain, filler):
        stage = plain.encode(photo_like(*self.SIZE), 340)[1]
        with pytest.raises(CodecError, match="payload 1 ends in 0 bytes that no encoder writes"):
            filler.read({1: b"\0" + stage}, *self.SIZE)

    def test_flipped_bits_give_a_picture_or_an_error(self, codec, payload):
        chance = np.random.default_rng(3)
        for _ in range(30):
            hurt = bytearray(payload)
            hurt[chance.integers(len(hurt))] ^= 1 << chance.integers(8)
            try:
                shown = codec.decode({1: bytes(hurt)}, *self.SIZE)
            except CodecError:
                continue
            assert shown.shape == (*self.SIZE, 3)


def test_the_test_vector_of_the_documentation(filler):
    indices = np.array([3, 3, 3, 3, 3, 3, 3, 7, 3, 3, 255, 0])
    grey = np.full((48, 64, 3), 100, np.uint8)
    [payload] = filler.fill([layout.pack_indices(indices, BITS)], grey, 17)
    assert f"{payload.hex()}." in full.__doc__.split()
    said = told(filler, [payload], (48, 64))
    assert said.grid[0].ravel().tolist() == indices.tolist()
    assert said.sketches == {0: write_sketch(coefficients(grey), 0, 8)}


class TestWithoutExtras:
    def test_payloads_have_a_byte_more_than_their_coded_stages_and_say_the_same(self, tiny_weights, filler):
        stages = [bytes([3] * 256)] * STAGES
        payloads = filler_of(tiny_weights, extras=False).fill(stages, photo_like(256, 256), 340)
        coded = [filler._coder.shrink(stage, k, 16, 16) for k, stage in enumerate(stages)]
        assert payloads == [b"\0" + each for each in coded]
        assert max(map(len, payloads)) < 200
        assert (told(filler, payloads, (256, 256)).grid == 3).all()

    def test_a_stage_that_is_no_shorter_coded_goes_plain(self, tiny_weights):
        stages = [np.random.default_rng(k).integers(0, 256, 256, np.uint8).tobytes() for k in range(STAGES)]
        assert filler_of(tiny_weights, extras=False).fill(stages, photo_like(256, 256), 340) == stages

    def test_extras_are_given_or_not(self, tiny_weights):
        with pytest.raises(CodecError, match="extras is 3; expected true or false"):
            load_codec("progic-full", model=str(tiny_weights), extras=3)


class TestWhatLiesBeside:
    @pytest.fixture
    def weights(self, tmp_path):
        return write_tiny_weights(tmp_path / "mine.safetensors", seed=0)

    def ids(self, weights):
        """Of the sender, and of the receiver: the same."""
        sender, receiver = load_codec("progic-full", model=str(weights)), FullReceiver(str(weights))
        assert sender.model_id == receiver.model_id
        return sender.model_id

    def test_with_nothing_beside_stages_go_plain_under_sketches_and_any_of_them_show(self, weights):
        codec, plain = load_codec("progic-full", model=str(weights)), load_codec("progic", model=str(weights))
        image = photo_like(64, 64)
        payloads = codec.encode(image, 40)
        assert [each[1 : -each[0]] for each in payloads] == plain.encode(image, 40 - 9)
        received = dict(enumerate(payloads))
        shown = FullReceiver(str(weights)).decode(received, 64, 64).astype(int)
        assert np.abs(shown - codec.decode(received, 64, 64)).max() <= 2
        assert codec.decode({2: payloads[2]}, 64, 64).shape == (64, 64, 3)
        assert codec.notes == [
            "mine.safetensors has no tables, so stages go plain",
            "mine.safetensors has no guess, so later packets hint at nothing",
        ]

    def test_tables_and_words_of_hints_are_part_of_what_packets_name(self, weights):
        seen = {self.ids(weights)}
        write_tiny_tables(weights)
        seen.add(self.ids(weights))
        write_tiny_guess(weights)
        seen.add(self.ids(weights))
        write_tiny_guess(weights, seed=3)
        seen.add(self.ids(weights))
        assert len(seen) == 4

    def test_a_receiver_that_lacks_what_lay_beside_says_what_to_copy(self, weights):
        write_tiny_guess(weights)
        sent = load_codec("progic-full", model=str(weights)).model_id
        guess_path(weights).unlink()
        with pytest.raises(WeightsError, match=r"by --model, its \.coding\.npz and \.guess\.safetensors beside it"):
            load_receiver("progic-full", sent, str(weights))

    def test_a_search_finds_indices_for_full_payloads_too(self, weights):
        codec = load_codec("progic-full", model=str(weights), search=1, judge="dists-lite")
        payloads = codec.encode(photo_like(64, 64), 60)
        assert codec.decode(dict(enumerate(payloads)), 64, 64).shape == (64, 64, 3)
