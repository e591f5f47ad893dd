"""The guess as a torch module, and the decoder that it teaches to be modulated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from codec.files import write_whole
from codec.progic.extras.guess import channels_in, name_codebooks
from codec.progic.model import ProGIC, Stack
from codec.progic.shape import ProgicConfig


class GuessNetwork(nn.Module):
    """See `codec.progic.extras.guess`, which has the same sums on matrices."""

    def __init__(self, config: ProgicConfig, width: int, blocks: int, expansion: int) -> None:
        super().__init__()
        self.shape = {"width": width, "blocks": blocks, "expansion": expansion}
        self.enter = nn.Conv2d(channels_in(config.stages, config.latent_channels), width, 1)
        self.body = Stack(width, blocks, expansion)
        self.leave = nn.Conv2d(width, config.latent_channels, 1)

    def forward(self, seen: Tensor) -> Tensor:
        """float[B, C2, h, w] of float[B, channels_in, h, w]."""
        found: Tensor = self.leave(self.body(self.enter(seen)))
        return found


def modulation_of(model: ProGIC) -> dict[str, nn.Parameter]:
    """What modulates the decoder of `model`, by the names of its tensors."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.dim() == 2}


def save_guess(
    network: GuessNetwork, moved: Mapping[str, Tensor], books: Tensor, codebooks: Tensor, path: Path
) -> None:
    """Write the guess as float16 safetensors, whole or not at all; `moved`: the modulation less the model's own.

    Raises OSError.
    """
    state = {f"guess.{name}": tensor for name, tensor in network.state_dict().items()}
    state |= {**moved, "hints.books": books}
    halves = {name: tensor.detach().to(torch.float16).contiguous() for name, tensor in state.items()}
    about = {**network.shape, "codebooks": name_codebooks(codebooks.float().numpy()), "hint_bytes": len(books)}
    write_whole(path, save(halves, {"guess": json.dumps(about)}))
