"""Adapters of learned rivals: each codes a picture through a fake that has the interface of its project."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import photo_like
from learned_fakes import CORE, FAKES
from PIL import Image

from codec import load_codec

RIVALS = Path(__file__).resolve().parent.parent / "rivals"

WEIGHTS = {
    "lic_hpcm": "0.0018.pth.tar",
    "msillm": "msillm_target_0.035bpp.ckpt",
    "diffeic": "1_2_16.ckpt",
    "oscar": "oscar.pkl",
}


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo_like(70, 100)).save(path)
    return path


@pytest.fixture
def through(tmp_path, photo, monkeypatch):
    """A function: (adapter, options, quality) -> file and shown picture, by the fake of its project."""
    import torch

    before = set(sys.modules)
    code = tmp_path / "code"
    monkeypatch.setattr(torch.nn.Module, "cuda", torch.nn.Module.cuda)  # an adapter replaces it

    def run(name, options, quality=None):
        for path, text in {"core.py": CORE, **FAKES[name]}.items():
            (code / path).parent.mkdir(parents=True, exist_ok=True)
            (code / path).write_text(text)
        monkeypatch.syspath_prepend(str(RIVALS))
        adapter, script = importlib.import_module("adapter"), importlib.import_module(name)
        file, shown = tmp_path / "file", tmp_path / "shown.png"
        asked = quality or script.RIVAL.qualities[0]
        adapter.run(script.RIVAL, ["encode", str(photo), str(file), asked, "--code", str(code), *options])
        adapter.run(script.RIVAL, ["decode", str(file), str(shown), "--code", str(code), *options])
        return file.read_bytes(), np.asarray(Image.open(shown)).astype(int)

    yield run
    ours = {path.stem for folder in (code, RIVALS) for path in folder.iterdir()}
    for module in set(sys.modules) - before:
        if module.partition(".")[0] in ours:
            del sys.modules[module]


@pytest.mark.parametrize("name", [name for name in FAKES if name != "control_gic"])
def test_a_picture_goes_through_the_adapter_and_its_projects_interface(name, tmp_path, through):
    import torch

    weights = tmp_path / "weights"
    weights.mkdir()
    if name in WEIGHTS:
        torch.save({}, weights / WEIGHTS[name])
    data, shown = through(name, ["--weights", str(weights)] if name != "compressai_zoo" else [])
    assert data[:5] == bytes([0, 0, 69, 0, 99])
    assert np.abs(shown - photo_like(70, 100)).max() <= 1


@pytest.mark.parametrize("quality", ["0-0-100", "0-50-50", "0-100-0", "10-80-10", "30-60-10", "50-40-10", "100-0-0"])
def test_control_gics_patches_come_back_as_coarse_medium_and_fine_as_they_were_sent(quality, tmp_path, through):
    import torch

    torch.save({"state_dict": {"decoder": 0}}, tmp_path / "weights")
    _, shown = through("control_gic", ["--weights", str(tmp_path / "weights")], quality)
    photo = np.pad(photo_like(70, 100), ((0, 10), (0, 12), (0, 0)), mode="edge").astype(float)
    means = [means_of(photo, side)[:70, :100] for side in (4, 8, 16)]
    distance = np.stack([np.abs(shown - mean).max(2) for mean in means])
    assert distance.min(0).max() <= 1, "a patch is the mean of no size"
    found = [np.mean(distance.argmin(0) == k) for k in range(3)]
    assert found == pytest.approx([int(share) / 100 for share in quality.split("-")], abs=0.12)


def means_of(photo, side):
    """Each pixel the mean of its square of `side` pixels."""
    rows, columns = photo.shape[0] // side, photo.shape[1] // side
    means = photo.reshape(rows, side, columns, side, 3).mean((1, 3))
    return means.repeat(side, 0).repeat(side, 1)


def test_a_checkpoint_of_another_model_is_told_and_nothing_written(tmp_path, through):
    import torch

    torch.save({"state_dict": {"other": 0}}, tmp_path / "weights")
    with pytest.raises(SystemExit, match="lacks decoder; expected a checkpoint of Control-GIC"):
        through("control_gic", ["--weights", str(tmp_path / "weights")])
    assert not (tmp_path / "file").exists()


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
