"""A guess fills in what is lost, changes nothing where nothing is, and is held to its model."""

from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
import torch
from conftest import picture, write_tiny_guess, write_tiny_weights
from safetensors.torch import load_file

from codec.base import WeightsError
from codec.loading import load_codec
from codec.progic.extras import hints
from codec.progic.extras.guess import GuessingDecoder, guess_path, look, lost
from codec.progic.fast import TORCH
from codec.progic.model import load_model
from codec.progic.receiver import ProgicReceiver
from codec.training.guess.holes import draw_held
from codec.training.guess.network import GuessNetwork
from satsim.air.packets import pack, packetize
from satsim.receiving import Wanted, decode_messages

SIZE = (48, 64)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Weights of random numbers, a guess of random numbers beside them."""
    weights = write_tiny_weights(tmp_path_factory.mktemp("guess") / "tiny.safetensors", seed=0)
    write_tiny_guess(weights)
    return str(weights)


@pytest.fixture(scope="module")
def codecs(tiny):
    """One that guesses not, one that does."""
    return load_codec("progic", model=tiny), load_codec("progic", model=tiny, guess=True)


@pytest.fixture(scope="module")
def payloads(codecs):
    return dict(enumerate(codecs[0].encode(picture(*SIZE), 12)))


def test_lost_is_what_is_not_held_of_the_first_stage():
    held = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], bool)
    assert lost(held).astype(int).tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_nothing_is_lost_of_a_first_stage_that_is_still_on_its_way():
    held = np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]], bool)
    assert not lost(held).any()
    assert not lost(held & False).any()


def test_with_the_first_stage_held_whole_pictures_are_the_very_same_with_a_guess_and_without(codecs, payloads):
    for kept in [*(range(1, count) for count in range(1, 6)), (2, 3, 4), (1, 4)]:
        held = {k: payloads[k] for k in (0, *kept)}
        plain, guessing = (codec.decode(held, *SIZE) for codec in codecs)
        assert np.array_equal(plain, guessing)


def test_without_the_first_stage_a_guess_shows_another_picture(codecs, payloads):
    held = {k: payload for k, payload in payloads.items() if k}
    plain, guessing = (codec.decode(held, *SIZE) for codec in codecs)
    assert guessing.shape == plain.shape
    assert not np.array_equal(plain, guessing)


def test_payloads_are_the_same_with_a_guess_and_without(codecs):
    assert codecs[0].encode(picture(*SIZE), 12) == codecs[1].encode(picture(*SIZE), 12)


def test_numpy_and_torch_guess_the_same_but_for_a_grey_level(tiny, codecs, payloads):
    held = {k: payload for k, payload in payloads.items() if k != 0}
    ours = ProgicReceiver(tiny, guess=True).decode(held, *SIZE).astype(int)
    assert np.abs(ours - codecs[1].decode(held, *SIZE)).max() <= 1


def test_the_matrices_guess_what_the_network_in_training_does(tiny):
    model, _ = load_model(Path(tiny))
    network = GuessNetwork(model.config, width=12, blocks=1, expansion=2)
    stored = {name: tensor.float() for name, tensor in load_file(guess_path(Path(tiny))).items()}
    network.load_state_dict({name[6:]: tensor for name, tensor in stored.items() if name.startswith("guess.")})
    decoder = GuessingDecoder(model.config, model.state_dict(), stored, TORCH)
    rng = np.random.default_rng(3)
    indices = torch.from_numpy(rng.integers(0, model.config.codewords, (model.config.stages, 12)))
    indices[0] = -1
    wanted = lost(indices >= 0)
    hint = torch.zeros(12, model.config.latent_channels + 1)
    seen = look(TORCH, indices, model.quantizer.codebooks, wanted, hint)
    with torch.inference_mode():
        taught = network(seen.view(1, 3, 4, -1).permute(0, 3, 1, 2))[0].permute(1, 2, 0).reshape(12, -1)
        assert torch.allclose(decoder.guess(indices, 3, 4, wanted, hint), taught, atol=1e-5)


class TestBadFiles:
    @pytest.fixture
    def weights(self, tmp_path):
        return write_tiny_weights(tmp_path / "mine.safetensors", seed=1)

    def refused(self, weights, says):
        with pytest.raises(WeightsError, match=says):
            load_codec("progic", model=str(weights), guess=True)

    def test_none_is_named_with_the_mend(self, weights):
        self.refused(weights, r"mine\.guess\.safetensors: no such file to guess by; leave out guess, or make one by: ")

    def test_one_for_other_weights_is_refused_by_progic_full_too(self, weights, tiny):
        copyfile(guess_path(Path(tiny)), guess_path(weights))
        self.refused(weights, r"mine\.guess\.safetensors: does not guess for mine.safetensors \(it is for")
        with pytest.raises(WeightsError, match="it is for a model of other codebooks"):
            load_codec("progic-full", model=str(weights))

    def test_weights_and_a_torn_file_are_no_guess(self, weights, tiny):
        for content in (weights.read_bytes(), guess_path(Path(tiny)).read_bytes()[:-9], b""):
            guess_path(weights).write_bytes(content)
            self.refused(weights, "does not guess")


def test_blocks_of_hints_go_row_by_row_and_back():
    cells = np.arange(3 * 5 * 2, dtype=np.float32).reshape(3, 5, 2)
    blocks = hints.to_blocks(cells)
    assert blocks.shape == (2 * 3, 4 * 2)
    assert blocks[1].tolist() == [*cells[0, 2], *cells[0, 3], *cells[1, 2], *cells[1, 3]]
    assert np.array_equal(hints.to_cells(blocks, 3, 5), cells)


def test_a_hint_recalls_the_words_that_it_was_made_of_where_it_is_known():
    rng = np.random.default_rng(1)
    books = rng.normal(size=(1, 256, 4, 3)).astype(np.float32)
    told = rng.integers(0, 256, 6)
    cells = hints.to_cells(books[0].reshape(256, -1)[told], 4, 6)
    found = hints.describe(cells, books)
    assert found[:, 0].tolist() == told.tolist()
    known = np.array([True, False, True, True, True, True])
    recalled = hints.recall(found, known, books, 4, 6).reshape(4, 6, 4)
    assert np.array_equal(recalled[:, :2, :3], cells[:, :2])
    assert recalled[:, :2, 3].all()
    assert not recalled[:2, 2:4].any()


def test_training_draws_holes_in_which_something_is_held():
    rng = np.random.default_rng(1)
    draws = [draw_held(5, 6, 8, rng) for _ in range(200)]
    assert all(held.any() for held in draws)
    first_lost = sum(not held[0].any() for held in draws)
    assert 120 <= first_lost <= 160  # seven in ten


def sent_by(model):
    """Messages of a photo of 48x64 pixels, a stage a packet, as `codec` cuts it."""
    codec = load_codec("progic", model=model)
    payloads = codec.encode(picture(*SIZE), 15)
    packets = packetize(payloads, codec="progic", model_id=codec.model_id, height=SIZE[0], width=SIZE[1])
    return [(f"packet {packet.payload_index}", pack(packet)) for packet in packets]


def test_a_receiver_guesses_where_it_is_told_to_and_something_is_lost():
    messages = sent_by("small")
    for received, alike in ((messages, True), (messages[1:], False)):
        shown = [decode_messages(received, Wanted(guess=guess)).images[0].picture for guess in (False, True)]
        assert np.array_equal(*shown) is alike


def test_a_receiver_says_of_which_model_nothing_ships_that_guesses():
    [image] = decode_messages(sent_by("nano"), Wanted(guess=True)).images
    assert image.picture is None
    assert "progic-nano.guess.safetensors: no such file to guess by; leave out guess" in str(image.error)


def test_an_engine_does_not_guess():
    [image] = decode_messages(sent_by("small"), Wanted(guess=True, engine="onnxruntime")).images
    assert "--guess goes without --engine onnxruntime" in str(image.error)
