"""PCSI, packet compressed sensing imaging: each packet holds pixels from all over the picture, the rest is inferred.

Howard et al. 2020 (arXiv 2009.11455) and its specification of payloads (https://maqifrnswa.github.io/PCSI/spec): a
shuffle that both ends know orders the pixels; a packet holds the next ones, the first few in full colour, the others
in luma alone. Any packets do; a plane is the one with the least sum of absolute DCT coefficients that agrees with what
came. The specification leaves the inference free; ours is `sparse`, theirs OWL-QN of the same sum.

On the air, a packet is the format's less its first five bytes (image, size, packet), which our own header says: one
byte for the pixels in full colour, one with bits a channel less one in its low three bits, then the pixels. The five
bits that the format leaves free tell the coding scale, which it has not: as every rival, it is coded smaller where
that looks better.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture

from codec.base import BudgetError, CodecError, Image
from codec.photos import resize
from codec.rivals.fixed_rate import check_budget, check_door
from codec.rivals.search import SCALES, coded_size, likeness
from codec.rivals.tolerant.sparse import fill_in

HEAD_BYTES, LEAST_BYTES, LEAST_SIDE = 2, 8, 8
MOST_PIXELS = 1 << 18
"""Of a picture coded: 427 packets of 340 bytes hold so many, and more take minutes to infer."""


class Cut(NamedTuple):
    """What each packet of a picture holds."""

    scale: int
    depth: int
    """Bits a channel."""
    coloured: int
    """Pixels in full colour."""
    pixels: int
    """In all."""

    def head(self) -> bytes:
        """The first bytes of a payload."""
        return bytes([self.coloured, self.scale << 3 | (self.depth - 1)])


@lru_cache(maxsize=8)
def shuffled(count: int) -> npt.NDArray[np.int64]:
    """The order in which so many pixels are sent, a linear congruential generator driving a Fisher-Yates shuffle."""
    order, state = list(range(count)), 1
    for last in range(count - 1, -1, -1):
        state = (1103515245 * state + 12345) & 0x7FFFFFFF
        other = state % (last + 1)
        order[other], order[last] = order[last], order[other]
    return np.array(order)


def places(cut: Cut, index: int, height: int, width: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and columns of the pixels of packet `index`; pixels are counted down the columns, the list goes round."""
    order = shuffled(height * width)
    picked = order[np.arange(index * cut.pixels, (index + 1) * cut.pixels) % len(order)]
    return picked % height, picked // height


