"""Bytes both ends can know never go on the air: strip a file to its payload, rebuild the file around a payload.

A receiver knows the codec, its settings and the picture size, so it can write a *blank*: a grey picture of that size in
the same format. Whatever the blank shares with the real file by construction (boxes, parameter sets, sizes, tables) is
known; `strip_*` leaves it out and `rebuild_*` takes it from the blank. Only bytes are moved here, nothing is decoded.
Every function raises CodecError where a file or payload is not built as its standard says.

Sources: JPEG ITU-T T.81 annex B; WebP RFC 9649 and VP8 RFC 6386 section 9.1; ISO base media file format ISO/IEC
14496-12; AVIF and AV1 bitstream section 5.3; HEIF ISO/IEC 23008-12 and HEVC ISO/IEC 14496-15; JPEG XL ISO/IEC 18181-1
annex D; JPEG 2000 ITU-T T.800 annex A; VVC ITU-T H.266 annex B.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from codec.base import CodecError


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


# JPEG: payload = flag, own Huffman tables if any, entropy-coded scan.


class _JpegParts(NamedTuple):
    head: bytes
    """SOI to the last table before the scan, Huffman tables left out."""
    tables: list[bytes]
    """Bodies of the Huffman tables: class and id, 16 counts, symbols."""
    scan_head: bytes
    scan: bytes


def _jpeg_parts(file: bytes) -> _JpegParts:
    head, tables, at = file[:2], list[bytes](), 2
    while at + 4 <= len(file):
        size = 2 + int.from_bytes(file[at + 2 : at + 4], "big")
        segment = file[at : at + size]
        at += size
        if segment[1] == 0xC4:
            tables.append(segment[4:])
        elif segment[1] == 0xDA:
            return _JpegParts(head, tables, segment, file[at:-2])
        else:
            head += segment
    raise CodecError("a JPEG file without a scan")


def strip_jpeg(file: bytes, blank: bytes) -> bytes:
    """Scan bytes after a table note: 0 for the blank's (standard) Huffman tables, else the tables, end zeros cut."""
    parts = _jpeg_parts(file)
    if parts.tables == _jpeg_parts(blank).tables:
        return b"\0" + parts.scan
    note = b""
    for table in parts.tables:
        counts = table[1:17].rstrip(b"\0")
        note += bytes([len(counts)]) + counts + table[17:]
    return note + parts.scan


def rebuild_jpeg(payload: bytes, blank: bytes) -> bytes:
    """The JPEG file whose scan, and Huffman tables where it has its own, are in `payload`."""
    known = _jpeg_parts(blank)
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


# WebP: payload = the VP8 frame without start code and sizes.


def strip_webp(file: bytes, blank: bytes) -> bytes:
    """The VP8 frame of a lossy WebP file without RIFF boxes, start code, sizes and padding."""
    size = int.from_bytes(file[16:20], "little")
    if file[12:16] != b"VP8 " or file[23:26] != blank[23:26]:
        raise CodecError(f"a WebP file opens with {file[12:16]!r}; expected a plain lossy 'VP8 ' frame")
    return file[20:23] + file[30 : 20 + size]


def rebuild_webp(payload: bytes, blank: bytes) -> bytes:
    """The WebP file around a VP8 frame; start code and sizes come from the blank."""
    frame = payload[:3] + blank[23:30] + payload[3:]
    chunk = b"VP8 " + len(frame).to_bytes(4, "little") + frame + b"\0" * (len(frame) % 2)
    return b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk


# AVIF and HEIC: boxes known, one coded item in `mdat`.


def _split_mdat(file: bytes) -> tuple[bytes, bytes]:
    """(boxes before `mdat`, its content); it must be the last box."""
    at = 0
    while at + 8 <= len(file):
        size = int.from_bytes(file[at : at + 4], "big")
        if file[at + 4 : at + 8] == b"mdat" and at + size == len(file):
            return file[:at], file[at + 8 :]
        at += max(size, 8)
    raise CodecError("no final mdat box in an AVIF or HEIC file")


def _join_mdat(boxes: bytes, content: bytes) -> bytes:
    """One item in a file: its length closes the `iloc` box, whatever the version (one item, one extent)."""
    at = boxes.index(b"iloc") - 4
    end = at + int.from_bytes(boxes[at : at + 4], "big")
    size = len(content).to_bytes(4, "big")
    return boxes[: end - 4] + size + boxes[end:] + (len(content) + 8).to_bytes(4, "big") + b"mdat" + content


def _split_obus(content: bytes) -> tuple[bytes, bytes]:
    """(everything up to the frame OBU, the frame OBU's body); the frame must be the last OBU."""
    at = 0
    while at < len(content):
        sized = unpack_varint(content, at + 1)
        if sized is None:
            break
        size, body = sized
        if content[at] >> 3 & 15 == 6 and body + size == len(content):  # OBU_FRAME
            return content[:at], content[body:]
        at = body + size
    raise CodecError("no final frame in an AV1 stream")


def strip_avif(file: bytes, blank: bytes) -> bytes:
    """The body of the AV1 frame: no boxes, no sequence header, no OBU header."""
    return _split_obus(_split_mdat(file)[1])[1]


def rebuild_avif(payload: bytes, blank: bytes) -> bytes:
    """The AVIF file around an AV1 frame body; boxes and sequence header come from the blank."""
    boxes, content = _split_mdat(blank)
    return _join_mdat(boxes, _split_obus(content)[0] + b"\x32" + pack_varint(len(payload)) + payload)


