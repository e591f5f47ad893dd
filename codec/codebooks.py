"""Codebooks that learn: placed by k-means, then moving averages of what chooses them; the unused are revived."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from codec.model import nearest


class CodebookTrainer:
    """Moving-average codebooks: place by k-means, follow the residuals, revive the unused."""

    def __init__(self, codebooks: Tensor, decay: float) -> None:
        self.codebooks = codebooks
        self.decay = decay
        self.counts = torch.ones(codebooks.shape[:2])
        self.sums = codebooks.clone()

    def place(self, latents: Tensor, rounds: int = 8) -> None:
        """k-means of each stage's residuals, from latents float[n, C2]."""
        residual = latents
        for stage, codebook in enumerate(self.codebooks):
            codebook.copy_(residual[torch.randint(len(residual), (len(codebook),))])
            for _ in range(rounds):
                counts, sums = tally(nearest(residual, codebook), residual, len(codebook))
                used = counts > 0
                codebook[used] = sums[used] / counts[used, None]
            self.counts[stage] = 1.0
            self.sums[stage] = codebook
            residual = residual - codebook[nearest(residual, codebook)]

    def follow(self, stage: int, index: Tensor, residual: Tensor) -> None:
        """Move one stage's codewords towards the residuals float[n, C2] that chose them."""
        codebook = self.codebooks[stage]
        counts, sums = tally(index, residual, len(codebook))
        self.counts[stage].lerp_(counts, 1 - self.decay)
        self.sums[stage].lerp_(sums, 1 - self.decay)
        dead = self.counts[stage] < 0.1 * len(residual) / len(codebook)
        if dead.any():
            lively = residual[torch.randint(len(residual), (int(dead.sum()),))]
            self.counts[stage, dead] = len(residual) / len(codebook)
            self.sums[stage, dead] = lively * self.counts[stage, dead, None]
        codebook.copy_(self.sums[stage] / self.counts[stage, :, None])

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep besides the codebooks."""
        return {"counts": self.counts, "sums": self.sums}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore `state`."""
        self.counts.copy_(state["counts"])
        self.sums.copy_(state["sums"])


def tally(index: Tensor, vectors: Tensor, codewords: int) -> tuple[Tensor, Tensor]:
    """How many vectors float[n, C] chose each codeword, and their sum: float[K], float[K, C]."""
    counts = torch.bincount(index, minlength=codewords).float()
    return counts, torch.zeros(codewords, vectors.shape[1]).index_add_(0, index, vectors)


def quantize(latent: Tensor, books: CodebookTrainer) -> tuple[Tensor, Tensor]:
    """Codewords float[N, B, C2, h, w] chosen greedily for `latent`, and the commitment loss."""
    batch, width, rows, columns = latent.shape
    flat = latent.permute(0, 2, 3, 1).reshape(-1, width)
    residual = flat.detach()
    total = torch.zeros_like(residual)
    chosen, commitment = [], torch.zeros(())
    for stage in range(len(books.codebooks)):
        index = nearest(residual, books.codebooks[stage])
        words = books.codebooks[stage][index]
        books.follow(stage, index, residual)
        total = total + words
        residual = residual - words
        commitment = commitment + functional.mse_loss(flat, total)
        chosen.append(words.view(batch, rows, columns, width).permute(0, 3, 1, 2))
    return torch.stack(chosen), commitment
