"""Train ProGIC: a plain loop over random crops, resumable from one file.

    python -m codec.train --data PHOTOS --out runs/nano --vgg-weights vgg19_caffe_relu3_4.safetensors

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

from codec.base import WeightsError
from codec.codebooks import CodebookTrainer, quantize
from codec.data import list_photos, random_crops
from codec.losses import VggFeatureLoss
from codec.metrics.lpips import load_lpips
from codec.model import PRESETS, UNSHUFFLE, ProGIC, ProgicConfig
from codec.optimizers import make_optimizers
from codec.zoo import load_model, save_model


@dataclass(frozen=True)
class TrainConfig:
    """One training run; the defaults come near the shipped nano, whose exact course is in codec/zoo/TRAINING.md."""

    data: Path
    out: Path
    vgg_weights: Path = Path("vgg19_caffe_relu3_4.safetensors")
    """The VGG-19 of `codec.losses`; not needed where `vgg` is 0. LPIPS takes its weights from the store."""
    preset: str = "nano"
    start: str = ""
    """Weights file to begin from, of the preset's shape; codebooks are then in place from the first step."""
    steps: int = 2400
    """Length of the whole run; may grow when a run is resumed."""
    batch: int = 12
    crop: int = 160
    learning_rate: float = 1.5e-3
    warmup: int = 100
    decay: float = 0.6
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
    vgg_from: float = 0.38
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
    report_steps: int = 20


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


def off_grid() -> tuple[slice, ...]:
    """A cut of 0 to 7 pixels from the top and the left, drawn anew for each step.

    LPIPS strides over the picture; while its steps fell in line with the decoder's 8x8 blocks, the decoder learned to
    hide errors between them, as a grid of dots.
    """
    top, left = torch.randint(UNSHUFFLE, (2,)).tolist()
    return slice(None), slice(None), slice(top, None), slice(left, None)


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


