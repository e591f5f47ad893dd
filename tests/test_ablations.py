"""The paper's ablations: parts are off where a recipe says so, and the queue trains, scores and goes on."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from codec.base import CodecError, WeightsError
from codec.progic.model import ProGIC, complexity, load_model, save_model
from codec.progic.shape import PRESETS
from codec.training.ablations.__main__ import main
from codec.training.ablations.ablated import count_flops, without
from codec.training.ablations.progic import prefixes
from codec.training.ablations.runs import QUEUE, read_queue
from codec.training.recipe import TrainConfig

pytestmark = pytest.mark.usefixtures("one_thread")
TINY = {"channels": 8, "latent_channels": 8, "encoder_blocks": 1, "decoder_blocks": 1, "stages": 2, "index_bits": 4}
QUICK = {"steps": 2, "batch": 2, "crop": 32, "quantize_from": 1, "lpips": 0, "vgg": 0, "dists": 0, "loaders": 0}


def recipe(tmp_path: Path, **changes: object) -> TrainConfig:
    return TrainConfig.model_validate({"data": tmp_path, "out": tmp_path / "run", **TINY, **QUICK, **changes})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos, and a queue of two runs."""
    (tmp_path / "photos").mkdir()
    tones = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    Image.fromarray(tones).resize((300, 260)).save(tmp_path / "photos" / "one.png")
    runs = {"whole": {"of": ["table4"]}, "bare": {"of": ["table4"], "set": {"attention": False, "modulation": False}}}
    (tmp_path / "queue.yaml").write_text(json.dumps({"common": TINY | QUICK, "runs": runs}))
    return tmp_path


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    places = ["--data", folder / "photos", "--kodak", folder / "photos", "--out", folder / "out"]
    arguments = ["ablations", "--queue", folder / "queue.yaml", *places, *more]
    monkeypatch.setattr(sys, "argv", [str(each) for each in arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_keys_of_a_recipe_change_the_presets_shape() -> None:
    given = TrainConfig(data=Path("a"), out=Path("b"), preset="small", stages=8, crop=160)
    assert given.shape().stages == 8
    assert given.shape().channels == PRESETS["small"].channels


def test_a_crop_must_fit_the_recipes_own_downsampling(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="crop is 32; expected a multiple of 64, the downsampling of this recipe"):
        recipe(tmp_path, downsampling=64)


def test_without_modulation_the_number_of_stages_changes_nothing(tmp_path: Path) -> None:
    given = recipe(tmp_path, modulation=False)
    model = without(ProGIC(given.shape()), given)
    latent = torch.randn(1, 8, 2, 2)
    one, two = (model.synthesis(latent, torch.tensor([held])) for held in (1, 2))
    assert torch.equal(one, two)
    assert not [name for name in model.state_dict() if name.endswith("scale")]


def test_without_attention_a_latent_goes_through_as_it_is(tmp_path: Path) -> None:
    given = recipe(tmp_path, attention=False)
    model = without(ProGIC(given.shape()), given)
    latent = torch.randn(1, 8, 2, 2)
    assert model.synthesis.attention(latent, torch.tensor([1])) is latent


def test_with_both_a_models_flops_are_those_of_its_shape(tmp_path: Path) -> None:
    given = recipe(tmp_path)
    whole = count_flops(without(ProGIC(given.shape()), given), 64)
    assert whole == complexity(given.shape(), 64, 64).flops
    bare = recipe(tmp_path, attention=False, modulation=False)
    assert count_flops(without(ProGIC(bare.shape()), bare), 64) < whole


def test_receivers_refuse_a_model_without_a_part(tmp_path: Path) -> None:
    given = recipe(tmp_path, attention=False)
    save_model(without(ProGIC(given.shape()), given), tmp_path / "bare.safetensors")
    with pytest.raises(WeightsError, match=r"analysis\.attention\.gate\.bias is missing"):
        load_model(tmp_path / "bare.safetensors")


def test_the_queue_has_the_papers_tables_and_figures() -> None:
    planned = read_queue(QUEUE, Path("photos"), Path("out"), {})
    assert {"table4", "fig8", "fig9", "fig16"} <= {each for run in planned for each in run.of}
    budgets = {(run.recipe.steps, run.recipe.batch, run.recipe.crop) for run in planned}
    assert len(budgets) == 1


def test_runs_are_trained_and_scored_photo_by_photo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(folder, monkeypatch) == 0
    bare = json.loads((folder / "out" / "bare.json").read_text())
    assert bare["parts"] == [1, 2]
    assert bare["photos"]["one"]["bytes"] == [128, 256]  # 16 x 16 cells of 4 bits
    assert len(bare["photos"]["one"]["psnr"]) == 2
    assert bare["mean"]["bpp"] == [8 * 128 / 256**2, 8 * 256 / 256**2]
    whole = json.loads((folder / "out" / "whole.json").read_text())
    assert whole["parameters"] > bare["parameters"]


def test_what_is_done_stays_done(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "whole.json").write_text("mine")
    assert run(folder, monkeypatch, "whole") == 0
    assert (folder / "out" / "whole.json").read_text() == "mine"
    assert not (folder / "out" / "bare.json").exists()


def test_a_run_that_is_not_in_the_queue_is_told_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, monkeypatch, "bear") == 2
    assert "bear is no run of" in capsys.readouterr().err


def test_a_key_that_a_run_cannot_have_is_told_of(folder: Path) -> None:
    (folder / "queue.yaml").write_text("runs: {one: {sett: {}}}")
    with pytest.raises(CodecError, match=r"runs\.one\.sett is no key"):
        read_queue(folder / "queue.yaml", folder, folder, {})


def test_of_many_stages_about_a_dozen_are_decoded() -> None:
    assert prefixes(5) == [1, 2, 3, 4, 5]
    assert prefixes(48) == [1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48]
