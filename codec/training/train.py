"""Train ProGIC: a plain loop over random crops, resumable from one file, on CPU or CUDA.

Each step decodes every crop with all N stages (weight 1 - p of eq. 7) and with fewer (weight p): as a rule with a
prefix of the stages drawn at random for each crop, an unbiased sample of eq. 6, and now and then with stages or cells
missing, as on a lossy link. Whatever is random depends on the seed and the step alone, and is drawn on the CPU, so
that a run goes on exactly where it was cut, on another kind of device too.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor, nn

from codec.base import CodecError, Image, WeightsError
from codec.data import ahead, random_crops
from codec.metrics.lpips import load_lpips
from codec.photos import list_photos
from codec.progic.codec import to_image
from codec.progic.model import ProGIC, load_model, save_model
from codec.progic.shape import PRESETS, ProgicConfig
from codec.training.adversary import PatchDiscriminator, adaptive_weight, discriminator_loss
from codec.training.codebooks import CodebookTrainer, quantize
from codec.training.draws import decode_plan, off_grid, random_windows
from codec.training.losses import VggFeatureLoss
from codec.training.optimizers import learning_rate, make_optimizers
from codec.training.recipe import TrainConfig

EXPLODED = 100
"""Times the clipping norm above which a step is left out: nothing bounds the product in a feed-forward gate."""


def multiplies_bfloat16(device: str) -> bool:
    """Whether `device` multiplies bfloat16 in hardware; elsewhere autocast is slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


