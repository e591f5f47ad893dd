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
from codec.training.ablations.hyperprior import (
    LATENT,
    SCALES,
    WIDTH,
    Hyperprior,
    cuts,
    frequencies,
    hyper_kept,
    nearest_scales,
    normal_mass,
)
from codec.training.ablations.progdtd import Training, train
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


# ProgDTD


def progdtd(folder: Path, **changes: object) -> TrainConfig:
    keys = {"data": folder / "photos", "out": folder / "run", **TINY, **QUICK, "crop": 64, "bfloat16": "off"}
    return TrainConfig.model_validate({**keys, **changes})


def test_what_is_dropped_costs_nothing_and_changes_nothing() -> None:
    torch.manual_seed(1)
    model, x = Hyperprior(), torch.rand(2, 3, 64, 64)
    torch.manual_seed(2)
    few = model(x, torch.tensor([1, 1]))
    torch.manual_seed(2)
    many = model(x, torch.tensor([LATENT, LATENT]))
    assert few.bits < many.bits / 20
    assert not torch.equal(few.picture, many.picture)
    with torch.no_grad():
        model.analysis[-1].weight[1:] += 1  # channels beyond the first of y, of which the first does not know
        torch.manual_seed(2)
        again = model(x, torch.tensor([1, 1]))
    assert torch.allclose(again.picture, few.picture)


def test_as_large_a_share_of_z_is_kept_as_of_y() -> None:
    assert hyper_kept(torch.tensor([1, LATENT // 2, LATENT])).tolist() == [1, WIDTH // 2, WIDTH]
    assert [each.stop for pair in cuts()[-1:] for each in pair] == [LATENT, WIDTH]


def test_the_masses_of_whole_numbers_sum_to_one() -> None:
    numbers = torch.arange(-30, 31.0)
    assert normal_mass(numbers, torch.tensor(2.0)).sum() == pytest.approx(1, abs=1e-5)
    assert Hyperprior().hyper_mass(numbers.expand(1, WIDTH, 1, -1)).sum().item() == pytest.approx(WIDTH, abs=1e-3)
    assert frequencies(torch.tensor([0.0, 0.5, 0.5])) == [1, 32769, 32769]
    assert nearest_scales(SCALES).tolist() == list(range(64))


def test_parts_decode_to_what_was_rounded_and_cost_what_likelihoods_say() -> None:
    torch.manual_seed(3)
    model = Hyperprior().eval()
    with torch.no_grad():
        model.analysis[-1].weight *= 20
    x = 2 * torch.rand(1, 3, 64, 128) - 1
    parts = model.encode(x)
    *_, last = model.decode(parts, 1, 2)
    with torch.no_grad():
        latent = model.analysis(x).round()
        hyper = model.hyper_analysis(model.analysis(x).abs()).round()
        assert latent.abs().max() >= 2
        assert torch.allclose(last, model.synthesis(latent), atol=1e-5)
        bits = -(normal_mass(latent, model.deviations(hyper)).log2().sum() + model.hyper_mass(hyper).log2().sum())
    assert 8 * sum(map(len, parts)) == pytest.approx(float(bits), rel=0.15)


def test_progdtd_learns_and_goes_on_exactly_where_it_was_cut(folder: Path) -> None:
    whole = progdtd(folder, steps=4, out=folder / "whole")
    assert list(train(progdtd(folder, steps=4, out=folder / "whole", report_steps=2), 2.0)) == [2, 4]
    cut = progdtd(folder, steps=4, report_steps=2, checkpoint_s=0)
    steps = train(cut, 2.0)
    assert next(steps) == 2
    steps.close()
    list(train(cut, 2.0))
    ends = [Training(recipe, 2.0).average.state_dict() for recipe in (whole, cut)]
    assert all(torch.equal(one, other) for one, other in zip(*(end.values() for end in ends), strict=True))
    fresh = Training(progdtd(folder, out=folder / "fresh"), 2.0).average.state_dict()
    assert not torch.equal(fresh["places"], ends[0]["places"])


def test_progdtd_is_scored_by_real_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = {"common": TINY | QUICK | {"crop": 64}, "runs": {"rival": {"of": ["fig7"], "progdtd": 2}}}
    (folder / "queue.yaml").write_text(json.dumps(queue))
    assert run(folder, monkeypatch) == 0
    scores = json.loads((folder / "out" / "rival.json").read_text())
    assert scores["lambda"] == 2
    assert scores["parts"] == [1, 2, 4, 8, 16, 32, 48, 64]
    sizes = scores["photos"]["one"]["bytes"]
    assert sizes == sorted(sizes)
    assert sizes[0] > 0


def test_crops_that_progdtd_cannot_halve_six_times_are_refused(folder: Path) -> None:
    with pytest.raises(CodecError, match="crop is 96; expected a multiple of 64 for ProgDTD"):
        Training(progdtd(folder, crop=96), 2.0)
