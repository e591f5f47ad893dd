"""Recipes: the shipped ones load, and every mistake is one line with the mend."""

from pathlib import Path

import pytest

from codec.base import CodecError
from codec.training.recipe import TrainConfig, load_recipe

SHIPPED = sorted((Path(__file__).resolve().parent.parent / "training").glob("*.yaml"))
PLACES = {"data": Path("photos"), "out": Path("runs/one")}


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_load(path: Path) -> None:
    assert load_recipe(path, PLACES).data == Path("photos")


def test_there_are_shipped_recipes() -> None:
    assert {"paper", "nano-2-cores", "small-one-gpu"} <= {path.stem for path in SHIPPED}


def test_the_papers_recipe_is_the_papers() -> None:
    [path] = [path for path in SHIPPED if path.stem == "paper"]
    config = load_recipe(path, PLACES)
    assert (config.steps, config.batch, config.crop, config.learning_rate) == (2_000_000, 16, 256, 1e-4)
    assert (config.earlier_stages, config.every_stage, config.optimizer) == (0.5, True, "adam")


def test_settings_stand_in_place_of_the_files_own(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, "batch: 3\n"), {**PLACES, "batch": 5}).batch == 5


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("bach: 3\n", "bach is no key; did you mean batch?"),
        ("zzz: 3\n", "zzz is no key; expected one of: data, out, preset"),
        ("batch: 0\n", "batch is 0; input should be greater than or equal to 1"),
        ("batch: many\n", "batch is 'many'; input should be a valid integer"),
        ("lpips: -1\n", "lpips is -1; input should be greater than or equal to 0"),
        ("earlier_stages: 1.5\n", "earlier_stages is 1.5; input should be less than or equal to 1"),
        ("optimizer: sgd\n", "optimizer is 'sgd'; input should be 'muon', 'adamw' or 'adam'"),
        ("crop: 100\n", "crop is 100; expected a multiple of 16, the downsampling of nano"),
        ("l1: .nan\n", "l1 is nan; input should be a finite number"),
        ("- 1\n", "holds list; expected keys such as preset, steps, batch"),
        ("a: [\n", "cannot be read as YAML"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_key_and_mend(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(CodecError) as raised:
        load_recipe(path, PLACES)
    assert str(raised.value).startswith(f"{path}: ")
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_missing_key_are_named(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match=r"nowhere.yaml: no such recipe"):
        load_recipe(tmp_path / "nowhere.yaml", PLACES)
    with pytest.raises(CodecError, match="data is missing; write it in the file or give --data"):
        load_recipe(write(tmp_path, "batch: 3\n"), {"out": Path("runs")})


def test_vgg_weights_are_looked_for_below_the_weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATSIM_WEIGHTS", str(tmp_path))
    config = TrainConfig(data=Path(), out=Path(), vgg_weights=Path("features.safetensors"))
    assert config.vgg_path() == tmp_path / "features.safetensors"
