"""JPEG: a payload is a note of its Huffman tables, these if they are its own, and the entropy-coded scan.

Source: ITU-T T.81 annex B.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from codec.base import CodecError, Image
from codec.rivals.fixed_rate import FixedRateCodec, Format, read_pillow, save


def write(pixels: Image, quality: int, full: bool, fast: bool) -> bytes:
    """Standard or fitted Huffman tables, whichever is smaller on the air; a flat picture (the blank) keeps standard."""
    options = {"quality": quality, "subsampling": "4:4:4" if full else "4:2:0"}
    standard = save(pixels, "JPEG", **options)
    if pixels.min() == pixels.max():
        return standard
    fitted = save(pixels, "JPEG", optimize=True, **options)
    return min(standard, fitted, key=lambda file: len(strip(file, standard)))


class Parts(NamedTuple):
    """What a file is made of, but for its end marker."""

    head: bytes
    """SOI to the last table before the scan, Huffman tables left out."""
    tables: list[bytes]
    """Bodies of the Huffman tables: class and id, 16 counts, symbols."""
    scan_head: bytes
    scan: bytes


def split(file: bytes) -> Parts:
    """The parts of a file. Raises CodecError where it has no scan."""
    head, tables, at = file[:2], list[bytes](), 2
    while at + 4 <= len(file):
        size = 2 + int.from_bytes(file[at + 2 : at + 4], "big")
        segment = file[at : at + size]
        at += size
        if segment[1] == 0xC4:
            tables.append(segment[4:])
        elif segment[1] == 0xDA:
            return Parts(head, tables, segment, file[at:-2])
        else:
            head += segment
    raise CodecError("a JPEG file without a scan")


def strip(file: bytes, blank: bytes) -> bytes:
    """Scan bytes after a table note: 0 for the blank's (standard) Huffman tables, else the tables, end zeros cut."""
    parts = split(file)
    if parts.tables == split(blank).tables:
        return b"\0" + parts.scan
    note = b""
    for table in parts.tables:
        counts = table[1:17].rstrip(b"\0")
        note += bytes([len(counts)]) + counts + table[17:]
    return note + parts.scan


def rebuild(payload: bytes, blank: bytes) -> bytes:
    """The JPEG file whose scan, and Huffman tables where it has its own, are in `payload`."""
    known = split(blank)
    tables, at = known.tables, 1
    if payload[:1] != b"\0":
        tables, at = [], 0
        for table in known.tables:
            lengths = payload[at] if at < len(payload) else 99
            counts = payload[at + 1 : at + 1 + lengths]
            end = at + 1 + lengths + sum(counts)
            if lengths > 16 or end > len(payload):
                raise CodecError("a JPEG Huffman table runs past its payload")
            tables.append(table[:1] + counts.ljust(16, b"\0") + payload[at + 1 + lengths : end])
            at = end
    written = b"".join(b"\xff\xc4" + (len(table) + 2).to_bytes(2, "big") + table for table in tables)
    return known.head + written + known.scan_head + payload[at:] + b"\xff\xd9"


FORMAT = Format(
    range(1, 96),
    write,
    read_pillow,
    strip,
    rebuild,
    chroma=(False, True),
    start_bpp=0.5,
    sends_quality=True,  # the quantization tables follow from it
)
make_codec = partial(FixedRateCodec, "jpeg", FORMAT)
