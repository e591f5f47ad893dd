"""A codec without compression, small enough to follow by hand: payload k paints strip k."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from codec.base import MIN_SIDE, CodecError, Image, check_image


class FakeCodec:
    """Cuts the picture into `strips` horizontal strips and sends the mean colour of each: 3 bytes a payload.

    Strips that never arrived are black. For tests, examples and a first try at the contract.
    """

    name = "fake"
    model_id = 1

    def __init__(self, strips: int = 10) -> None:
        if not isinstance(strips, int) or not 1 <= strips <= MIN_SIDE:
            raise CodecError(f"strips is {strips!r}; expected 1 to {MIN_SIDE}")
        self.strips = strips

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """One payload of 3 bytes (red, green, blue) for each strip, from the top."""
        check_image(image)
        if payload_bytes < 3:
            raise CodecError(f"payload_bytes is {payload_bytes}; expected at least 3")
        return [bytes(strip.mean(axis=(0, 1)).round().astype(np.uint8)) for strip in self._cut(image)]

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """The strips that arrived, on black; None for none."""
        if not received:
            return None
        picture = np.zeros((height, width, 3), np.uint8)
        strips = self._cut(picture)
        for k, payload in received.items():
            if len(payload) != 3 or not 0 <= k < self.strips:
                raise CodecError(f"payload {k} has {len(payload)} bytes; expected 3 bytes and 0 to {self.strips - 1}")
            strips[k][:] = list(payload)
        return picture

    def _cut(self, image: Image) -> list[Image]:
        return np.array_split(image, self.strips, axis=0)
