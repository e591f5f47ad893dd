"""Training on a toy model: it learns, resumes exactly, and its codebooks follow the data."""

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from codec.base import CodecError, WeightsError
from codec.data import ahead, random_crops
from codec.photos import list_photos
from codec.progic.model import load_model
from codec.progic.shape import PRESETS, ProgicConfig
from codec.training.adversary import PatchDiscriminator, adaptive_weight, discriminator_loss
from codec.training.codebooks import CodebookTrainer
from codec.training.draws import decode_plan
from codec.training.optimizers import learning_rate, orthogonalise
from codec.training.recipe import TrainConfig
from codec.training.train import Run, advance, train

REPO = Path(__file__).resolve().parent.parent
TOY = ProgicConfig(channels=8, encoder_blocks=1, decoder_blocks=1, latent_channels=8, stages=3, index_bits=4)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(3):
        tones = rng.integers(0, 256, (4, 5, 3), np.uint8)
        Image.fromarray(tones).resize((50, 40)).save(folder / f"{k}.png")
    return folder


def toy_config(photos: Path, out: Path, steps: int) -> TrainConfig:
    return TrainConfig(
        data=photos,
        out=out,
        steps=steps,
        batch=4,
        crop=32,
        lpips=0,
        vgg=0,
        dists=0,
        quantize_from=3,
        report_steps=1,
        warmup=2,
        learning_rate=1e-2,
        decay=0.3,
    )


def test_the_loss_falls_on_three_photos(photos: Path, tmp_path: Path) -> None:
    rows = list(train(toy_config(photos, tmp_path / "run", 120), TOY))
    assert np.mean([row["l1"] for row in rows[-5:]]) < 0.75 * rows[0]["l1"]


def test_the_trained_file_loads_and_knows_its_shape(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "run", 4), TOY))
    model, _ = load_model(tmp_path / "run" / "model.safetensors")
    assert model.config == TOY


def test_a_run_begins_where_the_weights_it_is_given_end(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 120), TOY))
    begun = {**vars(toy_config(photos, tmp_path / "second", 1)), "start": str(tmp_path / "first" / "model.safetensors")}
    [row] = train(TrainConfig(**begun), TOY)
    [fresh] = train(toy_config(photos, tmp_path / "fresh", 1), TOY)
    assert row["l1"] < 0.75 * fresh["l1"]


def test_weights_of_another_shape_are_refused(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 1), TOY))
    begun = {**vars(toy_config(photos, tmp_path / "second", 1)), "start": str(tmp_path / "first" / "model.safetensors")}
    with pytest.raises(WeightsError, match="another shape"):
        next(train(TrainConfig(**begun), PRESETS["nano"]))


def test_a_run_cut_in_two_ends_where_an_uncut_one_does(photos: Path, tmp_path: Path) -> None:
    whole = list(train(toy_config(photos, tmp_path / "whole", 6), TOY))
    cut = toy_config(photos, tmp_path / "cut", 6)
    first = train(TrainConfig(**{**vars(cut), "checkpoint_s": 0.0}), TOY)
    rows = [next(first) for _ in range(3)]
    first.close()
    rows += list(train(cut, TOY, resume=True))
    assert [row["loss"] for row in rows] == [row["loss"] for row in whole]


KILLED = """
import sys
from itertools import islice
from pathlib import Path
from tests.test_train import TOY, toy_config
from codec.training.train import Run, advance, train
config = toy_config(Path(sys.argv[1]), Path(sys.argv[2]), 10_000)
for row in train(config.model_copy(update={"checkpoint_s": 0.0}), TOY):
    print(row["step"], flush=True)
"""


def test_a_run_killed_without_warning_goes_on_as_if_it_had_not_been(photos: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(photos), str(tmp_path / "killed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPO) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 8:
                process.kill()
    with (tmp_path / "killed" / "log.jsonl").open("a") as log:
        log.write('{"step": 9')  # as a kill within a write would leave it
    saved = torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["step"]
    steps = saved + 4
    whole = toy_config(photos, tmp_path / "whole", 10_000)
    uncut = list(islice(train(whole, TOY), steps))
    gone_on = train(toy_config(photos, tmp_path / "killed", 10_000), TOY, resume=True)
    rest = list(islice(gone_on, 4))
    assert [row["loss"] for row in rest] == [row["loss"] for row in uncut[saved:]]
    logged = [json.loads(line) for line in (tmp_path / "killed" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in logged] == list(range(1, steps + 1))


def test_a_run_that_is_there_is_not_begun_anew(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "run", 1), TOY))
    with pytest.raises(CodecError, match="holds a run; go on with it by --resume"):
        next(train(toy_config(photos, tmp_path / "run", 2), TOY))


def test_a_checkpoint_that_was_cut_is_named(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "run", 1), TOY))
    path = tmp_path / "run" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CodecError, match=r"checkpoint.pt: this run cannot go on from it"):
        next(train(toy_config(photos, tmp_path / "run", 2), TOY, resume=True))


