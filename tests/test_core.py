"""The core does without the libraries of all extras; what needs one says which extra brings it, in a line."""

import json
import os
import re
import subprocess
import sys
import tomllib

import pytest
from conftest import REPO

EXTRAS = ("pyarrow", "imagecodecs", "pillow_heif", "cryptography", "skyfield", "optuna", "distributed", "bjontegaard",
          "constriction", "imageio_ffmpeg", "zfec")  # fmt: skip
SATSIM = (
    "import sys; sys.modules |= dict.fromkeys(sys.argv[1].split()); del sys.argv[1];"
    " from satsim.commands.main import main; main()"
)


def without_extras(folder, *arguments):
    """`satsim` as it runs where none of the extras was installed."""
    environment = os.environ | {"SATSIM_CACHE": str(folder / "cache"), "PYTHONPATH": str(REPO), "NO_COLOR": "1"}
    command = [sys.executable, "-c", SATSIM, " ".join(EXTRAS), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def test_a_run_a_set_of_photos_and_packets_by_hand_need_no_extra(tmp_path, story):
    for arguments in (
        ("run", story, "--out", "one"),
        ("run", story, "--images", tmp_path, "--first", "1", "--out", "many"),
        ("encode", "photo.png", "-o", "packets"),
        ("decode", "packets", "-o", "received.png"),
    ):
        done = without_extras(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "one" / "summary.json").read_text(encoding="utf-8"))
    assert (tmp_path / "received.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sweep", "{story}", "--vary", "loss=0,0.1"), "a sweep needs the library pyarrow: {mend}[sweep]'"),
        (
            ("run", "{story}", "--set", "schemes.0.codec=heic"),
            "codec heic needs the package pillow-heif: {mend}[rivals]'",
        ),
        (
            ("run", "{story}", "--set", "schemes.0.codec=jpegxl"),
            "codec jpegxl needs the package imagecodecs: {mend}[rivals]'",
        ),
    ],
)
def test_what_needs_an_extra_names_it_in_a_line_and_leaves_nothing(tmp_path, story, arguments, said):
    done = without_extras(tmp_path, *(each.format(story=story) for each in arguments), "--out", "out")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(said.format(mend="pip install 'satsim-link"))
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_every_extra_that_a_line_names_is_one():
    extras = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {
        extra
        for folder in ("satsim", "codec")
        for path in (REPO / folder).rglob("*.py")
        for extra in re.findall(r"satsim-link\[(\w+)\]", path.read_text(encoding="utf-8"))
    }
    assert {"sweep", "rivals", "auth", "orbit"} <= named <= set(extras)
