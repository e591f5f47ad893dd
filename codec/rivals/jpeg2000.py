"""JPEG 2000, at a fixed rate or progressive: a payload is packets only, the headers are known.

Progressive: one byte, the number of quality layers, then whole packets. Every prefix of the payloads is a picture.
Source: ITU-T T.800 annexes A and B.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from codec.base import BudgetError, Codec, CodecError, Image
from codec.rivals.fixed_rate import FixedRateCodec, Format, check_budget, check_door, contiguous, read_pillow, save
from codec.rivals.search import read_file

MAX_LAYERS = 64


def write_layers(pixels: Image, payload_ends: Sequence[int], *, lengths: bool = False) -> bytes:
    """A one-tile codestream with one quality layer for each of `payload_ends` (cumulative bytes of packets).

    Layers come first in packet order (LRCP), so that every prefix is the best picture of its length. `lengths` adds
    the PLT segments that `packets_of` needs. Sizes come close to the ends asked for, on either side.
    """
    height, width = pixels.shape[:2]
    resolutions = max(1, min(height, width).bit_length() - 3)
    head_bytes = 107 + 6 * resolutions  # as counted by the rate control: main header, SOT, SOD, EOC
    return save(
        pixels,
        "JPEG2000",
        no_jp2=True,
        irreversible=True,
        mct=1,
        progression="LRCP",
        num_resolutions=resolutions,
        quality_mode="rates",
        quality_layers=[max(1.0, pixels.size / (end + head_bytes)) for end in payload_ends],
        plt=lengths,
    )


def split(file: bytes) -> tuple[bytes, list[int], bytes]:
    """(main header, packet lengths where a PLT segment tells them, packets) of a one-tile codestream."""
    at, header, lengths, value = 2, b"", list[int](), 0
    while at + 4 <= len(file):
        marker, size = file[at + 1], int.from_bytes(file[at + 2 : at + 4], "big")
        if marker == 0x90:  # SOT: the main header ends
            header = file[:at]
        elif marker == 0x58:  # PLT: seven bits a byte, high bit set on all but the last
            for byte in file[at + 5 : at + 2 + size]:
                value = value << 7 | byte & 127
                if byte < 128:
                    lengths.append(value)
                    value = 0
        elif marker == 0x93:  # SOD: the packets
            return header, lengths, file[at + 2 : -2]
        at += 2 + size
    raise CodecError("a JPEG 2000 codestream without packets")


def rebuild(payload: bytes, blank: bytes) -> bytes:
    """The codestream around its packets; headers come from the blank. Missing last packets read as empty ones.

    An empty packet is a zero byte (T.800 B.10.3), so zeros stand for all that did not come, and surplus ones are
    never read. 4 KiB of them cover more layers, resolutions and components than we write.
    """
    header, _, _ = split(blank)
    body = payload + bytes(4096)
    tile = b"\xff\x90\0\x0a\0\0" + (len(body) + 14).to_bytes(4, "big") + b"\0\1\xff\x93"
    return header + tile + body + b"\xff\xd9"


def packets_of(file: bytes) -> list[bytes]:
    """The packets one by one; the file must have PLT segments."""
    _, lengths, packets = split(file)
    if sum(lengths) != len(packets):
        raise CodecError(f"JPEG 2000 packet lengths sum to {sum(lengths)} bytes; the tile has {len(packets)}")
    ends = [sum(lengths[: n + 1]) for n in range(len(lengths))]
    return [packets[end - size : end] for end, size in zip(ends, lengths, strict=True)]


# One layer of 16 bytes to 18 MB in steps of 3%. Wavelets code coarse scales first: full resolution costs little.
FORMAT = Format(range(0, 472), lambda pixels, quality, full, fast: write_layers(pixels, [round(16 * 1.03**quality)]),
                read_pillow, lambda file, blank: split(file)[2], rebuild, start_bpp=0.03)  # fmt: skip


class ProgressiveJpeg2000:
    """JPEG 2000 in quality layers, one layer a payload or nearly: every prefix of the payloads is a picture."""

    name, model_id = "jpeg2000", 2

    def __init__(self, budget_bytes: int) -> None:
        check_budget(self.name, budget_bytes)
        self.budget_bytes = budget_bytes

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads of whole packets (only a packet larger than a payload is cut); see `Codec.encode`."""
        check_door(image, payload_bytes)
        wanted = -(-self.budget_bytes // payload_bytes)
        layers = min(wanted, MAX_LAYERS)
        for slack in (0, 2, 4, 8, 16, 32):  # leave more of each payload free until packets stop spilling over
            ends = [self.budget_bytes * (n + 1) // layers - 1 - slack * (n + 1) for n in range(layers)]
            packets = packets_of(write_layers(image, [max(end, 16) for end in ends], lengths=True))
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
        data = contiguous(received)
        if len(data) < 2:
            return None
        layers = data[0]
        if not 1 <= layers <= MAX_LAYERS:
            raise CodecError(f"jpeg2000: {layers} layers; expected 1 to {MAX_LAYERS} (the payload is not ours)")
        file = rebuild(data[1:], _layered_blank(height, width, layers))
        return read_file("jpeg2000", FORMAT, file, height, width)


@lru_cache(maxsize=16)
def _layered_blank(height: int, width: int, layers: int) -> bytes:
    return write_layers(np.full((height, width, 3), 128, np.uint8), [16 * (n + 1) for n in range(layers)])


def make_codec(budget_bytes: int, progressive: bool = False) -> Codec:
    """At a fixed rate, or progressive."""
    return ProgressiveJpeg2000(budget_bytes) if progressive else FixedRateCodec("jpeg2000", FORMAT, budget_bytes)