class Run:
    """The state of one training run, all of which a checkpoint keeps."""

    def __init__(self, config: TrainConfig, shape: ProgicConfig) -> None:
        torch.manual_seed(config.seed)
        torch.set_flush_denormal(True)
        self.config, self.shape = config, shape
        self.photos = list_photos(config.data)
        self.model, self.average = ProGIC(shape), ProGIC(shape)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average.to(memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
        if config.start:
            begun, _ = load_model(Path(config.start))
            if begun.config != shape:
                raise WeightsError(f"{config.start}: holds a model of another shape: {begun.config}")
            self.model.load_state_dict(begun.state_dict())
        self.average.load_state_dict(self.model.state_dict())
        self.books = CodebookTrainer(self.model.quantizer.codebooks, config.codebook_decay)
        self.optimizers = make_optimizers(self.model, config.optimizer)
        self.lpips = load_lpips("squeeze") if config.lpips else None
        self.vgg = VggFeatureLoss(config.vgg_weights) if config.vgg else None
        self.pool: list[Tensor] = []
        self.step, self.seconds = 0, 0.0

    def crops(self) -> Tensor:
        """This step's crops float[B, 3, crop, crop] in -1 to 1; they depend on seed and step alone."""
        rng = np.random.default_rng([self.config.seed, self.step])
        crops = torch.from_numpy(random_crops(self.photos, self.config.batch, self.config.crop, rng))
        return (crops.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)

    def advance(self) -> dict[str, Tensor]:
        """One step; returns its losses."""
        config, x = self.config, self.crops()
        if self.step == config.quantize_from and self.pool:
            with torch.no_grad():
                self.books.place(torch.cat(self.pool))
            self.pool = []
        latent = self.model.analysis(x)
        full = torch.full((len(x),), self.shape.stages)
        if self.step < config.quantize_from and not config.start:
            self.pool = [*self.pool[-39:], latent.detach().permute(0, 2, 3, 1).flatten(0, 2)]
            commitment, shares = 1e-3 * latent.square().mean(), [1.0]
            picture = self.model.synthesis(latent, full)
        else:
            words, commitment = quantize(latent, self.books)
            kept = kept_cells(config, self.shape.stages, (len(x), *latent.shape[2:]))
            held = kept.flatten(2).any(dim=2).sum(dim=0).clamp(min=1)
            sums = torch.cat([words.sum(dim=0), (words * kept.unsqueeze(2)).sum(dim=0)])
            twice = torch.cat([latent, latent])
            shares = [1 - config.earlier_stages, config.earlier_stages]
            picture = self.model.synthesis(twice + (sums - twice).detach(), torch.cat([full, held]))
        losses = self.judge(torch.cat([x] * len(shares)), picture, torch.tensor(shares).repeat_interleave(len(x)))
        losses["commitment"] = commitment
        loss = sum((getattr(config, name) * value for name, value in losses.items()), torch.zeros(()))
        loss.backward()
        losses["gradient"] = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.param_groups[0]["lr"] = learning_rate(config, self.step)
            optimizer.step()
            optimizer.zero_grad()
        self.follow()
        self.step += 1
        return {name: value.detach() for name, value in {**losses, "loss": loss}.items()}

    def judge(self, reference: Tensor, picture: Tensor, share: Tensor) -> dict[str, Tensor]:
        """The terms of eq. 6 by their names in TrainConfig; `share` float[B] is each picture's lambda."""
        config = self.config
        share = share / share.mean()
        losses = {"l1": (share * (picture - reference).abs().mean(dim=(1, 2, 3))).mean()}
        if self.lpips is not None:
            judged = torch.randperm(len(picture))[: config.lpips_crops]
            shift = off_grid()
            pair = ((images[judged][shift] + 1) / 2 for images in (reference, picture))
            losses["lpips"] = (share[judged] * self.lpips(*pair)).mean()
        if self.vgg is not None and self.step >= config.vgg_from * config.steps:
            losses["vgg"] = self.vgg(*random_windows(config, reference, picture))
        return losses

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average of the weights towards the weights."""
        decay = min(self.config.weight_decay, (self.step + 1) / (self.step + 10))
        for mean, value in zip(self.average.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
        self.average.quantizer.codebooks.copy_(self.model.quantizer.codebooks)

    def save(self) -> None:
        """Checkpoint, shippable weights and a contact sheet, each written whole or not at all."""
        out = self.config.out
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "books": self.books.state(),
            "optimizer": [optimizer.state_dict() for optimizer in self.optimizers],
            "pool": self.pool,
            "step": self.step,
            "seconds": self.seconds,
            "rng": torch.get_rng_state(),
        }
        partial = out / "checkpoint.partial"
        torch.save(state, partial)
        os.replace(partial, out / "checkpoint.pt")
        save_model(self.average, out / "model.safetensors")
        contact_sheet(self.average, self.crops()[:6]).save(out / "sheet.png")

    def load(self) -> None:
        """Go on from the checkpoint."""
        state = torch.load(self.config.out / "checkpoint.pt", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.books.load(state["books"])
        for optimizer, saved in zip(self.optimizers, state["optimizer"], strict=True):
            optimizer.load_state_dict(saved)
        self.pool, self.step, self.seconds = state.get("pool", []), state["step"], state["seconds"]
        torch.set_rng_state(state["rng"])


def train(config: TrainConfig, shape: ProgicConfig | None = None) -> Iterator[dict[str, float]]:
    """Run, or go on from `out/checkpoint.pt`; yields the mean losses of every `report_steps` steps.

    `shape` overrides the preset, for experiments. Leaves in `out`: `checkpoint.pt` (everything to resume),
    `model.safetensors` (the moving average of the weights), `log.jsonl` and `sheet.png`. A resumed run gives what an
    uninterrupted one would. Raises CodecError for missing photos, WeightsError for missing loss weights.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    run = Run(config, shape or PRESETS[config.preset])
    if (config.out / "checkpoint.pt").exists():
        run.load()
    sums: dict[str, float] = {}
    clock = saved_at = time.monotonic()
    while run.step < config.steps:
        for name, value in run.advance().items():
            sums[name] = sums.get(name, 0.0) + value.item() / config.report_steps
        run.seconds += time.monotonic() - clock
        clock = time.monotonic()
        if run.step % config.report_steps == 0:
            row = {"step": run.step, "seconds": round(run.seconds), **sums}
            with (config.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            yield row
            sums = {}
        if clock - saved_at > config.checkpoint_s or run.step == config.steps:
            saved_at = clock
            run.save()


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
