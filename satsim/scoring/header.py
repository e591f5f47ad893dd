"""What a simulated sender adds to its packets: where and when the photo was taken, a seal, and the form of header."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from satsim.air.forms import header_forms
from satsim.air.packets import (
    COMPACT_BYTES,
    HEADER_BYTES,
    SKETCH_BYTES,
    STAGE_BYTES,
    Packet,
    name_on_air,
    pack,
    wanted_bytes,
)
from satsim.air.position import Position
from satsim.air.seal import Sealer, SenderKey
from satsim.scenario.scenario import Scenario

TAKEN_UNIX_S = 1_767_225_600
"""When the photo of every scenario was taken: the first second of 2026, UTC."""


def forms_of(codec: str, width: int, height: int, scenario: Scenario, packet_bytes: int) -> list[bool]:
    """The forms of header to try, as `header_forms` has them, for an image that every sender sends."""
    sender = scenario.senders.count - 1
    position = position_of(scenario, sender)
    sample = Packet(name_on_air(codec), 0, sender, 0, 0, 1, width, height, b"any", position=position)
    return header_forms(packet_bytes, scenario.header.tag_bytes, sample)


def compact_notice(packet_bytes: int, header_bytes: int, codec: str) -> str:
    """Why the header of a message is compact; `header_bytes` are those of it, the extension and the tag."""
    longer = header_bytes + HEADER_BYTES - COMPACT_BYTES
    left = max(0, packet_bytes - longer)
    return (
        f"the header is compact, {COMPACT_BYTES} bytes, where it can be: one of {HEADER_BYTES} leaves {left} of a"
        f" message of {packet_bytes} bytes to the codec, less than a stage of {STAGE_BYTES}"
        + f" and a sketch of {SKETCH_BYTES}"
        * (wanted_bytes(codec) > STAGE_BYTES)
    )


def packer(scenario: Scenario, sender: int) -> Callable[[Packet], bytes]:
    """Turns a sender's packets into messages as `scenario.header` has them."""
    finish = pack if not scenario.header.tag_bytes else Sealer(sender_key(scenario, sender), next_counter=0).seal
    position = position_of(scenario, sender)
    return lambda packet: finish(packet._replace(position=position))


def position_of(scenario: Scenario, sender: int) -> Position | None:
    """Where and when a sender took its photo, if its packets say so."""
    place = scenario.header.position
    if place is None:
        return None
    taken_s = TAKEN_UNIX_S + int(sender * scenario.senders.start_gap_s)
    return Position(taken_s, place.latitude_deg, place.longitude_deg)


def sender_key(scenario: Scenario, sender: int) -> SenderKey:
    """A simulated sender's key, which follows from the seed: of no use outside a simulation."""
    secret = hashlib.sha256(f"satsim simulation {scenario.seed} {sender}".encode()).digest()[:16]
    return SenderKey(sender=sender, key=secret, tag_bytes=scenario.header.tag_bytes)
