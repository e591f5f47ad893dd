"""ProGIC against the paper's table and against its equations worked by hand."""

import dataclasses

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from codec.progic.model import ProGIC, ResidualQuantizer, complexity, nearest
from codec.progic.shape import PRESETS, ProgicConfig, tensor_shapes

TINY = ProgicConfig(
    channels=8, encoder_blocks=1, decoder_blocks=1, latent_channels=8, expansion=2, stages=3, index_bits=4
)


@pytest.fixture
def tiny():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return ProGIC(TINY).eval().requires_grad_(False)


@pytest.mark.parametrize(("preset", "parameters", "flops"), [("base", 33.11e6, 333.38e9), ("small", 14.44e6, 108.28e9)])
def test_cost_is_within_four_percent_of_table_1_at_512x768(preset, parameters, flops):
    cost = complexity(PRESETS[preset], 512, 768)
    assert cost.parameters == pytest.approx(parameters, rel=0.04)
    assert cost.flops == pytest.approx(flops, rel=0.04)


@pytest.mark.parametrize("preset", ["base", "small", "nano"])
def test_counted_flops_are_those_of_torchs_own_counter_and_the_biases_that_it_leaves_out(preset):
    with torch.device("meta"):
        model = ProGIC(PRESETS[preset]).eval()
    biases = 0

    def add(module, inputs, output):
        nonlocal biases
        biases += output.numel()

    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(add)
    with torch.inference_mode(), FlopCounterMode(display=False) as counted:
        latent = model.analysis(torch.zeros(1, 3, 512, 768, device="meta"))
        model.quantizer.encode(latent)
        model.synthesis(latent, torch.ones(1, dtype=torch.int64, device="meta"))
    flops = complexity(PRESETS[preset], 512, 768).flops
    assert flops == counted.get_total_flops() + biases
    assert biases < 0.005 * flops


def test_counted_parameters_are_those_of_the_weights_file(tiny):
    assert complexity(TINY, 32, 32).parameters == sum(tensor.numel() for tensor in tiny.state_dict().values())


@pytest.mark.parametrize("config", [TINY, *PRESETS.values(), dataclasses.replace(TINY, downsampling=8)])
def test_names_and_shapes_of_a_weights_file_are_those_of_the_network(config):
    with torch.device("meta"):
        state = ProGIC(config).state_dict()
    assert tensor_shapes(config) == {name: tuple(tensor.shape) for name, tensor in state.items()}


def test_four_times_the_pixels_cost_four_times_the_flops():
    assert complexity(TINY, 64, 64).flops == 4 * complexity(TINY, 32, 32).flops


def test_a_stage_adds_0_0391_bits_a_pixel():
    assert PRESETS["base"].index_bits / PRESETS["base"].downsampling ** 2 == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize("downsampling", [8, 16, 32, 64])
def test_shapes_for_each_downsampling(downsampling):
    model = ProGIC(dataclasses.replace(TINY, downsampling=downsampling)).eval()
    with torch.inference_mode():
        indices = model.encode(torch.zeros(2, 3, 64, 128))
        assert indices.shape == (2, 3, 64 // downsampling, 128 // downsampling)
        assert indices.dtype == torch.int64
        assert model.decode(indices).shape == (2, 3, 64, 128)


def quantizer_with(*codebooks):
    words = torch.tensor(codebooks)
    config = ProgicConfig(1, 1, 1, latent_channels=words.shape[2], stages=words.shape[0], index_bits=1)
    quantizer = ResidualQuantizer(config)
    quantizer.codebooks.copy_(words)
    return quantizer


def test_each_stage_quantizes_what_the_one_before_left():
    # Stage 1 knows 0 and 10, stage 2 knows -2 and 1. Latents 11 and 7:
    # 11 -> 10 (index 1), leaving 1 -> 1 (index 1); 7 -> 10 (index 1), leaving -3 -> -2 (index 0).
    quantizer = quantizer_with([[0.0], [10.0]], [[-2.0], [1.0]])
    indices = quantizer.encode(torch.tensor([[[[11.0, 7.0]]]]))
    assert indices.tolist() == [[[[1, 1]], [[1, 0]]]]
    assert quantizer.decode(indices).tolist() == [[[[11.0, 8.0]]]]


def test_a_codeword_that_never_arrived_adds_nothing():
    quantizer = quantizer_with([[0.0], [10.0]], [[-2.0], [1.0]])
    assert quantizer.decode(torch.tensor([[[[1, 1]], [[-1, 0]]]])).tolist() == [[[[10.0, 8.0]]]]
    assert quantizer.decode(torch.tensor([[[[-1, 1]], [[1, -1]]]])).tolist() == [[[[1.0, 10.0]]]]
    assert quantizer.decode(torch.full((1, 2, 1, 2), -1)).tolist() == [[[[0.0, 0.0]]]]


def test_nearest_means_least_squared_distance_over_all_channels():
    codebook = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 0.0]])
    vectors = torch.tensor([[0.1, 0.2], [3.0, 3.0], [6.0, 1.0], [2.0, 1.0]])
    assert nearest(vectors, codebook).tolist() == [0, 1, 2, 0]


