"""What a training step draws at random: which cells a decode may use, and where the losses look."""

from __future__ import annotations

import torch
from torch import Tensor

from codec.progic.shape import UNSHUFFLE
from codec.training.recipe import TrainConfig


def decode_plan(config: TrainConfig, stages: int, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Cells to decode from, bool[D, N, B, h, w], and each decode's weight in eq. 7, float[D].

    The last decode has everything; the others a prefix of the stages, sometimes damaged: each number of stages in
    turn with `every_stage`, else one drawn for each of the B crops. With `held` there are its prefixes alone.
    """
    p, batch = config.earlier_stages, shape[0]
    if config.held:
        whole = torch.arange(stages)[None, :] < torch.tensor(config.held)[:, None]
        return whole[:, :, None, None, None].expand(-1, -1, *shape).clone(), torch.ones(len(whole)) / len(whole)
    if config.every_stage:
        prefixes = torch.arange(1, stages)[:, None].expand(-1, batch)
    else:
        prefixes = torch.randint(1, stages, (1, batch))
    parts = (torch.arange(stages)[None, :, None] < prefixes[:, None])[..., None, None]
    kept = torch.cat([parts, torch.ones_like(parts[:1])]).expand(-1, -1, -1, *shape[1:]).clone()
    for k in range(batch):
        for decode in kept[:-1, :, k]:
            if torch.rand(()) >= config.damage:
                continue
            if torch.rand(()) < 0.5:
                decode[:] = True
                decode[_missing(stages, config.damage_first)] = False
            else:
                decode &= torch.rand(decode.shape) > torch.rand(()) * 0.5
    return kept, torch.tensor([p / len(prefixes)] * len(prefixes) + [1 - p])


def _missing(stages: int, first: float) -> int:
    """A stage: the first with this chance, else any of the others."""
    if stages == 1 or torch.rand(()) < first:
        return 0
    return int(torch.randint(1, stages, ()))


def pick(count: int, wanted: int) -> Tensor | None:
    """Numbers, drawn at random, of `wanted` of `count` pictures; None for all of them."""
    return torch.randperm(count)[:wanted] if wanted < count else None


def off_grid(side: int, wanted: int) -> tuple[slice, ...]:
    """A square window of pictures of this side, anywhere: of `wanted` pixels a side, or as many as fit off the grid.

    LPIPS strides over the picture; while its steps fell in line with the decoder's 8x8 blocks, the decoder learned to
    hide errors between them, as a grid of dots. So a window leaves at least 7 pixels to move in. All windows of a run
    have one size, since on CUDA each new one costs a search for the fastest convolution.
    """
    window = min(wanted, side - UNSHUFFLE + 1)
    top, left = torch.randint(side - window + 1, (2,)).tolist()
    return slice(None), slice(None), slice(top, top + window), slice(left, left + window)
