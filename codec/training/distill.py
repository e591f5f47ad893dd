"""Train the weights of `codec/metrics/dists_lite.py`: a small network that judges pictures as two large ones do.

The teacher is (LPIPS-squeeze + DISTS-VGG19) / 2, see `teachers.py`. Three lessons. First the features, level by
level: least squares from what the level sees to what the teachers see there, of which the channels that tell most are
kept. Then all weights at once, on scores: the seven layers of LPIPS and the two terms of the four maps of
DISTS-VGG19, each predicted by non-negative weights on the same terms of our channels; the teacher is a sum of them,
so its weights are too. And on order: of two pictures of one photo, which is worse.

    python -m codec.training.distill --data PHOTOS --vgg-weights vgg19_caffe_relu3_4.safetensors --out runs/dists-lite

Pairs and their scores are made once, in shards that later runs find again. One photo in twenty is held out.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from codec.files import replacing
from codec.metrics.dists_lite import DistsLite
from codec.photos import list_photos
from codec.progic.model import load_model
from codec.progic.shape import DEFAULT_MODEL, model_path
from codec.training.optimizers import Muon
from codec.training.teachers import TO_DISTS, TO_LPIPS, TO_TEACHER, Teachers, make_shard

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


@dataclass(frozen=True)
class DistillConfig:
    """One run of distillation."""

    data: Path
    vgg_weights: Path
    out: Path
    models: str = DEFAULT_MODEL
    """ProGIC weights whose pictures are judged, separated by commas."""
    shards: int = 36
    groups: int = 24
    """Photos in a shard."""
    steps: int = 1500
    batch: int = 8
    """Photos of 64x64 a step, each with its six pictures; fewer of larger ones."""
    learning_rate: float = 1e-3
    order: float = 0.3
    seed: int = 1


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


def shards_of(config: DistillConfig, teachers: Teachers) -> list[Shard]:
    """Every shard, made where it is missing; each eighth, from the first on, is of held-out photos."""
    models = [load_model(model_path(name))[0] for name in config.models.split(",")]
    photos = list_photos(config.data)
    for number in range(config.shards):
        path = config.out / f"shard_{number:03d}.safetensors"
        if not path.exists():
            mine = [photo for k, photo in enumerate(photos) if (k % 20 == 0) == (number % 8 == 0)]
            make_shard(path, mine, config.groups, teachers, models, [config.seed, number])
    return [load_file(config.out / f"shard_{number:03d}.safetensors") for number in range(config.shards)]


def train(config: DistillConfig) -> None:
    """The three lessons, or go on from `out/checkpoint.pt`; leaves `dists-lite.safetensors` and `log.jsonl`."""
    torch.manual_seed(config.seed)
    torch.set_flush_denormal(True)
    config.out.mkdir(parents=True, exist_ok=True)
    teachers = Teachers(config.vgg_weights)
    shards = shards_of(config, teachers)
    held_out, shards = shards[::8], [shard for k, shard in enumerate(shards) if k % 8]
    pupil, step = Pupil(), 0
    matrices = [p for p in pupil.network.parameters() if p.dim() == 4 and p.shape[0] > 16]
    rest = [p for p in pupil.network.parameters() if not any(p is each for each in matrices)]
    groups: list[dict[str, Any]] = [{"params": rest}, {"params": [pupil.logits], "pace": 10.0}]
    optimizers = [Muon(matrices), torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0)]
    if (config.out / "checkpoint.pt").exists():
        state = torch.load(config.out / "checkpoint.pt", weights_only=True)
        pupil.load_state_dict(state["pupil"])
        step = state["step"]
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
    else:
        began = time.process_time()
        look(pupil.network, teachers, shards)
        weigh(pupil, shards, config.order)
        report(config, pupil, {"step": 0, "cpu_s": round(time.process_time() - began)} | examine(pupil, held_out))
    mean = 0.0
    while step < config.steps:
        rng = np.random.default_rng([config.seed, 1, step])
        shard = shards[rng.integers(len(shards))]
        photos = max(2, round(config.batch * (64 / shard["pictures"].shape[3]) ** 2))
        rows = torch.from_numpy(rng.permutation(len(shard["terms"]))[:photos])
        pictures = shard["pictures"][rows]
        terms = pupil.channel_terms(pictures.flip(3) if rng.random() < 0.5 else pictures)
        loss = loss_of(pupil.scores(terms), shard["terms"][rows].flatten(0, 1), config.order)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_([*rest, *matrices], 1.0)
        rate = config.learning_rate * min((step + 1) / 20, 1.3 * (1 - step / config.steps), 1)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("pace", 1.0)
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        mean += (loss.item() - mean) / ((step - 1) % 50 + 1)
        if step % 50 == 0 or step == config.steps:
            row = {"step": step, "loss": round(mean, 4)}
            report(config, pupil, row | examine(pupil, held_out) if step % 100 == 0 or step == config.steps else row)
            states = [optimizer.state_dict() for optimizer in optimizers]
            partial = config.out / "checkpoint.partial"
            torch.save({"pupil": pupil.state_dict(), "optimizers": states, "step": step}, partial)
            os.replace(partial, config.out / "checkpoint.pt")


def report(config: DistillConfig, pupil: Pupil, row: dict[str, float]) -> None:
    """Write the weights so far and one line of the log."""
    save_dists_lite(pupil.graduate(), config.out / "dists-lite.safetensors")
    with (config.out / "log.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")
    print(row, flush=True)


def save_dists_lite(network: DistsLite, path: Path) -> None:
    """Write the weights as float16 safetensors, whole or not at all. Raises OSError."""
    with replacing(path) as partial:
        save_file({name: tensor.detach().half().contiguous() for name, tensor in network.state_dict().items()}, partial)


def main() -> None:
    """Command line: one option for each field of DistillConfig."""
    parser = argparse.ArgumentParser(description="Distil the weights of DISTS-lite; run again to resume.")
    for field in dataclasses.fields(DistillConfig):
        required = field.default is dataclasses.MISSING
        kind = Path if required else type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, required=required, default=field.default)
    train(DistillConfig(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
