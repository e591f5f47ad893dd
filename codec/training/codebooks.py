"""Codebooks that learn: placed by k-means, then moving averages of what chooses them; the unused are revived."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from codec.progic.model import nearest


class CodebookTrainer:
    """Codebooks float[N, K, C2] in training: placed by k-means, then moved by averages, by gradient, or not at all.

    Nothing here waits for the device: what depends on the data is chosen by masks, and rows to revive codewords with
    are drawn on the CPU, as many as there are codewords, whether they are needed or not.
    """

    def __init__(self, codebooks: Tensor, decay: float, chosen: float = 1.0) -> None:
        """`chosen`: how often one codeword is chosen in a step, on average; what its moving average begins from."""
        self.codebooks = codebooks
        self.decay = decay
        self.counts = torch.full(codebooks.shape[:2], chosen, device=codebooks.device)
        self.sums = codebooks.detach() * chosen

    @torch.no_grad()
    def place(self, latents: Tensor, rounds: int = 8) -> None:
        """k-means of each stage's residuals, from latents float[n, C2]; the averages begin from `chosen` again."""
        residual, chosen = latents, self.counts.mean()
        for stage, codebook in enumerate(self.codebooks):
            codebook.copy_(residual[send(torch.randint(len(residual), (len(codebook),)), residual)])
            for _ in range(rounds):
                counts, sums = tally(nearest(residual, codebook), residual, len(codebook))
                mean = sums / counts.clamp(min=1)[:, None]
                codebook.copy_(torch.where(counts[:, None] > 0, mean, codebook))
            self.counts[stage] = chosen
            self.sums[stage] = codebook * chosen
            residual = residual - codebook[nearest(residual, codebook)]

    @torch.no_grad()
    def follow(self, stage: int, counts: Tensor, sums: Tensor, lively: Tensor) -> None:
        """Move one stage's codewords towards the mean of what chose them: counts float[K] and sums float[K, C].

        A codeword that next to nothing chooses is put on its row of `lively`, float[K, C].
        """
        self.counts[stage].lerp_(counts, 1 - self.decay)
        self.sums[stage].lerp_(sums, 1 - self.decay)
        mean = counts.sum() / len(counts)
        dead = self.counts[stage] < 0.1 * mean
        self.counts[stage].copy_(torch.where(dead, mean, self.counts[stage]))
        self.sums[stage].copy_(torch.where(dead[:, None], lively * mean, self.sums[stage]))
        self.codebooks[stage].copy_(self.sums[stage] / self.counts[stage, :, None])

    @torch.no_grad()
    def copy(self) -> tuple[Tensor, ...]:
        """All that `follow` moves, as it is now."""
        return tuple(part.clone() for part in (self.codebooks, self.counts, self.sums))

    @torch.no_grad()
    def restore(self, copy: tuple[Tensor, ...], sound: Tensor) -> None:
        """Back to what `copy` gave, unless `sound`, a bool on the device, holds: one exploded batch would throw
        codewords far out, and revive dead ones there."""
        for part, before in zip((self.codebooks, self.counts, self.sums), copy, strict=True):
            part.copy_(torch.where(sound, part, before))

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep besides the codebooks."""
        return {"counts": self.counts, "sums": self.sums}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore `state`."""
        self.counts.copy_(state["counts"])
        self.sums.copy_(state["sums"])


def send(tensor: Tensor, like: Tensor) -> Tensor:
    """A tensor drawn on the CPU, where `like` is; a GPU's queue does not wait for it."""
    return tensor.pin_memory().to(like.device, non_blocking=True) if like.is_cuda else tensor


def tally(index: Tensor, vectors: Tensor, codewords: int) -> tuple[Tensor, Tensor]:
    """How many vectors float[n, C] chose each codeword, and their sum: float[K], float[K, C]."""
    counts = vectors.new_zeros(codewords).index_add_(0, index, vectors.new_ones(()).expand(len(index)))
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
    stages, codewords = books.codebooks.shape[:2]
    drawn = send(torch.randint(len(flat), (stages, codewords)), flat) if moving else None
    for stage in range(stages):
        residual = wanted - total
        index = nearest(residual, books.codebooks[stage].detach())
        words = books.codebooks[stage][index]
        counts, sums = tally(index, residual, codewords)
        if drawn is not None:
            books.follow(stage, counts, sums, residual[drawn[stage]])
        codebook = codebook + functional.mse_loss(words, residual)
        total = total + words.detach()
        commitment = commitment + functional.mse_loss(flat, total)
        chosen.append(words.view(batch, rows, columns, width).permute(0, 3, 1, 2))
        perplexities.append(torch.special.entr(counts / len(index)).sum().exp() / min(len(index), codewords))
    return Quantized(torch.stack(chosen), commitment, codebook, torch.stack(perplexities).mean())
