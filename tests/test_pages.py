"""README and manual: every command runs, every program too, every scenario is one, and every link leads somewhere."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pages
import pytest
import typer
import yaml
from conftest import photo_like
from PIL import Image

from satsim.commands.main import app
from satsim.scenario.scenario import make_scenario

BLOCKS = [block for page in pages.PAGES for block in pages.blocks(page)]
SHELL = [block for block in BLOCKS if block.language == "sh"]
COMMANDS = [line for block in SHELL for line in pages.commands(block.text) if line.startswith("satsim ")]
RUN = {"sh", "python", "yaml"}
NOT_RUN = 18
"""Blocks that no test runs. Each says why, above it in the page's source."""


@pytest.fixture
def desk(tmp_path, monkeypatch, tmp_path_factory):
    """A folder as a reader has it: a photo, two folders of photos, a record of a link; and `satsim` to call."""
    Image.fromarray(photo_like(300, 400)).save(tmp_path / "my_photo.jpg")
    for folder, pixels in (("my_photos", photo_like(280, 300)[:, ::-1]), ("other_photos", photo_like(300, 280)[::-1])):
        (tmp_path / folder).mkdir()
        for k in range(2):
            Image.fromarray(pixels[10 * k :]).save(tmp_path / folder / f"{k}.jpg")
    with (tmp_path / "field_measurement.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["lost"], *([int(k % 4 == 3)] for k in range(60))])
    folder = tmp_path / "commands"
    folder.mkdir()
    command = f"import sys; sys.argv[0] = 'satsim'; sys.path.insert(0, {str(pages.ROOT)!r})"
    command += "; from satsim.commands.main import main; main()"
    (folder / "satsim").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{command}" "$@"\n')
    (folder / "satsim").chmod(0o755)
    (folder / "python").write_text(f'#!/bin/sh\nPYTHONPATH="{pages.ROOT}" exec "{sys.executable}" "$@"\n')
    (folder / "python").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def play(page: Path, slow: bool) -> None:
    """Run a page's blocks in order, as a reader would: those of commands, of Python, and the files that it shows."""
    space: dict[str, object] = {"__name__": "page"}
    for block in pages.blocks(page):
        if not block.runs or (block.mark == "slow" and not slow):
            continue
        if block.file:
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            script = "set -eu\n" + block.text
            done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=900)
            assert done.returncode == 0, f"{block.page}, line {block.line}:\n{block.text}{done.stdout}{done.stderr}"
        elif block.language == "python":
            exec(compile(block.text, f"{block.page}, line {block.line}", "exec"), space)


def has(page: Path, mark: str) -> bool:
    return any(block.mark == mark and block.language in ("sh", "python") for block in pages.blocks(page))


QUICK = [page for page in pages.PAGES if has(page, "")]
SLOW = [page for page in pages.PAGES if has(page, "slow")]


@pytest.mark.parametrize("page", QUICK, ids=pages.name_of)
def test_what_a_page_shows_works_in_a_folder_of_ones_own(page, desk):
    play(page, slow=False)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("sh"), reason="no sh")
@pytest.mark.parametrize("page", SLOW, ids=pages.name_of)
def test_what_a_page_shows_works_to_the_end(page, desk):
    play(page, slow=True)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_exists(line):
    command = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands
        command = command.get_command(None, words.pop(0))
    known = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    known |= {"--help", "--version"}
    assert [word for word in words if re.match(r"--?[a-z]", word) and word not in known] == []


def test_what_is_not_run_says_why_and_is_little():
    left = [block for block in BLOCKS if block.language in RUN and not block.runs]
    assert len(left) == NOT_RUN, [f"{block.page}, line {block.line}: {block.mark}" for block in left]


def test_a_mark_stands_right_above_a_block_and_is_one_that_counts():
    for page in pages.PAGES:
        text = page.read_text(encoding="utf-8")
        marks = re.findall(r"^<!-- (slow|not run)", text, re.MULTILINE)
        assert len(marks) == sum(bool(block.mark) for block in pages.blocks(page)), page
        assert {block.language for block in pages.blocks(page)} <= RUN | {"text", "toml"}, page


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name_of)
def test_no_command_hides_outside_a_block(page):
    text = pages.FENCE.sub("", page.read_text(encoding="utf-8"))
    assert re.findall(r"^(?:    |\t)(?:\$ |\S*satsim |pip |python )", text, re.MULTILINE) == []


PIECES = [
    pytest.param(piece, id=f"{block.page}: {piece.splitlines()[0][:50]}")
    for block in BLOCKS
    if block.language == "yaml" and not block.file
    for piece in re.split(r"\n(?=\S)", block.text.strip())
]


@pytest.mark.parametrize("piece", PIECES)
def test_every_piece_of_a_scenario_is_one(piece, desk):
    keys = yaml.safe_load(piece)
    scheme = {"name": "{codec}", "codec": "progic"}
    if "transport" in keys:
        scheme |= keys
        keys = {"link": {"interval_s": 60, "ack": {"kind": "session"}}}
    whole = {"name": "piece", "image": {"path": "my_photo.jpg"}, "link": {}, "schemes": [scheme], "duration_s": 600}
    assert make_scenario(whole | keys, "page", desk)


@pytest.mark.parametrize("page", pages.LINKED, ids=pages.name_of)
def test_every_link_leads_somewhere(page):
    for link in pages.links(page):
        target, _, anchor = link.partition("#")
        place = (page.parent / target).resolve() if target else page
        assert place.exists(), f"{pages.name_of(page)}: {link}"
        assert not anchor or anchor in pages.anchors(place), f"{pages.name_of(page)}: {link}"


def test_links_that_lead_nowhere_would_be_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One, two\n[a](gone.md) ![b](b.png) [c](https://x.org) [`d`](#one-two)\n```sh\n[e](e)\n```\n")
    assert pages.links(page) == ["gone.md", "b.png", "#one-two"]
    assert pages.anchors(page) == {"one-two"}


@pytest.mark.parametrize("page", pages.LINKED, ids=pages.name_of)
def test_a_list_or_table_stands_apart_or_the_site_does_not_show_it(page):
    text = pages.FENCE.sub("", page.read_text(encoding="utf-8"))
    pairs = re.findall(r"^(?!- |\d+\. |\||  |<!--)(\S.*)\n((?:- |\d+\. |\|).*)$", text, re.MULTILINE)
    assert pairs == []


def test_the_readme_is_short():
    assert len((pages.ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_each_scenario_of_the_table_is_a_file_and_each_file_is_in_the_table():
    named = set(re.findall(r"scenarios/(\w+)\.yaml\)", (pages.ROOT / "docs" / "run.md").read_text(encoding="utf-8")))
    assert named == {path.stem for path in (pages.ROOT / "scenarios").glob("*.yaml")}
