"""What tests share: one thread, small pictures, ten packets, and a tiny ProGIC whose weights are random."""

import importlib.util
import os
import shutil
import subprocess
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch comes in: small tensors gain nothing from threads

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import settings
from PIL import Image

from codec.progic.coding.contexts import REACH, codebooks_id, tables_path
from codec.progic.shape import read_weights
from satsim.air.packets import packetize

settings.register_profile("satsim", deadline=None, derandomize=True)
settings.load_profile("satsim")

REPO = Path(__file__).resolve().parent.parent


def picture(height, width):
    """Colour ramps and a dark disc: smooth and edged at once, the same every time."""
    row, column = np.mgrid[:height, :width]
    image = np.stack([255 * row / height, 255 * column / width, 128 + 0 * row], axis=2)
    image[(row - height / 2) ** 2 + (column - width / 3) ** 2 < (min(height, width) / 4) ** 2] = (20, 60, 30)
    return image.astype(np.uint8)


def photo_like(height, width):
    """Two gradients, a wave and a little noise: uint8[height, width, 3], the same every time."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 200 / width, y * 200 / height, 100 + 50 * np.sin(x / 5 + y / 9)]
    noise = np.random.default_rng(7).normal(0, 8, (height, width, 3))
    return np.clip(np.stack(planes, -1) + 20 + noise, 0, 255).astype(np.uint8)


def skip_where_missing(codec):
    """Skip the test where `codec` is vvc and the optional package that it needs is not here."""
    if codec == "vvc" and importlib.util.find_spec("imageio_ffmpeg") is None:
        pytest.skip("vvc needs the optional package imageio-ffmpeg (pip install 'satsim-link[vvc]')")


@pytest.fixture
def small_photo(tmp_path):
    """A PNG file of 64x48 pixels."""
    path = tmp_path / "photo.png"
    Image.fromarray(picture(48, 64)).save(path)
    return path


@pytest.fixture
def story(tmp_path):
    """A scenario file of three schemes over a link that loses and acknowledges."""
    import sweeping

    Image.fromarray(picture(48, 64)).save(tmp_path / "photo.png")
    data = {
        "name": "story",
        "image": {"path": "photo.png", "fit": "keep"},
        "link": {"packet_bytes": 200, "interval_s": 10, "delay_s": 5, "loss_ratio": 0.2, "ack": {"kind": "session"}},
        "schemes": sweeping.SCHEMES,
        "duration_s": 120,
        "metrics": ["psnr"],
        "quality_levels": {"psnr": [12, 20]},
        "seed": 3,
    }
    path = tmp_path / "story.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


@pytest.fixture
def one_thread():
    """Small tensors gain nothing from threads; the tests share the machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def in_process(monkeypatch, capsys):
    """`satsim` with arguments in this process, finished as one of its own would be: quicker."""
    from satsim.commands.main import main

    monkeypatch.setenv("NO_COLOR", "1")

    def finished(*arguments):
        monkeypatch.setattr(sys, "argv", ["satsim", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, stop.value.code or 0, out, err)

    return finished


@pytest.fixture
def ten_packets():
    """Ten packets of 23 bytes: a header and three bytes each."""
    return packetize([bytes([k, k, k]) for k in range(10)], codec="external", model_id=1, height=100, width=200)


@pytest.fixture
def empty_store(tmp_path, monkeypatch):
    """No weights of metrics anywhere, but those that ship."""
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SATSIM_WEIGHTS", raising=False)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """The weights file of a ProGIC of 5 stages with 256 codewords each, small enough to run in milliseconds.

    Tables and a guess for `progic-full` lie beside it.
    """
    path = write_tiny_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors", seed=0)
    write_tiny_tables(path)
    write_tiny_guess(path)
    return path


def write_tiny_weights(path, seed):
    """A random model at `path`; another seed, another model."""
    import torch

    from codec.progic.model import ProGIC, save_model
    from codec.progic.shape import ProgicConfig

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = ProgicConfig(channels=8, encoder_blocks=1, decoder_blocks=1, latent_channels=8, index_bits=8)
        save_model(ProGIC(config), path)
    return path


def tiny_tables(codewords=256, groups=16, d=3):
    """Arrays of `StageTables` by arithmetic, the same for ever: codeword 3 is likely, the others a little."""
    grid = (REACH + 1) * (2 * REACH + 1)
    return {
        "ranks": np.arange(codewords) * 7 % codewords,
        "tokens": np.arange(codewords * d).reshape(codewords, d) * 37 % 61 - 30,
        "weights": np.arange(grid * d).reshape(grid, d) * 101 % 401 - 200,
        "shifts": np.arange(grid * d).reshape(grid, d) * 59 % 301 - 150,
        "start": np.arange(d) * 20000,
        "mix": np.arange(d * d).reshape(d, d) * 211 % 801 - 400,
        "mix_start": np.arange(d) * 100000,
        "classes": np.arange(groups * d).reshape(groups, d) * 43 % 61 - 30,
        "class_start": np.where(np.arange(groups) == 21 // (codewords // groups), 600, 0),
        "members": np.arange(codewords * d).reshape(codewords, d) * 53 % 61 - 30,
        "member_start": np.where(np.arange(codewords) == 21, 900, 0),
        "scales": np.array([6, 6]),
    }


def write_tiny_tables(weights):
    """Tables for these weights, beside them: every stage has the same."""
    books = read_weights(weights, ("quantizer.",)).arrays["quantizer.codebooks"]
    arrays = tiny_tables(books.shape[1])
    held = {f"{stage}.{name}": array for stage in range(len(books)) for name, array in arrays.items()}
    np.savez(tables_path(weights), codebooks=np.uint32(codebooks_id(books)), **held)
    return tables_path(weights)


def write_tiny_guess(weights, seed=2):
    """A guess of random numbers for these weights, beside them, with two levels of hints."""
    import torch

    from codec.progic.model import load_model
    from codec.training.guess.network import GuessNetwork, modulation_of, save_guess

    model, _ = load_model(weights)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = GuessNetwork(model.config, width=12, blocks=1, expansion=2)
        books = torch.randn(2, 256, 4, model.config.latent_channels)
        moved = {name: 0.1 * torch.randn_like(each) for name, each in modulation_of(model).items()}
    path = weights.with_suffix(".guess.safetensors")
    save_guess(network, moved, books, model.quantizer.codebooks, path)
    return path


def random_model(config, seed=0):
    """A ProGIC whose modulation is random too, so that no stage is like another."""
    import torch

    from codec.progic.model import ProGIC

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ProGIC(config).eval().requires_grad_(False)
        for parameter in model.parameters():
            if parameter.ndim == 2:  # scales and biases by stage
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def _folder(variable, default):
    folder = Path(os.environ.get(variable, REPO / default))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}; name it by {variable}")
    return folder


@pytest.fixture(scope="session")
def data_folder():
    """Photos for measuring, where they are at hand."""
    return _folder("SATSIM_DATA", "../shared/data")


@pytest.fixture(scope="session")
def weights_folder():
    """Weights of the perceptual metrics, where they are at hand."""
    return _folder("SATSIM_WEIGHTS", "../shared/weights")


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium of this machine."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright (pip install -e '.[dev]')")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found)
        yield chromium
        chromium.close()
