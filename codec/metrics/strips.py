"""DISTS-lite of pictures too large to be held with all their features at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from codec.base import Image
from codec.metrics.dists_lite import CHANNELS, FLOOR, WIDTHS, DistsLite, similarities_of_moments

STRIP_ROWS = 256
HALO_ROWS = 80
"""More than any feature sees above or below it (74), and a multiple of the largest stride."""


@torch.inference_mode()
def compare_in_strips(network: DistsLite, reference: Image, image: Image) -> float:
    """The distance of two uint8[H, W, 3], equal to that of the network but for rounding, in bounded memory.

    Means, variances and covariances are sums over positions, so that strips of rows, each with what its features
    see above and below, add up to the whole.
    """
    device = network.alpha.device
    sums = [torch.zeros(5, width, dtype=torch.float64, device=device) for width in CHANNELS]
    counts = [0] * len(CHANNELS)
    for pairs in strips(network, reference, image):
        for k, (x, y) in enumerate(pairs):
            for row, (a, b) in enumerate(((x, None), (y, None), (x, x), (y, y), (x, y))):
                sums[k][row] += (a if b is None else a * b).sum((0, 2, 3), dtype=torch.float64)
            counts[k] += x.shape[2] * x.shape[3]
    distance = torch.zeros((), dtype=torch.float64, device=device)
    at = 0
    for total, count in zip(sums, counts, strict=True):
        mean_x, mean_y, square_x, square_y, product = total / count
        variances = (square_x - mean_x**2 + square_y - mean_y**2).clamp(min=0)
        texture, structure = similarities_of_moments(mean_x, mean_y, variances, product - mean_x * mean_y, FLOOR)
        here = slice(at, at + len(mean_x))
        distance += (1 - texture) @ network.alpha[here].double() + (1 - structure) @ network.beta[here].double()
        at += len(mean_x)
    return max(0.0, float(distance))


def strips(network: DistsLite, reference: Image, image: Image) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Strip by strip, each pair of feature maps without the rows that other strips hold."""
    height = reference.shape[0]
    for top in range(0, height, STRIP_ROWS):
        end = min(top + STRIP_ROWS, height)
        above = max(0, top - HALO_ROWS)
        maps = []
        for picture in (reference, image):
            rows = torch.from_numpy(picture[above : end + HALO_ROWS].astype(np.float32) / 255)
            x = rows.to(network.alpha.device).permute(2, 0, 1)[None]
            strides = (1, *(2**level for level in range(len(WIDTHS))))
            taps = zip(network.features(x), strides, strict=True)
            maps.append([tap[:, :, (top - above) // s : -(-(end - above) // s)] for tap, s in taps])
        yield list(zip(*maps, strict=True))
