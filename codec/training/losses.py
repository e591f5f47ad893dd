"""What training minimises: the reconstruction and perceptual terms of eq. 6, and a feature loss on VGG-19.

The paper's LPIPS is on VGG-16. Here LPIPS-squeeze is mixed with a relative L1 distance of VGG-19 features, because a
model trained on one perceptual meter alone learns that meter's blind spots (a faint grid, shifted colours). Where the
VGG-19 weights are not at hand, DISTS-lite can stand beside LPIPS.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from codec.base import WeightsError
from codec.metrics.dists_lite import DistsLite, load_dists_lite, similarities
from codec.metrics.lab import COLOR_PIXELS, colors_of, difference
from codec.metrics.lpips import load_lpips
from codec.training.codebooks import send
from codec.training.draws import off_grid, pick
from codec.training.recipe import TrainConfig

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
        except FileNotFoundError:
            raise WeightsError(
                f"{weights}: no VGG-19 weights there; do without by `vgg: 0` and `dists: 0`, in their place perhaps "
                "`dists_lite: 0.5`"
            ) from None
        except (OSError, ValueError, SafetensorError) as error:
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
            wanted = [tap.float() for tap in self.features(reference)]  # sums of bfloat16 lose what they compare
        got = [tap.float() for tap in self.features(picture)]
        ratios = [(a - b).abs().mean() / a.abs().mean() for a, b in zip(wanted, got, strict=True)]
        shown = ((reference + 1) * 127.5, (picture + 1) * 127.5)
        pairs = [shown, *zip(wanted, got, strict=True)]
        alike = [term.mean() for pair in pairs for term in similarities(*pair, floor=FLOOR)]
        return torch.stack(ratios).mean(), 1 - torch.stack(alike).mean()


class Losses:
    """The terms that a recipe asks for, with their networks."""

    def __init__(self, config: TrainConfig, place: Callable[[Any], Any]) -> None:
        """`place` brings a network to the device. Raises WeightsError where a network's weights are missing."""
        self.config = config
        self.vgg = place(VggFeatureLoss(config.vgg_path())) if config.vgg or config.dists else None
        self.lite = place(load_dists_lite()) if config.dists_lite else None
        try:
            self.lpips = place(load_lpips(config.lpips_network)) if config.lpips else None
        except WeightsError as error:
            raise WeightsError(f"{error}; or do without by `lpips: 0`") from error

    def judge(self, reference: Tensor, picture: Tensor, share: Tensor, over: float) -> dict[str, Tensor]:
        """The terms of eq. 6 by their names in TrainConfig, and their weighted sum as "loss".

        Pictures are float[D, 3, H, W] in -1 to 1; `share` float[D] is each one's lambda, 1 on average; `over` is the
        share of the run that is over.
        """
        config, side = self.config, picture.shape[-1]
        losses = {"l1": (share * (picture - reference).abs().mean(dim=(1, 2, 3))).mean()}
        if config.color:
            gap = functional.avg_pool2d(picture, COLOR_PIXELS) - functional.avg_pool2d(reference, COLOR_PIXELS)
            losses["color"] = (share * gap.abs().mean(dim=(1, 2, 3))).mean()
        if config.color_lab:
            gap = difference(colors_of(picture), colors_of(reference))
            losses["color_lab"] = (share * gap.mean(dim=(1, 2)) / 100).mean()
        if self.lpips is not None:
            window, (weights, *pair) = off_grid(side, side), some(config.lpips_crops, share, reference, picture)
            losses["lpips"] = (weights * self.lpips(*((images[window] + 1) / 2 for images in pair))).mean()
        if (self.vgg is not None or self.lite is not None) and over >= config.vgg_from:
            window, pair = off_grid(side, config.vgg_size), some(config.vgg_crops, reference, picture)
            pair = [images[window] for images in pair]
            if self.vgg is not None:
                losses["vgg"], losses["dists"] = self.vgg(*pair)
            if self.lite is not None:
                losses["dists_lite"] = compare(self.lite, *((images + 1) / 2 for images in pair))
        losses["loss"] = sum((getattr(config, name) * value for name, value in losses.items()), picture.new_zeros(()))
        return losses


def compare(lite: DistsLite, reference: Tensor, picture: Tensor) -> Tensor:
    """Mean DISTS-lite of float[B, 3, H, W] in 0 to 1; moments are taken in float32, wherever the features come from."""
    with torch.no_grad():
        wanted = [tap.float() for tap in lite.features(reference)]
    return lite.distance(wanted, [tap.float() for tap in lite.features(picture)]).mean()


def some(wanted: int, *tensors: Tensor) -> list[Tensor]:
    """The same rows, `wanted` of them drawn at random, of each tensor; all where there are no more."""
    picked = pick(len(tensors[0]), wanted)
    if picked is None:
        return list(tensors)
    picked = send(picked, tensors[0])
    return [tensor[picked] for tensor in tensors]