def make_cut(payload_bytes: int, depth: int, chroma: float, scale: int) -> Cut:
    """As many pixels as fit a payload, one in about `chroma` of them in full colour (as the original counts them)."""
    bits = 8 * (payload_bytes - HEAD_BYTES)
    coloured = min(max(round(bits / (2 + chroma) / depth), 1), 255)
    return Cut(scale, depth, coloured, coloured + (bits - 3 * coloured * depth) // depth)


def read_cut(payload: bytes) -> Cut:
    """What a payload says of itself. Raises CodecError for what is none of ours."""
    bits = 8 * (len(payload) - HEAD_BYTES)
    depth, coloured = (payload[1] & 7) + 1 if len(payload) > 1 else 1, payload[0] if payload else 0
    if bits < 3 * coloured * depth or bits < depth:
        raise CodecError(f"pcsi: a payload of {len(payload)} bytes for {coloured} pixels in full colour; not ours")
    return Cut(payload[1] >> 3, depth, coloured, coloured + (bits - 3 * coloured * depth) // depth)


def write_pixels(values: npt.NDArray[np.int64], depth: int) -> bytes:
    """Numbers of `depth` bits, one after the other, zeros up to a whole byte."""
    return np.packbits((values[:, None] >> np.arange(depth - 1, -1, -1)) & 1).tobytes()


def read_pixels(data: bytes, depth: int, count: int) -> npt.NDArray[np.int64]:
    """The first `count` numbers of `depth` bits."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8))[: count * depth].reshape(count, depth)
    return bits.astype(np.int64) @ (1 << np.arange(depth - 1, -1, -1))


def pack(pixels: Image, cut: Cut, index: int) -> bytes:
    """Payload `index` of a picture coded at its own size: Y, Cb, Cr of the first pixels, Y of the others."""
    planes = np.asarray(Picture.fromarray(pixels).convert("YCbCr"), np.float64)
    sampled = planes[places(cut, index, *pixels.shape[:2])]
    levels = np.rint(sampled / 255 * (2**cut.depth - 1)).astype(np.int64)
    values = np.concatenate([levels[: cut.coloured].reshape(-1), levels[cut.coloured :, 0]])
    return cut.head() + write_pixels(values, cut.depth)


def infer(received: Mapping[int, bytes], cut: Cut, height: int, width: int) -> Image:
    """The picture uint8[height, width, 3] that agrees with the pixels that came."""
    values = np.full((3, height, width), 128, np.float32)
    known = np.zeros((3, height, width), bool)
    for index, payload in received.items():
        levels = read_pixels(payload[HEAD_BYTES:], cut.depth, cut.pixels + 2 * cut.coloured) / (2**cut.depth - 1) * 255
        rows, columns = places(cut, index, height, width)
        values[0, rows, columns] = np.concatenate([levels[: 3 * cut.coloured : 3], levels[3 * cut.coloured :]])
        known[0, rows, columns] = True
        for channel in (1, 2):
            at = channel, rows[: cut.coloured], columns[: cut.coloured]
            values[at], known[at] = levels[channel : 3 * cut.coloured : 3], True
    planes = [fill_in(*pair) if pair[1].any() else pair[0] for pair in zip(values, known, strict=True)]
    whole = np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)
    return np.asarray(Picture.frombytes("YCbCr", (width, height), whole.tobytes()).convert("RGB"))


class PcsiCodec:
    """PCSI at a byte budget, of any packet size; see above."""

    name, model_id = "pcsi", 1

    def __init__(self, budget_bytes: int, bit_depth: int = 12, chroma: float = 20) -> None:
        check_budget(self.name, budget_bytes)
        if isinstance(bit_depth, bool) or bit_depth not in range(3, 25, 3):
            raise CodecError(f"pcsi: bit_depth is {bit_depth!r}; expected 3, 6, ... 24 (three channels)")
        if isinstance(chroma, bool) or not isinstance(chroma, int | float) or not 1 <= chroma <= 1000:
            raise CodecError(f"pcsi: chroma is {chroma!r}; expected 1 to 1000 pixels for one in full colour")
        self.budget_bytes, self.depth, self.chroma = budget_bytes, bit_depth // 3, chroma

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads of one size that fill the budget; the coding scale is the one most like the picture."""
        check_door(image, payload_bytes)
        count = -(-self.budget_bytes // payload_bytes)
        size = min(payload_bytes, self.budget_bytes // count)
        if size < LEAST_BYTES:
            raise BudgetError(
                f"pcsi: packets of {payload_bytes} bytes and budget_bytes of {self.budget_bytes};"
                f" expected {LEAST_BYTES} bytes or more of both"
            )
        sizes = [coded_size(image.shape[0], image.shape[1], scale) for scale in SCALES]
        usable = [n for n, each in enumerate(sizes) if min(each) >= LEAST_SIDE and each[0] * each[1] <= MOST_PIXELS]

        def attempt(scale: int) -> tuple[float, int, list[bytes]]:
            """Likeness, the scale, and the payloads."""
            cut, pixels = make_cut(size, self.depth, self.chroma, scale), resize(image, *sizes[scale])
            needed = min(count, -(-sizes[scale][0] * sizes[scale][1] // cut.pixels))
            payloads = [pack(pixels, cut, index) for index in range(needed)]
            shown = infer(dict(enumerate(payloads)), cut, *sizes[scale])
            return likeness(image, resize(shown, *image.shape[:2])), scale, payloads

        samples = count * make_cut(size, self.depth, self.chroma, 0).pixels
        start = min(usable, key=lambda n: abs(np.log(1.5 * samples / (sizes[n][0] * sizes[n][1]))))
        tried = {start: attempt(start)}
        best = tried[start]
        for step in (1, -1):
            while (at := best[1] + step) in usable and at not in tried:
                tried[at] = attempt(at)
                if tried[at] <= best:
                    break
                best = tried[at]
        return best[2]

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """The picture that agrees with any payloads; None for none."""
        if not received:
            return None
        cuts = {read_cut(payload) for payload in received.values()}
        cut = next(iter(cuts))
        if len(cuts) > 1 or cut.scale >= len(SCALES):
            raise CodecError(f"pcsi: payloads of {len(cuts)} pictures, or of coding scale {cut.scale}; not ours")
        size = coded_size(height, width, SCALES[cut.scale])
        if size[0] * size[1] > MOST_PIXELS:
            raise CodecError(f"pcsi: {size[1]}x{size[0]} pixels are coded; expected {MOST_PIXELS} or fewer")
        return resize(infer(received, cut, *size), height, width)


make_codec = PcsiCodec
