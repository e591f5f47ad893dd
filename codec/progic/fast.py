"""ProGIC for one picture on a CPU: the sums of `model` on matrices, in about two thirds of its time.

The decoder is that of `decoder`, by torch's operations; the encoder is made of the same blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from codec.progic.decoder import ROWS, Decoder, Linear, Operations, read_linear, read_mixer, read_stack, send
from codec.progic.shape import UNSHUFFLE, ProgicConfig

Arrays = Mapping[str, npt.NDArray[np.float32]]


def _gated(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    wide = functional.linear(x, weight, bias)
    half = wide.shape[1] // 2
    return wide[:, :half].relu_().mul_(wide[:, half:])


def _depthwise(x: Tensor, rows: int, columns: int, weight: Tensor, bias: Tensor) -> Tensor:
    grid = x.view(1, rows, columns, -1).permute(0, 3, 1, 2)
    summed = functional.conv2d(grid, weight, bias, padding=1, groups=len(weight))
    return summed.permute(0, 2, 3, 1).reshape(x.shape)


TORCH = Operations(
    zeros=torch.zeros,
    copy=torch.clone,
    linear=functional.linear,
    gated=_gated,
    add_product=lambda x, branch, weight: x.addmm_(branch, weight.t()),
    plus_product=torch.addcmul,
    depthwise=_depthwise,
    relu=Tensor.relu_,
    sigmoid=Tensor.sigmoid_,
)


class FastProGIC:
    """`encode` and `decode` of a ProGIC model for batches of one, on a CPU; keeps nothing between calls."""

    def __init__(
        self, config: ProgicConfig, arrays: Arrays, ops: Operations = TORCH, blocks: torch.dtype = torch.float32
    ) -> None:
        """`arrays` are those of a weights file: see `shape.tensor_shapes`; shared, but those of residual blocks, where
        `ops` take them as another type than float32: see `narrow`."""
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        tensors |= {name: tensor.to(blocks) for name, tensor in tensors.items() if ".blocks." in name}
        self._ops, self._factor = ops, config.downsampling // UNSHUFFLE
        self._enter = read_linear(tensors, "analysis.enter")
        self._body = read_stack(tensors, "analysis.body")
        down = tensors["analysis.down.weight"].permute(0, 2, 3, 1).flatten(1).contiguous()
        self._down = Linear(down, tensors["analysis.down.bias"])
        self._mixer = read_mixer(tensors, "analysis.attention")
        self.codebooks = tensors["quantizer.codebooks"]
        self._searches = [Linear(book, book.square().sum(dim=1) / -2) for book in self.codebooks]
        self.decoder: Any = Decoder(config, tensors, ops)

    @torch.inference_mode()
    def encode(self, x: Tensor) -> Tensor:
        """Indices int64[1, N, H/f, W/f] of float[1, 3, H, W] in -1 to 1."""
        u, f = UNSHUFFLE, self._factor
        rows, columns = x.shape[2] // u, x.shape[3] // u
        cells = x[0].view(3, rows, u, columns, u).permute(1, 3, 0, 2, 4).reshape(rows * columns, -1)
        cells = functional.linear(cells, *self._enter)
        send(self._ops, self._body, cells, rows, columns, 0)
        rows, columns = rows // f, columns // f
        cells = cells.view(rows, f, columns, f, -1).permute(0, 2, 1, 3, 4).reshape(rows * columns, -1)
        residual = self._mixer.attend(self._ops, functional.linear(cells, *self._down), rows, columns, 0)
        found = []
        for search, codebook in zip(self._searches, self.codebooks, strict=True):
            # NumPy finds a maximum's place ten times as fast as torch 2.13
            parts = [
                torch.from_numpy(functional.linear(part, *search).numpy().argmax(axis=1))
                for part in torch.split(residual, ROWS)
            ]
            index = torch.cat(parts)
            residual -= codebook[index]
            found.append(index.view(rows, columns))
        return torch.stack(found)[None]

    @torch.inference_mode()
    def decode(self, indices: Tensor) -> Tensor:
        """Picture float[1, 3, H, W], about -1 to 1, from indices int64[1, N, h, w]; -1 marks a cell not held."""
        stages, rows, columns = indices.shape[1:]
        picture: Tensor = self.decoder.decode(indices.reshape(stages, -1), rows, columns)
        return picture.permute(2, 0, 1)[None]
