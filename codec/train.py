"""Train ProGIC: a plain loop over random crops, resumable from one file.

    python -m codec.train --data PHOTOS --weights LOSS_WEIGHTS --out runs/nano --preset nano --steps 4000

Each step decodes every crop twice: with all N stages (weight 1 - p of eq. 7) and with fewer (weight p): a prefix of
the stages drawn at random for each crop, an unbiased sample of eq. 6, and now and then with stages or cells missing,
as on a lossy link. Codebooks follow the latents as exponential moving averages; codewords that fall out of use are
put back where the data is.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor, nn
from torch.nn import functional

from codec.data import list_photos, random_crops
from codec.losses import VggFeatureLoss
from codec.metrics.lpips import load_lpips
from codec.model import PRESETS, ProGIC, nearest
from codec.zoo import save_model


@dataclass(frozen=True)
class TrainConfig:
    """One training run; every default is what the shipped nano was trained with."""

    data: Path
    weights: Path
    out: Path
    preset: str = "nano"
    steps: int = 4000
    """Length of the whole run; may grow when a run is resumed."""
    batch: int = 12
    crop: int = 160
    learning_rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.3
    """Share of the steps, at the end, over which the learning rate falls to zero."""
    optimizer: str = "muon"
    """"muon": orthogonalised momentum for matrices, AdamW for the rest; "adamw": AdamW for all."""
    earlier_stages: float = 0.5
    """The paper's p (eq. 7)."""
    l1: float = 1.0
    lpips: float = 0.5
    lpips_crops: int = 12
    """Decoded crops a step, of twice `batch`, that the LPIPS term looks at."""
    vgg: float = 0.5
    vgg_from: float = 0.4
    """Share of the steps after which the VGG-19 term begins; it costs a third of a step."""
    vgg_crops: int = 3
    vgg_size: int = 128
    commitment: float = 0.25
    quantize_from: int = 150
    """Steps of plain autoencoding before codebooks are placed by k-means."""
    damage: float = 0.15
    """Share of the partial decodes that also miss a stage or cells."""
    codebook_decay: float = 0.99
    weight_decay: float = 0.999
    """Of the moving average of the weights, which is what is shipped."""
    seed: int = 1
    checkpoint_s: float = 240.0


class CodebookTrainer:
    """Moving-average codebooks: place by k-means, follow the residuals, revive the unused."""

    def __init__(self, codebooks: Tensor, decay: float) -> None:
        self.codebooks = codebooks
        self.decay = decay
        self.counts = torch.ones(codebooks.shape[:2])
        self.sums = codebooks.clone()

    def place(self, latents: Tensor, rounds: int = 8) -> None:
        """k-means of each stage's residuals, from latents float[n, C2]."""
        residual = latents
        for stage, codebook in enumerate(self.codebooks):
            codebook.copy_(residual[torch.randint(len(residual), (len(codebook),))])
            for _ in range(rounds):
                counts, sums = tally(nearest(residual, codebook), residual, len(codebook))
                used = counts > 0
                codebook[used] = sums[used] / counts[used, None]
            self.counts[stage] = 1.0
            self.sums[stage] = codebook
            residual = residual - codebook[nearest(residual, codebook)]

    def follow(self, stage: int, index: Tensor, residual: Tensor) -> None:
        """Move one stage's codewords towards the residuals float[n, C2] that chose them."""
        codebook = self.codebooks[stage]
        counts, sums = tally(index, residual, len(codebook))
        self.counts[stage].lerp_(counts, 1 - self.decay)
        self.sums[stage].lerp_(sums, 1 - self.decay)
        dead = self.counts[stage] < 0.1 * len(residual) / len(codebook)
        if dead.any():
            lively = residual[torch.randint(len(residual), (int(dead.sum()),))]
            self.counts[stage, dead] = len(residual) / len(codebook)
            self.sums[stage, dead] = lively * self.counts[stage, dead, None]
        codebook.copy_(self.sums[stage] / self.counts[stage, :, None])

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep besides the codebooks."""
        return {"counts": self.counts, "sums": self.sums}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore `state`."""
        self.counts.copy_(state["counts"])
        self.sums.copy_(state["sums"])


def tally(index: Tensor, vectors: Tensor, codewords: int) -> tuple[Tensor, Tensor]:
    """How many vectors float[n, C] chose each codeword, and their sum: float[K], float[K, C]."""
    counts = torch.bincount(index, minlength=codewords).float()
    return counts, torch.zeros(codewords, vectors.shape[1]).index_add_(0, index, vectors)


