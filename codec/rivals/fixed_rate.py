"""A picture format behind the codec contract, at a fixed rate: one file that fits the budget, cut into payloads.

Each takes `budget_bytes`, all bytes on the air but packet headers, and finds the best picture that fits: quality,
coding resolution (coded smaller with Lanczos, enlarged the same way by the receiver) and chroma format; see `search`.

Bytes both ends can know never go on the air. A receiver knows the codec, its settings and the picture size, so it can
write a *blank*: a grey picture of that size in the same format. Whatever the blank shares with the real file by
construction (boxes, parameter sets, sizes, tables) is known: a format strips it from the file, and rebuilds the file
around a payload from the blank. Only bytes are moved by that, nothing is decoded.

On the air: payload count (LEB128), one mode byte (coding scale * 2 + full chroma), for JPEG one quality byte, then
the stripped file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image as Picture

from codec.base import BudgetError, CodecError, Image, check_image
from codec.photos import resize
from codec.rivals.search import SCALES, best_fit, blank_file, coded_size, read_file


class Format(NamedTuple):
    """How one still-picture format is written, read, stripped and rebuilt.

    Writers are deterministic (one thread, no metadata, no ICC profile, no EXIF); readers check the size before they
    decode. All raise CodecError where a file or payload is not built as its standard says; what a library raises when
    it decodes becomes one in `search.read_file`.
    """

    qualities: Sequence[int]
    """Quality settings, smallest file first."""
    write: Callable[[Image, int, bool, bool], bytes]
    """(pixels, quality, full chroma, fast) -> whole file. Fast is for the search, slow for the air."""
    read: Callable[[bytes, int, int], Image]
    """(file, height, width) -> uint8[height, width, 3]."""
    strip: Callable[[bytes, bytes], bytes]
    """(file, blank) -> payload."""
    rebuild: Callable[[bytes, bytes], bytes]
    """(payload, blank) -> file."""
    chroma: tuple[bool, ...] = (False,)
    """Chroma choices to try: False is 4:2:0 (or all the format has), True is 4:4:4."""
    start_bpp: float = 0.3
    """Bits a coded pixel near which the best coding resolution is looked for first."""
    min_side: int = 8
    """The smallest side coded, in pixels."""
    two_speeds: bool = False
    """True where the fast writer differs from the slow one."""
    margin: float | None = None
    """How far, as a share, the slow writer's sizes may lie from what the fast one's promise; None: not relied upon."""
    coarse: bool = False
    """True where qualities side by side may write the same file."""
    has_blank: bool = True
    """False where nothing of a file is known beforehand; strip and rebuild then get an empty blank."""
    sends_quality: bool = False
    """True where the receiver needs the quality to write the blank."""


class FixedRateCodec:
    """A picture format behind the contract: one file that fits the budget, cut into payloads, shown when whole."""

    model_id = 1
    written: Any = None
    """The `codec.rivals.written.Written` of codecs of this format for other budgets, of the photo that comes next."""

    def __init__(self, name: str, form: Format, budget_bytes: int, quick: bool = False) -> None:
        check_budget(name, budget_bytes)
        if not isinstance(quick, bool):
            raise CodecError(f"{name}: quick is {quick!r}; expected true or false")
        self.name, self.form, self.budget_bytes, self.quick = name, form, budget_bytes, quick

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads of `payload_bytes`, the last one shorter; BudgetError names the smallest size there is."""
        check_door(image, payload_bytes)
        count = -(-self.budget_bytes // payload_bytes)
        room = self.budget_bytes - len(pack_varint(count)) - 1 - self.form.sends_quality
        written = None
        if self.quick or self.written or self.form.margin is not None:
            from codec.rivals.written import what_is_written

            written = what_is_written(self, image)
        best = best_fit(self.name, self.form, image, room, written)
        if not best.payload:
            smallest = round(-best.score) + self.budget_bytes - room
            raise BudgetError(
                f"{self.name}: the smallest {image.shape[1]}x{image.shape[0]} picture takes {smallest} bytes; "
                f"budget_bytes is {self.budget_bytes}"
            )
        body = bytes([best.scale << 1 | best.full, *[best.quality] * self.form.sends_quality]) + best.payload
        count = -(-(len(body) + 1) // payload_bytes)
        while -(-(len(body) + len(pack_varint(count))) // payload_bytes) > count:
            count += 1
        data = pack_varint(count) + body
        payloads = [data[at : at + payload_bytes] for at in range(0, len(data), payload_bytes)]
        # Decoded once before it leaves: a library whose headers vary from picture to picture must not go unnoticed.
        shown = self.decode(dict(enumerate(payloads)), *image.shape[:2])
        if shown is None or best.shown is None or not np.array_equal(shown, resize(best.shown, *image.shape[:2])):
            raise CodecError(f"{self.name}: the stripped file does not rebuild; has the library changed its container?")
        return payloads

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """The picture once every payload is held, else None; see `Codec.decode`."""
        data = contiguous(received)
        counted = unpack_varint(data)
        if counted is None:
            return None
        count, at = counted
        if count == 0 or any(index >= count for index in received):
            raise CodecError(f"{self.name}: payloads {sorted(received)[-3:]} of a file that says it has {count}")
        if len(received) < count:
            return None
        body = data[at:]
        if len(body) < 2 + self.form.sends_quality or body[0] >> 1 >= len(SCALES):
            raise CodecError(f"{self.name}: a file of {len(body)} bytes opening with {body[:2].hex()}; not ours")
        quality = body[1] if self.form.sends_quality else 0
        if quality >= len(self.form.qualities) or bool(body[0] & 1) not in self.form.chroma:
            raise CodecError(
                f"{self.name}: mode byte {body[0]} or quality {quality} is unknown; the payload is not ours"
            )
        rows, columns = coded_size(height, width, SCALES[body[0] >> 1])
        if body[0] >> 1 and min(rows, columns) < self.form.min_side:
            raise CodecError(f"{self.name}: coding scale {body[0] >> 1} leaves {columns}x{rows} pixels; not ours")
        blank = blank_file(self.form, rows, columns, quality, bool(body[0] & 1))
        file = self.form.rebuild(body[1 + self.form.sends_quality :], blank)
        return resize(read_file(self.name, self.form, file, rows, columns), height, width)


def contiguous(received: Mapping[int, bytes]) -> bytes:
    """Payload 0, 1, ... joined up to the first gap."""
    joined, index = [], 0
    while index in received:
        joined.append(received[index])
        index += 1
    return b"".join(joined)


def check_budget(name: str, budget_bytes: int) -> None:
    """Raise CodecError, naming the codec, unless there is a whole byte at least."""
    if isinstance(budget_bytes, bool) or not isinstance(budget_bytes, int) or budget_bytes < 1:
        raise CodecError(f"{name}: budget_bytes is {budget_bytes!r}; expected a whole number of bytes, 1 or more")


def check_door(image: Image, payload_bytes: int) -> None:
    """Raise CodecError for what no codec encodes: see `check_image`; or payloads of no bytes."""
    check_image(image)
    if payload_bytes < 1:
        raise CodecError(f"payload_bytes is {payload_bytes}; expected 1 or more")


def pack_varint(value: int) -> bytes:
    """`value` in base 128, low digits first, the high bit set on all but the last byte (LEB128)."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def unpack_varint(data: bytes, start: int = 0) -> tuple[int, int] | None:
    """(value, index after it), or None where `data` ends within the number; over 4 bytes raises CodecError."""
    value = 0
    for place, byte in enumerate(data[start : start + 4]):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, start + place + 1
    if len(data) - start >= 4:
        raise CodecError(f"a length runs over 4 bytes ({data[start : start + 4].hex()}); the payload is not ours")
    return None


def save(pixels: Image, kind: str, **options: Any) -> bytes:
    """The file as Pillow writes it."""
    out = io.BytesIO()
    Picture.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def read_pillow(file: bytes, height: int, width: int) -> Image:
    """The picture as Pillow reads it; CodecError where its size is another."""
    with Picture.open(io.BytesIO(file)) as picture:
        if picture.size != (width, height):
            raise CodecError(f"the file holds {picture.width}x{picture.height} pixels; expected {width}x{height}")
        return np.asarray(picture.convert("RGB"))
