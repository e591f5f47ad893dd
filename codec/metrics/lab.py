"""How far off mean colours are, as a loss: CIE 1976 differences in CIELAB, with gradients (CIEDE2000: `colours`)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

COLOR_PIXELS = 8
"""Side of the squares whose mean colours are compared."""
XYZ_FROM_RGB = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
"""Of linear sRGB (IEC 61966-2-1); a row's sum is the white of D65."""
LAB_FLOOR = 0.01
"""Added to squared colour differences: their root has no slope at 0, and a tenth of a unit is beyond any eye."""


def colors_of(picture: Tensor) -> Tensor:
    """CIELAB float[B, 3, H / 8, W / 8] of the means of 8x8 pixels of sRGB float[B, 3, H, W] in -1 to 1."""
    return to_lab(functional.avg_pool2d(picture, COLOR_PIXELS))


def difference(one: Tensor, other: Tensor) -> Tensor:
    """CIE 1976 colour difference float[B, h, w] of CIELAB float[B, 3, h, w]."""
    return ((one - other).square().sum(dim=1) + LAB_FLOOR).sqrt()


def to_lab(picture: Tensor) -> Tensor:
    """CIELAB float[B, 3, H, W] (L* from 0 to 100) of sRGB in -1 to 1 (IEC 61966-2-1, white D65);
    what lies outside is cut off.
    """
    shown = ((picture.float() + 1) / 2).clamp(0, 1)
    linear = torch.where(shown > 0.04045, ((shown.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, shown / 12.92)
    matrix = linear.new_tensor(XYZ_FROM_RGB)
    ratios = torch.einsum("xc,bchw->bxhw", matrix / matrix.sum(dim=1, keepdim=True), linear)
    low = (6 / 29) ** 3
    x, y, z = torch.where(ratios > low, ratios.clamp(min=low) ** (1 / 3), ratios * (29 / 6) ** 2 / 3 + 4 / 29).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)
