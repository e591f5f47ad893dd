"""All that senders hold before the first slot: messages of payloads and repair packets, and the order of a round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from codec.base import BudgetError, CodecError, stages_of
from codec.loading import fit_options
from codec.photos import Photo, fit_photo
from satsim.air.forms import misfit
from satsim.air.packets import HEADER_BYTES, LENGTH_BYTES, Packet, Repair, name_on_air, pack, packetize, wanted_bytes
from satsim.errors import CountError, LinkError, PacketError
from satsim.scenario.scenario import ImageSpec, Scenario, SchemeSpec, TransportSpec

Picture = npt.NDArray[np.uint8]


def load_photo(image: ImageSpec) -> Photo:
    """The photo in its frame, and the notes of its file. Raises PhotoError, naming the file and the mend."""
    return fit_photo(image.path, image.width, image.height, image.fit)


LONGEST_BYTES = (1 << 8 * LENGTH_BYTES) - 1
"""Longest message that seals and repair packets can count; of longer ones they leave the rest empty."""


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
    stages: int
    """Of the codec; 1 for one that shows nothing before it is whole."""
    options: dict[str, Any]
    """Of the codec, budgets told in packets turned into what the codec takes."""
    header_bytes: int = HEADER_BYTES
    """Header, extension and tag of each message."""
    why_empty: str = ""
    """Why there is nothing to send, where nothing fits the link."""

    def recovered(self, held: Mapping[int, bytes]) -> dict[int, bytes]:
        """The payloads that follow from what is held, by place among the messages."""
        count = len(self.payloads)
        if not self.repairs:
            return dict(held)
        from satsim.air.repair import recover

        symbols = {repair: held[count + k] for k, repair in enumerate(self.repairs) if count + k in held}
        return recover({k: payload for k, payload in held.items() if k < count}, symbols)


@dataclass(frozen=True, eq=False)
class Sending:
    """A photo coded and packed for one scheme, and what is needed to show and score what arrives of it."""

    title: str
    """Scenario and scheme, to lead in what is wrong."""
    reference: Picture
    """The photo in its frame."""
    size: tuple[int, int]
    """Height and width at which it was coded."""
    outbox: Outbox
    codec: str
    options: dict[str, Any]
    metrics: tuple[str, ...]
    key: str = ""
    """Names, in a cache, all that scores follow from."""
    made_with: dict[str, str] = field(default_factory=dict)
    """Versions and digests of what codes and scores; a process that finds others refuses to score."""


def fill_outbox(
    load: Callable[[dict[str, Any]], Coder], image: npt.NDArray[np.uint8], scenario: Scenario, scheme: SchemeSpec
) -> Outbox:
    """Code `image` and pack it for every sender of `scenario`, as `scheme` has it; `load` makes its codec of options.

    Payloads are cut to what the header leaves of a message, and shorter by `LENGTH_BYTES` where repair packets need it.
    Where nothing fits, the outbox is empty and says why. Raises what the codec raises, and PacketError.
    """
    try:
        return _fill(load, image, scenario, scheme)
    except (BudgetError, CountError) as error:
        nothing: list[list[bytes]] = [[] for _ in range(scenario.senders.count)]
        return Outbox([], {}, nothing, [], 1, 1, scheme.options, scenario.header.bytes_of(), str(error))


def _fill(
    load: Callable[[dict[str, Any]], Coder], image: npt.NDArray[np.uint8], scenario: Scenario, scheme: SchemeSpec
) -> Outbox:
    header, packet_bytes = scenario.header, scenario.link_of(scheme).packet_bytes
    if header.tag_bytes or scheme.transport.repairs:
        packet_bytes = min(packet_bytes, LONGEST_BYTES)
    forms = [False]
    if packet_bytes - header.bytes_of() < wanted_bytes(scheme.codec):
        from satsim.scoring.header import forms_of

        forms = forms_of(scheme.codec, image.shape[1], image.shape[0], scenario, packet_bytes)
    for compact in forms:
        coder, options, packets, made = _cut(load, image, packet_bytes - header.bytes_of(compact), scheme)
        if compact and not misfit([packets[-1], *made]):
            break
    messages = []
    to_message: Callable[[Packet], bytes] = pack
    for sender in range(scenario.senders.count):
        if header.position or header.tag_bytes:
            from satsim.scoring.header import packer

            to_message = packer(scenario, sender)
        messages.append([to_message(packet._replace(sender=sender, compact=compact)) for packet in [*packets, *made]])
    repairs = {packet.repair: packet.payload for packet in made if packet.repair}
    payloads = [packet.payload for packet in packets]
    per_stage = per_stage_of(payloads, coder)
    order = list(range(len(messages[0])))
    if not is_plain(scheme.transport):
        from satsim.scoring.rounds import round_order

        order = round_order(scheme.transport, len(payloads) // per_stage, per_stage)
    return Outbox(payloads, repairs, messages, order, per_stage, stages_of(coder), options, header.bytes_of(compact))


def _cut(
    load: Callable[[dict[str, Any]], Coder], image: npt.NDArray[np.uint8], room: int, scheme: SchemeSpec
) -> tuple[Coder, dict[str, Any], list[Packet], list[Packet]]:
    """The codec, its options, packets of `image` with so much `room` for payloads, and repair packets."""
    transport, (height, width) = scheme.transport, image.shape[:2]
    for spare_bytes in (0, LENGTH_BYTES):
        options = fit_options(scheme.codec, scheme.options, room, height, width, spare_bytes)
        coder = load(options)
        payloads = coder.encode(image, room - spare_bytes)
        if not transport.repairs or len({len(payload) for payload in payloads}) == 1:
            break
    check_payloads(payloads, room - spare_bytes)
    per_stage = per_stage_of(payloads, coder)
    packets = packetize(payloads, codec=name_on_air(coder.name), model_id=coder.model_id, height=height, width=width)
    made: list[Packet] = []
    if transport.repairs:
        from satsim.air.repair import repair_packets
        from satsim.scoring.rounds import repair_plan

        made = repair_packets(packets, repair_plan(transport, len(payloads) // per_stage, per_stage))
    return coder, options, packets, made


def per_stage_of(payloads: Sequence[bytes], coder: Coder) -> int:
    """Payloads of one stage; 1 where several stages ride in one payload, or the cuts lie elsewhere."""
    return 1 if len(payloads) % stages_of(coder) else len(payloads) // stages_of(coder)


def is_plain(transport: TransportSpec) -> bool:
    """Whether a round is the payloads in order, each once."""
    return not transport.repairs and transport.base_copies == transport.interleave == 1


def check_payloads(payloads: Sequence[bytes], payload_bytes: int) -> None:
    """Raise PacketError for a payload that is empty or larger than the message leaves room for."""
    for k, payload in enumerate(payloads):
        if not 1 <= len(payload) <= payload_bytes:
            raise PacketError(f"payload {k} has {len(payload)} bytes; expected 1 to {payload_bytes}")


def title_of(scenario: Scenario, scheme: SchemeSpec) -> str:
    """What leads in a mistake of a scheme."""
    return f"scenario {scenario.name}, scheme {scheme.name!r}"


@contextmanager
def naming(title: str) -> Iterator[None]:
    """Lead in what the user can mend of codec, packets or link by `title`."""
    try:
        yield
    except (CodecError, PacketError, LinkError) as error:
        raise type(error)(f"{title}: {error}") from error
