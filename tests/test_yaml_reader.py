"""YAML as users write it: plain values, or one line, however hostile the text is."""

import os
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from codec.base import CodecError
from codec.options import read_setting
from codec.training.recipe import load_recipe
from codec.yaml_reader import YamlError, read_text, read_yaml
from satsim.errors import ScenarioError, StudyError
from satsim.keys import read_keys
from satsim.scenario.scenario import load_scenario
from satsim.scenario.settings import override
from satsim.study.plan import read_plan
from satsim.study.space import read_codec
from satsim.sweep.files import read_request

ROWS = [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 12)]
BOMB = "\n".join(["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]", *ROWS])
"""Under a kilobyte; 9**12 words where every alias is written out."""
READERS = {
    "scenario": load_scenario,
    "sweep": lambda path: read_request(path, [], [], path.parent),
    "study": lambda path: read_plan(path, {}),
    "keys": read_keys,
    "recipe": lambda path: load_recipe(path, {}),
    "--set": lambda path: override({}, f"title={path.read_text()}"),
    "--option": lambda path: read_setting(f"strips={path.read_text()}", "--option"),
    "--codec": lambda path: read_codec(f"jpeg:budget_bytes={path.read_text()}"),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (BOMB, "stands for more than 50,000 values"),
        ("x: {y: 1, y: 2}", "'y' twice"),
        ("x: &a [*a]", "nested more than 50 deep, or without end"),
    ],
    ids=["bomb", "twice", "endless"],
)
def test_every_reader_of_yaml_refuses_what_nobody_means_in_one_line_at_once(tmp_path, reader, text, complaint):
    path = tmp_path / "hostile.yaml"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises((ScenarioError, StudyError, CodecError), match=complaint) as caught:
        reader(path)
    assert time.process_time() - began < 10, "not the minutes that writing it out would take"
    assert len(str(caught.value).replace(text, "").splitlines()) == 1


def test_a_bomb_that_goes_off_by_merging_is_refused_too():
    text = "a0: &a0 {b: c}\n" + "\n".join(f"a{k}: &a{k} {{<<: [{', '.join([f'*a{k - 1}'] * 9)}]}}" for k in range(1, 9))
    with pytest.raises(YamlError, match="stands for more than 50,000 values"):
        read_yaml(text)


def test_a_long_text_said_often_is_a_bomb_as_well():
    with pytest.raises(YamlError, match="stands for more than 50,000 values"):
        read_yaml(f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 9)}]")


def test_aliases_that_a_person_writes_stand_for_what_they_name():
    text = "shared: &s {loss_ratio: 0.1, ack: {kind: session}}\none: *s\ntwo: {<<: *s, loss_ratio: 0.2}"
    assert read_yaml(text)["one"] == {"loss_ratio": 0.1, "ack": {"kind": "session"}}
    assert read_yaml(text)["two"] == {"loss_ratio": 0.2, "ack": {"kind": "session"}}, "one's own key is no second one"


@pytest.mark.parametrize(
    "text", ["{a: 1, a: 1}", "{a: 1, 'a': 2}", "{1: a, 0x1: b}", "{1: a, true: b}", "[{a: 1}, {b: {c: 1, c: 2}}]"]
)
def test_a_key_that_is_there_twice_however_it_is_spelt_is_refused(text):
    with pytest.raises(YamlError, match=r"^line 1: has the key '.*' twice; keep one$"):
        read_yaml(text)


@pytest.mark.parametrize(
    "text", ["[a]: 1", "!!int ''", "!!bool x", "!!timestamp x", "!!python/object:os.system x", "\ud800"]
)
def test_what_cannot_be_built_is_one_line(text):
    with pytest.raises(YamlError, match="not YAML") as caught:
        read_yaml(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("letter", ["\\0", "\\e", "\\x9b", "\\u202e", "\\u2067", "\\r"])
def test_a_letter_that_terminals_obey_is_in_no_text(letter):
    with pytest.raises(YamlError, match=r"holds the character '.*', which no text or path may hold; take it out"):
        read_yaml(f'title: "north{letter}"')


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("aä 1-:#[]{},'\"\n"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("ab1:"), inner),
        max_leaves=20,
    )
)
def test_what_yaml_writes_is_read_as_it_was(data):
    assert read_yaml(yaml.safe_dump(data)) == data


@given(st.text("ab&*-:?,[]{}!<>|'\"#%@` \n\t0.\\"))
def test_any_text_is_a_value_or_one_line(text):
    said = ""
    try:
        read_yaml(text)
    except YamlError as error:
        said = str(error)
    assert "\n" not in said


def test_every_shipped_file_is_read():
    repo = Path(__file__).resolve().parent.parent
    files = [*repo.glob("scenarios/**/*.yaml"), *repo.glob("training/*.yaml")]
    assert len(files) > 15
    assert all(isinstance(read_yaml(path.read_text(encoding="utf-8")), dict) for path in files)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(YamlError, match="is a pipe or a device, which may never end; copy it to a file"):
        read_text(tmp_path / "pipe.yaml")
