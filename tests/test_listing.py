"""`satsim scenarios` and what completes names in a shell."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codec.loading import CODECS
from satsim.links.presets import link_presets
from satsim.scenario.listing import list_scenarios

REPO = Path(__file__).resolve().parent.parent
SHIPPED = REPO / "scenarios"


def complete(line, folder):
    """What bash is offered after `line`."""
    words = line.split(" ")
    told = {"_SATSIM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    code = "import sys; sys.argv[0] = 'satsim'; from satsim.commands.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | told | {"PYTHONPATH": str(REPO)}, cwd=folder,
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.fixture
def call(in_process, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *arguments: in_process("scenarios", *arguments)


def test_every_shipped_file_is_listed_with_its_question_in_80_columns(call):
    done = call()
    assert done.returncode == 0
    names = {line.split()[2] for line in done.stdout.splitlines() if line.startswith("satsim ")}
    assert names == {path.stem for path in SHIPPED.rglob("*.yaml")}
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "satsim sweep  repeat_or_repair  Ten messages and no answer: repeat, or repair?" in done.stdout


def test_the_list_for_programs_says_the_same(call):
    rows = json.loads(call("--json").stdout)
    assert [row["name"] for row in rows] == [row.name for row in list_scenarios()]
    assert {row["kind"] for row in rows} == {"scenario", "sweep", "study"}
    assert rows[0] == {
        "name": "arq_or_repair", "kind": "scenario", "path": str(SHIPPED / "arq_or_repair.yaml"),
        "title": "Messages get lost: ask again, or send spare packets?",
    }  # fmt: skip


def test_ones_own_are_listed_too_and_other_yaml_is_not(call):
    own = Path("scenarios")
    own.mkdir()
    (own / "mine.yaml").write_text("title: Mine\nschemes: []", encoding="utf-8")
    (own / "containers.yaml").write_text("services: {}", encoding="utf-8")
    (own / "broken.yaml").write_text("{", encoding="utf-8")
    rows = {row.name: row for row in list_scenarios()}
    assert rows["mine"].title == "Mine"
    assert rows["broken"].title.startswith("cannot be used: ")
    assert "containers" not in rows


def test_a_name_prints_the_file_and_where_it_lies(call):
    done = call("forest_fire")
    path = SHIPPED / "forest_fire.yaml"
    assert done.stdout == path.read_text(encoding="utf-8")
    assert done.stderr == f"{path}: paths in it are relative to its folder\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["forst_fire"], "forst_fire: no such scenario; did you mean forest_fire?"),
        (["--json", "--schema"], "--json and --schema ask for different things; give one"),
    ],
)
def test_what_is_wrong_is_one_line(call, arguments, said):
    done = call(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {said}\n")


def test_the_schema_is_printed_as_json(call):
    assert json.loads(call("--schema").stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_shell_is_offered_names(tmp_path):
    (tmp_path / "story.yaml").touch()
    assert complete("satsim scen", tmp_path) == ["scenarios"]
    assert complete("satsim run s", tmp_path) == ["sbd_canopy", "sbd_hike", "story.yaml"]
    assert complete("satsim sweep loss_", tmp_path) == ["loss_and_pace"]
    assert complete("satsim links sbd_9603", tmp_path) == [
        name for name in link_presets() if name.startswith("sbd_9603")
    ]
    assert complete("satsim run forest_fire --metric dists-", tmp_path) == ["dists-lite"]
    assert complete("satsim codec evaluate --codec ", tmp_path) == list(CODECS)
    assert complete("satsim run folder/", tmp_path) == []


def test_the_script_for_a_shell_is_printed(tmp_path):
    told = {"_SATSIM_COMPLETE": "source_bash", "PYTHONPATH": str(REPO)}
    code = "import sys; sys.argv[0] = 'satsim'; from satsim.commands.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | told, capture_output=True, text=True, timeout=60
    )
    assert "complete -o default -F _satsim_completion satsim" in done.stdout
