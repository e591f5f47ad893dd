"""What is exported says elsewhere what it says here: the same indices, and the same pixels but for rounding.

Indices may differ where two codewords are equally near but for rounding: at least 99.8 % are equal, and the others name
a codeword within 1e-4 of the best distance. Pixels differ by two levels at most.
"""

import json
import warnings

import numpy as np
import pytest
import torch
from conftest import photo_like, random_model
from PIL import Image

from codec.export.files import PARTS, export, make_export
from codec.progic.codec import ProgicCodec, to_image, to_tensor
from codec.progic.fast import FastProGIC
from codec.progic.model import load_model, save_model
from codec.progic.shape import PRESETS, model_path, read_weights

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
pytest.importorskip("onnx", reason="needs the extra onnx")
EQUAL, NEAR, LEVELS = 0.998, 1e-4, 2


def session(path):
    """What is in an ONNX file, run by one thread."""
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
                export(part, "onnx", model, path)
            weights = read_weights(model_path(model))
            made[model] = FastProGIC(weights.config, weights.arrays), *map(session, paths.values())
        return made[model]

    return form


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


def assert_same_pixels(fast, shown, grid):
    """Our picture of `grid`, once `shown`, float[1, 3, H, W], is seen to be the same."""
    one, other = (to_image(torch.as_tensor(each)).astype(int) for each in (fast.decode(torch.from_numpy(grid)), shown))
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
    assert_as_near(load_model(model_path(model))[0], x, grid, encoder.run(None, {"picture": x.numpy()})[0])
    shown = [assert_same_pixels(fast, decoder.run(None, {"indices": held})[0], held) for held in held_in_part(grid)]
    assert np.abs(shown[0] - shown[1]).max() > 2 * LEVELS, "or the bound would say nothing"


@pytest.mark.parametrize("model", ["small", "nano"])
@pytest.mark.parametrize("name", ["03.png", "13.png", "23.png"])
def test_so_they_do_for_real_photos_at_two_sizes(exported, data_folder, model, name):
    """At their own size, 768x512 pixels, and the 256x256 that one packet a stage carries."""
    fast, encoder, decoder = exported(model)
    with Image.open(data_folder / "eval" / "kodak" / name) as photo:
        images = [np.asarray(photo.convert("RGB")), np.asarray(photo.convert("RGB").resize((256, 256)))]
    for image in images:
        x = to_tensor(image, 16)
        grid = fast.encode(x).numpy()
        assert_as_near(load_model(model_path(model))[0], x, grid, encoder.run(None, {"picture": x.numpy()})[0])
        for held in list(held_in_part(grid))[:: 1 if image.shape[0] == 256 else 4]:
            assert_same_pixels(fast, decoder.run(None, {"indices": held})[0], held)


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
        export(part, "onnx", str(weights), out := tmp_path / f"{part}.onnx")
        sessions.append(session(out))
    f = config.downsampling
    x = to_tensor(photo_like(2 * f, 3 * f), f)
    grid = fast.encode(x).numpy()
    assert_as_near(model, x, grid, sessions[0].run(None, {"picture": x.numpy()})[0])
    for holed in held_in_part(grid):
        assert_same_pixels(fast, sessions[1].run(None, {"indices": holed})[0], holed)


@pytest.mark.parametrize("preset", ["nano", "fine48"])
def test_torchscript_says_what_our_model_says_at_sizes_that_it_was_not_traced_at(tmp_path, preset):
    config = PRESETS[preset]
    model = random_model(config)
    save_model(model, weights := tmp_path / "random.safetensors")
    held = read_weights(weights)
    fast = FastProGIC(held.config, held.arrays)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in held.arrays.items()})
    parts = []
    for part in PARTS:
        export(part, "torchscript", str(weights), out := tmp_path / f"{part}.pt")
        about = dict.fromkeys(["part", "model_id", "progic"], "")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch prefers another format by now
            parts.append(torch.jit.load(out, _extra_files=about))
        assert about["part"].decode() == part
        assert int(about["model_id"], 16) == held.model_id
    f = config.downsampling
    for rows, columns in ((1, 1), (3, 5)):
        x = to_tensor(photo_like(rows * f, columns * f), f)
        grid = fast.encode(x).numpy()
        assert_as_near(model, x, grid, parts[0](x).numpy())
        for holed in held_in_part(grid):
            assert_same_pixels(fast, parts[1](torch.from_numpy(holed)), holed)


def test_the_command_says_what_it_wrote_and_what_goes_in_and_out(in_process, tmp_path):
    done = in_process("codec", "export", "--part", "encoder", "--model", "nano", "-o", str(out := tmp_path / "e.onnx"))
    first, goes_in, comes_out = done.stdout.splitlines()
    assert first == f"{out}: encoder of model 5d319084, onnx, opset 18, float16, {out.stat().st_size / 1e6:.1f} MB"
    assert goes_in == "  in:  picture float32[1, 3, 16*h, 16*w], -1 to 1"
    assert comes_out == "  out: indices int64[1, 5, h, w], 0 to 1023"
    assert out.stat().st_size < 0.6 * model_path("nano").stat().st_size, "half of the model, in float16"


@pytest.mark.parametrize("model", ["small", "nano"])
def test_int8_is_smaller_and_nearly_the_same(exported, tmp_path, model):
    """It is no match of ours to two levels; what scores say of it is measured in benchmarks/export.py."""
    fast, *_ = exported(model)
    shorter = {}
    for part in PARTS:
        out = tmp_path / f"{part}.onnx"
        assert export(part, "onnx", model, out, "int8").size_bytes < 0.7 * make_export(part, "onnx", model).size_bytes
        shorter[part] = session(out)
    x = to_tensor(photo_like(128, 192), 16)
    grid = fast.encode(x).numpy()
    found = shorter["encoder"].run(None, {"picture": x.numpy()})[0]
    assert (found == grid)[:, 0].mean() > 0.9
    one, other = (fast.decode(torch.from_numpy(grid)).numpy(), shorter["decoder"].run(None, {"indices": grid})[0])
    assert 0 < np.abs(one - other).mean() * 127.5 < 1


def test_the_same_weights_give_the_same_bytes(tiny_weights):
    one, other = (make_export("decoder", "onnx", str(tiny_weights)).file for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--part", "middle"], "--part is 'middle'; expected encoder or decoder"),
        (["--part", "decoder", "--format", "tflite"], "--format is 'tflite'; expected onnx or torchscript"),
        (["--part", "decoder", "--weights", "int4"], "--weights is 'int4'; expected float16 or int8 for onnx"),
        (["--part", "decoder", "--model", "grand"], "model is 'grand'; expected a .safetensors file or one of: nano,"),
        (["--part", "decoder", "--model", "gone.safetensors"], "gone.safetensors: no such weights file"),
    ],
)
def test_what_cannot_be_exported_is_told_in_a_line_and_leaves_no_file(in_process, tmp_path, given, said):
    done = in_process("codec", "export", *given, "--out", str(tmp_path / "new" / "out.onnx"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
