"""Multi-scale structural similarity (Wang, Simoncelli and Bovik, Asilomar 2003)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad

from codec.base import CodecError

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW_SIDE = 11
WINDOW_SIGMA = 1.5
C1 = 0.01**2  # K1 = 0.01 and K2 = 0.03 of a data range of 1
C2 = 0.03**2
MS_SSIM_MIN_SIDE = (WINDOW_SIDE - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 1


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """Similarity float[N], 1 for equal images, of two batches float[N, C, H, W] with values in [0, 1].

    Eq. 7 of the paper on each channel, then the mean over channels: contrast times structure at scales 1 to 4, SSIM
    whole at scale 5, each to its weight. As in the authors' MATLAB code, windows lie wholly inside the image at every
    scale, and between scales are 2x2 means, the last row or column of an odd side twice. The paper is silent on colour
    and on negative terms: the mean of the channels' products, and zero, as in TensorFlow. Gradients stay finite.
    Raises CodecError where a side has less than 161 pixels, for the window then does not fit the fifth scale (the
    MATLAB code refuses less than 176).

    torchmetrics 1.9.0 differs thrice: its SSIM at scale 5 has windows over a mirrored border too (for 256x256 pixels
    220 of 256), its terms are means over channels before they are multiplied, and odd sides lose their last row.
    """
    height, width = x.shape[-2:]
    if min(height, width) < MS_SSIM_MIN_SIDE:
        raise CodecError(f"MS-SSIM needs sides of at least {MS_SSIM_MIN_SIDE} pixels; the image is {width}x{height}")
    terms = []
    for scale in range(len(SCALE_WEIGHTS)):
        if scale:
            x, y = _halve(x), _halve(y)
        luminance, contrast_structure = _ssim_maps(x, y)
        last = scale == len(SCALE_WEIGHTS) - 1
        terms.append((luminance * contrast_structure if last else contrast_structure).mean((2, 3)))
    stacked = torch.stack(terms)
    # A power has no gradient at zero: take it of a positive stand-in, then put the zeros back.
    powers = stacked.clamp(min=1e-12) ** stacked.new_tensor(SCALE_WEIGHTS)[:, None, None]
    return powers.prod(0).where((stacked > 0).all(0), 0.0).mean(1)


def _halve(x: Tensor) -> Tensor:
    """Means of 2x2 pixels, the last row or column of an odd side taken twice."""
    return avg_pool2d(pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate"), 2)


def _ssim_maps(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance and contrast-structure maps under the Gaussian window, each side 10 pixels less than the images."""
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x = _blur(x * x) - mean_x.square()
    variance_y = _blur(y * y) - mean_y.square()
    covariance = _blur(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
    return luminance, (2 * covariance + C2) / (variance_x + variance_y + C2)


def _blur(x: Tensor) -> Tensor:
    """Gaussian-weighted means over 11x11 windows that lie wholly inside `x`."""
    offsets = torch.arange(WINDOW_SIDE, dtype=x.dtype, device=x.device) - WINDOW_SIDE // 2
    window = torch.exp(-offsets.square() / (2 * WINDOW_SIGMA**2))
    window = (window / window.sum()).expand(x.shape[1], 1, WINDOW_SIDE)
    down = conv2d(x, window[:, :, :, None], groups=x.shape[1])
    return conv2d(down, window[:, :, None, :], groups=x.shape[1])
