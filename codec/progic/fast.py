"""ProGIC for one picture on a CPU: the sums of `codec.progic.model`, in a form that takes about two thirds of the time.

A feature grid is one matrix, float32[cells, channels]: a 1x1 convolution is then a matrix product, a residual branch is
added by the product that makes it, its modulation is folded into that product's weights, and what works cell by cell
runs over ROWS of them at a time, so that a large picture needs little more memory than its residual stream. Answers
differ from the model's by float32 rounding only.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.progic.model import Attention, DepthwiseBlock, FeedForward, ProGIC, Stack
from codec.progic.shape import UNSHUFFLE

ROWS = 1024
"""Cells that the wide layers, and the search of a codebook, see at a time."""


@dataclass(frozen=True)
class Linear:
    """A 1x1 convolution on matrices: float[cells, in] to a new float[cells, out]."""

    weight: Tensor
    """float[out, in]."""
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)


@dataclass(frozen=True)
class Block:
    """A residual block of `codec.progic.model`; modulated where it has scales and biases, float[stages, channels]."""

    enter: Linear
    depthwise: nn.Conv2d | None
    """None in a feed-forward network."""
    leave: Linear
    scale: Tensor | None
    bias: Tensor | None

    def add_to(self, x: Tensor, rows: int, columns: int, held: int) -> None:
        """Add the branch to `x`, float[rows * columns, channels], in place; `held` stages modulate it."""
        weight, bias = self.leave.weight, self.leave.bias
        if self.scale is not None and self.bias is not None:
            weight = weight * self.scale[held - 1, :, None]
            bias = torch.addcmul(self.bias[held - 1], bias, self.scale[held - 1])
        if self.depthwise is None:
            for part in torch.split(x, ROWS):
                wide = self.enter(part)
                half = wide.shape[1] // 2
                part.addmm_(wide[:, :half].relu_().mul_(wide[:, half:]), weight.t())
        else:
            grid = self.enter(x).relu_().view(1, rows, columns, -1).permute(0, 3, 1, 2)
            x.addmm_(self.depthwise(grid).permute(0, 2, 3, 1).reshape(x.shape), weight.t())
        x.add_(bias)


@dataclass(frozen=True)
class Mixer:
    """The attention module of `codec.progic.model`."""

    trunk: list[Block]
    mask: list[Block]
    gate: Linear

    def __call__(self, x: Tensor, rows: int, columns: int, held: int) -> Tensor:
        """`x` plus its attended self, in place of `x`."""
        branch, weight = x.clone(), x.clone()
        run(self.trunk, branch, rows, columns, held)
        run(self.mask, weight, rows, columns, held)
        return x.addcmul_(branch, self.gate(weight).sigmoid_())


class FastProGIC:
    """`encode` and `decode` of a ProGIC model for batches of one, on a CPU; keeps nothing between calls."""

    def __init__(self, model: ProGIC) -> None:
        config, analysis, synthesis = model.config, model.analysis, model.synthesis
        self._factor = config.downsampling // UNSHUFFLE
        self._enter = _linear(analysis.enter)
        self._analysis = _blocks(analysis.body)
        down = _linear(analysis.down)
        self._down = Linear(analysis.down.weight.detach().permute(0, 2, 3, 1).flatten(1).contiguous(), down.bias)
        self._analysis_mixer = _mixer(analysis.attention)
        self._codebooks = model.quantizer.codebooks.float()
        self._searches = [Linear(book, book.square().sum(dim=1) / -2) for book in self._codebooks]
        self._synthesis_mixer = _mixer(synthesis.attention)
        up = _linear(synthesis.up)
        # from rows (channel, dy, dx) to (dy, dx, channel), so that shuffling moves whole cells
        order = torch.arange(len(up.weight)).view(config.channels, -1).t().flatten()
        self._up = Linear(up.weight[order], up.bias[order])
        self._synthesis = _blocks(synthesis.body)
        self._leave = _linear(synthesis.leave)

    @torch.inference_mode()
    def encode(self, x: Tensor) -> Tensor:
        """Indices int64[1, N, H/f, W/f] of float[1, 3, H, W] in -1 to 1."""
        u, f = UNSHUFFLE, self._factor
        rows, columns = x.shape[2] // u, x.shape[3] // u
        cells = x[0].view(3, rows, u, columns, u).permute(1, 3, 0, 2, 4).reshape(rows * columns, -1)
        cells = self._enter(cells)
        run(self._analysis, cells, rows, columns, 0)
        rows, columns = rows // f, columns // f
        cells = cells.view(rows, f, columns, f, -1).permute(0, 2, 1, 3, 4).reshape(rows * columns, -1)
        residual = self._analysis_mixer(self._down(cells), rows, columns, 0)
        found = []
        for search, codebook in zip(self._searches, self._codebooks, strict=True):
            # NumPy finds a maximum's place ten times as fast as torch 2.13
            parts = [torch.from_numpy(search(part).numpy().argmax(axis=1)) for part in torch.split(residual, ROWS)]
            index = torch.cat(parts)
            residual -= codebook[index]
            found.append(index.view(rows, columns))
        return torch.stack(found)[None]

    @torch.inference_mode()
    def decode(self, indices: Tensor) -> Tensor:
        """Picture float[1, 3, H, W], about -1 to 1, from indices int64[1, N, h, w]; -1 marks a cell not held."""
        u, f = UNSHUFFLE, self._factor
        stages, rows, columns = indices.shape[1:]
        flat = indices.reshape(stages, -1)
        held = max(1, int((flat >= 0).any(dim=1).sum()))
        latent = torch.zeros(rows * columns, self._codebooks.shape[2])
        for index, codebook in zip(flat, self._codebooks, strict=True):
            here = index >= 0
            if here.all():
                latent += codebook[index]
            elif here.any():
                latent[here] += codebook[index[here]]
        cells = self._up(self._synthesis_mixer(latent, rows, columns, held))
        cells = cells.view(rows, columns, f, f, -1).permute(0, 2, 1, 3, 4).reshape(rows * columns * f * f, -1)
        rows, columns = rows * f, columns * f
        run(self._synthesis, cells, rows, columns, held)
        picture = self._leave(cells).view(rows, columns, 3, u, u).permute(2, 0, 3, 1, 4)
        return picture.reshape(1, 3, rows * u, columns * u)


def run(blocks: list[Block], x: Tensor, rows: int, columns: int, held: int) -> None:
    """Send `x` through the blocks, in place."""
    for block in blocks:
        block.add_to(x, rows, columns, held)


def _blocks(stack: Stack) -> list[Block]:
    return [_block(block) for block in stack.blocks]


def _block(block: nn.Module) -> Block:
    assert isinstance(block, DepthwiseBlock | FeedForward)
    depthwise = block.depthwise if isinstance(block, DepthwiseBlock) else None
    return Block(_linear(block.enter), depthwise, _linear(block.leave), block.scale, block.bias)


def _mixer(attention: Attention) -> Mixer:
    return Mixer(_blocks(attention.trunk), _blocks(attention.mask), _linear(attention.gate))


def _linear(convolution: nn.Conv2d) -> Linear:
    assert convolution.bias is not None
    return Linear(convolution.weight.detach().flatten(1), convolution.bias.detach())
