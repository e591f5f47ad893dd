"""The lessons of DISTS-lite (see the package's docstring): features, weights of terms, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from codec.files import replacing
from codec.metrics.dists_lite import DistsLite
from codec.training.distill.teachers import TO_DISTS, TO_LPIPS, TO_TEACHER, Teachers

Shard = dict[str, Tensor]
Numbers = Sequence[float] | NDArray[np.float64]
LEVELS = (
    ((("vgg", 1, 1, 0.0),), 120),
    ((("vgg", 2, 2, 0.5), ("squeeze", 0, 2, 1.0)), 200),
    ((("vgg", 3, 4, 1.5), ("squeeze", 1, 4, 3.0)), 300),
    ((("squeeze", 2, 8, 7.0),), 1000),
    (tuple(("squeeze", layer, 16, 15.0) for layer in (3, 4, 5, 6)), 1600),
)
"""For each level of ours: network, map, where its cells lie (pixel = stride * cell + offset); pictures looked at."""


class Pupil(nn.Module):
    """The network that ships, and its weights for each of the fifteen terms."""

    def __init__(self) -> None:
        super().__init__()
        self.network = DistsLite()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.logits = nn.Parameter(torch.full((len(TO_TEACHER), 2 * self.network.alpha.numel()), -7.0))

    def channel_terms(self, pictures: Tensor) -> Tensor:
        """float[B * 6, 742]: dissimilarities of each channel, for uint8[B, 7, S, S, 3] with the photos first."""
        photos, each = pictures.shape[:2]
        taps = self.network.features(pictures.flatten(0, 1).permute(0, 3, 1, 2).float() / 255)
        grouped = [tap.view(photos, each, *tap.shape[1:]) for tap in taps]
        first = [tap[:, :1].expand(-1, each - 1, -1, -1, -1).flatten(0, 1) for tap in grouped]
        return torch.cat(self.network.dissimilarities(first, [tap[:, 1:].flatten(0, 1) for tap in grouped]), 1)

    def scores(self, channel_terms: Tensor) -> Tensor:
        """The fifteen terms, float[B * 6, 15]."""
        return channel_terms @ functional.softplus(self.logits).T

    @torch.no_grad()
    def graduate(self) -> DistsLite:
        """The network with the weights of the terms' sum."""
        alpha, beta = (TO_TEACHER @ functional.softplus(self.logits)).chunk(2)
        self.network.alpha.copy_(alpha)
        self.network.beta.copy_(beta)
        return self.network


def loss_of(scores: Tensor, wanted: Tensor, order_weight: float) -> Tensor:
    """Scalar, for terms float[B * 6, 15]: relative error of terms and of their sums, and pictures in wrong order."""
    sums = torch.stack([TO_TEACHER, TO_TEACHER, TO_LPIPS, TO_DISTS], 1)
    got, aim = torch.cat([scores @ sums, scores], 1), torch.cat([wanted @ sums, wanted], 1)
    relative = ((got - aim).abs() / (aim + 0.5 * aim.mean(0) + 1e-4)).mean(0)
    ours, theirs = got[:, 0].view(-1, 6), aim[:, 0].view(-1, 6)
    gaps, truth = ours[:, :, None] - ours[:, None], theirs[:, :, None] - theirs[:, None]
    order = functional.softplus(-gaps * truth.sign() / 0.02) * (truth.abs() / 0.02).clamp(max=1)
    return relative[:4].mean() + 0.5 * relative[4:].mean() + order_weight * order.mean()


def solve(seen: Tensor, wanted: Tensor) -> Tensor:
    """float[d + 1, n]: ridge regression of float[m, n] on float[m, d] and a constant, the last row."""
    x = torch.cat([seen, torch.ones(len(seen), 1)], 1)
    gram = x.T @ x
    solution: Tensor = torch.linalg.solve(gram + 1e-3 * gram.diagonal().mean() * torch.eye(len(gram)), x.T @ wanted)
    return solution


def telling(values: Tensor, count: int) -> list[int]:
    """Columns of float[m, n] that together explain most of all columns' variance, found one after another."""
    centred = values - values.mean(0)
    left = centred.T @ centred
    chosen: list[int] = []
    for _ in range(count):
        gain = left.square().sum(0) / left.diagonal().clamp(min=1e-9 * float(left.trace()))
        gain[chosen] = -1.0
        best = int(gain.argmax())
        chosen.append(best)
        left = left - torch.outer(left[:, best], left[best]) / left[best, best].clamp(min=1e-12)
    return chosen


def patches(held: Tensor, cells: Tensor) -> Tensor:
    """float[B * P, C * 9]: the 3x3 surroundings of `cells`, int64[P, 2], in float[B, C, H, W]."""
    places = cells[:, 0] * held.shape[3] + cells[:, 1]
    return functional.unfold(held.contiguous(), 3, padding=1)[:, :, places].transpose(1, 2).flatten(0, 1)


