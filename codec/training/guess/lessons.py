"""What the two lessons are given, and how they are judged (see the package's docstring)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from codec.files import replacing
from codec.progic.extras.guess import look, lost
from codec.progic.extras.hints import describe, recall, to_blocks
from codec.progic.fast import TORCH
from codec.progic.model import load_model
from codec.progic.shape import DEFAULT_MODEL, model_path
from codec.training.guess.holes import as_planes, code_crops, draw_held
from codec.training.guess.network import GuessNetwork, modulation_of, save_guess

Floats = npt.NDArray[np.float32]
SIDE, HINT_WORDS, EXAMINED = 16, 256, 32
"""Cells a side of a crop; words in a book of hints; crops that `examine` looks at, which no lesson uses."""


@dataclass(frozen=True)
class GuessConfig:
    """One run."""

    data: Path
    out: Path
    model: str = DEFAULT_MODEL
    photos: int = 2400
    width: int = 160
    blocks: int = 5
    expansion: int = 2
    hint_bytes: int = 1
    """Bytes that hint at a block of 2x2 cells."""
    warm_steps: int = 600
    warm_batch: int = 16
    steps: int = 400
    batch: int = 6
    cells: int = 8
    """Side of the second lesson's crops."""
    learning_rate: float = 2e-3
    l1: float = 0.5
    seed: int = 1


class Draw(NamedTuple):
    """Some crops, and what of them is held."""

    places: list[tuple[int, int, int]]
    """Number, row and column of each."""
    whole: Tensor
    """Indices int64[B, N, cells, cells]."""
    held: Tensor
    wanted: Tensor
    """bool[B, N, cells, cells], and so is `held`."""
    seen: Tensor
    """What the network is given."""