@pytest.mark.parametrize("changes", [{"codebooks": "gradient"}, {"every_stage": True}, {"optimizer": "adam"}])
def test_the_papers_ways_learn_too(photos: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    config = toy_config(photos, tmp_path / "run", 120).model_copy(update=changes)
    rows = list(train(config, TOY))
    assert np.mean([row["l1"] for row in rows[-5:]]) < 0.8 * rows[0]["l1"]


def test_codebooks_learn_by_gradient_where_asked(photos: Path, tmp_path: Path) -> None:
    config = toy_config(photos, tmp_path / "run", 40).model_copy(update={"codebooks": "gradient"})
    rows = list(train(config, TOY))
    assert rows[-1]["codebook"] > 0
    begun = list(train(toy_config(photos, tmp_path / "begun", 3), TOY))
    assert "codebook" not in begun[-1]


def test_a_frozen_encoder_and_its_codebooks_stay_while_the_decoder_moves(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 10), TOY))
    start = str(tmp_path / "first" / "model.safetensors")
    config = toy_config(photos, tmp_path / "second", 5)
    list(train(config.model_copy(update={"start": start, "freeze_encoder": True}), TOY))
    before, _ = load_model(tmp_path / "first" / "model.safetensors")
    after, _ = load_model(tmp_path / "second" / "model.safetensors")
    moved = {name for name, tensor in after.state_dict().items() if not torch.equal(tensor, before.state_dict()[name])}
    assert moved
    assert all(name.startswith("synthesis.") for name in moved)


def test_the_discriminator_joins_late_and_is_kept_in_the_checkpoint(photos: Path, tmp_path: Path) -> None:
    changes = {"adversarial": 0.1, "adversarial_from": 0.5, "discriminator_width": 8}
    rows = list(train(toy_config(photos, tmp_path / "run", 20).model_copy(update=changes), TOY))
    assert [row["step"] for row in rows if "discriminator" in row] == list(range(11, 21))
    assert [row["step"] for row in rows if "adversarial" in row] == list(range(12, 21))
    assert "discriminator" in torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)


def test_the_discriminator_learns_to_tell_noise_from_flat_grey() -> None:
    torch.manual_seed(0)
    judge = PatchDiscriminator(8)
    optimizer = torch.optim.Adam(judge.parameters(), 1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = discriminator_loss(judge, torch.rand(2, 3, 64, 64), torch.zeros(2, 3, 64, 64))
        loss.backward()
        optimizer.step()
    assert loss < 0.2


def test_the_adaptive_weight_is_the_ratio_of_gradients_at_the_last_layer() -> None:
    last = torch.tensor([2.0, -1.0], requires_grad=True)
    picture = last * torch.tensor([3.0, 5.0])
    weight = adaptive_weight(picture, last, torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0]))
    assert weight.item() == pytest.approx(3.0 / 10.0, rel=1e-5)


def test_crops_made_ahead_come_in_order_from_the_step_asked_for() -> None:
    stream = ahead(lambda step: np.full((1, 1, 1, 3), step, np.uint8), 5, 3)
    assert [int(next(stream)[0, 0, 0, 0]) for _ in range(20)] == list(range(5, 25))
    stream.close()


