"""Muon for matrices, AdamW for the rest, or the paper's Adam; steps that may be left out; the learning rate."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from codec.training.recipe import TrainConfig


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for matrices (Jordan et al. 2024, "Muon").

    Own code because torch's Muon iterates in bfloat16 everywhere, ten times slower on CPUs without such arithmetic;
    here on CUDA and where it is told to be `narrow` (four times as fast on a CPU that multiplies bfloat16 in
    hardware), else in float32. Matrices of one shape are orthogonalised as one batch; updates are scaled
    to the size of AdamW's (Liu et al. 2025, eq. 4).
    """

    found_inf: Tensor | None = None
    """As of torch's fused optimizers: where it is 1, a step changes nothing."""

    def __init__(self, matrices: list[nn.Parameter], momentum: float = 0.95, narrow: bool = False) -> None:
        super().__init__(matrices, {"lr": 0.0, "momentum": momentum})
        self.narrow = narrow

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
                if self.found_inf is not None:
                    gradient = torch.where(self.found_inf == 0, gradient, momentum)  # towards itself: it stays
                momentum.lerp_(gradient, 1 - group["momentum"])
                ahead = gradient.lerp(momentum, group["momentum"]).flatten(1)
                shapes.setdefault(ahead.shape, []).append((parameter, ahead))
            for shape, members in shapes.items():
                size = 0.2 * max(shape) ** 0.5 * group["lr"]
                stacked = torch.stack([ahead for _, ahead in members])
                updates = orthogonalise(stacked.bfloat16() if self.narrow or stacked.is_cuda else stacked).to(
                    stacked.dtype
                )
                if self.found_inf is not None:
                    updates = updates * (1 - self.found_inf)
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


def make_optimizers(
    model: nn.Module, kind: str, more: list[Tensor], narrow: bool = False
) -> list[torch.optim.Optimizer]:
    """Optimizers for every weight of `model` that learns, and for the tensors `more`; Muon may be `narrow`.

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
    fused = any(each.is_cuda for each in [*matrices, *rest])
    if kind == "adam":
        return [torch.optim.Adam(rest, betas=(0.5, 0.9), fused=fused)]
    parts: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, betas=(0.9, 0.99), weight_decay=0.0, fused=fused),
    ]
    return [*parts, Muon(matrices, narrow=narrow)] if matrices else parts


def step_where(sound: Tensor, optimizer: torch.optim.Optimizer, rate: float) -> None:
    """One step at this learning rate where `sound`, a bool scalar on the device, holds; else nothing moves.

    On CUDA the device itself decides and the queue does not wait, as in torch's own gradient scaler: Muon and fused
    optimizers heed `found_inf`. Clears the gradients.
    """
    optimizer.param_groups[0]["lr"] = rate
    if sound.is_cuda:
        optimizer.found_inf, optimizer.grad_scale = (~sound).float(), None  # type: ignore[attr-defined]
        optimizer.step()
    elif sound:
        optimizer.step()
    optimizer.zero_grad()


def load_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Take over a state, whatever kind of device wrote it: how a step is made (fused or not) stays this one's own."""
    own = optimizer.state_dict()["param_groups"]
    groups = [
        {**group, **{key: mine[key] for key in ("fused", "foreach") if key in mine}}
        for group, mine in zip(saved["param_groups"], own, strict=True)
    ]
    optimizer.load_state_dict({**saved, "param_groups": groups})


def learning_rate(config: TrainConfig, step: int, share: float) -> float:
    """Linear warm-up by steps; flat; over the last `decay` of the run a linear fall or a jump to `final_rate`.

    `share` of the run is over.
    """
    left = (1 - share) / config.decay if config.decay else 1.0
    part = max(0.0, min(1.0, left)) if config.schedule == "linear" else float(left > 1)
    return config.learning_rate * min((step + 1) / config.warmup, config.final_rate + (1 - config.final_rate) * part)
