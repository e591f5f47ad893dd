"""Many runs of one scheme at once, where what is sent when does not depend on chance: the fates of all messages are
drawn as a matrix, and the receivers of all runs go through the landings side by side."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from codec.own import shown
from satsim.links.checks import OUR_TRANSPORTS
from satsim.links.clock import ROUNDING_S
from satsim.links.delays import make_delay
from satsim.links.linkspec import Cost, LinkSpec, Own, PeriodicWindows, RenewalWindows, Trace, WaitForPass, Windows
from satsim.links.losses import make_loss
from satsim.scenario.scenario import SendersSpec, TransportSpec
from satsim.simulation.events import Event, Showings
from satsim.simulation.fates import Bools, fates
from satsim.simulation.simulation import simulate

LARGEST = 4_000_000
"""Messages of all runs in a table at one time; some tens of megabytes."""


def why_no_table(link: LinkSpec, transport: TransportSpec, senders: SendersSpec | None = None) -> str | None:
    """Why runs must be made event by event, in words; None where the table can be. Any `senders` will do."""
    if transport.name == "arq" and link.ack.kind != "none":
        return "what is sent depends on acknowledgements"
    if link.copies:
        return "the terminal repeats messages by itself, after gaps left to chance"
    if by_chance(link.windows):
        return "contact windows are left to chance"
    if isinstance(link.loss, Own):
        return f"losses are by {shown(link.loss.model)}, a model of your own"
    if isinstance(link.delay, Own):
        return f"delays are by {shown(link.delay.model)}, a model of your own"
    if transport.name not in OUR_TRANSPORTS:
        return f"messages are sent by {shown(transport.name)}, a transport of your own"
    if isinstance(link.delay, WaitForPass):
        if by_chance(link.delay.windows):
            return "delays wait for passes that are left to chance"
    elif link.delay:
        return "delays are left to chance"
    if link.reorder_ratio:
        return "messages are held back by chance"
    if link.bit_error_ratio:
        return "bits arrive inverted"
    return None


def by_chance(windows: Windows | None) -> bool:
    """Whether windows differ from seed to seed."""
    return isinstance(windows, RenewalWindows) or (isinstance(windows, PeriodicWindows) and windows.first_s == "random")


class Landing(NamedTuple):
    """What a message that is not lost comes to."""

    time_s: float
    place: int
    """Which one, among all that are sent."""
    late: bool
    """It expires instead."""


def fill_by_table(
    showings: Showings,
    messages: Sequence[Sequence[bytes]],
    link: LinkSpec,
    seeds: Sequence[int],
    transport: TransportSpec,
    order: Sequence[int] | None,
    duration_s: float,
    senders: SendersSpec | None,
    largest: int = LARGEST,
) -> None:
    """Write what is shown to `showings`, all runs at once, or in blocks of `largest` messages in all.

    Only where `why_no_table` has no reason against it.
    """
    safe = {"loss": None, "loss_ratio": 0.0, "ground_loss_ratio": 0.0, "duplicate_ratio": 0.0}
    events = simulate(
        messages,
        link.model_copy(update=safe),
        0,
        transport=transport,
        order=order,
        duration_s=duration_s,
        senders=senders,
    )
    sent = [event for event in events if event.kind == "sent"]
    landings = land(sent, link, len(messages))
    step = max(1, largest // max(1, len(sent)))
    for first in range(0, len(seeds), step):
        runs = slice(first, first + step)
        part = part_of(showings, runs)
        lost, doubled = all_fates(sent, link, seeds[runs], len(messages))
        receive(part, sent, landings, lost, doubled, link.decode_s, duration_s)
        part.counts["sent"][:] = len(sent)
        part.counts["lost"][:] = lost.sum(axis=0)
        part.bytes_sent[:] = sum(event.message_bytes for event in sent)
        charge(part, sent, lost, link.cost)


def part_of(showings: Showings, runs: slice) -> Showings:
    """Some of the runs, as views: what is written to them is written to `showings`."""
    return Showings(
        showings.time_s[runs],
        showings.index[runs],
        {kind: counts[runs] for kind, counts in showings.counts.items()},
        showings.bytes_sent[runs],
        {item: values[runs] for item, values in showings.bill.items()},
        showings.engine,
    )


def land(sent: Sequence[Event], link: LinkSpec, senders: int) -> list[Landing]:
    """All landings in order of time, then of sending: the same in every run, but for what is lost."""
    lifetime_s = inf if link.lifetime_s is None else link.lifetime_s
    unused = np.random.default_rng(0)  # no delay draws, here
    records = [make_loss(link, unused) if isinstance(link.loss, Trace) else None for _ in range(senders)]
    delays = [make_delay(link, unused, record) for record in records]
    landings = []
    for place, event in enumerate(sent):
        if record := records[event.sender]:
            record(event.time_s)  # its row has the delay
        delay_s = delays[event.sender](event.time_s, event.message_bytes)
        late = delay_s > lifetime_s
        landings.append(Landing(event.time_s + (lifetime_s if late else delay_s), place, late))
    return sorted(landings)


def all_fates(sent: Sequence[Event], link: LinkSpec, seeds: Sequence[int], senders: int) -> tuple[Bools, Bools]:
    """Which messages are lost, and which are doubled; both [sent, runs]."""
    if senders == 1:
        return fates(link, [event.time_s for event in sent], seeds, 0)
    lost = np.empty((len(sent), len(seeds)), dtype=np.bool_)
    doubled = np.empty_like(lost)
    for sender in range(senders):
        own = [place for place, event in enumerate(sent) if event.sender == sender]
        lost[own], doubled[own] = fates(link, [sent[place].time_s for place in own], seeds, sender)
    return lost, doubled


def receive(
    showings: Showings,
    sent: Sequence[Event],
    landings: Sequence[Landing],
    lost: Bools,
    doubled: Bools,
    decode_s: float,
    end_s: float,
) -> None:
    """As `simulation.receive`, for all runs side by side."""
    time_s, index, counts = showings.time_s, showings.index, showings.counts
    runs, senders, steps = time_s.shape
    held = np.zeros((senders, steps, runs), dtype=np.bool_)
    shown = np.zeros((senders, runs), dtype=np.int64)
    free_s, bound_s = np.zeros(runs), end_s - ROUNDING_S
    doubles = bool(doubled.any())
    for lands_s, place, late in landings:
        sender, number = sent[place].sender, sent[place].payload_index
        there = ~lost[place]
        if lands_s >= bound_s:
            counts["in_flight"] += there
            continue
        if late:
            counts["late"] += there
            continue
        if doubles:
            copies = there & doubled[place]
            counts["copied"] += copies
            counts["duplicate"] += copies
        new = there & ~held[sender, number]
        held[sender, number] |= new
        counts["delivered"] += new
        counts["duplicate"] += there ^ new
        free_s = np.where(new, np.maximum(free_s, lands_s) + decode_s, free_s)
        seen = np.flatnonzero(new & (free_s < bound_s))
        time_s[seen, sender, shown[sender, seen]] = free_s[seen]
        index[seen, sender, shown[sender, seen]] = number
        shown[sender, seen] += 1


def charge(showings: Showings, sent: Sequence[Event], lost: Bools, cost: Cost) -> None:
    """As `costs.costs`: write the bill of each run to `showings`."""
    billed = ~lost if cost.failed_free else np.ones_like(lost)
    bill, parts = showings.bill, []
    bill["messages"][:] = len(sent)
    if cost.credit_bytes is not None:
        bill["credits"][:] = np.array([-(-event.message_bytes // cost.credit_bytes) for event in sent], int) @ billed
        if cost.price_per_credit is not None:
            parts.append(bill["credits"] * cost.price_per_credit)
    if cost.price_per_message is not None:
        parts.append(billed.sum(axis=0) * cost.price_per_message)
    if parts:
        prices, which = np.unique(sum(parts), return_inverse=True)
        bill["price"][:] = np.array([round(price, 6) for price in prices.tolist()])[which]
    if cost.joules_per_message is not None:
        bill["energy_j"][:] = len(sent) * cost.joules_per_message
