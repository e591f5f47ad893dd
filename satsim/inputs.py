"""Messages as modems, gateways and people keep them, told apart by what they hold, whatever they are called.

A message of its own; DirectIP of the Iridium gateway (revision 1, then elements of which number 2 is the payload); a
web hook, as JSON or form fields, whose `data` is hexadecimal; lines of hexadecimal digits; or messages one after the
other, which their checksums tell apart, or their seals where the keys are known.
"""

from __future__ import annotations

import json
import math
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from satsim.air import compact
from satsim.air.inbox import unpack
from satsim.air.packets import CODEC_NAMES, COMPACT_BYTES, HEADER_BYTES, MARKED, SEALED, VERSION
from satsim.air.seal import SenderKey
from satsim.errors import PacketError, RefusedError
from satsim.sbd import directip, webhook

SUFFIXES = (".bin", ".sbd")
"""Of files that a folder is asked for whatever they hold; of others only those that hold messages are taken."""
LONGEST_IN_STREAM = 2048
"""Bytes of a message among others; Iridium takes up to 1,960."""
LARGEST_FILE_BYTES = 1 << 18
"""Of a file that may hold messages one after the other; a larger one is no such file. Standard input may be longer."""
MOST_BYTES = 1 << 26
"""Of anything that is read for messages."""
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
Keys = Mapping[int, SenderKey] | None


class File(NamedTuple):
    """A file that may hold messages."""

    name: str
    content: bytes
    most_bytes: int
    """Of one that may hold messages one after the other."""
    is_asked_for: bool
    """Whether it is to be taken for a message whatever it holds."""
    within_s: float | None = None
    """In which messages that follow each other must be told apart; None: however long it takes."""


def read_messages(files: Sequence[Path], keys: Keys = None) -> list[tuple[str, bytes]]:
    """(name, bytes) of each message in each file, in all files below each folder, and in standard input for "-".

    Hidden files and folders are passed over, and in folders what is too large to hold messages alone. With `keys`
    sealed messages that follow each other are told apart.
    Raises OSError for a file that is missing, PacketError for one that may never end or is too large.
    """
    found: list[tuple[str, bytes]] = []
    for file in read_files(files):
        messages = _named(file.name, file.content, keys, file.most_bytes)
        found += [(name, message) for name, message in messages if file.is_asked_for or is_message(message)]
    return found


def read_files(files: Sequence[Path]) -> Iterator[File]:
    """One file after the other, as `read_messages` takes them."""
    for file in files:
        if str(file) == "-":
            stream = sys.stdin.buffer.read(MOST_BYTES + 1)
            if len(stream) > MOST_BYTES:
                raise PacketError(f"standard input: holds more than {MOST_BYTES:,} bytes; expected messages alone")
            yield File("standard input", stream, MOST_BYTES, True)
        elif file.is_dir():
            for each in sorted(file.rglob("*")):
                hidden = any(part.startswith(".") for part in each.relative_to(file).parts)
                if each.is_file() and not hidden and each.stat().st_size <= MOST_BYTES:
                    yield File(str(each), each.read_bytes(), LARGEST_FILE_BYTES, each.suffix.lower() in SUFFIXES)
        elif file.exists() and (not file.is_file() or file.stat().st_size > MOST_BYTES):
            what = f"holds more than {MOST_BYTES:,} bytes" if file.is_file() else "is a pipe or a device (or give -)"
            raise PacketError(f"{file}: {what}; expected a file of messages alone")
        else:
            yield File(str(file), file.read_bytes(), LARGEST_FILE_BYTES, True)


def messages_in(
    content: bytes, keys: Keys = None, most_bytes: int = LARGEST_FILE_BYTES, within_s: float | None = None
) -> list[bytes]:
    """The messages that `content` holds; where it is in no form we know, itself.

    Raises PacketError where it takes longer than `within_s` to tell those apart that follow each other: bytes that open
    like sealed packets again and again can take an hour.
    """
    if is_message(content, keys):
        return [content]
    messages = _direct_ip(content) or _text(content)
    if not messages and len(content) <= most_bytes:
        messages = _stream(content, keys, within_s)
    return messages or [content]


def is_message(message: bytes, keys: Keys = None) -> bool:
    """Whether `message` is a packet, or may be one that is sealed; with `keys`, one that they open."""
    try:
        unpack(message, keys)
    except RefusedError:
        return keys is None and opens_like_one(message)
    except PacketError:
        return False
    return True