def test_residuals_shrink_or_stay_when_each_codebook_holds_zero(tiny):
    tiny.quantizer.codebooks[:, 0] = 0
    latent = torch.randn(1, 8, 4, 4, generator=torch.Generator().manual_seed(2))
    indices = tiny.quantizer.encode(latent)
    errors = [
        (latent - tiny.quantizer.decode(torch.where(torch.arange(3)[None, :, None, None] < held, indices, -1))).norm()
        for held in range(4)
    ]
    assert errors == sorted(errors, reverse=True)


def test_modulation_picks_the_row_of_the_number_of_stages_held(tiny):
    for name, parameter in tiny.synthesis.named_parameters():
        if name.endswith((".scale", ".bias")) and parameter.ndim == 2:
            assert parameter.shape[0] == TINY.stages
            parameter[1] += 0.5  # the row of two stages held
    indices = tiny.encode(torch.rand(1, 3, 32, 32) * 2 - 1)
    unmodulated = ProGIC(TINY).eval().requires_grad_(False)
    unmodulated.load_state_dict(tiny.state_dict())
    for name, parameter in unmodulated.synthesis.named_parameters():
        if name.endswith((".scale", ".bias")) and parameter.ndim == 2:
            parameter[1] -= 0.5
    for kept, changed in [((0,), False), ((2,), False), ((0, 1), True), ((0, 2), True), ((0, 1, 2), False)]:
        holed = torch.full_like(indices, -1)
        holed[:, kept] = indices[:, kept]
        same = torch.allclose(tiny.decode(holed), unmodulated.decode(holed), atol=1e-6)
        assert same is not changed, f"stages {kept} held"


def test_one_cell_of_a_stage_counts_as_holding_it(tiny):
    tiny.synthesis.body.blocks[0].bias[1] += 1  # the row of two stages held
    indices = tiny.encode(torch.rand(1, 3, 32, 32) * 2 - 1)
    one, two = torch.full_like(indices, -1), torch.full_like(indices, -1)
    one[:, 0] = indices[:, 0]
    two[:, 0], two[:, 1, 0, 0] = indices[:, 0], indices[:, 1, 0, 0]
    far_corner = (slice(None), slice(None), slice(-1, None), slice(-1, None))
    assert not torch.allclose(tiny.decode(one)[far_corner], tiny.decode(two)[far_corner])


def test_each_picture_of_a_batch_is_modulated_by_its_own_holes(tiny):
    tiny.synthesis.body.blocks[0].bias[0] += 1
    indices = tiny.encode(torch.rand(2, 3, 32, 32) * 2 - 1)
    indices[0, 1:] = -1
    together = tiny.decode(indices)
    alone = torch.cat([tiny.decode(indices[:1]), tiny.decode(indices[1:])])
    assert torch.allclose(together, alone, atol=1e-5)


def test_nothing_held_still_decodes(tiny):
    assert tiny.decode(torch.full((1, 3, 2, 2), -1)).isfinite().all()
