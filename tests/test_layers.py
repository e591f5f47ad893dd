"""The rooms stay apart: who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
MODULES = {
    ".".join(path.relative_to(REPO).with_suffix("").parts): path
    for package in ("codec", "satsim")
    for path in sorted((REPO / package).rglob("*.py"))
}

PLOTS = {name for name in MODULES if name.startswith("satsim.plots.")}


def imports_of(path):
    """Full names of all that a file imports anywhere, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def importers_of(package):
    """Modules that import `package` or anything in it."""
    return {name for name, path in MODULES.items() if any(i.split(".")[0] == package for i in imports_of(path))}


def test_codec_never_imports_satsim():
    assert not {name for name in importers_of("satsim") if name.startswith("codec")}


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("simpy", {"satsim.link", "satsim.terminal", "satsim.channel", "satsim.transport", "satsim.simulation"}),
        ("distributed", {"satsim.sweep.cluster"}),
        ("optuna", {"satsim.study.search"}),
        ("pillow_heif", {"codec.rivals.heic"}),
        ("imagecodecs", {"codec.rivals.jpegxl"}),
        ("imageio_ffmpeg", {"codec.rivals.vvc"}),
        ("matplotlib", {*PLOTS, "codec.figures", "codec.analysis.plots", "codec.evaluation.rate_plots"}),
    ],
)
def test_a_library_stays_in_its_rooms(package, rooms):
    assert importers_of(package) <= rooms


def test_torch_stays_in_codec():
    assert all(name.startswith("codec.") for name in importers_of("torch"))


@pytest.mark.parametrize("room", ["base", "fake", "files", "loading", "photos", "rivals"])
def test_rooms_of_codec_without_torch(room):
    mine = {name for name in MODULES if name == f"codec.{room}" or name.startswith(f"codec.{room}.")}
    assert mine
    assert not mine & importers_of("torch")


def test_what_a_cold_decoding_needs_of_progic_is_without_torch():
    assert not {f"codec.progic.{name}" for name in ("shape", "layout", "decoder", "receiver")} & importers_of("torch")


def test_only_four_modules_of_satsim_call_codec():
    no_codec = ("codec.base", "codec.files", "codec.photos")  # errors, files and photos: of use to all rooms
    callers = {
        name
        for name, path in MODULES.items()
        if name.startswith("satsim")
        and any(each.split(".")[0] == "codec" and not each.startswith(no_codec) for each in imports_of(path))
    }
    assert callers == {"satsim.pipeline", "satsim.messages", "satsim.cli", "satsim.sweep.scores"}
    from_cli = {name for name in imports_of(MODULES["satsim.cli"]) if name.split(".")[0] == "codec"}
    assert {name.split(".")[1] for name in from_cli} <= {"base", "cli", "files"}


def test_the_command_line_starts_without_anything_heavy():
    check = "import sys, satsim.cli; print(sorted({'torch', 'matplotlib', 'numpy', 'simpy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=REPO)
    assert done.stdout == "[]\n"