def strip_heic(file: bytes, blank: bytes) -> bytes:
    """The HEVC slice after its NAL header: no boxes, no parameter sets, no length."""
    content, known = _split_mdat(file)[1], _split_mdat(blank)[1]
    if int.from_bytes(content[:4], "big") + 4 != len(content) or content[4:6] != known[4:6]:
        raise CodecError("a HEIC file holds more than one HEVC slice; expected one")
    return content[6:]


def rebuild_heic(payload: bytes, blank: bytes) -> bytes:
    """The HEIC file around one HEVC slice; boxes and parameter sets come from the blank."""
    boxes, content = _split_mdat(blank)
    return _join_mdat(boxes, (len(payload) + 2).to_bytes(4, "big") + content[4:6] + payload)


# JPEG XL: payload = the bare codestream without signature, size and default metadata.


def _jpegxl_header_bytes(file: bytes) -> int:
    """Length of signature, SizeHeader and all-default metadata; the frame starts at the next whole byte."""
    bits, at = int.from_bytes(file[2:14], "little"), 1

    def skip_side() -> None:
        nonlocal at
        at += 5 if bits & 1 else 2 + (9, 13, 18, 30)[bits >> at & 3]

    skip_side()
    ratio = bits >> at & 7
    at += 3
    if ratio == 0:
        skip_side()
    if file[:2] != b"\xff\x0a" or bits >> at & 3 != 3:
        raise CodecError("a JPEG XL file is no bare codestream with default metadata")
    return 2 + (at + 2 + 7) // 8


def strip_jpegxl(file: bytes, blank: bytes) -> bytes:
    """The frames of a JPEG XL codestream, without signature, size and metadata."""
    return file[_jpegxl_header_bytes(blank) :]


def rebuild_jpegxl(payload: bytes, blank: bytes) -> bytes:
    """The JPEG XL codestream around its frames; the header comes from the blank."""
    return blank[: _jpegxl_header_bytes(blank)] + payload


# JPEG 2000: payload = packets only.


def _jpeg2000_parts(file: bytes) -> tuple[bytes, list[int], bytes]:
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


def strip_jpeg2000(file: bytes, blank: bytes) -> bytes:
    """The packets of a one-tile JPEG 2000 codestream."""
    return _jpeg2000_parts(file)[2]


def rebuild_jpeg2000(payload: bytes, blank: bytes) -> bytes:
    """The codestream around its packets; headers come from the blank. Missing last packets read as empty ones.

    An empty packet is a zero byte (T.800 B.10.3), so zeros stand for all that did not come, and surplus ones are
    never read. 4 KiB of them cover more layers, resolutions and components than we write.
    """
    header, _, _ = _jpeg2000_parts(blank)
    body = payload + bytes(4096)
    tile = b"\xff\x90\0\x0a\0\0" + (len(body) + 14).to_bytes(4, "big") + b"\0\1\xff\x93"
    return header + tile + body + b"\xff\xd9"


def jpeg2000_packets(file: bytes) -> list[bytes]:
    """The packets one by one; the file must have PLT segments."""
    _, lengths, packets = _jpeg2000_parts(file)
    if sum(lengths) != len(packets):
        raise CodecError(f"JPEG 2000 packet lengths sum to {sum(lengths)} bytes; the tile has {len(packets)}")
    ends = [sum(lengths[: n + 1]) for n in range(len(lengths))]
    return [packets[end - size : end] for end, size in zip(ends, lengths, strict=True)]


# VVC: payload = adaptation parameter sets with their lengths, 0, the slice; NAL headers and known sets left out.

_VVC_KNOWN = (14, 15, 16, 20)  # video, sequence and picture parameter sets, access unit delimiter
_VVC_ADAPTATION = 17


def _nal_units(file: bytes) -> list[bytes]:
    return re.split(rb"\x00?\x00\x00\x01", file)[1:]


def strip_vvc(file: bytes, blank: bytes) -> bytes:
    """Adaptation parameter sets (length first), a zero, the slice; the sets the blank has are left out."""
    *sets, slice_ = (nal for nal in _nal_units(file) if nal[1] >> 3 not in _VVC_KNOWN)
    if any(nal[1] >> 3 != _VVC_ADAPTATION for nal in sets) or slice_[:2] != _nal_units(blank)[-1][:2]:
        raise CodecError(f"a VVC stream has units {[nal[1] >> 3 for nal in _nal_units(file)]}; expected one slice")
    return b"".join(pack_varint(len(nal) - 2) + nal[2:] for nal in sets) + b"\0" + slice_[2:]


def rebuild_vvc(payload: bytes, blank: bytes) -> bytes:
    """The VVC byte stream around its slice; parameter sets come from the blank."""
    *known, slice_ = (nal for nal in _nal_units(blank) if nal[1] >> 3 != _VVC_ADAPTATION)
    units, at = known, 0
    while (sized := unpack_varint(payload, at)) is not None:
        size, at = sized
        if size == 0:
            return b"".join(b"\0\0\0\1" + nal for nal in [*units, slice_[:2] + payload[at:]])
        units.append(bytes([0, _VVC_ADAPTATION << 3 | 1]) + payload[at : at + size])
        at += size
    raise CodecError("a VVC payload ends before its slice")
