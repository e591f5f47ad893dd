"""Which header the packets of an image have: the 20-byte one wherever it leaves room for a stage, else the compact one.

It follows from link, extension and seal, and from what the packets say: where the 20-byte header would leave less than
the 320 bytes of a stage, or 328 with a sketch, the compact one is used if it can say everything. All packets of an
image have the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from satsim.air.packets import (
    COMPACT_BYTES,
    HEADER_BYTES,
    POSITION_BYTES,
    Packet,
    overhead_bytes,
    wanted_bytes,
    write_packet,
)
from satsim.errors import CountError, PacketError


def header_forms(packet_bytes: int, tag_bytes: int, packet: Packet) -> list[bool]:
    """The forms to try, True for the compact one, for an image of which `packet` is one; the first that fits is used.

    How many packets an image has shows once it is coded for a form: `misfit` tells then. Raises CountError where a
    message has no room in any form.
    """
    placed = packet.position is not None
    room = packet_bytes - overhead_bytes(placed, tag_bytes)
    if room >= wanted_bytes(packet.codec):
        return [False]
    unsaid = misfit([packet])
    least = 1 + overhead_bytes(placed, tag_bytes, compact=not unsaid)
    if packet_bytes < least:
        parts = room_words(packet_bytes, placed, tag_bytes, compact=not unsaid)
        raise CountError(
            f"message of {parts}: nothing is left; expected at least {least} bytes"
            + (f" (a compact header cannot be: {unsaid})" if unsaid else "")
        )
    return [False] if unsaid else [True] if room < 1 else [True, False]


def misfit(packets: Iterable[Packet]) -> str:
    """What of these packets a compact header cannot say, in words; empty where it can say everything."""
    try:
        for packet in packets:
            write_packet(packet._replace(compact=True))
    except PacketError as error:
        return str(error)
    return ""


def room_words(packet_bytes: int, position: bool, tag_bytes: int, compact: bool) -> str:
    """What takes room in a message: "360 bytes less 20 of header, 11 of position and time, 8 of tag"."""
    header = f"{COMPACT_BYTES} of compact header" if compact else f"{HEADER_BYTES} of header"
    words = f"{packet_bytes} bytes less {header}"
    words += f", {POSITION_BYTES} of position and time" if position else ""
    return words + (f", {tag_bytes} of tag" if tag_bytes else "")


def form_words(compact: bool) -> str:
    """The form of a header and its length: "compact header of 12 bytes"."""
    return f"compact header of {COMPACT_BYTES} bytes" if compact else f"header of {HEADER_BYTES} bytes"
