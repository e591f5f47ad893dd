"""DISTS-lite: the formula of DISTS on a small network of our own, whose weights ship with the package.

Not the official DISTS: its weights were learned from (LPIPS-squeeze + DISTS on VGG-19) / 2 by
`codec/training/distill/`; how well it agrees with them, and where not, is in `dists-lite.md` beside this file.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from codec.base import Image, WeightsError
from codec.metrics.backbones import L2Pool
from codec.metrics.dists import similarities, similarities_of_moments

WEIGHTS = Path(__file__).with_name("dists-lite.safetensors")
WIDTHS = (16, 32, 64, 96, 160)
"""Channels at 1, 1/2, 1/4, 1/8 and 1/16 of the picture's size."""
DOUBLED = (2, 3, 4)
"""Levels with a second convolution, added to the first."""
CHANNELS = (3, *WIDTHS)
FLOOR = 1e-5
"""Both constants of eqs. 4 and 5."""
STRIP_ROWS = 256
HALO_ROWS = 80
"""More than any feature sees above or below it (74), and a multiple of the largest stride."""


class DistsLite(nn.Module):
    """Distance float[N], 0 for equal pictures, of two batches float[N, 3, H, W] with RGB in [0, 1]; symmetric.

    Eq. 6 of Ding et al. 2020: the sum over channels of alpha * (1 - texture) + beta * (1 - structure), for the picture
    and five maps of a convolutional network under L2 pooling. Each map is divided, where it is strong, by its length
    across channels: x / sqrt(mean(x^2) + softness^2), so that faint and strong contrasts count alike, as in LPIPS.
    `alpha` and `beta`, float[371] each, are not negative; their sum sets the scale. Gradients reach both inputs.
    """

    alpha: Tensor
    beta: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Conv2d(held, made, 3, padding=1) for held, made in itertools.pairwise(CHANNELS))
        self.second = nn.ModuleDict({str(n): nn.Conv2d(WIDTHS[n], WIDTHS[n], 3, padding=1) for n in DOUBLED})
        self.softness = nn.Parameter(torch.full((len(WIDTHS),), 0.3))
        self.pool = L2Pool()
        self.register_buffer("alpha", torch.ones(sum(CHANNELS)) / sum(CHANNELS) / 2)
        self.register_buffer("beta", torch.ones(sum(CHANNELS)) / sum(CHANNELS) / 2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.distance(self.features(x), self.features(y))

    def features(self, x: Tensor) -> list[Tensor]:
        """The picture and its five maps; keep those of a reference that many pictures are compared with."""
        taps, held = [x], self.entering(x, 0)
        for level in range(len(WIDTHS)):
            held = self._level(self.pool(held) if level else held, level)
            strength = held.square().mean(1, keepdim=True) + self.softness[level].square() + 1e-6
            taps.append(held * strength.rsqrt())
        return taps

    def entering(self, x: Tensor, level: int) -> Tensor:
        """What the first convolution of a level sees."""
        held = (4 * x - 2).contiguous(memory_format=torch.channels_last)
        for below in range(level):
            held = self.pool(self._level(held, below))
        return held

    def convolutions(self, level: int) -> tuple[nn.Conv2d, nn.Conv2d | None]:
        """A level's first convolution and, where it has one, its second."""
        first, second = self.first[level], self.second[str(level)] if level in DOUBLED else None
        assert isinstance(first, nn.Conv2d)
        assert second is None or isinstance(second, nn.Conv2d)
        return first, second

    def _level(self, held: Tensor, level: int) -> Tensor:
        first, second = self.convolutions(level)
        held = first(held).relu()
        return held if second is None else (held + second(held)).relu()

    def distance(self, x_features: list[Tensor], y_features: list[Tensor]) -> Tensor:
        """Distance float[N] of two feature lists."""
        texture, structure = self.dissimilarities(x_features, y_features)
        return texture @ self.alpha + structure @ self.beta

    @staticmethod
    def dissimilarities(x_features: list[Tensor], y_features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """1 - texture and 1 - structure, float[N, 371] each."""
        terms = [similarities(fx, fy, FLOOR) for fx, fy in zip(x_features, y_features, strict=True)]
        return 1 - torch.cat([texture for texture, _ in terms], 1), 1 - torch.cat(
            [structure for _, structure in terms], 1
        )

    @torch.inference_mode()
    def compare_in_strips(self, reference: Image, image: Image) -> float:
        """The distance of two uint8[H, W, 3], equal to that of `forward` but for rounding, in bounded memory.

        Means, variances and covariances are sums over positions, so that strips of rows, each with what its features
        see above and below, add up to the whole.
        """
        sums = [torch.zeros(5, width, dtype=torch.float64, device=self.alpha.device) for width in CHANNELS]
        counts = [0] * len(CHANNELS)
        for pairs in self._strips(reference, image):
            for k, (x, y) in enumerate(pairs):
                for row, (a, b) in enumerate(((x, None), (y, None), (x, x), (y, y), (x, y))):
                    sums[k][row] += (a if b is None else a * b).sum((0, 2, 3), dtype=torch.float64)
                counts[k] += x.shape[2] * x.shape[3]
        distance = torch.zeros((), dtype=torch.float64, device=self.alpha.device)
        at = 0
        for total, count in zip(sums, counts, strict=True):
            mean_x, mean_y, square_x, square_y, product = total / count
            variances = (square_x - mean_x**2 + square_y - mean_y**2).clamp(min=0)
            texture, structure = similarities_of_moments(mean_x, mean_y, variances, product - mean_x * mean_y, FLOOR)
            here = slice(at, at + len(mean_x))
            distance += (1 - texture) @ self.alpha[here].double() + (1 - structure) @ self.beta[here].double()
            at += len(mean_x)
        return max(0.0, float(distance))

    def _strips(self, reference: Image, image: Image) -> Iterator[list[tuple[Tensor, Tensor]]]:
        height = reference.shape[0]
        for top in range(0, height, STRIP_ROWS):
            end = min(top + STRIP_ROWS, height)
            above = max(0, top - HALO_ROWS)
            maps = []
            for picture in (reference, image):
                rows = torch.from_numpy(picture[above : end + HALO_ROWS].astype(np.float32) / 255)
                x = rows.to(self.alpha.device).permute(2, 0, 1)[None]
                strides = (1, *(2**level for level in range(len(WIDTHS))))
                taps = zip(self.features(x), strides, strict=True)
                maps.append([tap[:, :, (top - above) // s : -(-(end - above) // s)] for tap, s in taps])
            yield list(zip(*maps, strict=True))


def save_dists_lite(network: DistsLite, path: Path) -> None:
    """Write the weights as float16 safetensors, atomically."""
    from safetensors.torch import save_file

    partial = path.with_suffix(".partial")
    save_file({name: tensor.detach().half().contiguous() for name, tensor in network.state_dict().items()}, partial)
    os.replace(partial, path)


def load_dists_lite(path: Path = WEIGHTS) -> DistsLite:
    """DISTS-lite with the shipped weights (or those of another file), frozen. Raises WeightsError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    network = DistsLite()
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: not the weights of DISTS-lite ({reason}); install satsim again") from error
    network.requires_grad_(False)
    return network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]
