"""SSDV, the packetised JPEG of high-altitude balloons: each packet says which part of the picture its scan is.

Philip Heron's format (https://ukhas.org.uk/guides:ssdv, and the program `ssdv`): a baseline JPEG of known tables, its
scan cut into packets. The first block group (MCU) that begins in a packet begins at a whole byte and with absolute DC
values; the packet tells its number and that byte. A decoder goes on from there; groups that never came repeat the last
colours before them, grey where nothing came before.

On the air, a packet is the format's without what our own header says (sync, type, callsign, image, packet, size, CRC):
one byte of coding scale * 16 + full chroma * 8 + quality, one of the group's place (255: none begins here), two of its
number, then the scan. The format has no coding scale: as every rival, it is coded smaller where that looks better.
Reed-Solomon symbols are left out ("no FEC"): a message of our links comes whole or not at all. `published` gives the
format's own packets of 256 bytes, which any SSDV decoder reads.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping

import numpy as np
from PIL import Image as Picture

from codec.base import BudgetError, CodecError, Image
from codec.photos import resize
from codec.rivals import jpeg
from codec.rivals.fixed_rate import Format, check_budget, check_door, read_pillow
from codec.rivals.search import SCALES, best_fit, blank_file, coded_size, read_file
from codec.rivals.tolerant.packing import Packer
from codec.rivals.tolerant.scan import AC, DC, END, Reader, Symbol, components, ends, symbol, to_bits

SIDE = 16
"""The format's pictures have sides of whole groups of 16 pixels."""
HEAD_BYTES, SCAN_BYTES, NO_PLACE, FULL = 4, 237, 0xFF, 8
LEAST_BYTES = HEAD_BYTES + 8
PERCENT = (5000, 357, 172, 116, 100, 58, 28, 0)
"""Of the tables below, for each quality."""
LUMA = (
    "16 12 12 14 12 10 16 14 14 14 18 18 16 20 24 40 26 24 22 22 24 50 36 38 30 40 58 52 62 60 58 52"
    " 56 56 64 72 92 78 64 68 88 70 56 56 80 110 82 88 96 98 104 104 104 62 78 114 122 112 100 120 92 102 104 100"
)
CHROMA = "18 18 18 22 22 22 48 26 26 48 100 66 56 66" + 50 * " 100"
"""Quantisation in zigzag order; rounded a little from those of T.81 annex K."""


