"""ProGIC by ONNX Runtime: the same packets and pictures as by torch and NumPy, where there is no torch."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import photo_like, write_tiny_weights
from PIL import Image

import satsim
from codec.base import CodecError
from codec.export.engine import OnnxProgic
from codec.export.files import export
from codec.progic.codec import ProgicCodec

pytest.importorskip("onnxruntime", reason="needs the extra onnx")
onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
ENGINE = ("--engine", "onnxruntime")
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # now `import torch` fails, as where there is none
from satsim.commands.main import main
sys.argv = ["satsim", *sys.argv[1:]]
main()
"""


@pytest.fixture
def desk(tmp_path, monkeypatch, tiny_weights):
    """A folder to stand in, with a photo and the two parts of the tiny model as ONNX."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photo_like(48, 80)).save("photo.png")
    for part in ("encoder", "decoder"):
        export(part, "onnx", str(tiny_weights), tmp_path / f"{part}.onnx")
    return tmp_path


def encoding(out, *more):
    return ("encode", "photo.png", "-o", out, "--width", "80", "--height", "48", "--packet-bytes", "50", *more)


def packets_in(folder):
    return [path.read_bytes() for path in sorted(folder.glob("*.bin"))]


def pixels(path):
    return np.asarray(Image.open(path)).astype(int)


@pytest.mark.parametrize("stages", [(0,), (0, 1, 2, 3, 4), (1, 3)])
@pytest.mark.parametrize(("height", "width"), [(32, 48), (37, 53), (64, 208)])
def test_payloads_and_pictures_are_those_of_the_codec(tiny_weights, height, width, stages):
    codec, engine = ProgicCodec(str(tiny_weights)), OnnxProgic(str(tiny_weights))
    image = photo_like(height, width)
    payloads = codec.encode(image, 20)
    assert engine.encode(image, 20) == payloads
    assert engine.model_id == codec.model_id
    received = {k: payload for k, payload in enumerate(payloads) if k * 5 // len(payloads) in stages and k % 7 != 5}
    one, other = (np.asarray(side.decode(received, height, width)).astype(int) for side in (codec, engine))
    assert np.abs(one - other).max() <= 2
    assert engine.decode({}, height, width) is None


def test_neither_way_needs_torch(desk, tiny_weights):
    """From weights and from exported files, and to export them."""

    def satsim(*arguments):
        python = [sys.executable, "-c", WITHOUT_TORCH, *arguments]
        return subprocess.run(python, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})

    tiny = f"model={tiny_weights}"
    assert satsim(*encoding("plain", "--option", tiny)).returncode, "or this would say nothing"
    ways = {
        "weights": (*ENGINE, "--option", tiny),
        "file": (*ENGINE, "--option", "model=encoder.onnx"),
    }
    for way, more in ways.items():
        done = satsim(*encoding(way, *more))
        assert (done.returncode, done.stderr) == (0, "")
    assert packets_in(desk / "weights") == packets_in(desk / "file")
    for model in (str(tiny_weights), "decoder.onnx"):
        done = satsim("decode", "file", "-o", "shown.png", "--model", model, *ENGINE)
        assert (done.returncode, done.stdout) == (0, "shown.png: 80x48 pixels\n")
    done = satsim("codec", "export", "--part", "decoder", "--model", str(tiny_weights), "-o", "again.onnx")
    assert done.returncode == 0
    assert (desk / "again.onnx").read_bytes() == (desk / "decoder.onnx").read_bytes()


@pytest.mark.parametrize("codec", ["progic", "progic-whole"])
def test_packets_by_one_way_are_shown_by_the_other(desk, in_process, tiny_weights, codec):
    model = ("--option", f"model={tiny_weights}", "--option", "stages=3", "--codec", codec)
    assert in_process(*encoding("ours", *model)).returncode == 0
    assert in_process(*encoding("engine", *model, *ENGINE)).returncode == 0
    assert packets_in(desk / "ours") == packets_in(desk / "engine")
    for way in ("ours", "engine"):
        engine = ENGINE if way == "ours" else ()
        done = in_process("decode", way, "-o", f"{way}.png", "--model", str(tiny_weights), *engine)
        assert done.returncode == 0
    assert np.abs(pixels("ours.png") - pixels("engine.png")).max() <= 2


def test_a_budget_in_packets_is_kept_by_either(desk, in_process, tiny_weights):
    budget = ("--option", f"model={tiny_weights}", "--option", "budget_packets=2")
    assert in_process(*encoding("engine", *budget, *ENGINE)).returncode == 0
    assert len(packets_in(desk / "engine")) == 2


def test_the_library_takes_the_engine_too(desk, tiny_weights):
    frame = {"packet_bytes": 50, "width": 80, "height": 48}
    sent = satsim.encode("photo.png", **frame, engine="onnxruntime", model="encoder.onnx")
    assert sent.messages == satsim.encode("photo.png", **frame, model=str(tiny_weights)).messages
    shown = satsim.decode(sent.messages, engine="onnxruntime", model="decoder.onnx").images[0].picture
    assert shown.shape == (48, 80, 3)
    with pytest.raises(CodecError, match="expected onnxruntime"):
        satsim.encode("photo.png", engine="abacus")


def altered(path, **about):
    """The exported file with other metadata, at a new path."""
    model = onnx.load(path)
    for entry in model.metadata_props:
        entry.value = str(about.get(entry.key, entry.value))
    onnx.save(model, path.with_name("altered.onnx"))


def four_stages(desk):
    shape = json.loads(onnx.load(desk / "encoder.onnx").metadata_props[2].value)
    altered(desk / "encoder.onnx", progic=json.dumps(shape | {"stages": 4}))


BAD_MODELS = {
    "gone.onnx": (lambda desk: None, "gone.onnx: no such file; `satsim codec export` writes one"),
    "decoder.onnx": (lambda desk: None, "decoder.onnx: is no encoder; expected a file of `satsim codec export --part"),
    "cut.onnx": (
        lambda desk: (desk / "cut.onnx").write_bytes((desk / "encoder.onnx").read_bytes()[:5000]),
        "cut.onnx: ONNX Runtime cannot load it",
    ),
    "text.onnx": (lambda desk: (desk / "text.onnx").write_text("hello"), "text.onnx: ONNX Runtime cannot load it"),
    "altered.onnx": (
        lambda desk: altered(desk / "decoder.onnx", part="encoder"),
        "altered.onnx: not a file of `satsim codec export` (ValueError: encoder of",
    ),
    "altered.onnx of four": (four_stages, "altered.onnx: not a file of `satsim codec export` (ValueError: encoder of"),
    "altered.onnx of no id": (
        lambda desk: altered(desk / "encoder.onnx", model_id="me"),
        "altered.onnx: not a file of `satsim codec export` (ValueError: invalid literal",
    ),
    "grand": (lambda desk: None, "model is 'grand'; expected a .safetensors file or one of: nano, small"),
}


@pytest.mark.parametrize("name", BAD_MODELS)
def test_a_model_that_is_none_is_told_in_a_line(desk, in_process, name):
    make, said = BAD_MODELS[name]
    make(desk)
    done = in_process(*encoding("out", *ENGINE, "--option", f"model={name.split(' of ')[0]}"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.count("\n") == 1
    assert not (desk / "out").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--engine", "abacus"), "--engine is 'abacus'; expected onnxruntime (or leave it out)"),
        ((*ENGINE, "--codec", "webp"), "--engine onnxruntime runs no webp, but progic and progic-whole (leave"),
        ((*ENGINE, "--codec", "progic-full"), "--engine onnxruntime runs no progic-full, but progic"),
        ((*ENGINE, "--option", "speed=1"), "codec progic has no option 'speed'; expected one of: model, stages"),
        (
            (*ENGINE, "--option", "search=2"),
            "search is not for --engine onnxruntime, but for torch; leave out one of them",
        ),
        (
            (*ENGINE, "--option", "arithmetic=bfloat16"),
            "arithmetic is not for --engine onnxruntime, but for torch; leave out one of them",
        ),
        ((*ENGINE, "--option", "stages=9"), "stages is 9; expected 1 to 5, the stages of model small"),
        (
            (*ENGINE, "--option", "model=encoder.onnx", "--option", "budget_packets=2"),
            "budget_packets goes with a model by name or .safetensors file; with an .onnx give stages=N",
        ),
        (("--option", "model=encoder.onnx"), "model is 'encoder.onnx'; expected a .safetensors file or one of: nano,"),
    ],
)
def test_what_an_engine_cannot_do_is_told_in_a_line(desk, in_process, more, said):
    done = in_process(*encoding("out", *more))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.count("\n") == 1
    assert not (desk / "out").exists()


def test_packets_of_another_model_or_codec_are_not_shown_as_its_own(desk, in_process, tiny_weights, tmp_path):
    other = write_tiny_weights(tmp_path / "other.safetensors", seed=1)
    assert in_process(*encoding("other", "--option", f"model={other}")).returncode == 0
    assert in_process(*encoding("webp", "--codec", "webp", "--option", "budget_bytes=500")).returncode == 0
    for folder, said in (
        ("other", "error: packets are for ProGIC model"),
        ("webp", "error: --engine onnxruntime runs"),
    ):
        done = in_process("decode", folder, "-o", "shown.png", "--model", "decoder.onnx", *ENGINE)
        assert done.returncode == 2
        assert said in done.stderr
        assert not (desk / "shown.png").exists()


def test_a_runtime_that_is_missing_is_told_with_what_brings_it(desk):
    code = 'import sys; sys.modules["onnxruntime"] = None\n' + WITHOUT_TORCH
    python = [sys.executable, "-c", code, *encoding("out", *ENGINE, "--option", "model=encoder.onnx")]
    done = subprocess.run(python, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: engine onnxruntime cannot be imported (")
    assert done.stderr.endswith('pip install "satsim-link[onnx]"\n')
