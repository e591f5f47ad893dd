"""LPIPS v0.1 (Zhang et al., CVPR 2018): a learned distance between the deep features of two images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from codec.metrics.backbones import SqueezeNetFeatures, Vgg16Features

# The authors' scaling layer, for inputs in [-1, 1].
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
EPSILON = 1e-10


class Lpips(nn.Module):
    """Distance float[N], 0 for equal images, of two batches float[N, 3, H, W] with RGB **in [0, 1]**.

    The published network takes [-1, 1]; the step from [0, 1] is made inside, so that all metrics here share one range.
    Eq. 1 of the paper: features of unit length across channels, squared differences, one weight per channel (`heads`,
    float[C] per tap), mean over positions, sum over taps. Fit for a training loss: weights are frozen, gradients
    reach both inputs and stay finite where a feature vector is all zeros.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, backbone: Vgg16Features | SqueezeNetFeatures, heads: Sequence[Tensor]) -> None:
        super().__init__()
        widths = tuple(head.numel() for head in heads)
        if widths != backbone.channels:
            raise ValueError(f"LPIPS heads have {widths} channels; the backbone gives {backbone.channels}")
        self.backbone = backbone
        self.heads = nn.ParameterList(nn.Parameter(head.reshape(1, -1, 1, 1).clone(), False) for head in heads)
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.distance(self.features(x), self.features(y))

    def features(self, x: Tensor) -> list[Tensor]:
        """Unit-length features of every tap; keep those of a reference that many images are compared with."""
        x = ((2 * x - 1 - self.shift) / self.scale).contiguous(memory_format=torch.channels_last)
        taps = self.backbone(x)
        # vector_norm has a zero gradient at zero, where sqrt(sum(f^2)) has none.
        return [tap / (torch.linalg.vector_norm(tap, dim=1, keepdim=True) + EPSILON) for tap in taps]

    def distance(self, x_features: list[Tensor], y_features: list[Tensor]) -> Tensor:
        """Distance float[N] of two feature lists."""
        pairs = zip(self.heads, x_features, y_features, strict=True)
        layers = [(head * (fx - fy).square()).sum(1).mean((1, 2)) for head, fx, fy in pairs]
        return torch.stack(layers).sum(0)


def load_lpips(network: Literal["vgg", "squeeze"]) -> Lpips:
    """LPIPS with its authors' weights. Raises WeightsError, with the command that mends it, where they are missing."""
    from codec.metrics import weights

    backbone = Vgg16Features() if network == "vgg" else SqueezeNetFeatures()
    backbone_state, head_state = weights.load(f"lpips-{network}")
    backbone.load_state_dict(backbone_state)
    lpips = Lpips(backbone, [head_state[f"lin{tap}.model.1.weight"] for tap in range(len(backbone.channels))])
    return lpips.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
