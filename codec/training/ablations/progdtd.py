"""A run of ProgDTD in the queue: trained with double tail drop, by the ablations' photos, steps, losses and optimizer.

Each step keeps a number of channels drawn for each crop, from one to all, of y and as large a share of z; the loss is
bits a pixel + lambda * (L1 + LPIPS), the losses of pictures being those of the recipe. Its authors' own lambdas weigh
another distortion, and the paper that we follow does not say which it took: with this one lambda 2 is our reading.
Muon, where the recipe says so, moves those of its convolutions that are 64 wide; AdamW moves the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import torch
from torch import Tensor, nn

from codec.base import CodecError, Image
from codec.files import write_whole
from codec.progic.codec import to_image
from codec.training.ablations.hyperprior import DOWNSAMPLING, ENDS, LATENT, Hyperprior
from codec.training.ablations.scores import SIDE, Coder, Decoded
from codec.training.artefacts import read_checkpoint
from codec.training.crops import Photos, crops_of, list_names
from codec.training.losses import Losses
from codec.training.optimizers import learning_rate, make_optimizers, step_where
from codec.training.recipe import TrainConfig
from codec.training.state import narrows
from codec.training.step import EXPLODED


class Training:
    """What is learned; on the CPU."""

    def __init__(self, recipe: TrainConfig, weight: float) -> None:
        """`weight` is lambda. Raises CodecError for a checkpoint that cannot be read, or crops that do not fit."""
        if recipe.crop % DOWNSAMPLING:
            raise CodecError(f"crop is {recipe.crop}; expected a multiple of {DOWNSAMPLING} for ProgDTD")
        self.recipe, self.weight, self.step = recipe, weight, 0
        torch.manual_seed(recipe.seed)
        self.model, self.average = Hyperprior(), Hyperprior()
        self.average.load_state_dict(self.model.state_dict())
        self.optimizers = make_optimizers(self.model, recipe.optimizer, [])
        self.losses = Losses(recipe, lambda network: network)
        self.autocast = torch.autocast("cpu", torch.bfloat16, enabled=narrows(recipe, "cpu"))
        if (recipe.out / "checkpoint.pt").exists():
            state = read_checkpoint(recipe.out, "cpu")
            self.step = state["step"]
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            for optimizer, saved in zip(self.optimizers, state["optimizer"], strict=True):
                optimizer.load_state_dict(saved)

    def advance(self, crops: Image) -> None:
        """One step. One whose gradient explodes moves nothing."""
        recipe = self.recipe
        torch.manual_seed(recipe.seed * 1_000_003 + self.step)
        over = self.step / recipe.steps
        x = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1
        x = x.contiguous(memory_format=torch.channels_last)
        with self.autocast:
            told = self.model(x, torch.randint(1, LATENT + 1, (len(x),)))
            losses = self.losses.judge(x, told.picture.float(), torch.ones(len(x)), over)
        loss = told.bits / (len(x) * recipe.crop**2) + self.weight * losses["loss"]
        torch.autograd.backward(loss)
        weights: list[Tensor] = list(self.model.parameters())
        sound: Tensor = nn.utils.clip_grad_norm_(weights, recipe.clip) < EXPLODED * recipe.clip
        for optimizer in self.optimizers:
            step_where(sound, optimizer, learning_rate(recipe, self.step, over))
        if sound:
            part = 1 - min(recipe.weight_decay, (self.step + 1) / (self.step + 10))
            with torch.no_grad():
                means: list[Tensor] = list(self.average.parameters())
                torch._foreach_lerp_(means, weights, part)
        self.step += 1

    def save(self) -> None:
        """The checkpoint, whole or not at all. Raises OSError."""
        state: dict[str, Any] = {"step": self.step, "optimizer": [each.state_dict() for each in self.optimizers]}
        content = BytesIO()
        torch.save(state | {"model": self.model.state_dict(), "average": self.average.state_dict()}, content)
        write_whole(self.recipe.out / "checkpoint.pt", content.getbuffer())


def train(recipe: TrainConfig, weight: float) -> Iterator[int]:
    """Train, or go on; yields the steps at which to report. Raises CodecError as the trainer does."""
    torch.set_flush_denormal(True)
    photos, training, saved_s = Photos(recipe.data, list_names(recipe.data)), Training(recipe, weight), time.monotonic()
    try:
        while training.step < recipe.steps:
            training.advance(crops_of(photos, recipe.seed, training.step, recipe.batch, recipe.crop))
            if training.step == recipe.steps or time.monotonic() - saved_s > recipe.checkpoint_s:
                training.save()
                saved_s = time.monotonic()
            if training.step % recipe.report_steps == 0:
                yield training.step
    finally:
        torch.set_flush_denormal(False)


def read_coder(recipe: TrainConfig) -> Coder:
    """The run's averaged weights, as a coder. Raises CodecError where it has left none."""
    model = Hyperprior()
    model.load_state_dict(read_checkpoint(recipe.out, "cpu")["average"])
    model.eval().requires_grad_(False)

    def decode_parts(image: Image) -> Iterator[Decoded]:
        x = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        parts, sent = model.encode(x), 0
        pictures = model.decode(parts, image.shape[0] // DOWNSAMPLING, image.shape[1] // DOWNSAMPLING)
        for channels, part, picture in zip(ENDS, parts, pictures, strict=True):
            sent += len(part)
            yield Decoded(channels, sent, to_image(picture))

    parameters = sum(each.numel() for each in model.parameters())
    return Coder(decode_parts, parameters, count_flops(model, SIDE), {}, "range-coded parts, each decoded again")


@torch.no_grad()
def count_flops(model: Hyperprior, side: int) -> int:
    """FLOPs of convolutions to code one square photo and decode it whole; 2 a multiply-accumulate."""
    flops = 0

    def count(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal flops
        grid = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        weight = module.weight
        assert isinstance(weight, Tensor)
        flops += 2 * weight.numel() * grid.shape[-1] * grid.shape[-2] + output.numel()

    layers = [each for each in model.modules() if isinstance(each, nn.Conv2d | nn.ConvTranspose2d)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    latent = model.analysis(torch.zeros(1, 3, side, side))
    model.hyper_synthesis(model.hyper_analysis(latent))
    model.synthesis(latent)
    for hook in hooks:
        hook.remove()
    return flops
