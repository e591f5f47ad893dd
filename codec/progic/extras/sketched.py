"""ProGIC whose payloads carry a sketch of colours in a link's spare bytes: sent with torch, received without."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from codec.base import Image, check_image
from codec.progic.codec import ProgicCodec
from codec.progic.extras.sketch import correct, find_room, split_sketches, write_sketches
from codec.progic.receiver import ProgicReceiver
from codec.progic.shape import ProgicConfig

NAME = "progic-sketch"


class SketchProgic(ProgicCodec):
    """The payloads of `progic`, each with a sketch behind it: right colours of any subset."""

    name = NAME

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """As `ProgicCodec` does, and in what that leaves the sketches. Raises BudgetError where too little is left."""
        check_image(image)
        rows, columns = self.grid(*image.shape[:2])
        stage_bytes, size = find_room(self.stages, rows * columns, self.config.index_bits, payload_bytes)
        stages = super().encode(image, stage_bytes)
        sketches = write_sketches(image, len(stages), size)
        return [stage + sketch for stage, sketch in zip(stages, sketches, strict=True)]

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """As `ProgicCodec` does, then as the sketches say. Raises CodecError for payloads that none encodes."""
        return _show(super().decode, self.config, received, height, width)


class SketchReceiver(ProgicReceiver):
    """Decodes what a `SketchProgic` of the same weights encoded."""

    name = NAME

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """As by `SketchProgic`, which does it."""
        return SketchProgic(self._model).encode(image, payload_bytes)

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """As `SketchProgic` does, but for rounding."""
        return _show(super().decode, self._config, received, height, width)


def _show(
    decode: Callable[[Mapping[int, bytes], int, int], Image | None],
    config: ProgicConfig,
    received: Mapping[int, bytes],
    height: int,
    width: int,
) -> Image | None:
    """What `decode` shows of the stages received, moved as their sketches say."""
    rows, columns = config.grid(height, width)
    stages, sketches = split_sketches(received, rows * columns, config.index_bits)
    picture = decode(stages, height, width)
    return None if picture is None else correct(picture, sketches)
