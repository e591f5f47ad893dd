"""The small network that becomes tables: the sums of `codec.progic.coding.contexts` in floats."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.progic.coding.contexts import ACTIVATION, LOGIT, REACH, TOKEN, WEIGHT
from codec.progic.layout import Indices

Arrays = dict[str, npt.NDArray[np.generic]]
LOG2E = math.log2(math.e)


class Guess(nn.Module):
    """A codeword's class, and the codeword within it, from those near it."""

    def __init__(self, codebook: npt.NDArray[np.float32], ranks: Indices, counts: Indices, groups: int, d: int) -> None:
        """Rows by codeword begin as its vector thrown onto `d` directions; guesses begin as `counts` int64[K] are."""
        super().__init__()
        grid = [(y, x) for y in range(-REACH, 1) for x in range(-REACH, REACH + 1)]
        near = torch.tensor([1 / max(1, y * y + x * x) for y, x in grid])[:, None]
        vectors = torch.from_numpy(codebook / codebook.std())
        self.ranks = torch.from_numpy(ranks)
        self.groups, self.size = groups, len(codebook) // groups
        self.tokens = nn.Parameter(vectors @ torch.randn(vectors.shape[1], d) / math.sqrt(vectors.shape[1]))
        self.weights = nn.Parameter(near * torch.randn(len(grid), d) / 2)
        self.shifts = nn.Parameter(torch.zeros(len(grid), d))
        self.start = nn.Parameter(torch.zeros(d))
        self.mix = nn.Linear(d, d)
        share = torch.empty(len(counts), dtype=torch.float64)
        share[self.ranks] = torch.from_numpy(counts + 0.5)
        share = (share / share.sum()).view(groups, self.size)
        self.classes = nn.Linear(d, groups)
        self.members = nn.Parameter(torch.randn(groups, self.size, d) / 50)
        self.member_start = nn.Parameter((share / share.sum(1, keepdim=True)).log().float())
        with torch.no_grad():
            self.classes.weight.normal_(std=0.02)
            self.classes.bias.copy_(share.sum(1).log())

    def features(self, before: Tensor, numbers: Tensor) -> Tensor:
        """float[n, d]; see `StageTables.features`."""
        held = (before >= 0).float()
        rows = functional.embedding(before.clamp(min=0), self.tokens) * held[:, :, None]
        near = torch.einsum("nmd,md->nd", rows, self.weights[numbers]) + held @ self.shifts[numbers]
        h = torch.relu(near + self.start)
        mixed: Tensor = h + torch.relu(self.mix(h))
        return mixed

    def loss(self, targets: Tensor, before: Tensor, numbers: Tensor) -> Tensor:
        """Mean code length of the targets int64[n], in nats."""
        group, member = self.ranks[targets] // self.size, self.ranks[targets] % self.size
        order = torch.argsort(group)
        group, member, before = group[order], member[order], before[order]
        h = self.features(before, numbers)
        total = functional.cross_entropy(self.classes(h), group, reduction="sum")
        sizes = torch.bincount(group, minlength=self.groups).tolist()
        for number, (part, rows) in enumerate(zip(torch.split(member, sizes), torch.split(h, sizes), strict=True)):
            if len(part):
                logits = torch.addmm(self.member_start[number], rows, self.members[number].t())
                total = total + functional.cross_entropy(logits, part, reduction="sum")
        return total / len(targets)

    @torch.no_grad()
    def to_tables(self) -> Arrays:
        """The fields of `StageTables`, rounded."""
        classes, class_bits = _small(self.classes.weight * LOG2E)
        members, member_bits = _small(self.members.flatten(0, 1) * LOG2E)
        return {
            "ranks": self.ranks.numpy().astype(np.int16),
            "tokens": _rounded(self.tokens, TOKEN, np.int8),
            "weights": _rounded(self.weights, WEIGHT, np.int16),
            "shifts": _rounded(self.shifts, TOKEN + WEIGHT, np.int32),
            "start": _rounded(self.start, TOKEN + WEIGHT, np.int32),
            "mix": _rounded(self.mix.weight, WEIGHT, np.int16),
            "mix_start": _rounded(self.mix.bias, ACTIVATION + WEIGHT, np.int32),
            "classes": classes,
            "class_start": _rounded(self.classes.bias * LOG2E, LOGIT, np.int16),
            "members": members,
            "member_start": _rounded(self.member_start.flatten() * LOG2E, LOGIT, np.int16),
            "scales": np.array([class_bits, member_bits], np.int8),
        }


def _rounded(values: Tensor, bits: int, kind: type[np.signedinteger]) -> npt.NDArray[np.generic]:
    limits = np.iinfo(kind)
    return np.clip(np.rint(values.double().numpy() * 2.0**bits), limits.min, limits.max).astype(kind)


def _small(values: Tensor) -> tuple[npt.NDArray[np.generic], int]:
    """int8 of as many bits behind the point, 8 at most, as the largest value leaves."""
    bits = min(8, math.floor(math.log2(127 / max(float(values.abs().max()), 1e-6))))
    return _rounded(values, bits, np.int8), bits