def quantize(latent: Tensor, books: CodebookTrainer) -> tuple[Tensor, Tensor, float]:
    """Codewords float[N, B, C2, h, w] chosen greedily, commitment loss, and mean share of codewords in use."""
    batch, width, rows, columns = latent.shape
    flat = latent.permute(0, 2, 3, 1).reshape(-1, width)
    residual = flat.detach()
    total = torch.zeros_like(residual)
    chosen, commitment, used = [], torch.zeros(()), 0.0
    for stage in range(len(books.codebooks)):
        index = nearest(residual, books.codebooks[stage])
        words = books.codebooks[stage][index]
        books.follow(stage, index, residual)
        total = total + words
        residual = residual - words
        commitment = commitment + functional.mse_loss(flat, total)
        used += float((books.counts[stage] > 0.3).float().mean()) / len(books.codebooks)
        chosen.append(words.view(batch, rows, columns, width).permute(0, 3, 1, 2))
    return torch.stack(chosen), commitment, used


def kept_cells(config: TrainConfig, stages: int, shape: tuple[int, int, int]) -> Tensor:
    """bool[N, B, h, w]: the cells a partial decode may use; a random prefix of stages, sometimes damaged."""
    batch, rows, columns = shape
    prefix = torch.randint(1, stages, (batch,))
    kept = torch.arange(stages)[:, None] < prefix
    kept = kept[:, :, None, None].expand(stages, batch, rows, columns).clone()
    for k in range(batch):
        if torch.rand(()) >= config.damage:
            continue
        if torch.rand(()) < 0.5:
            kept[:, k] = True
            kept[torch.randint(stages, ()), k] = False
        else:
            kept[:, k] &= torch.rand(stages, rows, columns) > torch.rand(()) * 0.5
    return kept


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for matrices (Jordan et al. 2024, "Muon"), in float32.

    Own code because torch's Muon iterates in bfloat16, ten times slower on CPUs without such arithmetic. Matrices of
    one shape are orthogonalised as one batch; updates are scaled to the size of AdamW's (Liu et al. 2025, eq. 4).
    """

    def __init__(self, matrices: list[nn.Parameter], momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": 0.0, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[tuple[nn.Parameter, Tensor]]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                gradient = parameter.grad
                momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(gradient))
                momentum.lerp_(gradient, 1 - group["momentum"])
                ahead = gradient.lerp(momentum, group["momentum"]).flatten(1)
                shapes.setdefault(ahead.shape, []).append((parameter, ahead))
            for shape, members in shapes.items():
                size = 0.2 * max(shape) ** 0.5 * group["lr"]
                updates = orthogonalise(torch.stack([ahead for _, ahead in members]))
                for (parameter, _), update in zip(members, updates, strict=True):
                    parameter.sub_(update.view_as(parameter), alpha=size)


def orthogonalise(matrices: Tensor, rounds: int = 5) -> Tensor:
    """Nearly the nearest orthogonal matrix of each of float[n, r, c], by Newton-Schulz iteration."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(rounds):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return x.mT if tall else x


