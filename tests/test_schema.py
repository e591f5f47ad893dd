"""The JSON schema of scenarios, and the page made from it: what runs conforms, and no key goes without a word."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from satsim.commands.scenarios.shipped import known_keys
from satsim.links.linkspec import Checked
from satsim.links.presets import link_presets
from satsim.scenario.reference import page
from satsim.scenario.scenario import check_scenario, load_scenario
from satsim.scenario.schema import docstrings, told

REPO = Path(__file__).resolve().parent.parent
SHIPPED = sorted((REPO / "scenarios").rglob("*.yaml"))


@pytest.fixture(scope="module")
def schema():
    return known_keys(installed=False)


@pytest.fixture(scope="module")
def faults(schema):
    """What is wrong with data that claims to be a scenario: a list, empty if nothing is."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs the package jsonschema (of the extra dev)")
    jsonschema.Draft202012Validator.check_schema(schema)
    return lambda data: list(jsonschema.Draft202012Validator(schema).iter_errors(data))


@pytest.fixture
def story():
    """A scenario as YAML has it, small and right."""
    return {"name": "story", "image": {"path": "photo.png"}, "link": {}, "schemes": [{"name": "a", "codec": "avif"}]}


def scenario_in(path):
    """What a shipped file says of a scenario; None if it names one that lies elsewhere."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    inner = data.get("scenario", data)
    return inner if isinstance(inner, dict) else None


def test_the_page_in_docs_is_what_the_command_prints(in_process):
    done = in_process("scenarios", "--reference")
    assert done.returncode == 0
    assert done.stdout == (REPO / "docs" / "reference" / "scenario.md").read_text(encoding="utf-8")


def test_every_link_within_the_page_leads_to_a_heading(schema):
    text = page(schema)
    headings = [re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-") for line in text.splitlines()
                if line.startswith("#")]  # fmt: skip
    assert len(headings) == len(set(headings))
    links = set(re.findall(r"\]\(#(.*?)\)", text))
    assert len(links) > 15
    assert links <= set(headings)


def test_every_key_of_the_schema_is_described(schema):
    parts = {"the whole": schema, **schema["$defs"]}
    keys = {(name, key): about for name, part in parts.items() for key, about in part.get("properties", {}).items()}
    assert len(keys) > 100
    assert [
        place for place, about in keys.items() if len(about.get("description", "").partition(" Unit: ")[0]) < 5
    ] == []


def test_what_keys_are_told_beside_the_code_is_of_keys_that_the_code_has_and_does_not_tell():
    models = {model.__name__: model for model in Checked.__subclasses__()}
    for name, meanings in told()["meanings"].items():
        assert meanings.keys() <= models[name].model_fields.keys() - docstrings(models[name]).keys(), name


def test_units_are_told_once_and_in_no_default(schema):
    about = schema["$defs"]["LinkSpec"]["properties"]["delay_s_per_byte"]
    assert about["description"].endswith(" Unit: s/B.")
    assert schema["properties"]["duration_s"] == {
        "default": 900.0, "exclusiveMinimum": 0, "maximum": 2592000, "type": "number",
        "description": "The run covers [0, duration_s). Unit: s.",
    }  # fmt: skip


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_scenario_conforms(path, faults):
    data = scenario_in(path)
    if data is None:
        data = scenario_in(path.parent / yaml.safe_load(path.read_text(encoding="utf-8"))["scenario"])
    assert faults(data) == []


@pytest.mark.parametrize("path", [path for path in SHIPPED if path.parent.name == "scenarios"], ids=lambda p: p.stem)
def test_so_does_what_a_results_folder_keeps_of_one(path, faults):
    assert faults(load_scenario(path).model_dump(mode="json")) == []


@pytest.mark.parametrize(
    "link",
    [
        *link_presets(),
        {},
        {"loss": None, "windows": {"model": "list", "open_s": [[0, 60], [90, 100]]}},
        {"preset": "sbd_9603_canopy", "loss": {"mean_bad_s": 30}},
        {
            "preset": "sbd_9603_canopy",
            "loss": {"model": "lutz", "environment": "city", "elevation_deg": 34, "speed_kmh": 3},
        },
    ],
    ids=str,
)  # fmt: skip
def test_a_link_that_is_right_conforms(link, story, faults):
    check_scenario(story | {"link": link}, "here")
    assert faults(story | {"link": link}) == []


WRONG = {
    "titel": "a story",
    "link.loss_ration": 0.1,
    "link.loss_ratio": 10,
    "link.packet_bytes": 20,
    "link.preset": "sbd_9604",
    "link.loss": {"model": "gilbert_elliott", "good_to_bad": 0.1},
    "link.loss.": {"model": "gilbert_elliott", "good_to_bad": 0.1, "bad_to_good": 0.2, "mean": 3},
    "link.loss..": {"mean_good_s": 30},
    "link.windows": {"model": "list", "open_s": [[0, 60, 90]]},
    "link.copies": {"count": 2},
    "image.fit": "stretch",
    "image.size": 256,
    "senders.count": 2.5,
    "header.tag_bytes": 9,
    "schemes": [],
    "metrics": [],
}
"""By key, with dots at its end where one key is wrong in several ways."""


@pytest.mark.parametrize("dotted", WRONG)
def test_what_is_wrong_fails_in_the_schema_as_in_the_check(dotted, story, faults):
    data = copy.deepcopy(story)
    *sections, key = dotted.rstrip(".").split(".")
    place = data
    for section in sections:
        place = place.setdefault(section, {})
    place[key] = WRONG[dotted]
    with pytest.raises(ValueError, match=key):
        check_scenario(data, "here")
    assert faults(story) == []
    assert faults(data)


@pytest.mark.parametrize(
    "scheme",
    [
        {"transprot": "once"},
        {"transport": {"name": "arq", "ladder": "steep"}},
        {"transport": {"copies": 2}},
        {"link": "x"},
    ],
)
def test_so_does_what_is_wrong_in_a_scheme(scheme, story, faults):
    assert faults(story | {"schemes": [story["schemes"][0] | scheme]})


def test_codecs_and_metrics_are_suggested_and_no_other_is_forbidden(schema, story, faults):
    (names, _), (metrics, _) = (part["anyOf"] for part in (schema["$defs"]["SchemeSpec"]["properties"]["codec"],
                                                            schema["properties"]["metrics"]["items"]))  # fmt: skip
    assert "progic" in names["enum"]
    assert "dists-lite" in metrics["enum"]
    own = {"name": "mine", "codec": "my_package:Mine", "options": {"strength": 3}}
    assert faults(story | {"schemes": [own], "metrics": ["colour"]}) == []


def test_every_preset_is_offered_with_its_title(schema):
    offered = {each["const"]: each["description"] for each in schema["$defs"]["PresetName"]["anyOf"]}
    assert offered == {name: preset.title for name, preset in link_presets().items()}
