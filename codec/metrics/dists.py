"""DISTS (Ding, Ma, Wang and Simoncelli, TPAMI 2020): structure and texture similarity of deep features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from codec.metrics.backbones import Vgg16Features
from codec.metrics.dists_lite import similarities

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CHANNELS = (3, *Vgg16Features.channels)


class Dists(nn.Module):
    """Distance float[N], 0 for equal images, of two batches float[N, 3, H, W] with RGB in [0, 1].

    Section 3 of the paper: 1 - sum(alpha * texture + beta * structure) over the channels of six maps, the image itself
    and the five VGG-16 taps under L2 pooling. Texture compares the channels' means, structure their covariance with
    their variances. `alpha` and `beta`, float[1475] each, are divided by their joint sum here.
    Fit for a training loss: weights are frozen, gradients reach both inputs.
    """

    alpha: Tensor
    beta: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Vgg16Features, alpha: Tensor, beta: Tensor) -> None:
        super().__init__()
        for name, weight in (("alpha", alpha), ("beta", beta)):
            if weight.numel() != sum(CHANNELS):
                raise ValueError(f"DISTS {name} has {weight.numel()} weights; expected {sum(CHANNELS)}")
        total = alpha.sum() + beta.sum()
        self.backbone = backbone
        self.register_buffer("alpha", alpha.flatten() / total)
        self.register_buffer("beta", beta.flatten() / total)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.distance(self.features(x), self.features(y))

    def features(self, x: Tensor) -> list[Tensor]:
        """The image and its five taps; keep those of a reference that many images are compared with."""
        return [x, *self.backbone((x - self.mean) / self.std)]

    def distance(self, x_features: list[Tensor], y_features: list[Tensor]) -> Tensor:
        """Distance float[N] of two feature lists."""
        terms = [similarities(fx, fy) for fx, fy in zip(x_features, y_features, strict=True)]
        textures, structures = zip(*terms, strict=True)
        # The weights sum to one, so 1 - weighted similarity is the weighted dissimilarity: exactly 0 for equal images.
        return (1 - torch.cat(textures, 1)) @ self.alpha + (1 - torch.cat(structures, 1)) @ self.beta


def load_dists() -> Dists:
    """DISTS with its authors' weights. Raises WeightsError, with the command that mends it, where they are missing."""
    from codec.metrics import weights

    backbone = Vgg16Features(l2_pool=True)
    backbone_state, head_state = weights.load("dists")
    backbone.load_state_dict(backbone_state)
    return Dists(backbone, head_state["alpha"], head_state["beta"])