def make_optimizers(model: nn.Module, kind: str) -> list[torch.optim.Optimizer]:
    """ "muon": Muon for the 1x1 convolutions and AdamW for the rest; "adamw": AdamW for all."""
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for parameter in model.parameters():
        is_matrix = parameter.dim() == 4 and min(parameter.flatten(1).shape) >= 64
        (matrices if kind == "muon" and is_matrix else rest).append(parameter)
    parts: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, betas=(0.9, 0.99), weight_decay=0.0)]
    return [*parts, Muon(matrices)] if matrices else parts


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, flat, then a linear fall to zero over the last `decay` of the run."""
    left = (config.steps - step) / (config.decay * config.steps)
    return config.learning_rate * min(1.0, (step + 1) / config.warmup, left)


def random_windows(config: TrainConfig, reference: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    """A few aligned windows of both, for the costly VGG-19 term."""
    side = min(config.vgg_size, config.crop)
    pairs = []
    for k in torch.randperm(len(picture))[: config.vgg_crops].tolist():
        top, left = torch.randint(config.crop - side + 1, (2,)).tolist()
        window = (slice(None), slice(top, top + side), slice(left, left + side))
        pairs.append((reference[k][window], picture[k][window]))
    return torch.stack([a for a, _ in pairs]), torch.stack([b for _, b in pairs])


def contact_sheet(model: ProGIC, crops: Tensor) -> PillowImage.Image:
    """Columns: crops; rows: original, then decoded from 1, 2 .. N stages."""
    with torch.no_grad():
        indices = model.encode(crops)
        rows = [crops]
        for held in range(1, model.config.stages + 1):
            partial = indices.clone()
            partial[:, held:] = -1
            rows.append(model.decode(partial))
    sheet = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    pixels = ((sheet.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    return PillowImage.fromarray(pixels)


def train(config: TrainConfig) -> Iterator[dict[str, float]]:
    """Run, or go on from `out/checkpoint.pt`; yields one row of losses each 20 steps.

    Leaves in `out`: `checkpoint.pt` (everything to resume), `model.safetensors` (moving average of the weights),
    `log.jsonl` and `sheet.png`. Raises CodecError for missing photos, WeightsError for missing loss weights.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    torch.set_flush_denormal(True)
    photos = list_photos(config.data)
    shape = PRESETS[config.preset]
    model, average = ProGIC(shape), ProGIC(shape)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average.to(memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
    average.load_state_dict(model.state_dict())
    books = CodebookTrainer(model.quantizer.codebooks, config.codebook_decay)
    optimizers = make_optimizers(model, config.optimizer)
    lpips = load_lpips("squeeze")
    vgg = VggFeatureLoss(config.weights / "vgg19_caffe_relu3_4.safetensors")
    step, seconds = 0, 0.0
    checkpoint = config.out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        books.load(state["books"])
        for part, saved in zip(optimizers, state["optimizer"], strict=True):
            part.load_state_dict(saved)
        step, seconds = state["step"], state["seconds"]
        torch.set_rng_state(state["rng"])
    quantizing = step >= config.quantize_from
    sums: dict[str, float] = {}
    pool: list[Tensor] = []
    began = saved_at = time.monotonic()
    before = seconds
    while step < config.steps:
        rng = np.random.default_rng([config.seed, step])
        crops = torch.from_numpy(random_crops(photos, config.batch, config.crop, rng))
        x = (crops.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        latent = model.analysis(x)
        full = torch.full((len(x),), shape.stages)
        if quantizing:
            words, commitment, used = quantize(latent, books)
            kept = kept_cells(config, shape.stages, (len(x), *latent.shape[2:]))
            held = kept.flatten(2).any(dim=2).sum(dim=0).clamp(min=1)
            sums_of = torch.cat([words.sum(dim=0), (words * kept.unsqueeze(2)).sum(dim=0)])
            twice = torch.cat([latent, latent])
            quantized = twice + (sums_of - twice).detach()
            picture = model.synthesis(quantized, torch.cat([full, held]))
            shares = [1 - config.earlier_stages, config.earlier_stages]
        else:
            pool = [*pool[-39:], latent.detach().permute(0, 2, 3, 1).flatten(0, 2)]
            commitment, used = 1e-3 * latent.square().mean(), 0.0
            picture, shares = model.synthesis(latent, full), [1.0]
        reference = torch.cat([x] * len(shares))
        share = torch.tensor(shares).repeat_interleave(len(x)) * len(shares)
        judged = torch.randperm(len(picture))[: config.lpips_crops]
        parts = {
            "l1": (share * (picture - reference).abs().mean(dim=(1, 2, 3))).mean(),
            "lpips": (share[judged] * lpips((reference[judged] + 1) / 2, (picture[judged] + 1) / 2)).mean(),
        }
        loss = config.l1 * parts["l1"] + config.lpips * parts["lpips"] + config.commitment * commitment
        if step >= config.vgg_from * config.steps:
            parts["vgg"] = vgg(*random_windows(config, reference, picture))
            loss = loss + config.vgg * parts["vgg"]
        loss.backward()
        parts["grad"] = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for part in optimizers:
            part.param_groups[0]["lr"] = learning_rate(config, step)
            part.step()
            part.zero_grad()
        if not quantizing and step + 1 >= config.quantize_from:
            with torch.no_grad():
                books.place(torch.cat(pool))
            quantizing, pool = True, []
        with torch.no_grad():
            decay = min(config.weight_decay, (step + 1) / (step + 10))
            for mean, value in zip(average.parameters(), model.parameters(), strict=True):
                mean.lerp_(value, 1 - decay)
            average.quantizer.codebooks.copy_(model.quantizer.codebooks)
        for name, value in {**parts, "commitment": commitment, "loss": loss}.items():
            sums[name] = sums.get(name, 0.0) + value.item() / 20
        step += 1
        seconds = before + time.monotonic() - began
        if step % 20 == 0:
            row = {"step": step, "seconds": round(seconds), "used": used, **sums}
            with (config.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            yield row
            sums = {}
        if time.monotonic() - saved_at > config.checkpoint_s or step == config.steps:
            saved_at = time.monotonic()
            partial = checkpoint.with_suffix(".partial")
            torch.save(
                {
                    "model": model.state_dict(),
                    "average": average.state_dict(),
                    "books": books.state(),
                    "optimizer": [part.state_dict() for part in optimizers],
                    "step": step,
                    "seconds": seconds,
                    "rng": torch.get_rng_state(),
                },
                partial,
            )
            os.replace(partial, checkpoint)
            save_model(average, config.out / "model.safetensors")
            contact_sheet(average, x[:6]).save(config.out / "sheet.png")


def main() -> None:
    """Command line: one option for each field of TrainConfig."""
    parser = argparse.ArgumentParser(description="Train a ProGIC model; run again to resume.")
    for field in dataclasses.fields(TrainConfig):
        required = field.default is dataclasses.MISSING
        kind = Path if required else type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, required=required, default=field.default)
    for row in train(TrainConfig(**vars(parser.parse_args()))):
        print(" ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
