"""ProGIC whose payloads are coded, and filled with what helps early and after a loss: codec `progic-full`.

Cells are cut as those of `progic`, so that there are as many payloads. A payload of a length that a plain one can have
(`PayloadCoder.is_plain`) is plain, with nothing behind it. Any other is:

    byte 0         E, how many bytes of extras end the payload
    byte 1 on      the stages, plain or coded; their own length tells which (see `codec.progic.coding.coded`)
    the last E     extras: as many as are left of the sender's payload_bytes, 255 at most, or none where it wants none

Extras of a payload that holds any of the first stage are a sketch of kind 0 (see `sketch`). Those of the M payloads
that would follow, were all stages of the model sent, are hints at a lost first stage (see `hints`): its B blocks go in
the order of `layout.deal` over M, and payload j of these M tells blocks B * j // M to B * (j + 1) // M - 1 of that
order, a byte each, all of the first level before those of the next, as far as extras go. Where all levels are told and
8 bytes or more are left, a sketch of kind 1 + j % 4 follows. So each payload helps by itself, and a lost one thins the
hints evenly.

A receiver decodes the stages that it holds, by hints and the guess where the first is lost, and corrects that as the
sketches say. Tables to code by and what guesses lie beside the weights, at both ends; packets name weights, tables and
words of hints in one model id. A model that has no tables has its stages plain; one that has no guess leaves all room
to sketches.

Test vector: 3x4 cells of 8 bits with the tables and stage 1 of tests/test_coded.py, of a picture of 48x64 pixels that
is 100 everywhere, in payloads of 17 bytes: 08011be59841029ca8820924aaaaaaaaaa.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from codec.base import CodecError, Image
from codec.progic import layout
from codec.progic.codec import ProgicCodec
from codec.progic.coding.coded import PayloadCoder
from codec.progic.coding.contexts import read_tables, tables_path
from codec.progic.decoder import Array
from codec.progic.extras.guess import GuessingDecoder, guess_path, name_codebooks
from codec.progic.extras.hints import Floats, describe, recall
from codec.progic.extras.sketch import KINDS, LEAST, MOST, coefficients, correct, write_sketch
from codec.progic.layout import Cut, Indices
from codec.progic.receiver import ProgicReceiver
from codec.progic.shape import DEFAULT_MODEL, ProgicConfig, model_path

MOST_EXTRAS = 255
"""Bytes of all extras of a payload."""
Decode = Callable[[Indices, int, int, Floats | None], Array]
"""As `GuessingDecoder.decode`, of NumPy's arrays."""


class Told(NamedTuple):
    """What payloads say: as of `layout.join`, and as `GuessingDecoder.decode` and `correct` take it."""

    grid: Indices
    hint: Floats | None
    sketches: dict[int, bytes]


