"""Scenarios by their bare names: here first, then those that ship."""

from pathlib import Path

import pytest

from satsim.errors import ScenarioError
from satsim.scenario.finding import find_scenario
from satsim.scenario.shipped import shipped

SHIPPED = Path(__file__).resolve().parent.parent / "scenarios"


def test_a_shipped_scenario_is_found_by_name_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_scenario(Path("forest_fire")) == SHIPPED / "forest_fire.yaml"
    assert find_scenario(Path("loss_and_pace")) == SHIPPED / "studies" / "loss_and_pace.yaml"


def test_so_is_a_shipped_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_scenario(Path("nano-2-cores"), "recipe") == SHIPPED.parent / "training" / "nano-2-cores.yaml"
    with pytest.raises(ScenarioError, match=r"^nano-2-core: no such recipe; did you mean nano-2-cores\?$"):
        find_scenario(Path("nano-2-core"), "recipe")


def test_what_an_installed_package_holds_is_found_in_it_and_not_beside_it(tmp_path):
    package = tmp_path / "site-packages" / "satsim"
    (package.parent / "scenarios").mkdir(parents=True)  # of another package
    assert shipped("scenarios", package) == package.parent / "scenarios"
    (package / "shipped" / "scenarios").mkdir(parents=True)
    assert shipped("scenarios", package) == package / "shipped" / "scenarios"


def test_ones_own_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = Path("scenarios/forest_fire.yaml")
    own.parent.mkdir()
    own.touch()
    assert find_scenario(Path("forest_fire")) == own


def test_a_path_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("plain").touch()
    for path in (Path("gone.yaml"), Path("folder/gone"), Path("plain")):
        assert find_scenario(path) == path


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(ScenarioError, match=r"^forst_fire: no such scenario; did you mean forest_fire\?$"):
        find_scenario(Path("forst_fire"))
    with pytest.raises(ScenarioError, match=r"^zzz: no such scenario; expected a file, or one of: arq_or_repair, "):
        find_scenario(Path("zzz"))
