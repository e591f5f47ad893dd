"""Codecs of one's own: what the command line reads runs no code of theirs, unless it is told that it may."""

import sys

import pytest
import yaml
from conftest import picture

from codec import load_codec
from codec.base import CodecError
from codec.own import CODE_ALLOWED, installed
from satsim.errors import ScenarioError
from satsim.scenario.scenario import load_scenario

OWN = """
import pathlib
from codec.fake import FakeCodec
pathlib.Path("ran").touch()

class Mine(FakeCodec):
    name = "mine"

class Nameless(FakeCodec):
    name = None

class Anonymous(FakeCodec):
    model_id = -1

class Deaf:
    name, model_id = "deaf", 3
    def encode(self, image, payload_bytes):
        return []
"""
COPY = ["cp", "{input}", "{output}"]
GOAL = [
    "--goal",
    "psnr >= 5 by 60 s with 0.5",
    "--scales",
    "1",
    "--copies",
    "1",
    "--repair",
    "0",
    "--replications",
    "5",
]
ALONE = ["--workers", "1", "--cache", "cache", "--out", "out"]


@pytest.fixture
def desk(tmp_path, story, in_process, monkeypatch):
    """A folder with a story, a module of own codecs, and a file `ran` as soon as that module was imported."""
    (tmp_path / "own_codecs.py").write_text(OWN)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.png").write_bytes((tmp_path / "photo.png").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    sys.modules.pop("own_codecs", None)
    return tmp_path


def own_story(desk, codec="own_codecs:Mine", **options):
    """A scenario of one scheme with this codec, as somebody may send it."""
    data = yaml.safe_load((desk / "story.yaml").read_text())
    data["schemes"] = [{"name": "theirs", "codec": codec, "options": options}]
    (desk / "theirs.yaml").write_text(yaml.safe_dump(data))
    return "theirs.yaml"


