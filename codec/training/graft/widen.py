"""A wider heir that holds its giver in a corner of its weights."""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import Tensor

from codec.base import WeightsError
from codec.progic.model import FeedForward, ProGIC
from codec.progic.shape import ProgicConfig

GROWS = ("channels", "encoder_blocks", "decoder_blocks")


@torch.no_grad()
def widen(giver: ProGIC, shape: ProgicConfig, seed: int = 0) -> ProGIC:
    """A model of this shape that makes the giver's latents and pictures.

    What the giver knows reads nothing of the channels that are new, and blocks that are new add nothing; the rest is
    drawn anew. Raises WeightsError where the shape is no larger one with the same latents.
    """
    own, wanted = asdict(giver.config), asdict(shape)
    for key, value in own.items():
        if wanted[key] < value or (wanted[key] > value and key not in GROWS):
            raise WeightsError(f"{key} is {wanted[key]}; expected {'at least ' * (key in GROWS)}the giver's {value}")
    torch.manual_seed(seed)
    heir = ProGIC(shape).eval()
    gated = {f"{name}.enter" for name, module in heir.named_modules() if isinstance(module, FeedForward)}
    known = giver.state_dict()
    for name, tensor in heir.state_dict().items():
        layer, _, _ = name.rpartition(".")
        if name in known:
            plant(known[name], tensor, halves=2 if layer in gated else 1)
        elif layer.endswith(".leave"):
            tensor.zero_()
    return heir


def plant(known: Tensor, wide: Tensor, halves: int) -> None:
    """Put a tensor in the corner of a wider one, or each of its halves; what it makes reads nothing else."""
    known, wide = (each.view(halves, -1, *each.shape[1:]) for each in (known, wide))
    corner = wide[:, : known.shape[1]]
    if known.dim() == 1 + 4:  # a convolution's
        corner.zero_()
    if known.dim() > 2:
        corner = corner[:, :, : known.shape[2]]
    corner.copy_(known)
