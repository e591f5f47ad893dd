"""The order of a round that is not just the payloads, one after the other: copies, repair packets, interleaving."""

from __future__ import annotations

from satsim.scenario.scenario import TransportSpec


def repair_plan(spec: TransportSpec, stages: int, per_stage: int) -> list[tuple[int, int]]:
    """(payloads covered, repair packets) in order of coverage, for an image of so many stages of so many payloads."""
    wanted = {per_stage * (k + 1): count for k, count in enumerate(spec.repair_by_stage[:stages]) if count}
    if spec.repair_packets:
        wanted[per_stage * stages] = wanted.get(per_stage * stages, 0) + spec.repair_packets
    return sorted(wanted.items())


def round_order(spec: TransportSpec, stages: int, per_stage: int) -> list[int]:
    """One round: each stage's payloads, interleaved; copies of the first stage; repair packets after what they cover.

    Repair packets are numbered on from the payloads, in the order of `repair_plan`.
    """
    count = stages * per_stage
    repairs: dict[int, list[int]] = {}
    number = count
    for covered, wanted in repair_plan(spec, stages, per_stage):
        repairs[covered] = list(range(number, number + wanted))
        number += wanted
    order: list[int] = []
    base = interleave(list(range(per_stage)), spec.interleave)
    copies = spec.base_copies - 1
    for stage in range(stages):
        order += interleave([stage * per_stage + k for k in range(per_stage)], spec.interleave)
        order += repairs.get((stage + 1) * per_stage, [])
        if copies and (stage > 0 or not spec.base_spread):
            now = 1 if spec.base_spread else copies
            order += base * now
            copies -= now
    return order + base * copies


def interleave(items: list[int], depth: int) -> list[int]:
    """`items` written into rows of `depth` and read by columns, so that neighbours travel apart."""
    return [item for column in range(depth) for item in items[column::depth]]
