"""Training on a toy model: it learns, resumes exactly, and its codebooks follow the data."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from codec.base import CodecError, WeightsError
from codec.codebooks import CodebookTrainer
from codec.data import list_photos, random_crops
from codec.model import PRESETS, ProgicConfig
from codec.optimizers import orthogonalise
from codec.train import TrainConfig, kept_cells, learning_rate, train
from codec.zoo import load_model

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
    first.close()  # the third step was reported but not yet saved: the run goes on from the second
    rows = rows[:2] + list(train(cut, TOY))
    assert [row["loss"] for row in rows] == [row["loss"] for row in whole]


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
    kept = kept_cells(config, 5, (20, 2, 2))
    for image in kept.permute(1, 0, 2, 3):
        held = [bool(stage.all()) for stage in image]
        assert held in [[True] * k + [False] * (5 - k) for k in range(1, 5)]


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


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="no photo below it"):
        list_photos(tmp_path)
