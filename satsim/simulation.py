"""The story of one image on one link: a sender with a slot clock, a lossy link, a receiver that decodes what it holds.

No pixels here: messages go in, events come out, and whoever wants pictures replays the events.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import simpy

from satsim.link import Link
from satsim.packets import Inbox, Packet, PacketError, pack
from satsim.scenario import LinkSpec
from satsim.transport import TRANSPORTS

Kind = Literal["sent", "lost", "delivered", "duplicate", "damaged", "shown"]


class Event(NamedTuple):
    """One thing that happened to one message."""

    time_s: float
    """When it happened, on the simulation clock."""
    kind: Kind
    """sent, lost, delivered (new to the receiver), duplicate, damaged (no packet any more), shown (decoded with it)."""
    slot: int
    """Number of the slot in which the message left."""
    payload_index: int
    """Payload index; -1 where the receiver could not read it."""
    message_bytes: int
    """Length on the air, header included."""
    created_s: float
    """When the picture was taken; never changes, also not on a retransmission."""


def simulate(
    packets: Sequence[Packet],
    link: LinkSpec,
    seed: int,
    *,
    transport: str = "once",
    duration_s: float = float("inf"),
) -> list[Event]:
    """Every event in [0, duration_s), in order of time; the same arguments give the same list.

    The picture is taken at 0, the first slot is at `link.encode_s`, and slots follow each `link.interval_s`. Two
    transports or codecs under one seed meet the same losses slot by slot. An endless transport needs a `duration_s`.
    """
    messages = [pack(packet) for packet in packets]
    if transport == "carousel" and duration_s == float("inf"):
        raise ValueError("transport is carousel, which never ends; expected a finite duration_s")
    env = simpy.Environment()
    events: list[Event] = []
    loss_seed, *_ = np.random.SeedSequence(seed).spawn(1)
    channel = Link(env, link, np.random.default_rng(loss_seed))
    env.process(sender(env, messages, transport, channel, link, events))
    env.process(receiver(env, channel, link, events))
    if duration_s == float("inf"):
        env.run()
    else:
        env.run(until=duration_s)
    return [event for event in events if event.time_s < duration_s]


def sender(
    env: simpy.Environment, messages: list[bytes], transport: str, channel: Link, link: LinkSpec, events: list[Event]
) -> Generator[simpy.Event, Any, None]:
    """Offer one message to the link in each slot; slot k is at encode_s + k * interval_s."""
    for slot, index in enumerate(TRANSPORTS[transport](len(messages))):
        yield env.timeout(max(0.0, link.encode_s + slot * link.interval_s - env.now))
        message = messages[index]
        events.append(Event(env.now, "sent", slot, index, len(message), 0.0))
        if not channel.put(slot, message):
            events.append(Event(env.now, "lost", slot, index, len(message), 0.0))


def receiver(
    env: simpy.Environment, channel: Link, link: LinkSpec, events: list[Event]
) -> Generator[simpy.Event, Any, None]:
    """Note each message as it arrives, and queue what is new for the decoder."""
    inbox = Inbox()
    fresh = simpy.Store(env)
    env.process(decoder(env, fresh, link, events))
    while True:
        slot, message = yield channel.inbox.get()
        try:
            index, is_new = inbox.accept(message)
        except PacketError:
            events.append(Event(env.now, "damaged", slot, -1, len(message), 0.0))
            continue
        event = Event(env.now, "delivered" if is_new else "duplicate", slot, index, len(message), 0.0)
        events.append(event)
        if is_new:
            fresh.put(event)


def decoder(
    env: simpy.Environment, fresh: simpy.Store, link: LinkSpec, events: list[Event]
) -> Generator[simpy.Event, Any, None]:
    """Show each new message `decode_s` after its turn comes; messages queue while one is decoded."""
    while True:
        delivered = yield fresh.get()
        yield env.timeout(link.decode_s)
        events.append(delivered._replace(time_s=env.now, kind="shown"))
