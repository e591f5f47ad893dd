"""DISTS-lite: the formula of DISTS on a small network of our own, whose weights ship with the package.

The formula and its pooling are here, for `dists` to take too, so that no large network comes in with them.

Not the official DISTS: its weights were learned from (LPIPS-squeeze + DISTS on VGG-19) / 2 by
`codec/training/distill/`; how well it agrees with them, and where not, is in `dists-lite.md` beside this file.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import torch
from torch import Tensor, nn

from codec.base import WeightsError

WEIGHTS = Path(__file__).with_name("dists-lite.safetensors")
WIDTHS = (16, 32, 64, 96, 160)
"""Channels at 1, 1/2, 1/4, 1/8 and 1/16 of the picture's size."""
DOUBLED = (2, 3, 4)
"""Levels with a second convolution, added to the first."""
CHANNELS = (3, *WIDTHS)
C1 = 1e-6
"""Both constants of eqs. 4 and 5 in DISTS, and in DISTS-lite:"""
FLOOR = 1e-5


class L2Pool(nn.Module):
    """Halve each side by the root of a Hann-weighted mean of squares, sqrt(g * x^2 + 1e-12) (Ding et al. 2020).

    g is the 3x3 outer product of (0.5, 1, 0.5), normalised to sum 1; stride 2, zero padding of 1.
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.tensor([0.5, 1.0, 0.5])
        kernel = window[:, None] * window[None, :]
        self.register_buffer("kernel", (kernel / kernel.sum())[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        kernel = self.kernel.to(x.dtype).expand(channels, 1, 3, 3)
        return (nn.functional.conv2d(x.square(), kernel, stride=2, padding=1, groups=channels) + 1e-12).sqrt()


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


def similarities(x: Tensor, y: Tensor, floor: float = C1) -> tuple[Tensor, Tensor]:
    """Texture and structure, float[N, C] each, of two maps float[N, C, H, W] (eqs. 4 and 5): 1 where they are alike.

    `floor` is c1 and c2, which keep channels that hardly stir from counting.
    """
    mean_x, mean_y = x.mean((2, 3), keepdim=True), y.mean((2, 3), keepdim=True)
    # Centred moments: equal to E[xy] - E[x]E[y], but without its cancellation in float32.
    x, y = x - mean_x, y - mean_y
    variances = x.square().mean((2, 3)) + y.square().mean((2, 3))
    return similarities_of_moments(mean_x[:, :, 0, 0], mean_y[:, :, 0, 0], variances, (x * y).mean((2, 3)), floor)


def similarities_of_moments(
    mean_x: Tensor, mean_y: Tensor, variances: Tensor, covariance: Tensor, floor: float
) -> tuple[Tensor, Tensor]:
    """Texture and structure of channels whose two means, sum of variances and covariance are known."""
    texture = (2 * mean_x * mean_y + floor) / (mean_x.square() + mean_y.square() + floor)
    return texture, (2 * covariance + floor) / (variances + floor)


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