def _named(name: str, content: bytes, keys: Keys, most_bytes: int) -> list[tuple[str, bytes]]:
    messages = messages_in(content, keys, most_bytes)
    return [(f"{name}#{k}" if len(messages) > 1 else name, message) for k, message in enumerate(messages, 1)]


def _direct_ip(content: bytes) -> list[bytes]:
    """Payloads of DirectIP messages that follow each other; none where it is anything else."""
    try:
        elements = [element for message in directip.split(content) for element in directip.elements_of(message)]
    except PacketError:
        return []
    return [payload for number, payload in elements if number == directip.MO_PAYLOAD]


def _text(content: bytes) -> list[bytes]:
    """What JSON, form fields or hexadecimal digits say; none where it is anything else."""
    try:
        text = content.decode("utf-16" if content[:2] in UTF16_MARKS else "utf-8-sig").strip()
    except UnicodeDecodeError:
        return []
    lines = [line for line in text.splitlines() if line.strip()]
    if text[:1] in ("{", "["):
        for documents in ([text], lines):
            try:
                return list(_hexadecimal(_data_of(json.loads(document) for document in documents)))
            except (ValueError, RecursionError):
                continue
        return []
    if "data=" in text:
        return list(_hexadecimal(data for line in lines for data in parse_qs(line).get("data", [])))
    each = list(_hexadecimal(lines))
    whole = list(_hexadecimal(["".join(lines)]))
    if len(each) < len(lines) or (whole and is_message(whole[0]) and not is_message(each[0])):
        return whole
    return each


def _data_of(documents: Iterable[Any]) -> Iterator[str]:
    for document in documents:
        for each in document if isinstance(document, list) else [document]:
            if isinstance(each, dict) and isinstance(each.get("data"), str):
                yield each["data"]


def _hexadecimal(texts: Iterable[str]) -> Iterator[bytes]:
    """The bytes of those of `texts` that are hexadecimal digits, whatever stands between them."""
    return filter(None, map(webhook.hexadecimal, texts))


def _stream(content: bytes, keys: Keys, within_s: float | None) -> list[bytes]:
    """The packets that follow each other in `content`; what lies between them is passed over."""
    found, at = [], 0
    ends_s = time.monotonic() + (math.inf if within_s is None else within_s)
    while at < len(content):
        if time.monotonic() > ends_s:
            raise PacketError(f"no messages could be told apart in it within {within_s:g} s; give them one by one")
        length = _length_at(content[at : at + LONGEST_IN_STREAM], keys)
        if length:
            found.append(content[at : at + length])
        at += length or 1
    return found


def _length_at(content: bytes, keys: Keys) -> int:
    """Bytes of the packet that `content` opens with; 0 for none."""
    if not opens_like_one(content):
        return 0
    header = HEADER_BYTES if content[0] >> 4 == VERSION else COMPACT_BYTES
    if content[0] & SEALED:
        if not keys or sender_of(content) not in keys:
            return 0
        return next((n for n in range(header + 1, len(content) + 1) if is_message(content[:n], keys)), 0)
    written = int.from_bytes(content[header - 4 : header], "big")
    checksum = zlib.crc32(content[: header - 4])
    ends = []
    for end in range(header + 1, len(content) + 1):
        checksum = zlib.crc32(content[end - 1 : end], checksum)
        if (written ^ checksum) % MARKED == 0 and is_message(content[:end]):
            ends.append(end)
            if end == len(content) or opens_like_one(content[end:]):
                return end  # a checksum that may bear any mark fits by chance once in 50,000 packets
    return min(ends, default=0)


def opens_like_one(content: bytes) -> bool:
    """Whether these bytes may open a packet, going by version, flags and codec."""
    if len(content) <= COMPACT_BYTES or content[0] >> 4 not in (VERSION, compact.VERSION) or content[0] & 3 == 2:
        return False
    if content[0] >> 4 == VERSION:
        return len(content) > HEADER_BYTES and content[1] in CODEC_NAMES
    return compact.read_front(content[:8])[1] in CODEC_NAMES


def sender_of(content: bytes) -> int:
    """The sender in a header of either form."""
    return int.from_bytes(content[6:8], "big") if content[0] >> 4 == VERSION else compact.read_front(content[:8])[3]