COMMANDS = {
    "run": ["run", "theirs.yaml", "--out", "out"],
    "run of photos": ["run", "theirs.yaml", "--images", "photos", *ALONE],
    "sweep": ["sweep", "theirs.yaml", "--vary", "loss=0,0.1", "--replications", "2", *ALONE],
    "sweep file": ["sweep", "sweep.yaml", "--replications", "2", *ALONE],
    "sweep over codecs": ["sweep", "story.yaml", "--vary", "codec=jpeg,own_codecs:Mine", "--replications", "2", *ALONE],
    "setting": ["run", "story.yaml", "--set", "schemes.0.codec=own_codecs:Mine", "--out", "out"],
    "study": ["study", "story.yaml", "--codec", "own_codecs:Mine", *GOAL, *ALONE],
    "encode": ["encode", "photo.png", "-o", "out", "--codec", "own_codecs:Mine"],
    "decode": ["decode", "air", "-o", "out.png", "--codec", "own_codecs:Mine"],
    "evaluate": ["codec", "evaluate", "photos", "--codec", "own_codecs:Mine", "--metric", "psnr", "--side", "32"],
    "runtimes": ["codec", "runtimes", "photo.png", "--codec", "own_codecs:Mine", "--side", "32", "--runs", "1"],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_class_that_is_named_runs_if_allowed_and_is_not_even_imported_otherwise(desk, in_process, arguments):
    own_story(desk)
    (desk / "sweep.yaml").write_text(
        "scenario: story.yaml\nset: ['schemes.0.codec=own_codecs:Mine']\nvary: {loss: [0]}\n"
    )
    assert in_process("encode", "photo.png", "-o", "air", "--codec", "codec.fake:FakeCodec").returncode == 0
    done = in_process(*arguments)
    assert done.returncode == 2
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert "'own_codecs:Mine', which runs code of its own on this computer; give --allow-code if you trust" in line
    assert not (desk / "ran").exists()
    assert not (desk / "out").exists()
    done = in_process(*arguments, "--allow-code")
    assert "--allow-code" not in done.stderr
    assert done.returncode == 0, done.stderr
    assert (desk / "ran").exists()


def test_workers_run_what_the_command_was_allowed_to(desk, in_process, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{desk}:{':'.join(sys.path)}")
    arguments = ["sweep", own_story(desk), "--vary", "loss=0,0.1", "--replications", "2"]
    arguments += ["--workers", "2", "--cache", "cache", "--out", "out"]
    assert in_process(*arguments).returncode == 2
    assert not (desk / "ran").exists()
    done = in_process(*arguments, "--allow-code")
    assert done.returncode == 0, done.stderr


def test_commands_of_external_run_only_if_allowed(desk, in_process):
    copying = {"budget_bytes": 20_000, "encode": COPY, "decode": COPY, "qualities": [1]}
    arguments = ["run", own_story(desk, "external", **copying), "--set", "link.packet_bytes=5000", "--out", "out"]
    done = in_process(*arguments)
    assert done.stderr.splitlines()[-1] == (
        "error: theirs.yaml: schemes.0.codec is 'external', which runs commands on this computer;"
        " give --allow-code if you trust whoever wrote it"
    )
    done = in_process(*arguments, "--allow-code")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["subprocess:run", "subprocess:Popen", "os:system", "codec.rivals.external:call"])
def test_what_is_no_codec_runs_not_even_if_allowed(desk, in_process, name):
    scenario = own_story(desk, name, args=["touch", "ran"])
    assert "give --allow-code" in in_process("run", scenario).stderr
    done = in_process("run", scenario, "--allow-code")
    assert done.returncode == 2
    assert "expected a class with encode and decode (codec/base.py has the contract)" in done.stderr
    assert not (desk / "ran").exists()


def test_an_installed_codec_runs_by_its_name_without_being_asked_for(desk, in_process):
    package = desk / "mine-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[satsim.codecs]\nmine = own_codecs:Mine\n")
    assert installed() == {"mine": "own_codecs:Mine"}
    for name in ("mine", "own_codecs:Mine"):
        done = in_process("run", own_story(desk, name, strips=3), "--out", "out")
        assert done.returncode == 0, done.stderr
    assert "installed: mine (own_codecs:Mine)" in in_process("codec", "list").stdout
    assert "did you mean 'mine'" in in_process("run", own_story(desk, "mime")).stderr
    assert "give --allow-code" in in_process("run", own_story(desk, "own_codecs:Deaf")).stderr, "not installed"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("own_codecs:Deaf", "which is a class without decode; expected a class with encode and decode"),
        ("own_codecs:Nameless", "has no name; expected a text under which results tell it"),
        ("own_codecs:Anonymous", "has model_id -1; expected a whole number of 32 bits"),
        ("own_codecs:pathlib", "which is of type module; expected a class"),
    ],
)
def test_a_class_that_does_not_meet_the_contract_is_refused_with_the_reason(desk, name, complaint):
    with pytest.raises(CodecError, match=complaint):
        load_codec(name)


def test_a_program_that_calls_load_codec_is_not_asked(desk, in_process):
    assert in_process("run", own_story(desk)).returncode == 2
    assert CODE_ALLOWED.get(), "a command does not change what its caller may do"
    assert len(load_codec("own_codecs:Mine", strips=2).encode(picture(32, 32), 30)) == 2
    assert load_scenario(desk / "theirs.yaml").schemes[0].codec == f"{desk / 'own_codecs.py'}:Mine"


def test_the_refusal_of_a_scenario_names_file_and_scheme(desk):
    own_story(desk)
    token = CODE_ALLOWED.set(False)
    try:
        with pytest.raises(
            ScenarioError, match=r"theirs.yaml: schemes\.0\.codec is 'own_codecs:Mine', which runs code"
        ):
            load_scenario(desk / "theirs.yaml")
    finally:
        CODE_ALLOWED.reset(token)
