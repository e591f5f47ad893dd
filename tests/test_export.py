"""What is exported says in ONNX Runtime what our own forms say: the same indices, and the same pixels but for rounding.

Indices may differ where two codewords are equally near but for rounding: at least 99.8 % are equal, and the others name
a codeword within 1e-4 of the best distance. Pixels differ by two levels at most.
"""

import json

import numpy as np
import pytest
import torch
from conftest import photo_like, random_model

from codec.export.files import PARTS, export_onnx
from codec.progic.codec import ProgicCodec, to_image, to_tensor
from codec.progic.fast import FastProGIC
from codec.progic.model import save_model
from codec.progic.shape import PRESETS, model_path, read_weights

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
pytest.importorskip("onnx", reason="needs the extra onnx")
EQUAL, NEAR, LEVELS = 0.998, 1e-4, 2


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """What gives (our fast form, encoder's session, decoder's session) of a shipped model, each made once."""
    made, folder = {}, tmp_path_factory.mktemp("exported")

    def form(model):
        if model not in made:
            paths = {part: folder / f"{model}-{part}.onnx" for part in PARTS}
            for part, path in paths.items():
                export_onnx(part, model, path)
            weights = read_weights(model_path(model))
            made[model] = FastProGIC(weights.config, weights.arrays), *map(session, paths.values())
        return made[model]

    return form


def residuals_of(model_file):
    """The latents of a picture as the plain model has them, and its codebooks."""
    from codec.progic.model import load_model

    return load_model(model_file)[0]


def assert_as_near(model, x, expected, found):
    """Each index found is ours, or names a codeword as near within NEAR; judged up to a cell's first other one."""
    residual = model.analysis(x)[0].flatten(1).t()
    same = torch.ones(len(residual), dtype=torch.bool)
    pairs = (torch.from_numpy(grid[0].reshape(len(grid[0]), -1)) for grid in (expected, found))
    for book, one, other in zip(model.quantizer.codebooks, *pairs, strict=True):
        best, taken = ((residual - book[index]).square().sum(dim=1) for index in (one, other))
        assert (taken <= best * (1 + NEAR))[same].all()
        same &= one == other
        residual = residual - book[one]
    assert (expected == found).mean() >= EQUAL


def assert_same_pixels(fast, decoder, grid):
    one = to_image(fast.decode(torch.from_numpy(grid))).astype(int)
    other = to_image(torch.from_numpy(decoder.run(None, {"indices": grid})[0])).astype(int)
    assert np.abs(one - other).max() <= LEVELS
    return one


def held_in_part(grid):
    """Whole, prefixes, sets with lost stages, and one with lost cells."""
    stages = grid.shape[1]
    yield grid
    for lost in [*(range(k, stages) for k in (1, 2, stages - 1)), [0], [1, 3], range(stages)]:
        holed = grid.copy()
        holed[:, list(lost)] = -1
        yield holed
    holed = grid.copy()
    holed[np.random.default_rng(3).random(grid.shape) < 1 / 3] = -1
    yield holed


@pytest.mark.parametrize("model", ["small", "nano"])
@pytest.mark.parametrize(("height", "width"), [(256, 256), (16, 16), (37, 210)])
def test_shipped_models_say_in_onnx_runtime_what_they_say_here(exported, model, height, width):
    fast, encoder, decoder = exported(model)
    x = to_tensor(photo_like(height, width), 16)
    grid = fast.encode(x).numpy()
    assert_as_near(residuals_of(model_path(model)), x, grid, encoder.run(None, {"picture": x.numpy()})[0])
    shown = [assert_same_pixels(fast, decoder, held) for held in held_in_part(grid)]
    assert np.abs(shown[0] - shown[1]).max() > 2 * LEVELS, "or the bound would say nothing"


def test_a_file_says_whose_it_is(exported):
    _, encoder, decoder = exported("nano")
    ours = ProgicCodec("nano")
    for part, each in zip(PARTS, (encoder, decoder), strict=True):
        about = each.get_modelmeta().custom_metadata_map
        assert about["part"] == part
        assert int(about["model_id"], 16) == ours.model_id
        assert json.loads(about["progic"])["stages"] == 5
        assert about["opset"] == "18"


@pytest.mark.parametrize("preset", ["base", "fine16", "fine48"])
def test_every_other_preset_encodes_and_decodes_as_its_model_does(tmp_path, preset):
    config = PRESETS[preset]
    model = random_model(config)
    save_model(model, weights := tmp_path / "random.safetensors")
    held = read_weights(weights)
    fast = FastProGIC(held.config, held.arrays)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in held.arrays.items()})
    sessions = []
    for part in PARTS:
        export_onnx(part, str(weights), out := tmp_path / f"{part}.onnx")
        sessions.append(session(out))
    f = config.downsampling
    x = to_tensor(photo_like(2 * f, 3 * f), f)
    grid = fast.encode(x).numpy()
    assert_as_near(model, x, grid, sessions[0].run(None, {"picture": x.numpy()})[0])
    for holed in held_in_part(grid):
        assert_same_pixels(fast, sessions[1], holed)
