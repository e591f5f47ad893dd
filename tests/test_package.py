"""What the package says of itself: one version, versions locked, licences there, a workflow that does what CI does."""

import re
import subprocess
import sys
import tomllib

import yaml
from conftest import REPO

import satsim

PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW = REPO / ".github" / "workflows" / "ci.yml"


def text(name):
    return (REPO / name).read_text(encoding="utf-8")


def plain(name):
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_version_is_written_in_one_place_and_told_of_it_everywhere():
    assert PROJECT["dynamic"] == ["version"]
    assert yaml.safe_load(text("CITATION.cff"))["version"] == satsim.__version__
    assert re.search(r"^## (\S+)$", text("CHANGELOG.md"), re.MULTILINE)[1] == satsim.__version__
    done = subprocess.run([sys.executable, "-m", "satsim", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"satsim {satsim.__version__}\n"


def test_every_library_that_pyproject_names_is_locked_to_one_version():
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)$", text("constraints.txt"), re.MULTILINE))
    assert all(re.fullmatch(r"[\w.]+", version) for version in locked.values()), "no local builds"
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    named = {plain(re.match(r"[\w.-]+", each)[0]) for group in groups for each in group} - {PROJECT["name"]}
    assert sorted(named - {plain(name) for name in locked}) == [], "mend: make lock"


def test_the_core_brings_none_of_what_extras_bring():
    core = {plain(re.match(r"[\w.-]+", each)[0]) for each in PROJECT["dependencies"]}
    assert core & {"pyarrow", "imagecodecs", "pillow-heif", "zfec"} == set()


def test_all_is_every_extra_for_users():
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    named = re.fullmatch(r"satsim-link\[(.*)\]", everything)[1].split(",")
    assert sorted(named) == sorted(set(extras) - {"all", "dev", "repair"})


def test_licences_are_there_and_the_weights_have_their_own():
    assert all((REPO / name).is_file() for name in PROJECT["license-files"])
    assert "Version 2.0, January 2004" in text("LICENSE")
    assert "x265" in text("NOTICE")
    weights = [path.name.partition(".")[0] for path in REPO.glob("codec/*/*.safetensors")]
    assert weights
    assert [name for name in weights if name not in text("codec/zoo/LICENSE")] == []


def test_the_hosted_workflow_runs_what_ci_runs_on_every_python_that_is_named():
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    assert "bash .ci/run" in [step.get("run") for step in jobs["linux"]["steps"]]
    matrix = jobs["linux"]["strategy"]["matrix"]
    named = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if "Python :: 3." in each]
    assert matrix["python"] == named
    assert [each for each in matrix["include"] if not each["experimental"]] == []
    assert set(jobs["elsewhere"]["strategy"]["matrix"]["system"]) == {"windows-latest", "macos-latest"}
    tested = re.findall(r"tests/\w+\.py", str(jobs["elsewhere"]["steps"]))
    assert tested
    assert [path for path in tested if not (REPO / path).is_file()] == []
