"""ProGIC's decoder on matrices, written once: `receiver` runs it in NumPy, `fast` in torch.

A feature grid is one matrix, float32[cells, channels]: a 1x1 convolution is then a matrix product, a residual branch is
added by the product that makes it, its modulation is folded into that product's weights, and what works cell by cell
runs over ROWS of them at a time, so that a large picture needs little more memory than its residual stream. Answers
differ from those of `model` by float32 rounding only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from codec.progic.shape import UNSHUFFLE, ProgicConfig

ROWS = 1024
"""Cells that the wide layers see at a time."""
Array = Any
"""Of the library that the operations are of: numpy.ndarray or torch.Tensor; float32 unless it says otherwise."""


class Operations(NamedTuple):
    """What the sums here need of an array library, where NumPy and torch differ in name or in speed."""

    zeros: Callable[[int, int], Array]
    """(rows, columns) -> a matrix of zeros."""
    copy: Callable[[Array], Array]
    linear: Callable[[Array, Array, Array], Array]
    """(x, weight float[out, in], bias) -> a new x @ weight.T + bias."""
    gated: Callable[[Array, Array, Array], Array]
    """As `linear`, of twice the channels: what follows from the first half, but for negative ones, times the second."""
    add_product: Callable[[Array, Array, Array], object]
    """(x, branch, weight float[out, in]): add branch @ weight.T to `x`, in place."""
    plus_product: Callable[[Array, Array, Array], Array]
    """(x, a, b) -> a new x + a * b, element by element."""
    depthwise: Callable[[Array, int, int, Array, Array], Array]
    """(x, rows, columns, weight float[channels, 1, 3, 3], bias) -> each channel's own 3x3 convolution, zeros around."""
    relu: Callable[[Array], Array]
    """`x` itself, changed in place."""
    sigmoid: Callable[[Array], Array]
    """As `relu`, or a new one."""


class Linear(NamedTuple):
    """Weight and bias of a convolution; of a 1x1 one, float[out, in]."""

    weight: Array
    bias: Array


@dataclass(frozen=True)
class Block:
    """A residual block of `model`; modulated by scales and biases, float[stages, channels]."""

    enter: Linear
    depthwise: Linear | None
    """None in a feed-forward network."""
    leave: Linear
    scale: Array
    """None where nothing is modulated, and so is `bias`."""
    bias: Array

    def add_to(self, ops: Operations, x: Array, rows: int, columns: int, held: int) -> None:
        """Add the branch to `x`, float[rows * columns, channels], in place; `held` stages modulate it."""
        weight, bias = self.leave
        if self.scale is not None:
            scale = self.scale[held - 1]
            weight = weight * scale[:, None]
            bias = ops.plus_product(self.bias[held - 1], bias, scale)
        if self.depthwise is None:
            for first in range(0, len(x), ROWS):
                part = x[first : first + ROWS]
                ops.add_product(part, ops.gated(part, *self.enter), weight)
        else:
            entered = ops.relu(ops.linear(x, *self.enter))
            ops.add_product(x, ops.depthwise(entered, rows, columns, *self.depthwise), weight)
        x += bias


class Mixer(NamedTuple):
    """The attention module of `model`."""

    trunk: list[Block]
    mask: list[Block]
    gate: Linear

    def attend(self, ops: Operations, x: Array, rows: int, columns: int, held: int) -> Array:
        """`x` plus its attended self."""
        branch, mask = ops.copy(x), ops.copy(x)
        send(ops, self.trunk, branch, rows, columns, held)
        send(ops, self.mask, mask, rows, columns, held)
        return ops.plus_product(x, branch, ops.sigmoid(ops.linear(mask, *self.gate)))


def send(ops: Operations, blocks: list[Block], x: Array, rows: int, columns: int, held: int) -> None:
    """Send `x` through the blocks, in place."""
    for block in blocks:
        block.add_to(ops, x, rows, columns, held)


class Decoder:
    """Indices to picture, by the arrays of a weights file (see `shape.tensor_shapes`); keeps nothing between calls."""

    def __init__(self, config: ProgicConfig, arrays: Mapping[str, Array], ops: Operations) -> None:
        self._ops, self._factor = ops, config.downsampling // UNSHUFFLE
        self._codebooks = arrays["quantizer.codebooks"]
        self._mixer = read_mixer(arrays, "synthesis.attention")
        up = read_linear(arrays, "synthesis.up")
        # from rows (channel, dy, dx) to (dy, dx, channel), so that shuffling moves whole cells
        weight, bias = (each.reshape(config.channels, self._factor**2, -1).swapaxes(0, 1) for each in up)
        self._up = Linear(weight.reshape(up.weight.shape), bias.reshape(-1))
        self._body = read_stack(arrays, "synthesis.body")
        self._leave = read_linear(arrays, "synthesis.leave")

    def decode(self, indices: Array, rows: int, columns: int, added: Array | None = None) -> Array:
        """Picture float[H, W, 3], about -1 to 1, from indices int64[N, rows * columns]; -1 marks a cell not held.

        Modulation follows the number of stages of which any cell is held (at least 1). `added`, float[cells, C2], is
        added to their codewords.
        """
        ops, f, u = self._ops, self._factor, UNSHUFFLE
        held = max(1, sum(bool((index >= 0).any()) for index in indices))
        latent = ops.zeros(rows * columns, self._codebooks.shape[2]) if added is None else added
        for index, codebook in zip(indices, self._codebooks, strict=True):
            here = index >= 0
            if here.all():
                latent += codebook[index]
            elif here.any():
                latent[here] += codebook[index[here]]
        cells = ops.linear(self._mixer.attend(ops, latent, rows, columns, held), *self._up)
        cells = cells.reshape(rows, columns, f, f, -1).swapaxes(1, 2).reshape(rows * columns * f * f, -1)
        rows, columns = rows * f, columns * f
        send(ops, self._body, cells, rows, columns, held)
        picture = ops.linear(cells, *self._leave).reshape(rows, columns, 3, u, u)
        return picture.swapaxes(1, 3).swapaxes(2, 3).swapaxes(3, 4).reshape(rows * u, columns * u, 3)


def read_linear(arrays: Mapping[str, Array], name: str) -> Linear:
    """The 1x1 convolution of this name, as a matrix."""
    weight = arrays[f"{name}.weight"]
    return Linear(weight.reshape(len(weight), -1), arrays[f"{name}.bias"])


def read_stack(arrays: Mapping[str, Array], name: str) -> list[Block]:
    """The blocks of the stack of this name: depthwise block and feed-forward network in turn."""
    blocks: list[Block] = []
    while f"{(block := f'{name}.blocks.{len(blocks)}')}.enter.weight" in arrays:
        depthwise = None
        if len(blocks) % 2 == 0:
            depthwise = Linear(arrays[f"{block}.depthwise.weight"], arrays[f"{block}.depthwise.bias"])
        enter, leave = read_linear(arrays, f"{block}.enter"), read_linear(arrays, f"{block}.leave")
        blocks.append(Block(enter, depthwise, leave, arrays.get(f"{block}.scale"), arrays.get(f"{block}.bias")))
    return blocks


def read_mixer(arrays: Mapping[str, Array], name: str) -> Mixer:
    """The attention module of this name."""
    trunk, mask = read_stack(arrays, f"{name}.trunk"), read_stack(arrays, f"{name}.mask")
    return Mixer(trunk, mask, read_linear(arrays, f"{name}.gate"))
