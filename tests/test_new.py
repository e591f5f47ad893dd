"""`satsim new`: a scenario to begin with, that runs as it stands, and whose comments are right."""

import json
import re
from pathlib import Path

import pytest

from codec.yaml_reader import read_yaml
from satsim.commands.scenarios.shipped import known_keys
from satsim.links.linkspec import LinkSpec
from satsim.links.presets import link_presets
from satsim.scenario.scenario import (
    HeaderSpec,
    ImageSpec,
    Scenario,
    SchemeSpec,
    SendersSpec,
    TransportSpec,
    check_scenario,
    load_scenario,
)
from satsim.scenario.template import new_scenario


@pytest.fixture
def begin(tmp_path, monkeypatch, in_process):
    """`satsim new` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: in_process("new", *arguments)


def test_it_says_what_to_do_next(begin):
    done = begin("my.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "my.yaml is written; next: satsim run my.yaml\n", "")
    assert "#   satsim run my.yaml\n" in Path("my.yaml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_it_runs_as_it_stands(begin, in_process, empty_store):
    begin("my.yaml")
    done = in_process("run", "my.yaml")
    assert done.returncode == 0, done.stderr
    rows = json.loads(Path("results/my/summary.json").read_text(encoding="utf-8"))["schemes"]
    assert len(rows) == 2
    assert all(row["packets_sent"] for row in rows.values())


def test_it_is_a_scenario_of_two_schemes_over_a_link_of_its_own(begin):
    begin("my.yaml")
    scenario = load_scenario(Path("my.yaml"))
    assert (scenario.name, [scheme.codec for scheme in scenario.schemes]) == ("my", ["progic", "avif"])
    assert (scenario.link.preset, scenario.link.packet_bytes, scenario.image.drawn) == (None, 360, True)
    assert scenario.image.path.is_file()


@pytest.mark.parametrize("preset", link_presets())
def test_over_any_service_there_is_time_for_a_photo(preset):
    scenario = check_scenario(read_yaml(new_scenario(Path("my.yaml"), preset, [], None)), "here")
    assert scenario.link == LinkSpec.model_validate(preset)
    assert scenario.duration_s >= 900


@pytest.mark.parametrize("preset", [None, "sbd_9603_open"])
def test_it_conforms_to_the_schema(preset):
    jsonschema = pytest.importorskip("jsonschema", reason="needs the package jsonschema (of the extra dev)")
    data = read_yaml(new_scenario(Path("my.yaml"), preset, [], None))
    assert list(jsonschema.Draft202012Validator(known_keys()).iter_errors(data)) == []


def test_each_line_that_is_commented_out_can_be_used_as_it_is():
    lines = new_scenario(Path("my.yaml"), None, [], None).splitlines()
    keys = {*Scenario.model_fields, *LinkSpec.model_fields, "- {name"}
    found = {k: begun[1] for k, line in enumerate(lines) if (begun := re.match(r" *# (- \{\w+|\w+): ", line))}
    used = {k: key for k, key in found.items() if key in keys}
    assert len(used) == 13
    for k, key in used.items():
        changed = [*lines[:k], lines[k].replace("# ", "", 1), *lines[k + 1 :]]
        before, after = (check_scenario(read_yaml("\n".join(each)), key) for each in (lines, changed))
        assert before != after, key


def test_it_names_every_key_of_its_sections():
    words = set(re.findall(r"\w+", new_scenario(Path("my.yaml"), None, [], None)))
    for model in (Scenario, ImageSpec, LinkSpec, SendersSpec, HeaderSpec, SchemeSpec, TransportSpec):
        assert model.model_fields.keys() - words == set(), model.__name__


def test_a_service_codecs_and_a_photo_can_be_named(begin, small_photo):
    done = begin(
        "far/away/trip.yaml", "--link", "sbd_9603_canopy", "--codec", "webp", "--codec", "avif", "--image", "photo.png"
    )
    assert done.returncode == 0, done.stderr
    text = Path("far/away/trip.yaml").read_text(encoding="utf-8")
    assert '  path: "../../photo.png"\n' in text
    scenario = load_scenario(Path("far/away/trip.yaml"))
    assert (scenario.link.preset, scenario.image.path) == ("sbd_9603_canopy", small_photo)
    assert [scheme.codec for scheme in scenario.schemes] == ["webp", "avif"]
    assert not scenario.image.drawn


def test_a_codec_of_ones_own_is_written_and_no_code_of_it_is_run(begin):
    done = begin("my.yaml", "--codec", "nowhere:Mine")
    assert done.stdout == "my.yaml is written; next: satsim run my.yaml --allow-code\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["there.yaml"], "there.yaml: is there already, and stays as it is; give another name, or remove it"),
        (["my.txt"], "my.txt: expected a name that ends in .yaml, such as my.yaml"),
        (["my.yaml", "--link", "sbd_9604"], "--link: 'sbd_9604' is no link preset; did you mean sbd_9603_open?"),
        (["my.yaml", "--codec", "avfi"], "--codec: schemes.0.codec is 'avfi'; did you mean 'avif'?"),
        (["my.yaml", "--image", "gone.jpg"], "--image gone.jpg: no such photo; check the path"),
        (["there.yaml/my.yaml"], "there.yaml: File exists"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_all_as_it_was(begin, arguments, said):
    Path("there.yaml").write_text("mine", encoding="utf-8")
    done = begin(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert Path("there.yaml").read_text(encoding="utf-8") == "mine"
    assert [path.name for path in Path().iterdir()] == ["there.yaml"]


@pytest.mark.parametrize(
    ("file", "name"), [("2024-13-45.yaml", "2024-13-45"), ("true.yaml", "true"), ("mein foto (1).yml", "mein_foto_1_"),
                       ("_.yaml", "scenario"), ("Über $x {y}.yaml", "ber_x_y_")],
)  # fmt: skip
def test_any_file_name_makes_a_scenario(begin, file, name):
    assert begin(file).returncode == 0
    assert load_scenario(Path(file)).name == name
