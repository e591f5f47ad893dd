"""Fixed-rate rivals behind the codec contract: JPEG, WebP, AVIF, HEIC, JPEG XL, JPEG 2000, VVC, any external command.

Each takes `budget_bytes`, all bytes on the air but packet headers, and finds the best picture that fits: quality,
coding resolution (coded smaller with Lanczos, enlarged the same way by the receiver) and chroma format. Best is the
highest `codec.likeness` (SSIM) of the enlarged picture against the original. Container bytes both ends can know are
not sent (`codec/containers.py`).

On the air: payload count (LEB128), one mode byte (coding scale * 2 + full chroma), for JPEG one quality byte, then
the stripped file. Progressive JPEG 2000: one byte, the number of quality layers, then whole packets of T.800.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from codec.base import BudgetError, Codec, CodecError, Image, check_image
from codec.containers import jpeg2000_packets, pack_varint, rebuild_jpeg2000, unpack_varint
from codec.formats import FORMATS, Format, external_format, write_jpeg2000
from codec.likeness import resize
from codec.search import SCALES, best_fit, blank_file, coded_size, read_file

MAX_LAYERS = 64


class FixedRateCodec:
    """A picture format behind the contract: one file that fits the budget, cut into payloads, shown when whole."""

    model_id = 1

    def __init__(self, name: str, form: Format, budget_bytes: int) -> None:
        _check_budget(name, budget_bytes)
        self.name, self.form, self.budget_bytes = name, form, budget_bytes

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads of `payload_bytes`, the last one shorter; BudgetError names the smallest size there is."""
        _check_door(image, payload_bytes)
        count = -(-self.budget_bytes // payload_bytes)
        room = self.budget_bytes - len(pack_varint(count)) - 1 - self.form.sends_quality
        best = best_fit(self.name, self.form, image, room)
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
        data = _contiguous(received)
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


class ProgressiveJpeg2000:
    """JPEG 2000 in quality layers, one layer a payload or nearly: every prefix of the payloads is a picture."""

    name, model_id = "jpeg2000", 2

    def __init__(self, budget_bytes: int) -> None:
        _check_budget(self.name, budget_bytes)
        self.budget_bytes = budget_bytes

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads of whole packets (only a packet larger than a payload is cut); see `Codec.encode`."""
        _check_door(image, payload_bytes)
        wanted = -(-self.budget_bytes // payload_bytes)
        layers = min(wanted, MAX_LAYERS)
        for slack in (0, 2, 4, 8, 16, 32):  # leave more of each payload free until packets stop spilling over
            ends = [self.budget_bytes * (n + 1) // layers - 1 - slack * (n + 1) for n in range(layers)]
            packets = jpeg2000_packets(write_jpeg2000(image, [max(end, 16) for end in ends], lengths=True))
            payloads = [bytes([layers])]
            for packet in packets:
                if sum(map(len, payloads)) + len(packet) > self.budget_bytes:
                    break
                if len(payloads[-1]) + len(packet) > payload_bytes and len(payloads[-1]) > 1:
                    payloads.append(b"")
                packet = payloads.pop() + packet
                payloads += [packet[at : at + payload_bytes] for at in range(0, len(packet), payload_bytes)]
            if len(payloads) <= wanted:
                break
        if self.decode(dict(enumerate(payloads)), *image.shape[:2]) is None:
            raise BudgetError(
                f"jpeg2000: the first packet takes {len(packets[0]) + 1} bytes; budget_bytes is {self.budget_bytes}"
            )
        return payloads

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """What the payloads from 0 to the first gap show; None before payload 0."""
        data = _contiguous(received)
        if len(data) < 2:
            return None
        layers = data[0]
        if not 1 <= layers <= MAX_LAYERS:
            raise CodecError(f"jpeg2000: {layers} layers; expected 1 to {MAX_LAYERS} (the payload is not ours)")
        file = rebuild_jpeg2000(data[1:], _layered_blank(height, width, layers))
        return read_file("jpeg2000", FORMATS["jpeg2000"], file, height, width)


@lru_cache(maxsize=16)
def _layered_blank(height: int, width: int, layers: int) -> bytes:
    return write_jpeg2000(np.full((height, width, 3), 128, np.uint8), [16 * (n + 1) for n in range(layers)])


def _contiguous(received: Mapping[int, bytes]) -> bytes:
    """Payload 0, 1, ... joined up to the first gap."""
    joined, index = [], 0
    while index in received:
        joined.append(received[index])
        index += 1
    return b"".join(joined)


def _check_budget(name: str, budget_bytes: int) -> None:
    if not isinstance(budget_bytes, int) or budget_bytes < 1:
        raise CodecError(f"{name}: budget_bytes is {budget_bytes!r}; expected a whole number of bytes, 1 or more")


def _check_door(image: Image, payload_bytes: int) -> None:
    check_image(image)
    if payload_bytes < 1:
        raise CodecError(f"payload_bytes is {payload_bytes}; expected 1 or more")


def _fixed_rate(name: str) -> Callable[..., Codec]:
    return lambda budget_bytes: FixedRateCodec(name, FORMATS[name], budget_bytes)


def _jpeg2000(budget_bytes: int, progressive: bool = False) -> Codec:
    if progressive:
        return ProgressiveJpeg2000(budget_bytes)
    return FixedRateCodec("jpeg2000", FORMATS["jpeg2000"], budget_bytes)


def _external(budget_bytes: int, **options: Any) -> Codec:
    return FixedRateCodec("external", external_format(**options), budget_bytes)


def _checked(name: str, build: Callable[..., Codec], options: tuple[str, ...], needed: int) -> Callable[..., Codec]:
    """`build` behind a door that names the valid options, of which the first `needed` must be given."""

    def make(**given: Any) -> Codec:
        for wrong in sorted(given.keys() - set(options)):
            raise CodecError(f"codec {name} has no option {wrong!r}; valid options: {', '.join(options)}")
        if missing := [option for option in options[:needed] if option not in given]:
            raise CodecError(f"codec {name} needs {', '.join(missing)}; valid options: {', '.join(options)}")
        return build(**given)

    return make


BASELINES: dict[str, Callable[..., Codec]] = {
    **{
        name: _checked(name, _fixed_rate(name), ("budget_bytes",), 1)
        for name in ("jpeg", "webp", "avif", "heic", "jpegxl", "vvc")
    },
    "jpeg2000": _checked("jpeg2000", _jpeg2000, ("budget_bytes", "progressive"), 1),
    "external": _checked(
        "external", _external, ("budget_bytes", "encode", "decode", "qualities", "suffix", "timeout_s"), 4
    ),
}
"""Name -> factory; options are keywords, `budget_bytes` (all bytes on the air) first. See `codec/formats.py`."""
