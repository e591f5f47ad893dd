"""ProGIC's decoder in NumPy alone: what a cold `satsim decode` runs, for to import torch takes longer than all else.

Pictures differ from the codec's by rounding, one grey level at most in places. Once loaded, `codec.progic.codec` is the
faster of the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from codec.base import Image
from codec.progic import layout
from codec.progic.decoder import Decoder, Operations
from codec.progic.shape import DEFAULT_MODEL, model_path, read_weights

if TYPE_CHECKING:
    from codec.progic.extras.guess import GuessingDecoder

Matrix = npt.NDArray[np.float32]
BAND = 8
"""Rows of cells that are convolved at a time: of 32 cells of 256 channels, they stay near the processor."""


def _linear(x: Matrix, weight: Matrix, bias: Matrix) -> Matrix:
    product: Matrix = x @ weight.T
    product += bias
    return product


def _gated(x: Matrix, weight: Matrix, bias: Matrix) -> Matrix:
    wide = _linear(x, weight, bias)
    half = wide.shape[1] // 2
    gate = np.maximum(wide[:, :half], 0, out=wide[:, :half])
    gate *= wide[:, half:]
    return gate


def _add_product(x: Matrix, branch: Matrix, weight: Matrix) -> None:
    x += branch @ weight.T


def _depthwise(x: Matrix, rows: int, columns: int, weight: Matrix, bias: Matrix) -> Matrix:
    taps = np.ascontiguousarray(weight[:, 0].transpose(1, 2, 0))
    padded = np.zeros((rows + 2, columns + 2, len(weight)), np.float32)
    padded[1:-1, 1:-1] = x.reshape(rows, columns, -1)
    total = np.empty((rows, columns, len(weight)), np.float32)
    product = np.empty_like(total[:BAND])
    for top in range(0, rows, BAND):
        part = total[top : top + BAND]
        part[:] = bias
        for dy, dx in np.ndindex(3, 3):
            seen = padded[top + dy : top + dy + len(part), dx : dx + columns]
            part += np.multiply(seen, taps[dy, dx], out=product[: len(part)])
    return total.reshape(x.shape)


def _sigmoid(x: Matrix) -> Matrix:
    small = np.exp(-np.abs(x))  # so written that nothing overflows
    shares: Matrix = np.where(x >= 0, 1, small) / (1 + small)
    return shares


NUMPY = Operations(
    zeros=lambda rows, columns: np.zeros((rows, columns), np.float32),
    copy=np.copy,
    linear=_linear,
    gated=_gated,
    add_product=_add_product,
    plus_product=lambda x, a, b: x + a * b,
    depthwise=_depthwise,
    relu=lambda x: np.maximum(x, 0, out=x),
    sigmoid=_sigmoid,
)


class ProgicReceiver:
    """Decodes what a `ProgicCodec` of the same weights encoded."""

    name = "progic"

    def __init__(self, model: str = DEFAULT_MODEL, guess: bool = False) -> None:
        """`model` names shipped weights or a .safetensors file, `guess` as of `ProgicCodec`; raises as that does."""
        self._model = model
        weights = read_weights(path := model_path(model), ("synthesis.", "quantizer."))
        self._config, self.model_id = weights.config, weights.model_id
        self._codebooks = weights.arrays["quantizer.codebooks"]
        self._decoder: Decoder | GuessingDecoder = Decoder(weights.config, weights.arrays, NUMPY)
        if guess:
            from codec.progic.extras.guess import GuessingDecoder, read_guess

            self._decoder = GuessingDecoder(weights.config, weights.arrays, read_guess(path, weights), NUMPY)

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
        stages = self._config.stages
        rows, columns = self._config.grid(height, width)
        grid = layout.join(received, stages, rows, columns, self._config.index_bits)
        pixels = np.clip(self._decoder.decode(grid.reshape(stages, -1), rows, columns), -1, 1)
        shown: Image = np.rint((pixels + 1) * np.float32(127.5)).astype(np.uint8)[:height, :width]
        return shown
