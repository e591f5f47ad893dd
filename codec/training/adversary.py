"""The adaptive PatchGAN of eq. 6: a discriminator that judges patches, and how much its verdict weighs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


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
