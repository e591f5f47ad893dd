"""The decoder without torch shows what the codec shows, but for a grey level where rounding goes the other way."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import picture, random_model

from codec.progic.codec import ProgicCodec
from codec.progic.model import save_model
from codec.progic.receiver import ProgicReceiver
from codec.progic.shape import ProgicConfig


@pytest.mark.parametrize(("height", "width"), [(32, 48), (37, 53), (208, 640)])
@pytest.mark.parametrize("stages", [(0,), (0, 1, 2, 3, 4), (1, 3)])
def test_any_subset_shows_what_the_codec_shows(tiny_weights, height, width, stages):
    codec, receiver = ProgicCodec(str(tiny_weights)), ProgicReceiver(str(tiny_weights))
    payloads = codec.encode(picture(height, width), 20)
    each = len(payloads) // codec.config.stages
    received = {k: payload for k, payload in enumerate(payloads) if k // each in stages and k % 7 != 5}
    one, other = (side.decode(received, height, width).astype(int) for side in (codec, receiver))
    assert receiver.model_id == codec.model_id
    assert np.abs(one - other).max() <= 1
    assert (one != other).mean() < 0.001


@pytest.mark.parametrize("held", [1, 3, 5])
def test_every_number_of_stages_is_modulated_as_by_the_codec(tmp_path, held):
    model = random_model(ProgicConfig(channels=16, encoder_blocks=1, decoder_blocks=2, latent_channels=32))
    save_model(model, path := tmp_path / "random.safetensors")
    codec, receiver = ProgicCodec(str(path)), ProgicReceiver(str(path))
    received = dict(enumerate(codec.encode(picture(64, 80), 25)[:held]))
    one, other = (side.decode(received, 64, 80).astype(int) for side in (codec, receiver))
    assert len(np.unique(one)) > 50
    assert np.abs(one - other).max() <= 1
    assert receiver.decode({}, 64, 80) is None


def test_decoding_leaves_torch_out(tiny_weights):
    payload = ProgicCodec(str(tiny_weights)).encode(picture(16, 16), 340)[0]
    check = (
        "import sys, codec; receiver = codec.load_receiver('progic', int(sys.argv[2]), sys.argv[1]);"
        " receiver.decode({0: bytes.fromhex(sys.argv[3])}, 16, 16); print('torch' in sys.modules)"
    )
    arguments = [str(tiny_weights), str(ProgicReceiver(str(tiny_weights)).model_id), payload.hex()]
    done = subprocess.run([sys.executable, "-c", check, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_decode_to_a_picture_leaves_out_what_simulates_and_scores():
    """To import the scenarios alone would take a third as long as all of a cold decode."""
    check = "import sys, satsim.inputs, satsim.receiving, satsim.pictures; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    rooms = {name.split(".")[1] for name in done.stdout.split() if name.startswith("satsim.")}
    assert rooms >= {"air", "receiving", "pictures"}
    assert not rooms & {"scenario", "scoring", "simulation", "links"}
    assert not {"pydantic", "yaml"} & set(done.stdout.split())