def test_a_step_whose_gradient_explodes_changes_neither_weights_nor_codebooks(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 6), TOY))
    start = tmp_path / "first" / "model.safetensors"
    # Clipped at next to nothing, every gradient counts as exploded.
    changes = {"start": str(start), "clip": 1e-30, "codebook_decay": 0.5}
    rows = list(train(TrainConfig(**{**vars(toy_config(photos, tmp_path / "second", 3)), **changes}), TOY))
    assert [row["skipped"] for row in rows] == [1.0, 1.0, 1.0]
    before, after = (load_model(path)[0].state_dict() for path in (start, tmp_path / "second" / "model.safetensors"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_batch_that_does_not_fit_is_named(photos: Path, tmp_path: Path) -> None:
    run = Run(toy_config(photos, tmp_path / "run", 1), TOY)
    endless = np.lib.stride_tricks.as_strided(np.zeros(3, np.uint8), (1, 1 << 24, 1 << 24, 3), (0, 0, 0, 1))
    with pytest.raises(CodecError, match=r"batch is 4 .* does not fit in the memory of cpu; lower batch first"):
        advance(run, endless)


def test_codewords_move_to_the_mean_of_what_chose_them() -> None:
    books = CodebookTrainer(torch.tensor([[[0.0], [10.0]]]), decay=0.5)
    books.follow(0, torch.tensor([0, 0, 1]), torch.tensor([[1.0], [3.0], [10.0]]))
    # counts (1 + 2)/2 and (1 + 1)/2; sums (0 + 4)/2 and (10 + 10)/2
    assert books.codebooks[0].flatten().tolist() == pytest.approx([2 / 1.5, 10.0])


def test_a_codeword_that_nothing_chooses_is_put_where_the_data_is() -> None:
    books = CodebookTrainer(torch.tensor([[[0.0], [99.0]]]), decay=0.01)
    books.follow(0, torch.tensor([0, 0]), torch.tensor([[5.0], [5.0]]))
    assert books.codebooks[0].flatten().tolist() == pytest.approx([5.0, 5.0], rel=0.02)


def test_undamaged_partial_decodes_keep_a_prefix_of_the_stages() -> None:
    config = TrainConfig(data=Path(), out=Path(), damage=0.0)
    kept, _ = decode_plan(config, 5, (20, 2, 2))
    for image in kept[0].permute(1, 0, 2, 3):
        held = [bool(stage.all()) for stage in image]
        assert held in [[True] * k + [False] * (5 - k) for k in range(1, 5)]


def test_the_last_decode_has_everything_even_when_others_are_damaged() -> None:
    kept, _ = decode_plan(TrainConfig(data=Path(), out=Path(), damage=1.0), 5, (20, 2, 2))
    assert kept[-1].all()
    assert not kept[0].flatten(2).all(dim=2).all(dim=0).any()


def test_every_stage_is_decoded_with_the_weights_of_eq_7() -> None:
    config = TrainConfig(data=Path(), out=Path(), damage=0.0, every_stage=True, earlier_stages=0.4)
    kept, weights = decode_plan(config, 5, (2, 1, 1))
    assert kept[:, :, 0, 0, 0].sum(dim=1).tolist() == [1, 2, 3, 4, 5]
    assert weights.tolist() == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.6])


def test_orthogonalised_matrices_have_singular_values_near_one() -> None:
    matrices = torch.randn(2, 20, 8, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalise(matrices))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_the_learning_rate_warms_up_stays_and_falls_to_zero() -> None:
    config = TrainConfig(data=Path(), out=Path(), steps=100, warmup=10, decay=0.2, learning_rate=1.0)
    assert [learning_rate(config, step) for step in (0, 9, 50, 80, 90, 100)] == pytest.approx([0.1, 1, 1, 1, 0.5, 0])


def test_crops_depend_on_the_generator_alone_and_have_the_size_asked_for(photos: Path) -> None:
    first = random_crops(list_photos(photos), 5, 32, np.random.default_rng(7))
    second = random_crops(list_photos(photos), 5, 32, np.random.default_rng(7))
    assert first.shape == (5, 32, 32, 3)
    assert np.array_equal(first, second)


def test_photos_smaller_than_the_crop_are_enlarged(photos: Path) -> None:
    assert random_crops(list_photos(photos), 2, 64, np.random.default_rng(7)).shape == (2, 64, 64, 3)


def test_a_photo_that_is_none_is_named(photos: Path, tmp_path: Path) -> None:
    for path in photos.iterdir():
        path.write_text("words")
    with pytest.raises(CodecError, match=r"\.png: is not an image that Pillow can read"):
        next(train(toy_config(photos, tmp_path / "run", 2), TOY))
    assert not (tmp_path / "run").exists()


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="no photo below it"):
        list_photos(tmp_path)