class Lessons:
    """Crops, hints, the network, and the model that it guesses for."""

    def __init__(self, config: GuessConfig) -> None:
        self.config, path = config, model_path(config.model)
        self.model, _ = load_model(path)
        self.model.train()  # for its soft clamps: see `codec.progic.gates`
        self.codebooks = self.model.quantizer.codebooks.float()
        side = SIDE * self.model.config.downsampling
        self.grids, self.crops = code_crops(config.data, config.model, config.photos, side, config.seed, config.out)
        self.books = find_books(self.codebooks[0][self.grids[:600, 0].long()], config)
        self.network = GuessNetwork(self.model.config, config.width, config.blocks, config.expansion)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.modulation = modulation_of(self.model.requires_grad_(False))
        self.own_modulation = {name: parameter.clone() for name, parameter in self.modulation.items()}
        for parameter in self.modulation.values():
            parameter.requires_grad_()

    def draw(self, rng: np.random.Generator, batch: int, cells: int) -> Draw:
        """Windows of `cells` a side of crops at random, with holes at random."""
        rows = rng.integers(len(self.grids) - EXAMINED, size=batch)
        y, x = (int(k) for k in rng.integers(SIDE - cells + 1, size=2))
        whole = self.grids[torch.from_numpy(rows), :, y : y + cells, x : x + cells].long()
        held = torch.from_numpy(np.stack([draw_held(whole.shape[1], cells, cells, rng) for _ in range(batch)]))
        hints = [self.hint(grid[0], rng) for grid in whole]
        return self.show([(int(row), y, x) for row in rows], whole, held, hints)

    def show(self, places: list[tuple[int, int, int]], whole: Tensor, held: Tensor, hints: list[Floats]) -> Draw:
        """What the network is given of what is held."""
        wanted = torch.stack([lost(each.flatten(1)).view_as(each) for each in held])
        rows = [each.permute(1, 0, 2, 3).flatten(1) for each in (whole.where(held, -1), wanted)]
        seen = look(TORCH, rows[0], self.codebooks, rows[1], torch.from_numpy(np.concatenate(hints)))
        batch, _, height, width = whole.shape
        return Draw(places, whole, held, wanted, seen.view(batch, height, width, -1).permute(0, 3, 1, 2))

    def hint(self, first: Tensor, rng: np.random.Generator) -> Floats:
        """float[cells, C2 + 1] for the first stage's indices int64[h, w]; a quarter without hints."""
        height, width = first.shape
        blocks = -(-height // 2) * -(-width // 2)
        amount = self.config.hint_bytes * (max(rng.random(2)) if rng.random() < 0.75 else 0.0)
        levels = np.full(blocks, int(amount)) + (rng.random(blocks) < amount % 1)  # the last one is told in part
        lost_payloads = int(rng.integers(1, 4)) if rng.random() < 0.25 else 0
        levels[rng.permutation(4)[np.arange(blocks) % 4] < lost_payloads] = 0
        return self.hint_at(first, levels)

    def hint_at(self, first: Tensor, levels: npt.NDArray[np.int64]) -> Floats:
        """The same for so many bytes of each block."""
        height, width = first.shape
        hints = describe(self.codebooks[0][first].numpy(), self.books)
        return recall(hints, np.arange(len(self.books)) < levels[:, None], self.books, height, width)

    def sums(self, whole: Tensor, chosen: Tensor) -> Tensor:
        """Sum of the codewords where `chosen`, float[B, C2, h, w]."""
        return self.model.quantizer.decode(whole.where(chosen, torch.tensor(-1)))

    def guess(self, draw: Draw) -> Tensor:
        """The network's answer, float[B, C2, h, w]; zero where nothing is lost."""
        found: Tensor = self.network(draw.seen.contiguous(memory_format=torch.channels_last))
        return found * draw.wanted.any(1, keepdim=True)

    def save(self, path: Path) -> None:
        """Write the guess as it stands. Raises OSError."""
        moved = {name: now.detach() - self.own_modulation[name] for name, now in self.modulation.items()}
        save_guess(self.network, moved, torch.from_numpy(self.books), self.codebooks, path)

    def examine(self) -> dict[str, float]:
        """Share of a lost first stage's variance that stays unexplained, by bytes of hints a block."""
        whole = self.grids[-EXAMINED:].long()
        held = torch.ones_like(whole, dtype=torch.bool)
        held[:, 0] = False
        aim = self.sums(whole, ~held)
        spread = (aim - aim.mean((0, 2, 3), keepdim=True)).square().mean()
        left = {}
        for levels in range(self.config.hint_bytes + 1):
            hints = [self.hint_at(grid[0], np.full(SIDE * SIDE // 4, levels)) for grid in whole]
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
                got = self.guess(self.show([], whole, held, hints))
            left[f"left_{levels}"] = round(float((got.float() - aim).square().mean() / spread), 4)
        return left


def find_books(words: Tensor, config: GuessConfig) -> Floats:
    """float[bytes, 256, 4, C2] for hints at codewords float[n, h, w, C2]: k-means, byte by byte; kept in `out`."""
    path = config.out / "books.npy"
    if not path.exists():
        rng = np.random.default_rng(config.seed)
        left = np.concatenate([to_blocks(each.numpy()) for each in words])
        left = left[rng.permutation(len(left))[:20_000]]
        books = np.empty((config.hint_bytes, HINT_WORDS, *left.shape[1:]), np.float32)
        for book in books:
            book[:] = left[rng.permutation(len(left))[:HINT_WORDS]]
            for _ in range(10):
                nearest = _nearest(left, book)
                for k in np.unique(nearest):
                    book[k] = left[nearest == k].mean(0)
            left = left - book[_nearest(left, book)]
        with replacing(path) as partial, partial.open("wb") as file:
            np.save(file, books.reshape(config.hint_bytes, HINT_WORDS, 4, -1))
    found: Floats = np.load(path)[: config.hint_bytes]
    return found


def _nearest(blocks: Floats, book: Floats) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = ((book * book).sum(1) - 2 * blocks @ book.T).argmin(1)
    return found


def warm_loss(lessons: Lessons, rng: np.random.Generator) -> Tensor:
    """Mean square error over all cells in which something is lost."""
    draw = lessons.draw(rng, lessons.config.warm_batch, SIDE)
    aim = lessons.sums(draw.whole, draw.wanted)
    with torch.autocast("cpu", torch.bfloat16):
        got = lessons.guess(draw)
    mean: Tensor = (got.float() - aim).square().sum() / (draw.wanted.any(1).sum().clamp(min=1) * aim.shape[1])
    return mean


def paint_loss(lessons: Lessons, lpips: nn.Module, rng: np.random.Generator) -> Tensor:
    """LPIPS and L1 to the photos, through the decoder."""
    config, f = lessons.config, lessons.model.config.downsampling
    draw, side = lessons.draw(rng, config.batch, config.cells), config.cells * f
    crops = [lessons.crops[n, y * f : y * f + side, x * f : x * f + side] for n, y, x in draw.places]
    photos = as_planes(np.stack(crops))
    number = draw.held.flatten(2).any(2).sum(1).clamp(min=1)
    with torch.autocast("cpu", torch.bfloat16):
        picture = lessons.model.synthesis(lessons.sums(draw.whole, draw.held) + lessons.guess(draw), number)
        distance = lpips((photos + 1) / 2, (picture + 1) / 2)
    loss: Tensor = distance.float().mean() + config.l1 * (picture.float() - photos).abs().mean()
    return loss
