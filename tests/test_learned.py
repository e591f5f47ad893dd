"""Adapters of learned rivals: each codes a picture through a fake that has the interface of its project."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import photo_like
from PIL import Image

from codec import load_codec

RIVALS = Path(__file__).resolve().parent.parent / "rivals"

CORE = """
import numpy, torch
from pathlib import Path
def pack(picture):
    return (picture.float() * 255).round().byte().cpu().numpy().tobytes()
def unpack(data, height, width):
    pixels = torch.from_numpy(numpy.frombuffer(data, numpy.uint8).copy())
    return pixels.view(1, 3, height, width).float() / 255
class Model(torch.nn.Module):
    ready = False
    def update(self, *args, **kwargs):
        self.ready = True
    def load_state_dict(self, state, strict=True):
        assert state == {}
"""

HYPERPRIOR = """
class Hyperprior(Model):
    def compress(self, x):
        assert self.ready and x.shape[2] % 64 == 0 and x.shape[3] % 64 == 0
        listed = (lambda s: [s]) if self.batched else (lambda s: s)
        return {"strings": [listed(pack(x)), listed(b"z" * 200)], "shape": (x.shape[2] // 64, x.shape[3] // 64)}
    def decompress(self, strings, shape):
        first, second = (s[0] for s in strings) if self.batched else strings
        assert self.ready and second == b"z" * 200
        return {"x_hat": unpack(first, shape[0] * 64, shape[1] * 64)}
"""

FAKES = {
    "compressai_zoo": {
        "torchvision.py": "",
        "compressai/__init__.py": "",
        "compressai/zoo.py": "from core import *\n" + HYPERPRIOR + "Hyperprior.batched = True\n"
        "def make(quality, metric, pretrained):\n"
        "    assert (quality, metric, pretrained) == (1, 'mse', True)\n    return Hyperprior()\n"
        "image_models = {'cheng2020-anchor': make}\n",
    },
    "lic_hpcm": {
        "src/__init__.py": "",
        "src/models/__init__.py": "",
        "src/models/HPCM_Base.py": "from core import *\n"
        + HYPERPRIOR
        + "Hyperprior.batched = False\nHPCM = Hyperprior\n",
    },
    "msillm": {
        "neuralcompression/__init__.py": "from collections import namedtuple\nHyperpriorCompressedOutput = namedtuple("
        "'H', 'latent_strings hyper_latent_strings image_size padded_size')\n",
        "neuralcompression/models.py": """
from core import *
from neuralcompression import HyperpriorCompressedOutput as Output
class HiFiCAutoencoder(Model):
    def update_tensor_devices(self, target_operation):
        assert target_operation == "compress"
    def compress(self, image, force_cpu=True):
        size = tuple(image.shape[2:])
        assert self.ready and not force_cpu
        return Output([pack(image)], [b"z" * 200], size, size)
    def decompress(self, made, force_cpu=True):
        assert made.hyper_latent_strings == [b"z" * 200]
        return unpack(made.latent_strings[0], *made.padded_size)
""",
    },
    "dcvc_rt": {
        "src/__init__.py": "",
        "src/models/__init__.py": "",
        "src/utils/__init__.py": "",
        "src/utils/common.py": "def get_state_dict(path):\n    assert path.endswith('weights')\n    return {}\n",
        "src/utils/transforms.py": "rgb2ycbcr = ycbcr2rgb = lambda x: x\n",
        "src/models/image_model.py": """
from core import *
class DMCI(Model):
    def set_use_two_entropy_coders(self, two):
        assert two is False
    def compress(self, x, qp):
        assert self.ready and qp == 0 and x.dtype == torch.float16
        return {"bit_stream": pack(x), "x_hat": x}
    def decompress(self, stream, sps, qp):
        assert (sps["ec_part"], qp) == (0, 0)
        return {"x_hat": unpack(stream, sps["height"], sps["width"])}
""",
    },
    "hific": {
        "default_config.py": "class ModelModes:\n    EVALUATION = 'evaluation'\n",
        "src/__init__.py": "",
        "src/helpers/__init__.py": "",
        "src/compression/__init__.py": "",
        "src/compression/compression_utils.py": """
from core import *
def save_compressed_format(made, out_path):
    Path(out_path).write_bytes(made)
def load_compressed_format(path):
    return Path(path).read_bytes()
""",
        "src/helpers/utils.py": """
from core import *
from types import SimpleNamespace as Space
class HiFiC(Model):
    args = Space(normalize_input_image=True)
    Hyperprior = Space(hyperprior_entropy_model=Space(build_tables=lambda: None))
    def compress(self, x):
        assert x.min() < -0.5
        return bytes([x.shape[2] // 64, x.shape[3] // 64]) + pack((x + 1) / 2)
    def decompress(self, data):
        return unpack(data[2:], data[0] * 64, data[1] * 64)
def load_model(path, logger, device, model_mode, current_args_d, prediction, strict):
    assert path.endswith("hific_low.pt") and model_mode == "evaluation"
    return None, HiFiC(), None
""",
    },
    "diffeic": {
        "omegaconf.py": "class OmegaConf:\n    load = staticmethod(lambda path: path)\n",
        "utils/__init__.py": "",
        "model/__init__.py": "",
        "utils/common.py": """
from core import *
class Diffusion(Model):
    device = torch.device("cpu")
    def __init__(self):
        super().__init__()
        self.preprocess_model = Model()
    def freeze(self):
        pass
    def apply_condition_compress(self, picture, path, height, width):
        Path(path).write_bytes(pack(picture))
    def apply_condition_decompress(self, path):
        return Path(path).read_bytes()
    def get_learned_conditioning(self, texts):
        return texts
    def decode_first_stage(self, sampled):
        data, shape = sampled
        return unpack(data, shape[2] * 8, shape[3] * 8) * 2 - 1
def instantiate_from_config(path):
    assert path.name == "diffeic.yaml"
    return Diffusion()
def load_state_dict(model, state, strict):
    assert state == {} and strict
""",
        "model/spaced_sampler.py": """
class SpacedSampler:
    def __init__(self, model, var_type):
        pass
    def sample(self, steps, shape, told, unconditional_guidance_scale, unconditional_conditioning, cond_fn, x_T):
        assert steps == 50 and tuple(x_T.shape) == shape and told["c_crossattn"] == [[""]]
        return told["c_latent"][0], shape
""",
    },
}
"""What each project has that its adapter calls; pictures go into the strings as they are."""
WEIGHTS = {"lic_hpcm": "0.0018.pth.tar", "msillm": "msillm_target_0.035bpp.ckpt", "diffeic": "1_2_16.ckpt"}


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo_like(70, 100)).save(path)
    return path


@pytest.mark.parametrize("name", FAKES)
def test_a_picture_goes_through_the_adapter_and_its_projects_interface(name, photo, tmp_path, monkeypatch):
    import torch

    code = tmp_path / "code"
    for path, text in {"core.py": CORE, **FAKES[name]}.items():
        (code / path).parent.mkdir(parents=True, exist_ok=True)
        (code / path).write_text(text)
    weights = tmp_path / "weights"
    weights.mkdir()
    if name in WEIGHTS:
        torch.save({}, weights / WEIGHTS[name])
    options = ["--code", str(code)] + (["--weights", str(weights)] if name != "compressai_zoo" else [])
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(RIVALS))
    try:
        adapter, script = importlib.import_module("adapter"), importlib.import_module(name)
        file, shown = tmp_path / "file", tmp_path / "shown.png"
        adapter.run(script.RIVAL, ["encode", str(photo), str(file), script.RIVAL.qualities[0], *options])
        adapter.run(script.RIVAL, ["decode", str(file), str(shown), *options])
    finally:
        for module in set(sys.modules) - before:
            if str(RIVALS) in str(getattr(sys.modules[module], "__file__", "")) or str(code) in str(
                getattr(sys.modules[module], "__file__", "")
            ):
                del sys.modules[module]
    assert file.read_bytes()[:5] == bytes([0, 0, 69, 0, 99])
    assert np.abs(np.asarray(Image.open(shown)).astype(int) - photo_like(70, 100)).max() <= 1


ENCODER = """#!{python}
import sys
from pathlib import Path
told = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert sys.argv[1::2][:7] == ["-i", "-c", "-o", "-b", "--wdt", "--hgt", "-q"], sys.argv
assert sys.argv[-6:] == ["--InputBitDepth=8", "-fr", "1", "-f", "1", "--InputChromaFormat=420"], sys.argv
assert told["-q"] == "37" and told["--wdt"].isdigit() and told["--hgt"].isdigit()
Path(told["-b"]).write_bytes(Path(told["-i"]).read_bytes())
"""
DECODER = """#!{python}
import sys
from pathlib import Path
told = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert told["-d"] == "8"
Path(told["-o"]).write_bytes(Path(told["-b"]).read_bytes())
"""


@pytest.fixture
def vtm(tmp_path):
    """A folder of programs that take the command lines of VTM, and copy."""
    for name, text in {"EncoderApp": ENCODER, "DecoderApp": DECODER}.items():
        program = tmp_path / name
        program.write_text(text.replace("{python}", sys.executable))
        program.chmod(0o755)
    return tmp_path


def test_vtm_is_called_with_the_command_line_of_the_paper(vtm, photo):
    for arguments in (["encode", "photo.png", "file", "37"], ["decode", "file", "shown.png"]):
        command = [sys.executable, str(RIVALS / "vtm.py"), *arguments, "--weights", str(vtm)]
        subprocess.run(command, cwd=vtm, check=True)
    assert (vtm / "file").stat().st_size == 4 + 100 * 70 * 3 // 2
    shown = np.asarray(Image.open(vtm / "shown.png")).astype(int)
    assert np.abs(shown - photo_like(70, 100)).mean() < 10  # what 4:2:0 costs


def test_an_adapter_is_a_codec_by_external(vtm, photo):
    script = [sys.executable, str(RIVALS / "vtm.py")]
    codec = load_codec(
        "external",
        budget_bytes=20_000,
        encode=[*script, "encode", "{input}", "{output}", "{quality}", "--weights", str(vtm)],
        decode=[*script, "decode", "{input}", "{output}", "--weights", str(vtm)],
        qualities=[37],
    )
    payloads = codec.encode(photo_like(70, 100), 20_000)
    assert codec.decode(dict(enumerate(payloads)), 70, 100).shape == (70, 100, 3)


def test_a_program_that_is_missing_or_fails_ends_the_adapter_in_a_line(tmp_path, photo):
    (tmp_path / "EncoderApp").write_text("#!/bin/sh\necho no such configuration >&2\nexit 3\n")
    (tmp_path / "EncoderApp").chmod(0o755)
    command = [sys.executable, str(RIVALS / "vtm.py"), "encode", str(photo), "file", "37", "--weights", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "failed with exit code 3: no such configuration" in done.stderr
