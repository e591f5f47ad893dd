"""ProGIC's decoder in NumPy alone: what a cold `satsim decode` runs, for to import torch takes longer than all else.

The sums are those of `model`, on matrices float32[cells, channels] as in `fast`; pictures differ from the codec's by
rounding, one grey level at most in places. Once loaded, `codec.progic.codec` is the faster of the two.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from codec.base import Image
from codec.progic import layout
from codec.progic.shape import DEFAULT_MODEL, model_path, read_weights

UNSHUFFLE = 8
"""As in `codec.progic.model`, which cannot be imported without torch."""
ROWS = 1024
"""Cells that the wide layers see at a time."""

Matrix = npt.NDArray[np.float32]


class ProgicReceiver:
    """Decodes what a `ProgicCodec` of the same weights encoded."""

    name = "progic"

    def __init__(self, model: str = DEFAULT_MODEL) -> None:
        """`model` names shipped weights or a .safetensors file. Raises WeightsError as `ProgicCodec` does."""
        self._model = model
        parts = ("synthesis.", "quantizer.")
        self._shape, self._weights, self.model_id = read_weights(model_path(model), parts)

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """As by `ProgicCodec`, which does it."""
        from codec.progic.codec import ProgicCodec

        return ProgicCodec(self._model).encode(image, payload_bytes)

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """The picture uint8[height, width, 3] of whatever payloads arrived; None for none at all.

        Raises CodecError for payloads that no encoder of this model writes.
        """
        if not received:
            return None
        codebooks = self._weights["quantizer.codebooks"]
        u, f, stages = UNSHUFFLE, self._shape["downsampling"], len(codebooks)
        rows, columns = -(-height // f), -(-width // f)
        grid = layout.join(received, stages, rows, columns, self._shape["index_bits"]).reshape(stages, -1)
        held = max(1, int((grid >= 0).any(axis=1).sum()))
        latent = np.zeros((rows * columns, codebooks.shape[2]), np.float32)
        for indices, codebook in zip(grid, codebooks, strict=True):
            here = indices >= 0
            latent[here] += codebook[indices[here]]
        cells = self._linear(self._attend(latent, rows, columns, held), "synthesis.up")
        f //= u
        cells = cells.reshape(rows, columns, -1, f, f).transpose(0, 3, 1, 4, 2).reshape(rows * columns * f * f, -1)
        rows, columns = rows * f, columns * f
        self._run("synthesis.body", cells, rows, columns, held)
        pixels = np.clip(self._linear(cells, "synthesis.leave"), -1, 1)
        picture = np.rint((pixels + 1) * np.float32(127.5)).astype(np.uint8).reshape(rows, columns, 3, u, u)
        shown: Image = picture.transpose(0, 3, 1, 4, 2).reshape(rows * u, columns * u, 3)[:height, :width]
        return shown

    def _attend(self, x: Matrix, rows: int, columns: int, held: int) -> Matrix:
        trunk, mask = x.copy(), x.copy()
        self._run("synthesis.attention.trunk", trunk, rows, columns, held)
        self._run("synthesis.attention.mask", mask, rows, columns, held)
        gate = np.exp(-np.abs(logits := self._linear(mask, "synthesis.attention.gate")))
        trunk *= np.where(logits >= 0, 1, gate) / (1 + gate)  # the sigmoid, written so that nothing overflows
        return x + trunk

    def _run(self, stack: str, x: Matrix, rows: int, columns: int, held: int) -> None:
        """Add the branches of a stack's blocks to `x` in place, one after the other."""
        block = 0
        while f"{stack}.blocks.{block}.enter.weight" in self._weights:
            name = f"{stack}.blocks.{block}"
            scale, bias = (self._weights[f"{name}.{part}"][held - 1] for part in ("scale", "bias"))
            if block % 2:
                for first in range(0, len(x), ROWS):
                    part = x[first : first + ROWS]
                    gate, value = np.split(self._linear(part, f"{name}.enter"), 2, axis=1)
                    part += self._linear(np.maximum(gate, 0) * value, f"{name}.leave") * scale + bias
            else:
                branch = self._depthwise(np.maximum(self._linear(x, f"{name}.enter"), 0), rows, columns, name)
                x += self._linear(branch, f"{name}.leave") * scale + bias
            block += 1

    def _linear(self, x: Matrix, name: str) -> Matrix:
        """A 1x1 convolution."""
        weight = self._weights[f"{name}.weight"]
        product: Matrix = x @ weight.reshape(len(weight), -1).T
        product += self._weights[f"{name}.bias"]
        return product

    def _depthwise(self, x: Matrix, rows: int, columns: int, name: str) -> Matrix:
        """The 3x3 convolution of each channel by itself, zeros around."""
        weight = self._weights[f"{name}.depthwise.weight"]
        padded = np.pad(x.reshape(rows, columns, -1), ((1, 1), (1, 1), (0, 0)))
        total = np.broadcast_to(self._weights[f"{name}.depthwise.bias"], (rows, columns, len(weight))).copy()
        for dy in range(3):
            for dx in range(3):
                total += padded[dy : dy + rows, dx : dx + columns] * weight[:, 0, dy, dx]
        return total.reshape(x.shape)
