"""All that a training run has learned and counted: what a checkpoint keeps, and what is found sound or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codec.base import CodecError, WeightsError
from codec.progic import narrow
from codec.progic.model import ProGIC, load_model
from codec.progic.shape import ProgicConfig
from codec.training.ablations.ablated import without
from codec.training.adversary import Adversary, PatchDiscriminator
from codec.training.codebooks import CodebookTrainer
from codec.training.optimizers import load_optimizer, make_optimizers
from codec.training.recipe import TrainConfig

State = dict[str, Any]


def choose_device(config: TrainConfig) -> str:
    """ "cpu" or "cuda". Raises CodecError where "cuda" is asked for and cannot be had."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise CodecError("device is 'cuda'; no CUDA device can be used here; write cpu or auto")
    return ("cuda" if torch.cuda.is_available() else "cpu") if config.device == "auto" else config.device


def multiplies_bfloat16(device: str) -> bool:
    """Whether `device` multiplies bfloat16 in hardware; elsewhere autocast is slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return narrow.multiplies_bfloat16()


def narrows(config: TrainConfig, device: str) -> bool:
    """Whether a run multiplies in bfloat16."""
    return multiplies_bfloat16(device) if config.bfloat16 == "auto" else config.bfloat16 == "on"


class Learned:
    """Model, its moving average, codebooks, optimizers and discriminator, on one device.

    A copy of a sound `state` is the way back, should one of them be no longer finite.
    """

    def __init__(self, config: TrainConfig, shape: ProgicConfig, device: str) -> None:
        self.config, self.device = config, device
        torch.manual_seed(config.seed)
        self.model, self.average = (self.place(without(ProGIC(shape), config)) for _ in range(2))
        if config.start:
            begun, _ = load_model(Path(config.start))
            if begun.config != shape:
                raise WeightsError(f"{config.start}: holds a model of another shape: {begun.config}")
            self.model.load_state_dict(begun.state_dict())
        self.teacher = self._hire(config.teacher) if config.teacher else None
        self.average.load_state_dict(self.model.state_dict())
        self.average.requires_grad_(False).eval()
        self.model.analysis.requires_grad_(not config.freeze_encoder)
        codebooks = self.model.quantizer.codebooks
        self.codebooks_stay = config.freeze_encoder or self.teacher is not None
        learned = [codebooks.requires_grad_()] if config.codebooks == "gradient" and not self.codebooks_stay else []
        cells = config.batch * (config.crop // shape.downsampling) ** 2
        self.books = CodebookTrainer(codebooks, config.codebook_decay, cells / shape.codewords)
        self.optimizers = make_optimizers(self.model, config.optimizer, learned, narrows(config, device))
        self.adversary: Adversary | None = None
        if config.adversarial:
            self.adversary = Adversary(config, self.place(PatchDiscriminator(config.discriminator_width)))
        self.pool: list[Tensor] = []
        """Latents of the last steps of plain autoencoding, float[n, C2] each, to place the codebooks by."""

    def _hire(self, path: str) -> ProGIC:
        """The teacher, with its codebooks in the model. Raises WeightsError where its latents have another shape."""
        teacher, _ = load_model(Path(path))
        own, given = (model.quantizer.codebooks.shape for model in (self.model, teacher))
        if own != given or teacher.config.downsampling != self.model.config.downsampling:
            raise WeightsError(f"{path}: teaches codebooks of {tuple(given)}; this run learns {tuple(own)}")
        self.model.quantizer.load_state_dict(teacher.quantizer.state_dict())
        placed: ProGIC = self.place(teacher)
        return placed

    def place(self, module: Any) -> Any:
        """A network on the device, in the memory format that is fastest there."""
        return module.to(self.device, memory_format=torch.channels_last)

    def weights(self) -> list[Tensor]:
        """All that the optimizers move, but for the discriminator's."""
        return [each for optimizer in self.optimizers for each in optimizer.param_groups[0]["params"]]

    @torch.no_grad()
    def follow(self, step: int, sound: Tensor) -> None:
        """Move the average of the weights towards the weights where `sound`, a bool on the device, holds."""
        part = 1 - min(self.config.weight_decay, (step + 1) / (step + 10))
        means, values = list(self.average.parameters()), list(self.model.parameters())
        if sound.is_cuda:
            drift(means, values, sound * part)
        elif sound:
            torch._foreach_lerp_(means, values, part)
        self.average.quantizer.codebooks.copy_(self.model.quantizer.codebooks)

    def state(self) -> State:
        """Everything learned, by the names that a checkpoint and `lost` use; not copied."""
        state: State = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "books": self.books.state(),
            "optimizer": [optimizer.state_dict() for optimizer in self.optimizers],
            "pool": list(self.pool),
        }
        if self.adversary is not None:
            state |= {
                "discriminator": self.adversary.discriminator.state_dict(),
                "opponent": self.adversary.optimizer.state_dict(),
            }
        return state

    def restore(self, state: State) -> None:
        """Back to a state, which stays as it is; what it lacks (a discriminator that joined since) stays too."""
        state = copied(state)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.books.load(state["books"])
        for optimizer, saved in zip(self.optimizers, state["optimizer"], strict=True):
            load_optimizer(optimizer, saved)
        if self.adversary is not None and "discriminator" in state:
            self.adversary.discriminator.load_state_dict(state["discriminator"])
            load_optimizer(self.adversary.optimizer, state["opponent"])
        self.pool = state["pool"]


def drift(means: list[Tensor], values: list[Tensor], part: Tensor) -> None:
    """Move `means` towards `values` by `part`, a scalar on their device, for which no queue has to wait."""
    gaps = torch._foreach_sub(values, means)
    torch._foreach_mul_(gaps, part)
    torch._foreach_add_(means, gaps)


def lost(state: State) -> list[str]:
    """The names in `state` of what is not finite, or so large that its square is not. One stop of the queue."""
    names, norms = [], []
    for name, part in state.items():
        if tensors := [tensor for tensor in tensors_of(part) if tensor.dim()]:
            names.append(name)
            norms.append(nn.utils.get_total_norm(tensors))
    finite = torch.stack(norms).isfinite().tolist()
    return [name for name, is_finite in zip(names, finite, strict=True) if not is_finite]


def tensors_of(part: Any) -> Iterator[Tensor]:
    """Every tensor in nested dicts and lists."""
    if isinstance(part, Tensor):
        yield part
    elif isinstance(part, dict | list | tuple):
        for each in part.values() if isinstance(part, dict) else part:
            yield from tensors_of(each)


def copied(part: Any, into: Any = None) -> Any:
    """A deep copy of nested dicts and lists of tensors; the tensors of an earlier copy, `into`, are used again.

    Making as much memory anew each time would cost more than filling it.
    """
    if isinstance(part, Tensor):
        if isinstance(into, Tensor) and into.shape == part.shape and into.stride() == part.stride():
            return into.copy_(part.detach())
        return part.detach().clone()
    if isinstance(part, dict):
        before = into if isinstance(into, dict) else {}
        return {name: copied(each, before.get(name)) for name, each in part.items()}
    if isinstance(part, list | tuple):
        rest = into if isinstance(into, list | tuple) and len(into) == len(part) else [None] * len(part)
        return type(part)(copied(each, old) for each, old in zip(part, rest, strict=True))
    return part
