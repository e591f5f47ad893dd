"""The fast form of ProGIC says what the model says, for every shape, every number of stages held, and every hole."""

import numpy as np
import pytest
import torch
from conftest import picture, random_model

from codec.progic.codec import to_tensor
from codec.progic.decoder import ROWS
from codec.progic.fast import FastProGIC
from codec.progic.shape import PRESETS, ProgicConfig

TOLERANCE = 1e-4
"""Largest difference as a share of the largest value: float32 sums in another order, through some forty layers."""


def fast_form(model):
    """The fast form on the model's own weights, not a copy."""
    return FastProGIC(model.config, {name: tensor.numpy() for name, tensor in model.state_dict().items()})


def photo(height, width, multiple):
    return to_tensor(picture(height, width), multiple)


def random_grid(config, rows, columns, stages, holes=False):
    """Indices of the first `stages` stages, the others -1; with `holes`, a third of all cells too."""
    rng = np.random.default_rng(stages)
    grid = rng.integers(0, config.codewords, (1, config.stages, rows, columns))
    grid[:, stages:] = -1
    if holes:
        grid[rng.random(grid.shape) < 1 / 3] = -1
    return torch.from_numpy(grid)


def difference(one, other):
    assert one.shape == other.shape
    return float((one - other).abs().max() / one.abs().max())


def assert_as_near(model, x, found):
    """Each index found names the nearest codeword, or one that is nearest but for rounding.

    A cell is judged up to the first stage in which it differs, for from there on its residual is another.
    """
    expected = model.encode(x)
    residual = model.analysis(x)[0].flatten(1).t()
    same = torch.ones(len(residual), dtype=torch.bool)
    for book, one, other in zip(model.quantizer.codebooks, expected[0].flatten(1), found[0].flatten(1), strict=True):
        best, taken = ((residual - book[index]).square().sum(dim=1) for index in (one, other))
        assert (taken <= best * (1 + TOLERANCE))[same].all()
        same &= one == other
        residual = residual - book[one]
    assert same.float().mean() > 0.9


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_encodes_and_decodes_as_its_model_does(preset):
    config = PRESETS[preset]
    model = random_model(config)
    fast = fast_form(model)
    f = config.downsampling
    assert_as_near(model, x := photo(2 * f, 3 * f, f), fast.encode(x))
    grid = random_grid(config, 2, 3, config.stages, holes=True)
    assert difference(model.decode(grid), fast.decode(grid)) < TOLERANCE


@pytest.fixture(scope="module")
def small():
    """(model, its fast form): an eighth of nano's widths."""
    model = random_model(ProgicConfig(channels=16, encoder_blocks=2, decoder_blocks=2, latent_channels=32))
    return model, fast_form(model)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("held", [0, 1, 2, 3, 4, 5])
def test_every_number_of_stages_held_decodes_as_by_the_model(small, held, holes):
    model, fast = small
    grid = random_grid(model.config, 3, 5, held, holes)
    assert difference(model.decode(grid), fast.decode(grid)) < TOLERANCE


def test_stages_missing_in_the_middle_count_as_not_held(small):
    model, fast = small
    grid = random_grid(model.config, 4, 4, 5)
    grid[:, [0, 2]] = -1
    assert difference(model.decode(grid), fast.decode(grid)) < TOLERANCE


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 208), (37, 53), (304, 320)])
def test_any_size_does_as_by_the_model(small, height, width):
    model, fast = small
    assert_as_near(model, x := photo(height, width, 16), indices := fast.encode(x))
    assert difference(model.decode(indices), fast.decode(indices)) < TOLERANCE
    assert ROWS < 304 // 8 * 320 // 8, "the largest of these is worked through in more than one part"


def test_what_goes_in_is_left_alone_and_gives_the_same_again(small):
    model, fast = small
    x = photo(48, 48, 16)
    before, weights = x.clone(), {name: tensor.clone() for name, tensor in model.state_dict().items()}
    indices = fast.encode(x)
    shown = fast.decode(indices)
    kept = indices.clone()
    assert torch.equal(fast.encode(x), kept)
    assert torch.equal(fast.decode(indices), shown)
    assert torch.equal(indices, kept)
    assert torch.equal(x, before)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