def at_pixels(features: Tensor, pixels: Tensor, stride: int, offset: float) -> Tensor:
    """float[B * P, C]: `features`, whose cells lie at stride * cell + offset, at `pixels` float[P, 2], bilinear."""
    scaled = (2 * (pixels - offset) / stride + 1) / torch.tensor(features.shape[2:]) - 1
    grid = scaled.flip(1)[None, :, None].expand(len(features), -1, -1, -1)
    taken = functional.grid_sample(features.contiguous(), grid, padding_mode="border", align_corners=False)
    return taken[..., 0].transpose(1, 2).flatten(0, 1)


@torch.no_grad()
def look(network: DistsLite, teachers: Teachers, shards: Sequence[Shard]) -> None:
    """Start each level's convolutions from the teachers' features: the first lesson of the module's docstring."""
    for level, (sources, count) in enumerate(LEVELS):
        first, second = network.convolutions(level)
        inputs, maps, chosen = [], [], []
        for shard in shards:
            pictures = shard["pictures"][: max(1, count // len(shards) // 7)].flatten(0, 1)
            inputs.append(network.entering(pictures.permute(0, 3, 1, 2).float() / 255, level))
            side = inputs[-1].shape[3]
            picked = torch.randperm(side * side)[: max(16, 128 >> level)]
            chosen.append(torch.stack([picked // side, picked % side], 1))
            theirs = teachers.features(pictures.numpy(), [name for name, *_ in sources])
            pixels = chosen[-1] * 2.0**level
            maps.append([at_pixels(theirs[name][tap], pixels, stride, off) for name, tap, stride, off in sources])
        x = torch.cat([patches(held, cells) for held, cells in zip(inputs, chosen, strict=True)])
        parts = [torch.cat(part) for part in zip(*maps, strict=True)]
        for (name, *_), part in zip(sources, parts, strict=True):
            # Channels of VGG count alike, as in DISTS; those of SqueezeNet as LPIPS weighs them.
            part /= part.std(0) + 1e-3 * part.std() if name == "vgg" else part.var(0).mean().sqrt()
        y = torch.cat(parts, 1)
        kept = telling(x[::4] @ solve(x, y)[:-1], first.out_channels)
        aim = y[:, kept] / (y[:, kept].square().mean(0).sqrt() + 1e-6)
        _set(first, solve(x, aim))
        if second is not None:
            inputs = [first(held).relu() for held in inputs]
            x = torch.cat([patches(held, cells) for held, cells in zip(inputs, chosen, strict=True)])
            here = x.view(len(x), -1, 9)[:, :, 4]  # the middle of each 3x3
            _set(second, solve(x, aim - here))


def _set(layer: nn.Conv2d, solution: Tensor) -> None:
    layer.weight.copy_(solution[:-1].T.view_as(layer.weight))
    assert layer.bias is not None
    layer.bias.copy_(solution[-1])


def weigh(pupil: Pupil, shards: Sequence[Shard], order_weight: float, steps: int = 300) -> None:
    """Fit the terms' weights alone, over all pictures at once: cheap, as the channels' terms do not change."""
    with torch.no_grad():
        seen = torch.cat([pupil.channel_terms(part) for shard in shards for part in torch.split(shard["pictures"], 8)])
    wanted = torch.cat([shard["terms"].flatten(0, 1) for shard in shards])
    optimizer = torch.optim.Adam([pupil.logits], 0.1)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / steps)
        torch.autograd.backward(loss_of(pupil.scores(seen), wanted, order_weight))
        optimizer.step()
        optimizer.zero_grad()


def spearman(first: Numbers, second: Numbers) -> float:
    """Pearson correlation of ranks, ties by their mean rank."""
    ranks = []
    for values in (first, second):
        _, place, count = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(count) - (count - 1) / 2)[place])
    return pearson(*ranks)


def pearson(first: Numbers, second: Numbers) -> float:
    """Correlation, -1 to 1."""
    return float(np.corrcoef(np.asarray(first, np.float64), np.asarray(second, np.float64))[0, 1])


@torch.no_grad()
def examine(pupil: Pupil, shards: Sequence[Shard]) -> dict[str, float]:
    """Spearman correlation over all pictures of `shards`, with the teacher and with each half of it."""
    seen = torch.cat([pupil.channel_terms(part) for shard in shards for part in torch.split(shard["pictures"], 8)])
    wanted = torch.cat([shard["terms"].flatten(0, 1) for shard in shards])
    mine = (pupil.scores(seen) @ TO_TEACHER).tolist()
    sums = {"teacher": TO_TEACHER, "lpips_squeeze": TO_LPIPS, "dists_vgg19": TO_DISTS}
    return {name: round(spearman(mine, (wanted @ weights).tolist()), 4) for name, weights in sums.items()}


def save_dists_lite(network: DistsLite, path: Path) -> None:
    """Write the weights as float16 safetensors, whole or not at all. Raises OSError."""
    with replacing(path) as partial:
        save_file({name: tensor.detach().half().contiguous() for name, tensor in network.state_dict().items()}, partial)
