"""The adaptive PatchGAN of eq. 6: a discriminator that judges patches, and how much its verdict weighs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.training.optimizers import step_where
from codec.training.recipe import TrainConfig


class PatchDiscriminator(nn.Sequential):
    """Real or decoded, patch by patch (Isola et al. 2017, "PatchGAN"); each verdict sees 70x70 pixels.

    Groups are normalised in place of batches, since batches here may hold few pictures.
    """

    def __init__(self, width: int = 64) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for incoming, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
            outgoing = 2 * incoming
            layers += [nn.Conv2d(incoming, outgoing, 4, stride, 1), nn.GroupNorm(8, outgoing), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


def discriminator_loss(discriminator: nn.Module, real: Tensor, decoded: Tensor) -> Tensor:
    """Hinge loss of the discriminator; pictures are float[B, 3, H, W] in -1 to 1."""
    verdict_real, verdict_decoded = discriminator(real).float(), discriminator(decoded).float()
    return 0.5 * (functional.relu(1 - verdict_real).mean() + functional.relu(1 + verdict_decoded).mean())


def features(discriminator: nn.Sequential, pictures: Tensor) -> list[Tensor]:
    """What follows each of its activations, and last the verdict, all float32."""
    found = []
    for layer in discriminator:
        pictures = layer(pictures)
        if isinstance(layer, nn.LeakyReLU):
            found.append(pictures.float())
    return [*found, pictures.float()]


def adaptive_weight(picture: Tensor, last_layer: Tensor, supervised: Tensor, adversarial: Tensor) -> Tensor:
    """How much to scale the adversarial gradient, so that it moves the last layer as far as the supervised one.

    The ratio of the norms of both gradients at `last_layer`, at most 1e4 (Esser et al. 2021, eq. 7). `supervised` and
    `adversarial` are the gradients of the two losses with respect to `picture`, whose graph is kept.
    """
    norms = [
        torch.autograd.grad(picture, last_layer, gradient, retain_graph=True)[0].norm()
        for gradient in (supervised, adversarial)
    ]
    ratio: Tensor = norms[0] / (norms[1] + 1e-6)
    return ratio.clamp(max=1e4).detach()


class Adversary:
    """The discriminator in training."""

    def __init__(self, config: TrainConfig, discriminator: PatchDiscriminator) -> None:
        self.config, self.discriminator = config, discriminator
        rate, betas, weights = config.discriminator_rate, (0.5, 0.9), list(discriminator.parameters())
        self.optimizer = torch.optim.Adam(weights, rate, betas, fused=weights[0].is_cuda)

    def weight(self, share: float) -> float:
        """Of the adversarial term when `share` of the run is over: 0 while the discriminator learns alone."""
        begun = share - (0.9 * self.config.adversarial_from + 0.1)
        ramp = self.config.adversarial_ramp
        return self.config.adversarial * (min(1.0, begun / ramp) if ramp else 1.0) if begun >= 0 else 0.0

    def _veil(self, pictures: Tensor) -> Tensor:
        """The pictures as the discriminator is shown them."""
        noise = self.config.discriminator_noise
        return pictures + noise * torch.randn_like(pictures) if noise else pictures

    def learn(self, real: Tensor, decoded: Tensor) -> Tensor:
        """The loss of the discriminator, whose gradient waits for `step`."""
        loss = discriminator_loss(self.discriminator, self._veil(real), self._veil(decoded))
        torch.autograd.backward(loss)
        return loss.detach()

    def oppose(self, real: Tensor, decoded: Tensor, leaf: Tensor) -> tuple[Tensor, Tensor]:
        """The adversarial loss of `decoded`, made from `leaf`, where `real` was meant; and its gradient on `leaf`."""
        *seen, verdict = features(self.discriminator, self._veil(decoded))
        loss = -verdict.mean()
        if self.config.feature_matching:
            with torch.no_grad():
                wanted = features(self.discriminator, self._veil(real))[:-1]
            apart = [(one - other).abs().mean() / one.abs().mean() for one, other in zip(wanted, seen, strict=True)]
            loss = loss + self.config.feature_matching * torch.stack(apart).mean()
        (push,) = torch.autograd.grad(loss, leaf)
        return loss.detach(), push

    def step(self, sound: Tensor) -> None:
        """Move the discriminator by the gradient that waits, if `sound` holds and the gradient is finite."""
        norm = nn.utils.clip_grad_norm_(self.discriminator.parameters(), self.config.discriminator_clip)
        step_where(sound & norm.isfinite(), self.optimizer, self.config.discriminator_rate)
