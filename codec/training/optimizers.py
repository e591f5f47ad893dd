"""Muon for matrices, AdamW for the rest, or the paper's Adam; and the course of the learning rate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from codec.training.recipe import TrainConfig


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


def make_optimizers(model: nn.Module, kind: str, more: list[Tensor]) -> list[torch.optim.Optimizer]:
    """Optimizers for every weight of `model` that learns, and for the tensors `more`.

    "muon": Muon for the 1x1 convolutions and AdamW for the rest; "adamw": AdamW for all; "adam": the paper's
    (section 4.1).
    """
    matrices: list[nn.Parameter] = []
    rest: list[Tensor] = list(more)
    for parameter in model.parameters():
        if not parameter.requires_grad:
            continue
        is_matrix = parameter.dim() == 4 and min(parameter.flatten(1).shape) >= 64
        (matrices if kind == "muon" and is_matrix else rest).append(parameter)
    if kind == "adam":
        return [torch.optim.Adam(rest, betas=(0.5, 0.9))]
    parts: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, betas=(0.9, 0.99), weight_decay=0.0)]
    return [*parts, Muon(matrices)] if matrices else parts


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, flat, then over the last `decay` of the run a linear fall or a jump to `final_rate`."""
    falling = config.decay * config.steps
    left = (config.steps - step) / falling if falling else 1.0
    share = min(1.0, left) if config.schedule == "linear" else float(left > 1)
    return config.learning_rate * min((step + 1) / config.warmup, config.final_rate + (1 - config.final_rate) * share)
