"""The ProGIC model behind the codec contract, with a tiny model of random weights."""

import hashlib
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import picture, write_tiny_weights
from safetensors import safe_open
from safetensors.numpy import save_file

from codec.base import CodecError, WeightsError
from codec.progic.codec import ProgicCodec, WholeProgic
from codec.progic.model import load_model
from codec.progic.receiver import ProgicReceiver
from codec.progic.shape import list_models, model_path


@pytest.fixture(scope="module")
def codec(tiny_weights):
    return ProgicCodec(str(tiny_weights))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (37, 53), (64, 48), (17, 160)])
def test_any_size_comes_back_at_its_own_size(codec, height, width):
    payloads = codec.encode(picture(height, width), 340)
    assert codec.decode(dict(enumerate(payloads)), height, width).shape == (height, width, 3)


def test_padding_costs_whole_cells(codec):
    assert codec.grid(37, 53) == (3, 4)
    assert sum(map(len, codec.encode(picture(37, 53), 12))) == 5 * 3 * 4  # five stages of 12 cells, a byte each


def test_a_picture_of_whole_cells_is_not_padded(codec):
    assert codec.grid(32, 48) == (2, 3)


def test_every_subset_of_stages_decodes_and_no_two_look_alike(codec):
    image = picture(48, 48)
    payloads = codec.encode(image, 9)
    assert [len(payload) for payload in payloads] == [9] * 5
    subsets = [s for n in range(1, 6) for s in itertools.combinations(range(5), n)]
    pictures = {codec.decode({k: payloads[k] for k in subset}, 48, 48).tobytes() for subset in subsets}
    assert len(pictures) == len(subsets) == 31


def test_part_of_a_stage_decodes(codec):
    payloads = codec.encode(picture(64, 64), 5)  # 16 cells in 4 payloads of 4
    assert len(payloads) == 5 * 4
    assert codec.decode({2: payloads[2]}, 64, 64).shape == (64, 64, 3)


def test_nothing_received_shows_nothing(codec):
    assert codec.decode({}, 64, 64) is None


def test_the_same_picture_gives_the_same_bytes_also_from_a_new_codec(codec, tiny_weights):
    image = picture(40, 40)
    assert codec.encode(image, 50) == codec.encode(image, 50) == ProgicCodec(str(tiny_weights)).encode(image, 50)


def test_sending_two_stages_sends_the_first_two(tiny_weights, codec):
    two = ProgicCodec(str(tiny_weights), stages=2)
    image = picture(48, 48)
    assert two.encode(image, 9) == codec.encode(image, 9)[:2]


def test_a_receiver_needs_not_know_how_many_stages_are_sent(tiny_weights, codec):
    image = picture(32, 32)
    for stages in (1, 2, 3, 4, 5):
        few = ProgicCodec(str(tiny_weights), stages=stages)
        received = dict(enumerate(few.encode(image, 340)))
        assert np.array_equal(few.decode(received, 32, 32), codec.decode(received, 32, 32))


@pytest.mark.parametrize("stages", [0, 6, -1, "two", 2.5])
def test_a_number_of_stages_the_model_has_not_is_refused(tiny_weights, stages):
    with pytest.raises(CodecError, match=r"stages is .*expected 1 to 5"):
        ProgicCodec(str(tiny_weights), stages=stages)


def test_a_whole_file_shows_nothing_until_it_is_complete(tiny_weights, codec):
    whole = WholeProgic(str(tiny_weights), stages=3)
    image = picture(48, 48)
    payloads = whole.encode(image, 9)
    assert len(payloads) == 3
    assert whole.decode({}, 48, 48) is None
    assert whole.decode({0: payloads[0], 2: payloads[2]}, 48, 48) is None
    received = dict(enumerate(payloads))
    assert np.array_equal(whole.decode(received, 48, 48), codec.decode(received, 48, 48))


def test_the_model_id_is_the_first_four_bytes_of_the_files_sha256(codec, tiny_weights):
    assert codec.model_id == int(hashlib.sha256(tiny_weights.read_bytes()).hexdigest()[:8], 16)


