"""One training step: code the crops, decode them in part and whole, judge, and move what learns.

Nothing here waits for a GPU: whether a step was sound is decided on the device, and a step that was not moves nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.base import CodecError, Image
from codec.training.adversary import adaptive_weight
from codec.training.codebooks import quantize, send
from codec.training.draws import decode_plan
from codec.training.losses import Losses, some
from codec.training.optimizers import step_where
from codec.training.recipe import TrainConfig
from codec.training.state import Learned, narrows

EXPLODED = 100
"""Times the clipping norm above which a step is left out."""
POOL_STEPS = 40
PLACED_FROM = 300_000
"""Latents at most that codebooks are placed by."""


class Stepper:
    """What a step needs besides what is learned."""

    def __init__(self, config: TrainConfig, learned: Learned) -> None:
        """Raises WeightsError where weights of a loss's network are missing."""
        self.config, self.learned, self.device = config, learned, learned.device
        self.autocast = torch.autocast(self.device, torch.bfloat16, enabled=narrows(config, self.device))
        self.losses = Losses(config, learned.place)

    def to_tensor(self, crops: Image) -> Tensor:
        """Crops as float[B, 3, crop, crop] in -1 to 1, on the device."""
        x = send(torch.from_numpy(crops), self.learned.books.counts).permute(0, 3, 1, 2).float() / 127.5 - 1
        return x.contiguous(memory_format=torch.channels_last)

    def advance(self, crops: Image, step: int, over: float, rate: float) -> tuple[dict[str, Tensor], Tensor]:
        """Step number `step`, with `over`, 0 to 1, of the run over; its losses, and whether it was sound: a bool.

        Both are scalars on the device. Raises CodecError where a step does not fit in memory.
        """
        try:
            return self._advance(crops, step, over, rate)
        except RuntimeError as error:
            if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
                raise
            config, (batch, side) = self.config, crops.shape[:2]
            raise CodecError(
                f"batch is {batch} (crops of {side}, lpips_crops {config.lpips_crops}, vgg_crops {config.vgg_crops}): "
                f"a step does not fit in the memory of {self.device}; lower batch first"
            ) from error

    def _advance(self, crops: Image, step: int, over: float, rate: float) -> tuple[dict[str, Tensor], Tensor]:
        config, learned, x = self.config, self.learned, self.to_tensor(crops)
        torch.manual_seed(config.seed * 1_000_003 + step)
        if step == config.quantize_from and learned.pool:
            learned.books.place(torch.cat(learned.pool)[:PLACED_FROM])
            learned.pool = []
        before = learned.books.copy()
        with self.autocast:
            latent = learned.model.analysis(x)
        plain = step < config.quantize_from and not config.start and not config.teacher
        if learned.teacher is not None:
            coded = self._teach(x, latent.float())
        else:
            coded = self._leave_plain(latent.float()) if plain else self._quantize(latent.float())
        with self.autocast:
            picture = learned.model.synthesis(coded.decoded, coded.held)
        reference = torch.cat([x] * (len(picture) // len(x)))
        leaf = picture.detach().float().requires_grad_()
        with self.autocast:
            losses = coded.losses | self.losses.judge(reference, leaf, coded.share, over)
        (pull,) = torch.autograd.grad(losses["loss"], leaf)
        if learned.adversary is not None and over >= config.adversarial_from:
            pull = pull + self._oppose(reference, leaf, picture, pull, losses, over)
        torch.autograd.backward((picture.float() * pull).sum() + coded.regular)
        losses["gradient"] = nn.utils.clip_grad_norm_(learned.weights(), config.clip)
        sound = losses["gradient"] < EXPLODED * config.clip  # false where it is no number
        learned.books.restore(before, sound)
        for optimizer in learned.optimizers:
            step_where(sound, optimizer, rate)
        if "discriminator" in losses and learned.adversary is not None:
            learned.adversary.step(sound)
        learned.follow(step, sound)
        if plain and len(pool := learned.pool) > 1 and pool[-1].shape == pool[-2].shape:
            pool[-1] = torch.where(sound, pool[-1], pool[-2])  # codebooks must not be placed by what exploded
        return {name: value.detach() for name, value in losses.items()}, sound

    def _teach(self, x: Tensor, latent: Tensor) -> Coded:
        """Latents quantized, of which analysis learns the teacher's and nothing else.

        What pictures say to it as well, while the decoder knows little, leads it away from latents that are good.
        """
        assert self.learned.teacher is not None
        with torch.no_grad(), self.autocast:
            wanted = self.learned.teacher.analysis(x)
        apart = functional.mse_loss(latent, wanted.float())
        coded = self._quantize(latent.detach())
        return coded._replace(regular=apart, losses=coded.losses | {"teach": apart.detach()})

    def _leave_plain(self, latent: Tensor) -> Coded:
        """Latents as they are, while there are no codebooks yet."""
        pool = self.learned.pool
        self.learned.pool = [*pool[1 - POOL_STEPS :], latent.detach().permute(0, 2, 3, 1).flatten(0, 2)]
        stages = len(self.learned.books.codebooks)
        held = torch.full((len(latent),), stages, device=latent.device)
        return Coded(latent, held, torch.ones_like(held).float(), 1e-3 * latent.square().mean(), {})

    def _quantize(self, latent: Tensor) -> Coded:
        """Latents quantized, once for each decode of the step."""
        config, books = self.config, self.learned.books
        chosen = quantize(latent, books, config.codebooks == "average" and not self.learned.codebooks_stay)
        kept, weights = decode_plan(config, len(books.codebooks), (len(latent), *latent.shape[2:]))
        held = kept.flatten(3).any(dim=3).sum(dim=1).clamp(min=1).flatten()
        share = (weights / weights.mean()).repeat_interleave(len(latent))
        parts = send(kept, latent).unsqueeze(3)
        sums = torch.cat([(chosen.words.detach() * part).sum(dim=0) for part in parts])
        latents = torch.cat([latent] * len(kept))
        losses = {"commitment": chosen.commitment.detach(), "codeword_use": chosen.used}
        regular = config.commitment * chosen.commitment
        if chosen.codebook.requires_grad:
            losses["codebook"] = chosen.codebook.detach()
            regular = regular + config.codebook * chosen.codebook
        decoded = latents + (sums - latents).detach()
        return Coded(decoded, send(held, latent), send(share, latent), regular, losses)

    def _oppose(
        self, reference: Tensor, leaf: Tensor, picture: Tensor, pull: Tensor, losses: dict[str, Tensor], over: float
    ) -> Tensor | float:
        """What the discriminator adds to the gradient on the pictures, once it has learned for a while alone."""
        adversary = self.learned.adversary
        assert adversary is not None
        real, decoded = some(self.config.adversarial_crops, reference, leaf)
        with self.autocast:
            losses["discriminator"] = adversary.learn(real, decoded.detach())
        if not (weight := adversary.weight(over)):
            return 0.0
        with self.autocast:
            losses["adversarial"], push = adversary.oppose(real, decoded, leaf)
        last = self.learned.model.synthesis.leave.weight
        losses["adaptive_weight"] = adaptive_weight(picture, last, pull.to(picture.dtype), push.to(picture.dtype))
        return weight * losses["adaptive_weight"] * push


class Coded(NamedTuple):
    """A batch on its way to the decoder."""

    decoded: Tensor
    """float[D, C2, h, w], D decodes of all crops one after another; gradients pass to the latent."""
    held: Tensor
    """Stages held, int64[D]."""
    share: Tensor
    """Each decode's lambda, float[D], 1 on average."""
    regular: Tensor
    """What is minimised besides the pictures' losses."""
    losses: dict[str, Tensor]
