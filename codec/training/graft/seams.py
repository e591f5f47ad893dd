"""A narrower heir: codebooks and attentions of the giver, transforms of another model, and seams by least squares."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.base import WeightsError
from codec.progic.model import ProGIC
from codec.progic.shape import UNSHUFFLE

RIDGE = 1e-6
"""Share of the mean square of what a seam is fitted from: keeps features that say the same from cancelling out."""


class Seam:
    """Least squares of the outputs of a layer from its inputs, a bias besides; sums alone are kept, in float64."""

    def __init__(self, held: int, made: int) -> None:
        self.gram = torch.zeros(held + 1, held + 1, dtype=torch.float64)
        self.product = torch.zeros(held + 1, made, dtype=torch.float64)

    def add(self, held: Tensor, made: Tensor) -> None:
        """Cells float[B, held, h, w] of which the layer is to make float[B, made, h, w]."""
        x, y = (each.double().permute(0, 2, 3, 1).flatten(0, 2) for each in (held, made))
        x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
        self.gram += x.T @ x
        self.product += x.T @ y

    def fit(self, layer: nn.Conv2d) -> None:
        """Set the layer, whose patches are its strides."""
        ridge = RIDGE * self.gram.diagonal().mean() * torch.eye(len(self.gram), dtype=torch.float64)
        solved = torch.linalg.solve(self.gram + ridge, self.product).T.to(layer.weight.dtype)
        assert layer.bias is not None
        layer.weight.data.copy_(solved[:, :-1].reshape(layer.weight.shape))
        layer.bias.data.copy_(solved[:, -1])


@torch.no_grad()
def graft(giver: ProGIC, onto: ProGIC, crops: Iterable[Tensor], seed: int = 0) -> ProGIC:
    """A model of the shape of `onto`, fitted on batches of crops, float[B, 3, H, W] in -1 to 1.

    Raises WeightsError where the latents of the two have another shape.
    """
    if (
        giver.quantizer.codebooks.shape != onto.quantizer.codebooks.shape
        or giver.config.downsampling != onto.config.downsampling
    ):
        raise WeightsError("the two models code latents of another shape; a graft needs the same stages and codewords")
    heir = copy.deepcopy(onto)
    heir.quantizer.load_state_dict(giver.quantizer.state_dict())
    heir.analysis.attention.load_state_dict(giver.analysis.attention.state_dict())
    heir.synthesis.attention.load_state_dict(giver.synthesis.attention.state_dict())
    down, up = heir.analysis.down, heir.synthesis.up
    enters, leaves = Seam(down.weight[0].numel(), len(down.weight)), Seam(up.in_channels, up.out_channels)
    stages = giver.config.stages
    drawn = torch.Generator().manual_seed(seed)
    for x in crops:
        enters.add(
            functional.pixel_unshuffle(before_down(onto, x), down.stride[0]), giver.analysis.down(before_down(giver, x))
        )
        held = torch.randint(1, stages + 1, (len(x),), generator=drawn)
        held[: len(x) // 2] = stages  # half of what is learned later is whole
        given, own = (model.synthesis.attention(prefix(model, x, held), held) for model in (giver, onto))
        leaves.add(given, onto.synthesis.up(own))
    enters.fit(down)
    leaves.fit(up)
    return heir


def before_down(model: ProGIC, x: Tensor) -> Tensor:
    """What analysis knows at H/8."""
    known: Tensor = model.analysis.body(model.analysis.enter(functional.pixel_unshuffle(x, UNSHUFFLE)))
    return known


def prefix(model: ProGIC, x: Tensor, held: Tensor) -> Tensor:
    """The latent of the first `held` stages of each picture."""
    indices = model.encode(x)
    kept = torch.arange(indices.shape[1])[None, :] < held[:, None]
    return model.quantizer.decode(torch.where(kept[:, :, None, None], indices, -1))
