"""Codebooks that learn: placed by k-means, then moving averages of what chooses them; the unused are revived."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from codec.progic.model import nearest


class CodebookTrainer:
    """Codebooks float[N, K, C2] in training: placed by k-means, then moved by averages, by gradient, or not at all."""

    def __init__(self, codebooks: Tensor, decay: float) -> None:
        self.codebooks = codebooks
        self.decay = decay
        self.counts = torch.ones(codebooks.shape[:2], device=codebooks.device)
        self.sums = codebooks.detach().clone()

    @torch.no_grad()
    def place(self, latents: Tensor, rounds: int = 8) -> None:
        """k-means of each stage's residuals, from latents float[n, C2]."""
        residual = latents
        for stage, codebook in enumerate(self.codebooks):
            codebook.copy_(residual[_draw(len(residual), len(codebook), residual)])
            for _ in range(rounds):
                counts, sums = tally(nearest(residual, codebook), residual, len(codebook))
                used = counts > 0
                codebook[used] = sums[used] / counts[used, None]
            self.counts[stage] = 1.0
            self.sums[stage] = codebook
            residual = residual - codebook[nearest(residual, codebook)]

    @torch.no_grad()
    def follow(self, stage: int, index: Tensor, residual: Tensor) -> None:
        """Move one stage's codewords towards the residuals float[n, C2] that chose them."""
        codebook = self.codebooks[stage]
        counts, sums = tally(index, residual, len(codebook))
        self.counts[stage].lerp_(counts, 1 - self.decay)
        self.sums[stage].lerp_(sums, 1 - self.decay)
        dead = self.counts[stage] < 0.1 * len(residual) / len(codebook)
        if dead.any():
            lively = residual[_draw(len(residual), int(dead.sum()), residual)]
            self.counts[stage, dead] = len(residual) / len(codebook)
            self.sums[stage, dead] = lively * self.counts[stage, dead, None]
        codebook.copy_(self.sums[stage] / self.counts[stage, :, None])

    @torch.no_grad()
    def copy(self) -> tuple[Tensor, ...]:
        """All that `follow` moves, as it is now."""
        return tuple(part.clone() for part in (self.codebooks, self.counts, self.sums))

    @torch.no_grad()
    def restore(self, copy: tuple[Tensor, ...]) -> None:
        """Back to what `copy` gave: one exploded batch would throw codewords far out, and revive dead ones there."""
        for part, before in zip((self.codebooks, self.counts, self.sums), copy, strict=True):
            part.copy_(before)

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep besides the codebooks."""
        return {"counts": self.counts, "sums": self.sums}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore `state`."""
        self.counts.copy_(state["counts"])
        self.sums.copy_(state["sums"])


def _draw(below: int, count: int, like: Tensor) -> Tensor:
    """`count` random row numbers, the same on every kind of device."""
    return torch.randint(below, (count,)).to(like.device)


def tally(index: Tensor, vectors: Tensor, codewords: int) -> tuple[Tensor, Tensor]:
    """How many vectors float[n, C] chose each codeword, and their sum: float[K], float[K, C]."""
    counts = torch.bincount(index, minlength=codewords).float()
    return counts, vectors.new_zeros(codewords, vectors.shape[1]).index_add_(0, index, vectors)


class Quantized(NamedTuple):
    """What became of a batch of latents."""

    words: Tensor
    """Codewords chosen, float[N, B, C2, h, w]."""
    commitment: Tensor
    """Sum over stages of the squared distance that pulls the latent to the codewords (van den Oord et al. 2017)."""
    codebook: Tensor
    """The same distance, pulling the codewords to the latent."""
    used: Tensor
    """Perplexity of the choice, as a share of what a batch of this size can reach; mean over stages."""


def quantize(latent: Tensor, books: CodebookTrainer, moving: bool = True) -> Quantized:
    """Greedy choice of codewords for `latent` float[B, C2, h, w], stage by stage (eqs. 3 to 5).

    With `moving`, the codebooks follow what chose them.
    """
    batch, width, rows, columns = latent.shape
    flat = latent.permute(0, 2, 3, 1).reshape(-1, width)
    wanted, total = flat.detach(), torch.zeros_like(flat.detach())
    chosen, commitment, codebook, perplexities = [], flat.new_zeros(()), flat.new_zeros(()), []
    for stage in range(len(books.codebooks)):
        residual = wanted - total
        index = nearest(residual, books.codebooks[stage].detach())
        words = books.codebooks[stage][index]
        if moving:
            books.follow(stage, index, residual)
        codebook = codebook + functional.mse_loss(words, residual)
        total = total + words.detach()
        commitment = commitment + functional.mse_loss(flat, total)
        chosen.append(words.view(batch, rows, columns, width).permute(0, 3, 1, 2))
        shares = torch.bincount(index, minlength=len(books.codebooks[stage])) / len(index)
        perplexities.append(torch.special.entr(shares).sum().exp() / min(len(index), len(shares)))
    return Quantized(torch.stack(chosen), commitment, codebook, torch.stack(perplexities).mean())
