"""The contract every codec meets, and the errors it may raise.

CodecError            anything a caller can mend: wrong options, wrong image, wrong bytes
+-- BudgetError       the byte budget is too small for any picture this codec can make
+-- WeightsError      weights missing, corrupt, or not the ones the packets name
+-- PhotoError        a file that is missing, not an image, or of a size that cannot be used
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

MIN_SIDE = 16
MAX_SIDE = 4096
MAX_PIXELS, PLAIN_PIXELS = 250_000_000, 100_000_000
"""Photos of more than the first are refused before they are decoded; those of more than the second need care."""


class CodecError(Exception):
    """Something the caller can mend; the text says what was found, what was expected, and the mend."""


class BudgetError(CodecError):
    """No picture of this codec fits the byte budget."""


class WeightsError(CodecError):
    """Model weights are missing, corrupt, or differ from those that the packets name."""


class PhotoError(CodecError):
    """A photo that cannot be read or fitted."""


class Codec(Protocol):
    """Image to payloads and back; knows bytes and pixels, never a clock or a packet header."""

    name: str
    """The name a user types, `avif` say."""
    model_id: int
    """32 bits that name the weights and bitstream version; a receiver must hold the same."""

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads in sending order, each 1 to `payload_bytes` bytes, for `image` uint8[H, W, 3].

        Deterministic: the same image gives the same bytes. Sides run 16 to 4096 pixels.
        Raises CodecError (BudgetError) where nothing fits.
        """
        ...

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """The picture uint8[height, width, 3] that `received` (payload index -> payload) can show, or None.

        Any subset is legal. None means "nothing to show yet"; malformed bytes raise CodecError.
        """
        ...


def stages_of(codec: object) -> int:
    """Stages that `codec` sends, coarse first; 1 for a codec without stages."""
    stages: int = getattr(codec, "stages", 1)
    return stages


def check_image(image: Image) -> None:
    """Raise CodecError unless `image` is uint8[H, W, 3] with sides of 16 to 4096 pixels."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise CodecError(f"image is {image.dtype}{list(image.shape)}; expected uint8[H, W, 3]")
    height, width = image.shape[:2]
    if not (MIN_SIDE <= height <= MAX_SIDE and MIN_SIDE <= width <= MAX_SIDE):
        raise CodecError(
            f"image is {width}x{height} pixels; expected sides of {MIN_SIDE} to {MAX_SIDE} (resize it first)"
        )