class Run:
    """The state of one training run, all of which a checkpoint keeps."""

    def __init__(self, config: TrainConfig, shape: ProgicConfig) -> None:
        if config.device == "cuda" and not torch.cuda.is_available():
            raise CodecError("device is 'cuda'; no CUDA device can be used here; write cpu or auto")
        self.device = ("cuda" if torch.cuda.is_available() else "cpu") if config.device == "auto" else config.device
        wanted = multiplies_bfloat16(self.device) if config.bfloat16 == "auto" else config.bfloat16 == "on"
        self.autocast = torch.autocast(self.device, torch.bfloat16, enabled=wanted)
        if self.device == "cuda":
            torch.set_float32_matmul_precision("high")
            torch.use_deterministic_algorithms(True, warn_only=True)
        self.config, self.shape = config, shape
        self.photos = list_photos(config.data)
        torch.manual_seed(config.seed)
        self.model, self.average = self._place(ProGIC(shape)), self._place(ProGIC(shape))
        if config.start:
            begun, _ = load_model(Path(config.start))
            if begun.config != shape:
                raise WeightsError(f"{config.start}: holds a model of another shape: {begun.config}")
            self.model.load_state_dict(begun.state_dict())
        self.average.load_state_dict(self.model.state_dict())
        self.average.requires_grad_(False)
        self.model.analysis.requires_grad_(not config.freeze_encoder)
        codebooks = self.model.quantizer.codebooks
        learned = [codebooks.requires_grad_()] if config.codebooks == "gradient" and not config.freeze_encoder else []
        self.books = CodebookTrainer(codebooks, config.codebook_decay)
        self.optimizers = make_optimizers(self.model, config.optimizer, learned)
        self.discriminator = self._place(PatchDiscriminator(config.discriminator_width)) if config.adversarial else None
        if self.discriminator is not None:
            rate, betas = config.discriminator_rate, (0.5, 0.9)
            self.opponent = torch.optim.Adam(self.discriminator.parameters(), rate, betas)
        self.lpips = self._place(load_lpips(config.lpips_network)) if config.lpips else None
        self.vgg = self._place(VggFeatureLoss(config.vgg_path())) if config.vgg or config.dists else None
        self.pool: list[Tensor] = []
        self.sums: dict[str, float] = {}
        self.step, self.seconds = 0, 0.0

    def _place(self, module: Any) -> Any:
        return module.to(self.device, memory_format=torch.channels_last)

    def begun(self, share: float) -> bool:
        """Whether this share of the run is over."""
        return self.step >= share * self.config.steps

    def crops(self, step: int) -> Image:
        """The crops of one step, uint8[B, crop, crop, 3]; they depend on the seed and the step alone."""
        rng = np.random.default_rng([self.config.seed, step])
        return random_crops(self.photos, self.config.batch, self.config.crop, rng)

    def to_tensor(self, crops: Image) -> Tensor:
        """Crops as float[B, 3, crop, crop] in -1 to 1, on the device."""
        x = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        return x.contiguous(memory_format=torch.channels_last)

    def advance(self, crops: Image) -> dict[str, Tensor]:
        """One step on these crops; returns its losses."""
        config, x = self.config, self.to_tensor(crops)
        torch.manual_seed(config.seed * 1_000_003 + self.step)
        if self.step == config.quantize_from and self.pool:
            self.books.place(torch.cat(self.pool))
            self.pool = []
        losses: dict[str, Tensor] = {}
        before = self.books.copy()
        with self.autocast:
            latent = self.model.analysis(x)
        latent = latent.float()
        if self.step < config.quantize_from and not config.start:
            self.pool = [*self.pool[-39:], latent.detach().permute(0, 2, 3, 1).flatten(0, 2)]
            regular, weights = 1e-3 * latent.square().mean(), torch.ones(1)
            decoded, held = latent, torch.full((len(x),), self.shape.stages)
        else:
            chosen = quantize(latent, self.books, config.codebooks == "average" and not config.freeze_encoder)
            kept, weights = decode_plan(config, self.shape.stages, (len(x), *latent.shape[2:]))
            held = kept.flatten(3).any(dim=3).sum(dim=1).clamp(min=1).flatten()
            kept = kept.unsqueeze(3).to(self.device)
            sums = torch.cat([(chosen.words.detach() * part).sum(dim=0) for part in kept])
            latents = torch.cat([latent] * len(kept))
            decoded = latents + (sums - latents).detach()
            losses = {"commitment": chosen.commitment.detach(), "codeword_use": chosen.used}
            regular = config.commitment * chosen.commitment
            if chosen.codebook.requires_grad:
                losses["codebook"] = chosen.codebook.detach()
                regular = regular + config.codebook * chosen.codebook
        with self.autocast:
            picture = self.model.synthesis(decoded, held.to(self.device))
        judged, pull = self.judge(torch.cat([x] * len(weights)), picture, weights.repeat_interleave(len(x)))
        torch.autograd.backward((picture.float() * pull).sum() + regular)
        losses |= judged
        losses["gradient"] = nn.utils.clip_grad_norm_(self.weights(), config.clip)
        losses["skipped"] = (~(losses["gradient"] < EXPLODED * config.clip)).float()
        if losses["skipped"]:
            self.books.restore(before)
        for optimizer in self.optimizers:
            if not losses["skipped"]:
                optimizer.param_groups[0]["lr"] = learning_rate(config, self.step)
                optimizer.step()
            optimizer.zero_grad()
        self.follow()
        self.step += 1
        return {name: value.detach() for name, value in losses.items()}

    def judge(self, reference: Tensor, picture: Tensor, share: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The terms of eq. 6 by their names in TrainConfig, and their weighted sum's gradient on `picture`.

        `share` float[D] is each picture's lambda. Trains the discriminator too, where there is one.
        """
        config, share = self.config, (share / share.mean()).to(self.device)
        leaf = picture.detach().float().requires_grad_()
        losses = {"l1": (share * (leaf - reference).abs().mean(dim=(1, 2, 3))).mean()}
        with self.autocast:
            if self.lpips is not None:
                judged = torch.randperm(len(leaf))[: config.lpips_crops]
                shift = off_grid()
                pair = ((images[judged][shift] + 1) / 2 for images in (reference, leaf))
                losses["lpips"] = (share[judged.to(self.device)] * self.lpips(*pair)).mean()
            if self.vgg is not None and self.begun(config.vgg_from):
                losses["vgg"], losses["dists"] = self.vgg(*random_windows(config, reference, leaf))
        losses["loss"] = sum((getattr(config, name) * value for name, value in losses.items()), leaf.new_zeros(()))
        (pull,) = torch.autograd.grad(losses["loss"], leaf)
        if self.discriminator is not None and self.begun(config.adversarial_from):
            judged = torch.randperm(len(leaf))[: config.adversarial_crops]
            losses["discriminator"] = self.oppose(reference[judged], leaf[judged].detach())
            if self.begun(0.9 * config.adversarial_from + 0.1):
                with self.autocast:
                    losses["adversarial"] = -self.discriminator(leaf[judged]).float().mean()
                (push,) = torch.autograd.grad(losses["adversarial"], leaf)
                weight = adaptive_weight(picture, self.model.synthesis.leave.weight, pull, push)
                losses["adaptive_weight"] = weight
                pull = pull + config.adversarial * weight * push
        return losses, pull

    def oppose(self, real: Tensor, decoded: Tensor) -> Tensor:
        """One step of the discriminator; returns its loss."""
        assert self.discriminator is not None
        with self.autocast:
            loss = discriminator_loss(self.discriminator, real, decoded)
        self.opponent.zero_grad()
        torch.autograd.backward(loss)
        self.opponent.step()
        return loss

    def weights(self) -> list[Tensor]:
        """All that the optimizers move."""
        return [each for optimizer in self.optimizers for each in optimizer.param_groups[0]["params"]]

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average of the weights towards the weights."""
        decay = min(self.config.weight_decay, (self.step + 1) / (self.step + 10))
        for mean, value in zip(self.average.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
        self.average.quantizer.codebooks.copy_(self.model.quantizer.codebooks)

    def contact_sheet(self) -> PillowImage.Image:
        """Six crops, the same ones throughout; rows: original, then decoded from 1, 2 .. N stages."""
        crops = self.to_tensor(self.crops(0)[:6])
        with torch.no_grad():
            indices = self.average.encode(crops)
            rows = [crops]
            for held in range(1, self.shape.stages + 1):
                partial = indices.clone()
                partial[:, held:] = -1
                rows.append(self.average.decode(partial))
        sheet = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
        return PillowImage.fromarray(to_image(sheet[None].cpu()))

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
            "sums": self.sums,
        }
        if self.discriminator is not None:
            state |= {"discriminator": self.discriminator.state_dict(), "opponent": self.opponent.state_dict()}
        partial = out / "checkpoint.partial"
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, out / "checkpoint.pt")
        save_model(self.average, out / "model.safetensors")
        self.contact_sheet().save(out / "sheet.png")

    def load(self) -> None:
        """Go on from the checkpoint, whatever kind of device wrote it. Raises CodecError for one that does not fit."""
        path = self.config.out / "checkpoint.pt"
        try:
            state = torch.load(path, weights_only=True, map_location=self.device)
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.books.load(state["books"])
            for optimizer, saved in zip(self.optimizers, state["optimizer"], strict=True):
                optimizer.load_state_dict(saved)
            if self.discriminator is not None and "discriminator" in state:
                self.discriminator.load_state_dict(state["discriminator"])
                self.opponent.load_state_dict(state["opponent"])
            self.pool, self.sums = state["pool"], state["sums"]
            self.step, self.seconds = state["step"], state["seconds"]
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise CodecError(f"{path}: this run cannot go on from it ({reason}); name another folder as out") from error


