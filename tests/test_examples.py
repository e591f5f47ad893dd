"""The examples of the manual: what each program prints lies beside it, and notebooks run to their end."""

import json
import os
import shutil
import subprocess
import sys

import pages
import pytest

EXAMPLES = pages.ROOT / "docs" / "examples"
PROGRAMS = sorted(path for path in EXAMPLES.glob("*.py") if path.with_suffix(".txt").exists())
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
QUICK = {"two_services"}
"""What every test run runs; the others are slow."""


@pytest.fixture
def desk(tmp_path, tmp_path_factory, monkeypatch):
    """A folder with copies of the examples, as a reader has it."""
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("results", "__pycache__"))
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pages.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("MPLBACKEND", "agg")
    return tmp_path / "examples"


def marked(path):
    slow = () if path.stem in QUICK else pytest.mark.slow
    return pytest.param(path, id=path.stem, marks=slow)


@pytest.mark.parametrize("program", [marked(program) for program in PROGRAMS])
def test_a_program_prints_what_lies_beside_it(program, desk):
    done = subprocess.run([sys.executable, program.name], cwd=desk, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout == program.with_suffix(".txt").read_text(encoding="utf-8")


def test_there_are_six_programs_and_each_is_short_and_on_the_page():
    page = (pages.ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert len(PROGRAMS) == 6
    for program in PROGRAMS:
        assert len(program.read_text(encoding="utf-8").splitlines()) < 40, program.name
        assert f"(examples/{program.name})" in page
        assert f"(examples/{program.stem}.txt)" in page
    for notebook in NOTEBOOKS:
        assert f"(examples/{notebook.name})" in page


EXECUTED = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=900, startup_timeout=300).execute()
nbformat.write(notebook, sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end_and_shows_tables_and_figures(notebook, desk):
    pytest.importorskip("nbclient", reason="nbclient is not installed (pip install -e '.[dev]')")
    command = [sys.executable, "-c", EXECUTED, notebook.name]
    done = subprocess.run(command, cwd=desk, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    cells = json.loads((desk / notebook.name).read_text(encoding="utf-8"))["cells"]
    shown = {kind for cell in cells for output in cell.get("outputs", []) for kind in output.get("data", {})}
    assert {"text/html", "image/png"} <= shown


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_it_showed(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert [cell["outputs"] for cell in cells if cell.get("outputs")] == []
