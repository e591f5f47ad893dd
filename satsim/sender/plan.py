"""What is about to be sent, and what it takes: packets, bytes, credits, money, and time at best."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from satsim.air.inbox import key_of, unpack
from satsim.air.packets import SEALED, Packet
from satsim.air.position import Position
from satsim.air.seal import counter_of
from satsim.contradictions import ranges
from satsim.errors import PacketError, ScenarioError
from satsim.inputs import read_messages
from satsim.keys import read_key
from satsim.links.costs import Bill, costs
from satsim.links.linkspec import LinkSpec
from satsim.messages import check_part, encode_photo
from satsim.sender.queue import Photo


class Coding(NamedTuple):
    """How photos become messages; as `satsim encode` takes it."""

    frame: Mapping[str, Any]
    """Fields of ImageSpec but for the path."""
    packet_bytes: int
    codec: str
    options: Mapping[str, Any]
    sender: int | None
    image_id: int | None
    position: Position | None
    key_file: Path | None


class Packed(NamedTuple):
    """A photo that can be queued."""

    photo: Photo
    messages: list[bytes]
    notes: list[str]


class Row(NamedTuple):
    """A photo in the table before sending."""

    name: str
    sizes: list[int]
    """Bytes of each message that is to be sent."""

    @classmethod
    def of(cls, packed: Packed) -> Row:
        """All of a photo."""
        return cls(packed.photo.name, list(map(len, packed.messages)))


class Offer(NamedTuple):
    """A message as `satsim.links.costs` counts it."""

    slot: int
    message_bytes: int
    kind: str = "sent"


def pack_photo(path: Path, coding: Coding, priority: int, dry: bool = False) -> Packed:
    """The messages of one photo; sealed ones take counters of the key file, unless they are `dry`, not to be sent.

    `path` may also be a folder of packets, as `satsim encode` writes them, which go as they are.
    Raises what `satsim.messages.encode_photo` does, and PacketError for packets that are not one whole image.
    """
    if path.is_dir():
        return _read_packed(path, coding, priority)
    key_file = coding.key_file
    with tempfile.TemporaryDirectory() as folder:  # for its owner's eyes
        if key_file and dry:
            key_file = Path(shutil.copyfile(key_file, Path(folder, "key.yaml")))
        messages, notes, _, _ = encode_photo(
            {**coding.frame, "path": path.absolute()},
            coding.packet_bytes,
            coding.codec,
            coding.options,
            coding.sender,
            coding.image_id,
            position=coding.position,
            key_file=key_file,
        )
        key = read_key(key_file).key if key_file else None
    first = unpack(messages[0], {key.sender: key} if key else None)
    counter = counter_of(messages[0]) if messages[0][0] & SEALED else None
    return Packed(_photo_of(path, first, counter, priority, len(messages)), messages, notes)


def _read_packed(folder: Path, coding: Coding, priority: int) -> Packed:
    """The packets of one image in `folder`, all of them, in order."""
    said = {"--key": coding.key_file, "--sender": coding.sender, "--image-id": coding.image_id}
    for option, value in {**said, "--position": coding.position}.items():
        if value is not None:
            raise PacketError(f"{folder}: packets go as they are; leave out {option}, or name the photo instead")
    found: dict[int, bytes] = {}
    first = None
    for name, message in read_messages([folder]):
        try:
            packet = unpack(message)
        except PacketError as error:
            raise PacketError(f"{name}: {error}; expected packets of satsim encode alone, not sealed") from None
        first = first or packet
        if len(message) > coding.packet_bytes:
            raise PacketError(
                f"{name}: is {len(message)} bytes; expected at most {coding.packet_bytes} (--packet-bytes)"
            )
        if key_of(packet) != key_of(first) or packet.repair or found.get(packet.payload_index, message) != message:
            raise PacketError(f"{name}: is not of the same image as those before it; expected a folder for each photo")
        found[packet.payload_index] = message
    if first is None:
        raise PacketError(f"{folder}: holds no packets; expected those that satsim encode writes, or a photo")
    if lacks := [k for k in range(first.payload_count) if k not in found]:
        raise PacketError(f"{folder}: lacks packets {ranges(lacks)} of {first.payload_count}; expected all of an image")
    return Packed(_photo_of(folder, first, None, priority, len(found)), [found[k] for k in sorted(found)], [])


def _photo_of(path: Path, first: Packet, counter: int | None, priority: int, count: int) -> Photo:
    return Photo(
        photo=0,
        name=str(path),
        sender=first.sender,
        image_id=first.image_id,
        compact=first.compact,
        mark=first.mark,
        counter=counter,
        priority=priority,
        queued_unix_s=time.time(),
        messages=count,
        waiting=count,
    )


def read_link(preset: str, packet_bytes: int) -> LinkSpec:
    """The link whose prices and pace count. Raises ScenarioError for a preset that is none, or has smaller messages."""
    link = check_part(LinkSpec, {"preset": preset}, "link")
    if packet_bytes > link.packet_bytes:
        raise ScenarioError(
            f"--packet-bytes is {packet_bytes}; expected at most {link.packet_bytes}, as {preset} takes (or name"
            " another --link)"
        )
    return link


def bill_of(link: LinkSpec, sizes: Iterable[int]) -> Bill:
    """What messages of these sizes cost, each sent once."""
    return costs([Offer(k, size) for k, size in enumerate(sizes)], link.cost)


def best_s(link: LinkSpec, sizes: Sequence[int]) -> float:
    """From the first session to the last arrival where each succeeds, at the pace of the preset."""
    if not sizes:
        return 0.0
    return (len(sizes) - 1) * link.interval_s + link.delay_s + link.delay_s_per_byte * sizes[-1]


def cost_words(bill: Bill) -> str:
    """Credits and money, as far as they are known."""
    words = [f"{bill['credits']} credits"] if bill["credits"] is not None else []
    words += [f"{bill['price']:.2f} {bill['currency']}"] if bill["price"] is not None else []
    return ", ".join(words) or "cost not known"