def train(config: TrainConfig, shape: ProgicConfig | None = None, resume: bool = False) -> Iterator[dict[str, float]]:
    """Train, or with `resume` go on from `out/checkpoint.pt`; yields the mean losses of every `report_steps` steps.

    `shape` overrides the preset, for experiments. Leaves in `out`: `checkpoint.pt` (everything to resume),
    `model.safetensors` (the moving average of the weights), `log.jsonl` and `sheet.png`. On one machine a resumed run
    gives what an uninterrupted one would.
    Raises CodecError for missing photos, a run that is there and not to be resumed, a batch that does not fit in
    memory; WeightsError for missing loss weights.
    """
    torch.set_flush_denormal(True)  # numbers next to zero are slow; before any thread is there, as it asks each apart
    try:
        yield from steps(config, shape or PRESETS[config.preset], resume)
    finally:
        torch.set_flush_denormal(False)


def steps(config: TrainConfig, shape: ProgicConfig, resume: bool) -> Iterator[dict[str, float]]:
    """The same, for a processor that is set up."""
    there = (config.out / "checkpoint.pt").exists()
    if there and not resume:
        raise CodecError(f"{config.out}: holds a run; go on with it by --resume, or name another folder as out")
    run = Run(config, shape)
    if there:
        run.load()
    log = config.out / "log.jsonl"
    if log.exists():
        whole = log.read_text().rpartition("\n")[0]  # a kill may have cut the last line
        told = [json.loads(line) for line in whole.splitlines()]
        log.write_text("".join(json.dumps(row) + "\n" for row in told if row["step"] <= run.step))
    clock = saved_at = time.monotonic()
    with closing(ahead(run.crops, run.step, config.loaders)) as crops:
        while run.step < config.steps:
            for name, value in advance(run, next(crops)).items():
                run.sums[name] = run.sums.get(name, 0.0) + value.item() / config.report_steps
            run.seconds += time.monotonic() - clock
            clock = time.monotonic()
            row = {"step": run.step, "seconds": round(run.seconds), **run.sums}
            reported = run.step % config.report_steps == 0
            saved = clock - saved_at > config.checkpoint_s or run.step == config.steps
            if reported or saved:
                config.out.mkdir(parents=True, exist_ok=True)
            if reported:
                run.sums = {}
            if saved:
                saved_at = clock
                run.save()
            if reported:
                with log.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                yield row


def advance(run: Run, crops: Image) -> dict[str, Tensor]:
    """One step of `run`. Raises CodecError where it does not fit in memory."""
    try:
        return run.advance(crops)
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        config = run.config
        raise CodecError(
            f"batch is {config.batch} (crops of {config.crop}, lpips_crops {config.lpips_crops}, vgg_crops "
            f"{config.vgg_crops}): a step does not fit in the memory of {run.device}; lower batch first"
        ) from error