def test_other_weights_have_another_id(codec, tmp_path):
    assert ProgicCodec(str(write_tiny_weights(tmp_path / "other.safetensors", seed=1))).model_id != codec.model_id


@pytest.mark.parametrize(
    "image", [picture(48, 48)[:, :, 0], picture(48, 48) / 255.0, picture(15, 48), picture(48, 48)[..., :2]]
)
def test_what_is_no_picture_is_refused(codec, image):
    with pytest.raises(CodecError, match="image is"):
        codec.encode(image, 340)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:5],
        lambda data: b"",
        lambda data: b"\xff" * len(data),
        lambda data: data.replace(b"channels", b"chanmels", 1),
        lambda data: data.replace(b'"progic"', b'"prigoc"', 1),
    ],
    ids=["half", "five bytes", "empty", "noise", "unknown key", "no shape"],
)
def test_damaged_weights_are_refused_by_the_name_of_their_file(tiny_weights, tmp_path, damage):
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(damage(tiny_weights.read_bytes()))
    with pytest.raises(WeightsError, match=r"damaged\.safetensors: not the weights of a ProGIC model"):
        ProgicCodec(str(path))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda state: state.pop("synthesis.up.bias"), r"synthesis\.up\.bias is missing; expected \(32,\)"),
        (lambda state: state.update(more=np.zeros(3)), r"more is \(3,\); expected no such tensor"),
        (
            lambda state: state.update({"quantizer.codebooks": state["quantizer.codebooks"][:3]}),
            r"quantizer\.codebooks is \(3, 256, 8\); expected \(5, 256, 8\)",
        ),
    ],
)
@pytest.mark.parametrize("reader", [ProgicCodec, ProgicReceiver, lambda path: load_model(Path(path))])
def test_weights_of_another_shape_are_refused_by_name_and_shape(tiny_weights, tmp_path, spoil, complaint, reader):
    with safe_open(tiny_weights, framework="numpy") as file:
        state, notes = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    spoil(state)
    save_file(state, tmp_path / "other.safetensors", notes)
    with pytest.raises(WeightsError, match=rf"other\.safetensors: not the weights of a ProGIC model \({complaint}\)"):
        reader(str(tmp_path / "other.safetensors"))


def test_missing_weights_are_refused_by_the_name_of_their_file(tmp_path):
    with pytest.raises(WeightsError, match=r"absent\.safetensors: no such weights file"):
        ProgicCodec(str(tmp_path / "absent.safetensors"))


def test_a_model_that_is_not_shipped_names_those_that_are():
    with pytest.raises(WeightsError, match=r"model is 'nanoo'; expected a \.safetensors file or one of: "):
        ProgicCodec("nanoo")


def test_saved_weights_come_back_as_float16_rounds_them(tiny_weights):
    model, _ = load_model(tiny_weights)
    again, _ = load_model(tiny_weights)
    for (name, one), other in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert one.dtype == other.dtype, name
        assert (one == one.half().float()).all(), name


def test_every_shipped_model_loads_and_has_a_card():
    for name in list_models():
        path = model_path(name)
        model, _ = load_model(path)
        assert model.config.stages >= 1
        assert list(path.parent.glob(f"*{name}*.md")), f"{path} has no model card beside it"


def test_the_codec_leaves_the_network_for_training_out(tiny_weights):
    check = (
        "import sys; from codec import load_codec; codec = load_codec('progic', model=sys.argv[1]);"
        " codec.decode({0: codec.encode(__import__('numpy').zeros((16, 16, 3), 'uint8'), 340)[0]}, 16, 16);"
        " print(sorted({'codec.progic.model', 'codec.progic.receiver'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check, str(tiny_weights)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_loading_a_model_leaves_torchs_compiler_out(tiny_weights):
    """Its import costs as much as all the rest of a cold decoding, and one random number on "meta" brings it in."""
    check = (
        "import sys; from codec.progic.codec import ProgicCodec; codec = ProgicCodec(sys.argv[1]);"
        " codec.decode({0: codec.encode(__import__('numpy').zeros((16, 16, 3), 'uint8'), 340)[0]}, 16, 16);"
        " print(sorted({'torch._dynamo', 'sympy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check, str(tiny_weights)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
