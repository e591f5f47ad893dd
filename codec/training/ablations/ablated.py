"""ProGIC without its attention modules or without its modulation, to be trained and scored, not to be sent.

Weights of such a model lack tensors that `shape.tensor_shapes` wants, so that every receiver refuses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from codec.progic.model import DepthwiseBlock, FeedForward, ProGIC


class Parts(Protocol):
    """What of ProGIC is there; a recipe says so."""

    @property
    def attention(self) -> bool:
        """Whether both attention modules are."""

    @property
    def modulation(self) -> bool:
        """Whether the decoder's blocks are told how many stages are held."""


class Through(nn.Module):
    """In the place of an attention module: hands on what it is given."""

    def forward(self, x: Tensor, held: Tensor | None = None) -> Tensor:
        """`x` itself."""
        return x


def without(model: ProGIC, parts: Parts) -> ProGIC:
    """The model, changed in place, without the parts that are off; with both on, as it came."""
    if not parts.attention:
        model.analysis.attention = model.synthesis.attention = Through()  # type: ignore[assignment]
    if not parts.modulation:
        for module in model.synthesis.modules():
            if isinstance(module, DepthwiseBlock | FeedForward):
                module.scale = module.bias = None
    return model


def count_flops(model: ProGIC, side: int) -> int:
    """FLOPs of coding one square photo and decoding it whole, as `model.complexity` counts them, of this very model."""
    flops, config = 0, model.config

    def count(module: nn.Module, _inputs: Sequence[Tensor], output: Tensor) -> None:
        nonlocal flops
        assert isinstance(module, nn.Conv2d)
        flops += output.numel() * (2 * module.weight[0].numel() + 1)

    hooks = [each.register_forward_hook(count) for each in model.modules() if isinstance(each, nn.Conv2d)]
    rows, columns = config.grid(side, side)
    with torch.no_grad():
        latent = model.analysis(torch.zeros(1, 3, rows * config.downsampling, columns * config.downsampling))
        model.synthesis(latent, torch.ones(1, dtype=torch.int64))
    for hook in hooks:
        hook.remove()
    return flops + 2 * rows * columns * config.stages * config.codewords * config.latent_channels
