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
        ("late_crop: 100\n", "late_crop is 100; expected a multiple of 16, the downsampling of nano"),
        ("steps: 5\nminutes: 5\n", "steps and minutes are both set; write one of them"),
        ("preset: small\nheld: [1, 6]\n", "held is [1, 6]; expected at most 5, the stages of small"),
        ("held: [0]\n", "held.0 is 0; input should be greater than or equal to 1"),
        ("minutes: 0\n", "minutes is 0; input should be greater than 0"),
        ("l1: .nan\n", "l1 is nan; input should be a finite number"),
        ("- 1\n", "holds list; expected keys such as preset, steps, batch"),
        ("a: [\n", "line 1: not YAML"),
        ("batch: 3\nbatch: 4\n", "line 2: has the key 'batch' twice; keep one"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_key_and_mend(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(CodecError) as raised:
        load_recipe(path, PLACES)
    assert str(raised.value).startswith(f"{path}: ")
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("text", "key", "value"), [("steps: 9\n", "minutes", 3), ("minutes: 9\n", "steps", 3)])
def test_a_length_on_the_command_line_stands_in_place_of_the_files_own(
    tmp_path: Path, text: str, key: str, value: int
) -> None:
    config = load_recipe(write(tmp_path, text), {**PLACES, key: value})
    assert getattr(config, key) == value
    assert config.minutes == (3 if key == "minutes" else None)


def test_the_recipe_of_the_readme_needs_no_file_without_a_public_source() -> None:
    [path] = [path for path in SHIPPED if path.stem == "nano-2-cores"]
    config = load_recipe(path, PLACES)
    assert (config.vgg, config.dists) == (0, 0)
    assert config.lpips_network == "squeeze"


def test_crops_grow_when_their_share_of_the_run_is_over() -> None:
    config = TrainConfig(**PLACES, batch=8, crop=64, late_batch=3, late_crop=96, late_from=0.5)
    assert [config.batch_of(share) for share in (0, 0.49, 0.5, 0.9)] == [(8, 64), (8, 64), (3, 96), (3, 96)]


def test_a_missing_file_and_a_missing_key_are_named(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match=r"nowhere.yaml: no such recipe"):
        load_recipe(tmp_path / "nowhere.yaml", PLACES)
    with pytest.raises(CodecError, match="data is missing; write it in the file or give --data"):
        load_recipe(write(tmp_path, "batch: 3\n"), {"out": Path("runs")})


def test_vgg_weights_are_looked_for_below_the_weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATSIM_WEIGHTS", str(tmp_path))
    config = TrainConfig(data=Path(), out=Path(), vgg_weights=Path("features.safetensors"))
    assert config.vgg_path() == tmp_path / "features.safetensors"


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "bach: 3\noptimizer: sgd\nl1: -1\n")
    with pytest.raises(CodecError) as raised:
        load_recipe(path, PLACES)
    assert [line.split(";")[0] for line in str(raised.value).splitlines()] == [
        f"{path}: optimizer is 'sgd'",
        f"{path}: l1 is -1",
        f"{path}: bach is no key",
    ]
