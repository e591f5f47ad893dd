"""The ProGIC model behind the codec contract: padding, layout, holes, weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from codec.base import CodecError, Image, check_image
from codec.progic import layout
from codec.progic.shape import DEFAULT_MODEL, model_path, read_weights

if TYPE_CHECKING:
    from torch import Tensor


class ProgicCodec:
    """Progressive codec: each payload sharpens the picture, and any subset of payloads shows one."""

    name = "progic"

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        stages: int | None = None,
        search: int = 0,
        judge: str = "lpips-squeeze",
        arithmetic: str = "float32",
        guess: bool = False,
    ) -> None:
        """`model` names shipped weights or a .safetensors file; `stages` of its stages are sent (default all).

        `search` takes so many steps a stage, of half a second, to find indices that `judge` likes better: see `Search`.
        With `guess` a lost first stage is guessed, by MODEL.guess.safetensors beside the weights.
        Raises WeightsError for weights missing or corrupt, CodecError for stages or `arithmetic` not at hand.
        """
        from codec.progic.fast import FastProGIC

        narrow: tuple[Any, ...] = ()
        if arithmetic != "float32":
            from codec.progic.narrow import multiplies_bfloat16, operations_for

            narrow = operations_for(arithmetic, multiplies_bfloat16())
        weights = read_weights(path := model_path(str(model)))
        self._model = FastProGIC(weights.config, weights.arrays, *narrow)
        if guess:
            from codec.progic.extras.guess import in_torch

            self._model.decoder = in_torch(path, weights, *narrow)
        self.config, self.model_id, self.grid = weights.config, weights.model_id, weights.config.grid
        self.stages = self.config.stages if stages is None else stages
        if not isinstance(self.stages, int) or not 1 <= self.stages <= self.config.stages:
            raise CodecError(f"stages is {stages!r}; expected 1 to {self.config.stages}, the stages of model {model}")
        self._search = None
        if search:
            from codec.progic.search import Search

            self._search = Search(weights, search, judge)

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads of `stages` stages, coarse first, cut by `layout`; each at most `payload_bytes` bytes."""
        check_image(image)
        x = to_tensor(image, self.config.downsampling)
        height, width = image.shape[:2]
        indices = self._search.encode(x, height, width, self.stages) if self._search else self._model.encode(x)
        return layout.split(indices[0, : self.stages].numpy(), self.config.index_bits, payload_bytes)

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """The picture uint8[height, width, 3] of whatever payloads arrived; None for none at all.

        Raises CodecError for payloads that no encoder of this model writes.
        """
        import torch

        if not received:
            return None
        grid = layout.join(received, self.config.stages, *self.grid(height, width), self.config.index_bits)
        with torch.inference_mode():
            picture = self._model.decode(torch.from_numpy(grid)[None])
        return to_image(picture)[:height, :width]


class WholeProgic(ProgicCodec):
    """The same ProGIC bits sent as a file: nothing to show until all are there (the paper's Fig. 15, rows 2 and 3)."""

    name = "progic-whole"

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """The picture once all cells of all `stages` are held, else None."""
        rows, columns = self.grid(height, width)
        grid = layout.join(received, self.config.stages, rows, columns, self.config.index_bits)
        return super().decode(received, height, width) if (grid[: self.stages] >= 0).all() else None


def to_planes(image: Image, multiple: int) -> npt.NDArray[np.float32]:
    """float32[1, 3, H, W] in -1 to 1, mirrored out to sides that `multiple` divides."""
    height, width = image.shape[:2]
    padding = ((0, -height % multiple), (0, -width % multiple), (0, 0))
    padded = np.pad(image, padding, mode="symmetric").astype(np.float32)
    planes: npt.NDArray[np.float32] = (padded / np.float32(127.5) - np.float32(1)).transpose(2, 0, 1)[None]
    return planes


def to_tensor(image: Image, multiple: int) -> Tensor:
    """The same as a tensor."""
    import torch

    return torch.from_numpy(to_planes(image, multiple))


def to_image(picture: Tensor) -> Image:
    """uint8[H, W, 3] from the first of float[B, 3, H, W] in about -1 to 1."""
    pixels: Image = ((picture[0].clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    return pixels
