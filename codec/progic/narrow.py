"""ProGIC in bfloat16, where the processor multiplies it: in less than half of the time of float32.

The residual blocks' weights and products are bfloat16, summed in float32 by the processor; the residual stream, the
search for codewords and the layers outside of blocks stay float32. So a picture of the same indices is a level or two
off, and a few indices in a hundred are others: as good a picture, which any receiver of these weights shows. The same
processor and photo give the same bytes; another processor may sum in another order, and choose other indices.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from codec.base import CodecError
from codec.progic.decoder import Operations
from codec.progic.fast import TORCH
from codec.progic.shape import ARITHMETICS

NARROW = torch.bfloat16


def operations_for(arithmetic: str, able: bool) -> tuple[Operations, torch.dtype]:
    """The sums of this arithmetic, and the type of the weights of residual blocks.

    Raises CodecError for one that there is not, and where the processor is not `able` to multiply bfloat16: emulated,
    it is slower than float32.
    """
    if arithmetic not in ARITHMETICS[1:]:
        raise CodecError(f"arithmetic is {arithmetic!r}; expected {' or '.join(ARITHMETICS)}")
    if not able:
        raise CodecError(
            "arithmetic is 'bfloat16', which this processor does not multiply; leave it out: float32 is faster here"
        )
    return TORCH._replace(linear=_linear, gated=_gated, add_product=_add_product), NARROW


def multiplies_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return functional.linear(x.to(weight.dtype), weight, bias)


def _gated(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    x, half = x.to(NARROW), len(weight) // 2
    gate = functional.linear(x, weight[:half], bias[:half]).relu_()  # two products: a half of one would be copied
    return gate.mul_(functional.linear(x, weight[half:], bias[half:]))


def _add_product(x: Tensor, branch: Tensor, weight: Tensor) -> None:
    x += functional.linear(branch, weight)
