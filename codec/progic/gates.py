"""What keeps the feed-forward networks of ProGIC from exploding in training: a soft clamp on the gate's product.

Nothing else bounds that product: it is quadratic in what enters, so that a stack of blocks which is thrown off squares
its values block by block. On one photo of training without its first packet the body of the shipped nano goes, in
bfloat16, from 61 over 200, 3.9e3, 1.3e6 and 3.1e11 to 6e21; the gradient of its L1 is infinite, and with limits of
512, 128 and 64 on the body 2,200, 1,100 and 75.

Largest products otherwise, in bfloat16, on 539 photos (every one for evaluation, others of training) for nano, and 97
for two models of the shape small; whole and prefixes of the stages, and in brackets with stages or cells missing:

                encoder         body            trunk           mask
    nano        19              16 (13)         125 (119)       3.1e7 (1.8e7)
    small       4.5             13 (13)         200 (1,300)     93 (93)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

BODY_LIMIT = 64.0
"""In the stacks of the two transforms: three times what sound weights reach."""
TRUNK_LIMIT = 2048.0
"""In the trunk of an attention module."""
MASK_LIMIT = 2.0**26
"""In its mask, which ends in a sigmoid and may grow large at no harm."""


class SoftClamp(torch.autograd.Function):
    """x where |x| <= limit; beyond it a curve that leaves with the same slope and never reaches twice the limit."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, limit: float) -> Tensor:
        """Same shape as `x`; the very same values where none is beyond the limit."""
        ctx.limit = limit
        ctx.inside = x.is_cpu and _is_inside(x.detach(), limit)  # on a CPU a look costs less than the curve
        if ctx.inside:
            return x.view_as(x)
        beyond = functional.softshrink(x, limit)
        held = x.clamp(-limit, limit).addcdiv(beyond, beyond.abs() / limit + 1)  # no difference of large numbers
        ctx.save_for_backward(held)
        return held

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """By the slope, which is known from what came out: what went in need not be kept."""
        (gradient,) = gradients
        if ctx.inside:
            return gradient, None
        (held,) = ctx.saved_tensors
        return gradient * (2 - held.abs().clamp(min=ctx.limit) / ctx.limit).square(), None


def _is_inside(x: Tensor, limit: float) -> bool:
    """Whether all of float[B, ...] lies within; as one row, in the order of memory, it is looked through fastest."""
    low, high = torch.aminmax(x.movedim(1, -1).reshape(-1) if x.dim() == 4 else x)
    return bool(low >= -limit) and bool(high <= limit)
