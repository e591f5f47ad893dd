"""The two pretrained networks that perceptual metrics look through: VGG-16 and SqueezeNet 1.1.

Layers sit at the indices torchvision gives them (`features.0`, `features.2`, ...), so that its weights load unchanged.
Only the convolutions up to the last tap are kept. Parameters are frozen; gradients still flow to the image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from codec.metrics.dists_lite import L2Pool

VGG16_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
VGG16_TAPS = (3, 8, 15, 22, 29)  # relu1_2, relu2_2, relu3_3, relu4_3, relu5_3
SQUEEZENET_TAPS = (1, 4, 7, 9, 10, 11, 12)  # the first ReLU, then the Fire modules that precede a pool or end the net


class Vgg16Features(nn.Module):
    """The five ReLU taps of VGG-16 (Simonyan and Zisserman 2015), at 1, 1/2, 1/4, 1/8 and 1/16 of the image's size.

    Pooling is the network's own max pooling (LPIPS), or with `l2_pool` the smooth one of DISTS. Sides of 16 suffice.
    """

    channels = (64, 128, 256, 512, 512)

    def __init__(self, *, l2_pool: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        held = 3
        for stage in VGG16_STAGES:
            if layers:
                layers.append(L2Pool() if l2_pool else nn.MaxPool2d(2, 2))
            for channels in stage:
                layers += [nn.Conv2d(held, channels, 3, padding=1), nn.ReLU(inplace=True)]
                held = channels
        self.features = nn.Sequential(*layers)
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        return _tap(self.features, x, VGG16_TAPS)


class Fire(nn.Module):
    """Squeeze to few channels by 1x1, then expand by 1x1 and 3x3 side by side (Iandola et al. 2016, section 3.2)."""

    def __init__(self, held: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(held, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], dim=1)


class SqueezeNetFeatures(nn.Module):
    """The seven taps of SqueezeNet 1.1 that LPIPS uses. Its ceil-mode pools need sides of at least 17 pixels."""

    channels = (64, 128, 256, 384, 384, 512, 512)

    def __init__(self) -> None:
        super().__init__()

        def pool() -> nn.Module:
            return nn.MaxPool2d(3, 2, ceil_mode=True)

        self.features = nn.Sequential(
            *(nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(inplace=True), pool()),
            *(Fire(64, 16, 64), Fire(128, 16, 64), pool()),
            *(Fire(128, 32, 128), Fire(256, 32, 128), pool()),
            *(Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)),
        )
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        return _tap(self.features, x, SQUEEZENET_TAPS)


def _tap(layers: nn.Sequential, x: Tensor, taps: tuple[int, ...]) -> list[Tensor]:
    """What leaves the layers numbered in `taps`, in order."""
    kept = []
    for index, layer in enumerate(layers):
        x = layer(x)
        if index in taps:
            kept.append(x)
    return kept
