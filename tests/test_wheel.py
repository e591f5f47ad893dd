"""The wheel alone, in an environment of its own and outside the checkout: a scenario, a sweep, packets, a plug-in."""

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from conftest import REPO
from PIL import Image

import satsim

pytestmark = pytest.mark.slow

PIP = ("-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "30")
UNREACHABLE = r"NewConnectionError|ConnectTimeout|ReadTimeout|Read timed out|name resolution|ProxyError|Max retries"
PLUG_IN = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "corner-codec"
version = "1"

[project.entry-points."satsim.codecs"]
corner = "corner_codec:Corner"

[tool.hatch.build.targets.wheel]
include = ["corner_codec.py"]
""",
    "corner_codec.py": '''
import numpy as np


class Corner:
    """A picture of one colour: that of the corner."""

    name = "corner"
    model_id = 7

    def encode(self, image, payload_bytes):
        return [bytes(image[0, 0])]

    def decode(self, received, height, width):
        return np.full((height, width, 3), list(received[0]), np.uint8) if received else None
''',
}
STORY = """
name: mine
image: {path: photo.png, fit: keep}
link: {packet_bytes: 340, interval_s: 40, delay_s: 5}
schemes: [{name: "{codec}", codec: corner}]
duration_s: 60
metrics: [psnr]
"""


def done(command, folder):
    """The process `command` in `folder`, finished well; nothing of the checkout or of the tests is on its way."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SATSIM", "VIRTUAL"))
    }
    environment |= {"SATSIM_CACHE": str(folder / "cache"), "NO_COLOR": "1", "PYTHONUTF8": "1"}
    finished = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    said = finished.stdout + finished.stderr
    if finished.returncode and "pip" in command and (found := re.search(f".*({UNREACHABLE}).*", said)):
        pytest.skip(f"the package index cannot be reached: {found[0].strip()[:200]}")
    assert finished.returncode == 0, said
    return finished


@pytest.fixture(scope="module")
def place():
    """An empty folder with an environment that has the wheel, what it needs for sweeps, and the plug-in."""
    with tempfile.TemporaryDirectory(prefix="satsim-wheel-") as name:
        folder = Path(name).resolve()
        done([sys.executable, *PIP, "wheel", "--quiet", "--no-deps", "-w", "wheels", REPO], folder)
        for file, text in PLUG_IN.items():
            (folder / "plug-in").mkdir(exist_ok=True)
            (folder / "plug-in" / file).write_text(text, encoding="utf-8")
        (wheel,) = (folder / "wheels").iterdir()
        assert wheel.name == f"satsim_link-{satsim.__version__}-py3-none-any.whl"
        done([sys.executable, "-m", "venv", "--without-pip", "venv"], folder)
        install = [sys.executable, *PIP, "--python", python_of(folder), "install", "--quiet", "--no-compile"]
        done([*install, "-c", REPO / "constraints.txt", f"{wheel}[sweep]", "./plug-in"], folder)
        yield folder


def python_of(folder):
    """The interpreter of the environment there."""
    return folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.fixture
def satsim_there(place):
    """What the command says, as it is installed."""
    script = python_of(place).with_name("satsim.exe" if os.name == "nt" else "satsim")
    return lambda *arguments: done([script, *arguments], place).stdout


def test_a_shipped_scenario_a_sweep_of_it_packets_by_hand_and_a_plug_in(place, satsim_there):
    assert satsim_there("--version") == f"satsim {satsim.__version__}\n"
    assert "forest fire" in satsim_there("run", "forest_fire")
    results = place / "results" / "forest_fire"
    assert (results / "report.html").is_file()
    assert (results / "inputs" / "forest_fire.png").is_file(), "and it took its picture along"

    satsim_there("sweep", "forest_fire", "--vary", "loss=0,0.2", "--replications", "10", "--out", "swept")
    manifest = json.loads((place / "swept" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["versions"]["satsim"] == satsim.__version__
    assert (place / "swept" / "runs.parquet").is_file()

    (place / "photo.png").write_bytes((results / "inputs" / "forest_fire.png").read_bytes())
    satsim_there("encode", "photo.png", "-o", "packets")
    assert len(list((place / "packets").iterdir())) == 5
    satsim_there("decode", "packets", "-o", "received.png")
    with Image.open(place / "received.png") as received:
        assert received.size == (256, 256)

    (place / "mine.yaml").write_text(STORY, encoding="utf-8")
    satsim_there("run", "mine.yaml", "--out", "mine")
    schemes = json.loads((place / "mine" / "summary.json").read_text(encoding="utf-8"))["schemes"]
    assert {name: scheme["bytes_sent"] for name, scheme in schemes.items()} == {"corner": 20 + 3}, "header, colour"


def test_every_file_of_both_packages_is_in_the_wheel_but_pictures_that_are_not_ours(place):
    (wheel,) = (place / "wheels").iterdir()
    with zipfile.ZipFile(wheel) as file:
        packed = set(file.namelist())
    ours = [path.relative_to(REPO) for name in ("codec", "satsim") for path in (REPO / name).rglob("*")]
    files = {path.as_posix() for path in ours if (REPO / path).is_file() and "__pycache__" not in path.parts}
    assert {name for name in files - packed if not name.endswith(".jpg")} == set()
    assert [name for name in packed if name.startswith("codec/zoo/") and name.endswith(".jpg")] == []


def test_what_came_along_is_all_there_and_none_of_it_from_the_checkout(place):
    tell = (
        "import json, satsim, codec; from satsim.scenario.shipped import listed, shipped;"
        " print(json.dumps([satsim.__file__, codec.__file__, *map(str, listed(shipped('scenarios'))),"
        " *map(str, shipped('training').iterdir())])); assert satsim.load_scenario('forest_fire').name == 'forest_fire'"
    )
    paths = list(map(Path, json.loads(done([python_of(place), "-c", tell], place).stdout)))
    assert [path for path in paths if not path.is_relative_to(place)] == []
    here = [path.name for folder in ("scenarios", "training") for path in (REPO / folder).rglob("*.yaml")]
    assert sorted(path.name for path in paths if path.suffix == ".yaml") == sorted(here)
