"""What training minimises: the reconstruction and perceptual terms of eq. 6, and a feature loss on VGG-19.

The paper's LPIPS is on VGG-16. Here LPIPS-squeeze is mixed with a relative L1 distance of VGG-19 features, because a
model trained on one perceptual meter alone learns that meter's blind spots (a faint grid, shifted colours).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from codec.base import WeightsError
from codec.metrics.dists_lite import similarities

VGG19_WIDTHS = (64, 64, 128, 128, 256, 256, 256, 256)
"""Output channels of conv1_1 to conv3_4."""
VGG19_LAYERS = (0, 2, 5, 7, 10, 12, 14, 16)
"""Their places in torchvision's `features`, which name the tensors on disk."""
VGG19_TAPS = (2, 7, 16)
"""relu1_2, relu2_2, relu3_4."""
VGG19_POOLED = (2, 7)
"""Layers whose output is max-pooled before the next."""
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
FLOOR = 1.0
"""Of DISTS, where pictures run to 255: keeps channels that hardly stir from steering the gradient."""


class VggFeatureLoss(nn.Module):
    """Relative L1 distance of VGG-19 features: mean |f(x) - f(y)| / mean |f(x)|, averaged over three taps.

    Weights: the original Caffe VGG-19 (Simonyan and Zisserman 2015), as `vgg19_caffe_relu3_4.safetensors`.
    """

    mean: Tensor

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.layers = nn.ModuleDict()
        incoming = 3
        for layer, width in zip(VGG19_LAYERS, VGG19_WIDTHS, strict=True):
            self.layers[str(layer)] = nn.Conv2d(incoming, width, 3, padding=1)
            incoming = width
        self.register_buffer("mean", torch.tensor(CAFFE_MEAN_BGR).view(1, 3, 1, 1), persistent=False)
        try:
            state = load_file(weights)
        except (OSError, ValueError) as error:
            raise WeightsError(f"{weights}: cannot read the VGG-19 weights ({error})") from error
        self.layers.load_state_dict({name.removeprefix("features."): tensor for name, tensor in state.items()})
        self.requires_grad_(False)

    def features(self, x: Tensor) -> list[Tensor]:
        """The three taps for pictures float[B, 3, H, W], RGB in -1 to 1."""
        x = (x.flip(1) + 1) * 127.5 - self.mean
        taps = []
        for layer in VGG19_LAYERS:
            x = functional.relu(self.layers[str(layer)](x))
            if layer in VGG19_TAPS:
                taps.append(x)
            if layer in VGG19_POOLED:
                x = functional.max_pool2d(x, 2)
        return taps

    def forward(self, reference: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Scalars: relative L1 distance of features, and 1 - DISTS similarity; both float[B, 3, H, W] in -1 to 1."""
        with torch.no_grad():
            wanted = self.features(reference)
        got = self.features(picture)
        ratios = [(a - b).abs().mean() / a.abs().mean() for a, b in zip(wanted, got, strict=True)]
        shown = ((reference + 1) * 127.5, (picture + 1) * 127.5)
        pairs = [shown, *zip(wanted, got, strict=True)]
        alike = [term.mean() for pair in pairs for term in similarities(*pair, floor=FLOOR)]
        return torch.stack(ratios).mean(), 1 - torch.stack(alike).mean()