def table(text: str, quality: int) -> list[int]:
    """64 divisors in zigzag order, 1 to 255."""
    return [min(max((int(each) * PERCENT[quality] + 50) // 100, 1), 255) for each in text.split()]


def write(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    """The JPEG file that SSDV sends, with its tables; the last row and column are repeated to whole groups."""
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % SIDE), (0, -width % SIDE), (0, 0)), mode="edge")
    out = io.BytesIO()
    tables = [natural(table(text, quality)) for text in (LUMA, CHROMA)]
    Picture.fromarray(padded).save(out, "JPEG", qtables=tables, subsampling="4:4:4" if full else "4:2:0")
    return out.getvalue()


def natural(zigzag: list[int]) -> list[int]:
    """Row by row what was in zigzag order."""
    places = sorted(range(64), key=lambda n: (n // 8 + n % 8, n // 8 if (n // 8 + n % 8) % 2 else n % 8))
    out = [0] * 64
    for place, value in zip(places, zigzag, strict=True):
        out[place] = value
    return out


def read(file: bytes, height: int, width: int) -> Image:
    """The picture without what was repeated."""
    return read_pillow(file, height + -height % SIDE, width + -width % SIDE)[:height, :width]


def groups_of(height: int, width: int, full: bool) -> int:
    """Block groups of a picture."""
    return -(-height // SIDE) * -(-width // SIDE) * (4 if full else 1)


def pack(file: bytes, payload_bytes: int, mode: int) -> list[bytes]:
    """The scan of a JPEG file as payloads."""
    full = bool(mode & FULL)
    reader = Reader(jpeg.split(file).scan.replace(b"\xff\0", b"\xff"))
    with Picture.open(io.BytesIO(file)) as picture:
        groups = groups_of(picture.height, picture.width, full)
    packer = Packer(payload_bytes - HEAD_BYTES, NO_PLACE)
    last, sent = [0, 0, 0], [0, 0, 0]
    for group in range(groups):
        packer.begin(group)
        if packer.marked == group:
            sent = [0, 0, 0]
        for number, component in enumerate(parts := components(full)):
            first, *others = reader.block(min(component, 1))
            last[component] += first.value
            symbols = [symbol(DC | min(component, 1), 0, last[component] - sent[component]), *others]
            sent[component] = last[component]
            for at, one in enumerate(symbols, 1):
                packer.put(*to_bits(one), ends=number == len(parts) - 1 and at == len(symbols))
    return [
        bytes([mode, NO_PLACE if place is None else place]) + group.to_bytes(2, "big") + body
        for place, group, body in packer.finish()
    ]


def unpack(received: Mapping[int, bytes], groups: int, full: bool) -> list[list[list[Symbol]]] | None:
    """The blocks of each group that came, as far as they came, DC values absolute; None where none did.

    Raises CodecError for payloads that do not go together.
    """
    found: list[list[list[Symbol]]] = [[] for _ in range(groups)]
    for run in runs(received):
        marks, data = dict[int, int](), b""
        for payload in run:
            group = int.from_bytes(payload[2:4], "big")
            if payload[1] != NO_PLACE:
                if payload[1] >= len(payload) - HEAD_BYTES or group >= groups:
                    raise CodecError(f"ssdv: group {group} of {groups} at byte {payload[1]} of a payload; not ours")
                marks[group] = len(data) + payload[1]
            data += payload[HEAD_BYTES:]
        if marks:
            read_run(data, marks, found, full)
    return found if any(found) else None


def runs(received: Mapping[int, bytes]) -> list[list[bytes]]:
    """Payloads that follow one another, in order."""
    found: list[list[bytes]] = []
    for index in sorted(received):
        if index - 1 not in received:
            found.append([])
        found[-1].append(received[index])
    return found


def read_run(data: bytes, marks: Mapping[int, int], found: list[list[list[Symbol]]], full: bool) -> None:
    """Put the groups that `data` holds into `found`; `marks` tell at which byte some of them begin."""
    reader = Reader(data)
    before = [0, 0, 0]
    for group in range(min(marks), len(found)):
        if group in marks:
            if reader.bit > 8 * marks[group]:
                raise CodecError(f"ssdv: group {group} begins before the one before it ends; the payloads are not ours")
            reader.bit, before = 8 * marks[group], [0, 0, 0]
        found[group] = []
        for component in components(full):
            block: list[Symbol] = []
            try:
                for one in reader.block(min(component, 1)):
                    block.append(one)
            except IndexError:
                return
            finally:
                if block:
                    before[component] += block[0].value
                    found[group].append([block[0]._replace(value=before[component]), *block[1:]])


def join(found: list[list[list[Symbol]]], full: bool) -> bytes:
    """The scan of a JPEG file; what is missing repeats the last colours before it, as the reference decoder does."""
    packer = Packer(None, 0)
    before = [0, 0, 0]
    for blocks in found:
        for number, component in enumerate(components(full)):
            table, block = min(component, 1), blocks[number] if number < len(blocks) else []
            value = block[0].value if block else before[component]
            packer.put(*to_bits(symbol(DC | table, 0, value - before[component])))
            before[component] = value
            for one in block[1:]:
                packer.put(*to_bits(one))
            if not ends(block):
                packer.put(*to_bits(Symbol(AC | table, END, 0)))
    return packer.finish()[0][2].replace(b"\xff", b"\xff\0")


class SsdvCodec:
    """SSDV at a byte budget, of any packet size; see above."""

    name, model_id = "ssdv", 1

    def __init__(self, budget_bytes: int) -> None:
        check_budget(self.name, budget_bytes)
        self.budget_bytes = budget_bytes

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads of `payload_bytes`, the last one shorter; BudgetError where nothing fits."""
        check_door(image, payload_bytes)
        if min(payload_bytes, self.budget_bytes) < LEAST_BYTES:
            raise BudgetError(
                f"ssdv: packets of {payload_bytes} bytes and budget_bytes of {self.budget_bytes};"
                f" expected {LEAST_BYTES} bytes or more of both"
            )

        def strip(file: bytes, blank: bytes) -> bytes:
            """What goes on the air; the scan itself where that is far too long."""
            scan = jpeg.split(file).scan
            return scan if len(scan) > 2 * self.budget_bytes else b"".join(pack(file, payload_bytes, is_full(file)))

        form = FORMAT._replace(strip=strip)
        best = best_fit(self.name, form, image, self.budget_bytes)
        if not best.payload:
            raise BudgetError(
                f"ssdv: the smallest {image.shape[1]}x{image.shape[0]} picture takes {round(-best.score)} bytes;"
                f" budget_bytes is {self.budget_bytes}"
            )
        mode = bytes([best.scale << 4 | best.full * FULL | best.quality])
        slices = range(0, len(best.payload), payload_bytes)
        return [mode + best.payload[at + 1 : at + payload_bytes] for at in slices]

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """What the payloads show; None before the first block group."""
        if not received:
            return None
        modes = {payload[:1] for payload in received.values()}
        if len(modes) > 1 or min(map(len, received.values())) <= HEAD_BYTES:
            raise CodecError(f"ssdv: payloads of {len(modes)} pictures, or of under {HEAD_BYTES + 1} bytes; not ours")
        mode = next(iter(modes))[0]
        if mode >> 4 >= len(SCALES):
            raise CodecError(f"ssdv: mode byte {mode} is unknown; the payload is not ours")
        full, size = bool(mode & FULL), coded_size(height, width, SCALES[mode >> 4])
        found = unpack(received, groups_of(*size, full), full)
        if found is None:
            return None
        blank = blank_file(FORMAT, *size, mode & 7, full)
        shown = read_file(self.name, FORMAT, jpeg.rebuild(b"\0" + join(found, full), blank), *size)
        return resize(shown, height, width)


def is_full(file: bytes) -> int:
    """`FULL` for a JPEG file without chroma subsampling, else 0."""
    head = jpeg.split(file).head
    return FULL * (head[head.rindex(b"\xff\xc0") + 11] == 0x11)


def published(payloads: list[bytes], height: int, width: int, callsign: str, image_id: int) -> list[bytes]:
    """The format's own packets of 256 bytes, for payloads of 241 of a picture coded at its own size.

    They read in any SSDV decoder. Raises CodecError for a picture that the format cannot say.
    """
    mode = payloads[0][0]
    rows, columns = -(-height // SIDE), -(-width // SIDE)
    if mode >> 4 or max(rows, columns) > 255 or max(map(len, payloads)) > HEAD_BYTES + SCAN_BYTES:
        raise CodecError(
            f"ssdv: {width}x{height} pixels at coding scale {mode >> 4}, payloads of up to {max(map(len, payloads))}"
            f" bytes; the format takes 4080 pixels a side, scale 0 and {HEAD_BYTES + SCAN_BYTES} bytes"
        )
    call = 0
    for letter in reversed(callsign.upper()):
        call = 40 * call + (ord(letter) - 64 + 13 if letter.isalpha() else ord(letter) - 47 if letter.isdigit() else 0)
    packets = []
    for index, payload in enumerate(payloads):
        last = index == len(payloads) - 1
        flags = ((mode & 7) ^ 4) << 3 | last << 2 | (3 if mode & FULL else 0)
        body = b"\x67" + call.to_bytes(4, "big") + bytes([image_id]) + index.to_bytes(2, "big")
        body += bytes([columns, rows, flags]) + payload[1:]
        noise = 0
        while len(body) < 14 + SCAN_BYTES:
            noise = (245 * (noise if len(body) > 10 + len(payload) else 0) + 45) & 255
            body += bytes([noise])
        packets.append(b"\x55" + body + zlib.crc32(body).to_bytes(4, "big"))
    return packets


FORMAT = Format(
    range(8),
    write,
    read,
    lambda file, blank: file,
    lambda payload, blank: payload,
    chroma=(False, True),
    start_bpp=0.4,
    min_side=SIDE,
    has_blank=True,
    sends_quality=True,
)
make_codec = SsdvCodec
