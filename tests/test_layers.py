"""The rooms stay apart: who may import whom."""

import ast
import re
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

FIGURES = {name for name in MODULES if name.startswith("satsim.figures.")}


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
        ("matplotlib", {*FIGURES, "codec.figures", "codec.analysis.plots", "codec.evaluation.rate_plots"}),
    ],
)
def test_a_library_stays_in_its_rooms(package, rooms):
    assert importers_of(package) <= rooms


def test_figures_see_only_saved_rows():
    allowed = {*sys.stdlib_module_names, "numpy", "matplotlib", "PIL", "pyarrow", "satsim.figures", "satsim.words"}
    for name in FIGURES:
        for seen in imports_of(MODULES[name]):
            room = ".".join(seen.split(".")[:2]) if seen.startswith("satsim.") else seen.split(".")[0]
            assert room in allowed, f"{name} imports {seen}"


def test_other_rooms_call_figures_only_when_they_draw():
    for name in MODULES.keys() - FIGURES:
        for node in ast.parse(MODULES[name].read_text(encoding="utf-8")).body:
            early = ast.unparse(node) if isinstance(node, ast.Import | ast.ImportFrom) else ""
            assert not re.search(r"satsim(\.| import )figures", early), f"{name}: {early}"


def test_torch_stays_in_codec():
    assert all(name.startswith("codec.") for name in importers_of("torch"))


def test_only_four_modules_of_satsim_call_codec():
    callers = {name for name in importers_of("codec") if name.startswith("satsim")}
    assert callers == {"satsim.pipeline", "satsim.messages", "satsim.cli", "satsim.sweep.scores"}
    from_cli = {name for name in imports_of(MODULES["satsim.cli"]) if name.split(".")[0] == "codec"}
    assert {name.split(".")[1] for name in from_cli} <= {"cli", "base"}


def test_the_command_line_starts_without_anything_heavy():
    check = "import sys, satsim.cli; print(sorted({'torch', 'matplotlib', 'numpy', 'simpy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=REPO)
    assert done.stdout == "[]\n"