class Filler:
    """Plain payloads to full ones, and back."""

    def __init__(self, path: Path, config: ProgicConfig, codebooks: Floats, books: Floats | None, extras: bool) -> None:
        """For a weights file of this shape, with codebooks float32[N, K, C2] and books of hints, if any.

        Raises WeightsError where its tables are damaged.
        """
        tables, tables_id = read_tables(path, codebooks)
        self._coder, self._config, self._words = PayloadCoder(config, tables), config, codebooks[0]
        self._books = np.zeros((0, 1, 4, codebooks.shape[2]), np.float32) if books is None else books
        self._most = MOST_EXTRAS if extras else 0
        self.id = tables_id ^ (int(name_codebooks(self._books), 16) if len(self._books) else 0)
        """32 bits that name tables and books; 0 where there are none."""

    def fill(self, plain: Sequence[bytes], image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads of at most `payload_bytes` bytes from plain ones of `image`."""
        rows, columns = self._config.grid(*image.shape[:2])
        bits, found = self._config.index_bits, coefficients(image)
        first = layout.join(dict(enumerate(plain)), self._config.stages, rows, columns, bits)[0]
        hints = describe(self._words[first], self._books)
        filled = list(plain)
        for k, stages in enumerate(plain):
            blocks, kind = self._place(k, len(stages), rows, columns)
            coded = self._coder.shrink(stages, k, rows, columns)
            for size in range(min(payload_bytes - 1 - len(coded), self._most), -1, -1):
                parts = self._parts(size, blocks)
                if parts is None or self._coder.is_plain(1 + len(coded) + size, rows * columns):
                    continue
                if size or coded != stages:
                    told = hints[blocks].T.tobytes()[: parts[0]]
                    sketch = write_sketch(found, kind, parts[1]) if parts[1] else b""
                    filled[k] = bytes([size]) + coded + told + sketch
                break
        return filled

    def read(self, received: Mapping[int, bytes], height: int, width: int) -> Told:
        """What payloads of a picture of this size say. Raises CodecError for bytes that no encoder writes."""
        rows, columns = self._config.grid(height, width)
        hints = np.full((-(-rows // 2) * -(-columns // 2), len(self._books)), -1, np.int64)
        plain, sketches = {}, {}
        for k, payload in received.items():
            if self._coder.is_plain(len(payload), rows * columns):
                plain[k] = payload
                continue
            end = len(payload) - (payload[0] if payload else 0)
            coded, extras = payload[1:end], payload[max(end, 1) :]
            plain[k] = self._coder.expand(coded, k, rows, columns)
            blocks, kind = self._place(k, len(plain[k]), rows, columns)
            parts = self._parts(len(extras), blocks)
            if parts is None or (not extras and coded == plain[k]):
                raise CodecError(f"payload {k} ends in {len(extras)} bytes that no encoder writes; it is damaged")
            told = np.full(hints.shape[1] * len(blocks), -1)
            told[: parts[0]] = np.frombuffer(extras[: parts[0]], np.uint8)
            hints[blocks] = told.reshape(hints.shape[1], len(blocks)).T
            if parts[1]:
                sketches[KINDS * k + kind] = extras[parts[0] :]
        grid = layout.join(plain, self._config.stages, rows, columns, self._config.index_bits)
        known = hints >= 0
        hint = recall(np.maximum(hints, 0), known, self._books, rows, columns) if known.any() else None
        return Told(grid, hint, sketches)

    def _place(self, k: int, plain_bytes: int, rows: int, columns: int) -> tuple[Indices, int]:
        """The blocks at which payload `k` hints, and the kind of its sketch."""
        cut = Cut(rows * columns, plain_bytes * 8 // self._config.index_bits)
        later = k - cut.payloads_per_stage
        count = self._config.stages * cut.payloads_per_stage // cut.stages_per_payload - cut.payloads_per_stage
        if not 0 <= later < count:
            return np.zeros(0, np.int64), 0
        high, wide = -(-rows // 2), -(-columns // 2)
        ends = [high * wide * j // count for j in (later, later + 1)]
        return layout.deal(high, wide, count)[slice(*ends)], 1 + later % (KINDS - 1)

    def _parts(self, size: int, blocks: Indices) -> tuple[int, int] | None:
        """Bytes of hints, and of a sketch, in extras of `size` bytes; None where they cannot be so many."""
        hints = min(size, len(self._books) * len(blocks))
        sketch = size - hints
        return (hints, sketch) if not sketch or LEAST <= sketch <= MOST else None

    def show(self, decode: Decode, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """The picture of payloads; None for none."""
        if not received:
            return None
        grid, hint, sketches = self.read(received, height, width)
        stages, rows, columns = grid.shape
        pixels = np.clip(decode(grid.reshape(stages, -1), rows, columns, hint), -1, 1)
        picture: Image = np.rint((pixels + 1) * np.float32(127.5)).astype(np.uint8)[:height, :width]
        return correct(picture, sketches)


class FullProgic(ProgicCodec):
    """`progic`, as many payloads, each coded, and filled with hints and a sketch."""

    name = "progic-full"

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        stages: int | None = None,
        search: int = 0,
        judge: str = "lpips-squeeze",
        arithmetic: str = "float32",
        extras: bool = True,
    ) -> None:
        """As `ProgicCodec`, by tables and a guess where they lie beside the weights; without `extras`: fewest bytes."""
        if not isinstance(extras, bool):
            raise CodecError(f"extras is {extras!r}; expected true or false")
        path = model_path(str(model))
        super().__init__(model, stages, search, judge, arithmetic, guess=guess_path(path).is_file())
        self._filler = Filler(path, self.config, self._model.codebooks.numpy(), books_of(self._model.decoder), extras)
        self.model_id ^= self._filler.id
        lacking = {
            "tables, so stages go plain": tables_path(path),
            "guess, so later packets hint at nothing": guess_path(path),
        }
        self.notes = [f"{path.name} has no {what}" for what, file in lacking.items() if not file.is_file()]
        """What a sender should know."""

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """As `ProgicCodec` does, and in what coding them leaves the extras."""
        return self._filler.fill(super().encode(image, payload_bytes), image, payload_bytes)

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """The picture of whatever payloads arrived, or None. Raises CodecError for bytes that no encoder writes."""
        import torch

        def decode(grid: Indices, rows: int, columns: int, hint: Floats | None) -> Array:
            given = None if hint is None else torch.from_numpy(hint)
            return self._model.decoder.decode(torch.from_numpy(grid), rows, columns, given).numpy()

        with torch.inference_mode():
            return self._filler.show(decode, received, height, width)


class FullReceiver(ProgicReceiver):
    """Decodes what a `FullProgic` of the same weights, tables and guess encoded, by NumPy alone."""

    name = FullProgic.name

    def __init__(self, model: str = DEFAULT_MODEL) -> None:
        """As `FullProgic`."""
        path = model_path(model)
        super().__init__(model, guess=guess_path(path).is_file())
        self._filler = Filler(path, self._config, self._codebooks, books_of(self._decoder), extras=True)
        self.model_id ^= self._filler.id

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """As by `FullProgic`, which does it."""
        return FullProgic(self._model).encode(image, payload_bytes)

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """As `FullProgic` does, but for rounding."""
        return self._filler.show(self._decoder.decode, received, height, width)


def books_of(decoder: Any) -> Floats | None:
    """The words of hints, float32[levels, 256, 4, C2], that a decoder has; None for one that guesses nothing."""
    return np.asarray(decoder.books) if isinstance(decoder, GuessingDecoder) else None
