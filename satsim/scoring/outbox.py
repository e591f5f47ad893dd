"""All that senders hold before the first slot: messages of payloads and repair packets, and the order of a round."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from satsim.air.packets import LENGTH_BYTES, Position, Repair, name_on_air, pack, packetize
from satsim.air.repair import recover, repair_packets
from satsim.air.seal import Sealer, SenderKey
from satsim.errors import PacketError
from satsim.scenario.spec import Scenario, SchemeSpec
from satsim.simulation.transport import repair_plan, round_order

TAKEN_UNIX_S = 1_767_225_600
"""When the photo of every scenario was taken: the first second of 2026, UTC."""


class Coder(Protocol):
    """As much of a codec as fills an outbox."""

    name: str
    model_id: int

    def encode(self, image: npt.NDArray[np.uint8], payload_bytes: int) -> list[bytes]: ...


class Outbox(NamedTuple):
    """What each sender sends, and what the receiver makes of it."""

    payloads: list[bytes]
    repairs: dict[Repair, bytes]
    messages: list[list[bytes]]
    """For each sender: those of the payloads, then those of the repair packets."""
    order: list[int]
    """One round, by place among the messages."""
    per_stage: int
    """Payloads of one stage; of a whole file, all."""

    def recovered(self, held: Mapping[int, bytes]) -> dict[int, bytes]:
        """The payloads that follow from what is held, by place among the messages."""
        count = len(self.payloads)
        symbols = {repair: held[count + k] for k, repair in enumerate(self.repairs) if count + k in held}
        return recover({k: payload for k, payload in held.items() if k < count}, symbols)


def fill_outbox(coder: Coder, image: npt.NDArray[np.uint8], scenario: Scenario, scheme: SchemeSpec) -> Outbox:
    """Code `image` and pack it for every sender of `scenario`, as `scheme` has it.

    Payloads are cut to what the header leaves of a message, and shorter by `LENGTH_BYTES` where repair packets need it.
    Raises what the codec raises, and PacketError for what does not fit.
    """
    transport = scheme.transport
    room = scenario.link_of(scheme).packet_bytes - scenario.header.bytes_
    payloads = coder.encode(image, room)
    if (transport.repair_packets or any(transport.repair_by_stage)) and len({len(payload) for payload in payloads}) > 1:
        room -= LENGTH_BYTES
        payloads = coder.encode(image, room)
    check_payloads(payloads, room)
    stages = getattr(coder, "stages", 1)
    per_stage, odd = divmod(len(payloads), stages)
    if odd or not per_stage:
        per_stage = 1  # several stages ride in one payload, or the cuts lie elsewhere
    stages = len(payloads) // per_stage
    height, width = image.shape[:2]
    packets = packetize(payloads, codec=name_on_air(coder.name), model_id=coder.model_id, height=height, width=width)
    made = repair_packets(packets, repair_plan(transport, stages, per_stage))
    messages = []
    for sender in range(scenario.senders.count):
        position, sealer = position_of(scenario, sender), sealer_of(scenario, sender)
        own = [packet._replace(sender=sender, position=position) for packet in [*packets, *made]]
        messages.append([sealer.seal(packet) if sealer else pack(packet) for packet in own])
    repairs = {packet.repair: packet.payload for packet in made if packet.repair}
    return Outbox(payloads, repairs, messages, round_order(transport, stages, per_stage), per_stage)


def position_of(scenario: Scenario, sender: int) -> Position | None:
    """Where and when a sender took its photo, if its packets say so."""
    place = scenario.header.position
    if place is None:
        return None
    taken_s = TAKEN_UNIX_S + int(sender * scenario.senders.start_gap_s)
    return Position(taken_s, place.latitude_deg, place.longitude_deg)


def sealer_of(scenario: Scenario, sender: int) -> Sealer | None:
    """Seals a simulated sender's packets under a key that follows from the seed: of no use outside a simulation."""
    if not scenario.header.tag_bytes:
        return None
    secret = hashlib.sha256(f"satsim simulation {scenario.seed} {sender}".encode()).digest()[:16]
    return Sealer(SenderKey(sender=sender, key=secret, tag_bytes=scenario.header.tag_bytes), next_counter=0)


def check_payloads(payloads: Sequence[bytes], payload_bytes: int) -> None:
    """Raise PacketError for a payload that is empty or larger than the message leaves room for."""
    for k, payload in enumerate(payloads):
        if not 1 <= len(payload) <= payload_bytes:
            raise PacketError(f"payload {k} has {len(payload)} bytes; expected 1 to {payload_bytes}")
