"""What a reader would not guess, in lines: the one list of notices of runs, sweeps and studies."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from satsim.links.linkspec import LinkSpec, Passes
from satsim.scenario.scenario import Scenario, SchemeSpec
from satsim.scoring.labels import label_of
from satsim.scoring.outbox import Outbox


def link_notices(links: Iterable[LinkSpec]) -> list[str]:
    """A line for each preset of which any link has an assumed number, and for each file of orbits that is too old."""
    links = list(dict.fromkeys(links))
    notices = []
    for preset in dict.fromkeys(link.preset for link in links if link.preset):
        used = {number for link in links if link.preset == preset for number in assumed_numbers(link)}
        if assumed := [number for number in assumed_numbers(LinkSpec(preset=preset)) if number in used]:
            notices.append(f"{preset}: assumed, neither measured nor published: {', '.join(assumed)}")
    for link in links:
        if isinstance(link.windows, Passes):
            from satsim.links.orbit import epoch_notice

            notices += [line for line in [epoch_notice(link.windows)] if line]
    return list(dict.fromkeys(notices))


def assumed_numbers(link: LinkSpec) -> list[str]:
    """Dotted keys of what a link still has from its preset and that satsim assumed; none without a preset."""
    if link.preset is None:
        return []
    from satsim.links import presets

    return presets.assumed_numbers(link)


def about_link(link: LinkSpec) -> dict[str, Any]:
    """What a results folder tells of a link: figures name it by this."""
    told = {"preset": link.preset, "assumed": assumed_numbers(link)}
    return told | {"packet_bytes": link.packet_bytes, "interval_s": link.interval_s}


def write_notes(folder: Path, notices: Iterable[str]) -> None:
    """notes.md of a results folder: all notices, a bullet each."""
    lines = [f"- {notice}" for notice in notices] or ["Nothing to note."]
    (folder / "notes.md").write_text("# Notes\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


def image_notices(scenario: Scenario) -> list[str]:
    """A line where the picture is no photo."""
    return ["the picture is a drawn scene, not a photo (--image takes yours)"] * scenario.image.drawn


def links_of(scenario: Scenario) -> list[LinkSpec]:
    """The link of each scheme."""
    return [scenario.link_of(scheme) for scheme in scenario.schemes]


def scheme_notices(scenario: Scenario, scheme: SchemeSpec, outbox: Outbox) -> list[str]:
    """Pictures or stages that do not fit, compact headers, missing acknowledgements, repair of stages that are not."""
    notices = []
    name, link, transport = label_of(scenario, scheme, [outbox]), scenario.link_of(scheme), scheme.transport
    if outbox.why_empty:
        notices.append(f"{name}: nothing fits, so nothing is sent: {outbox.why_empty}")
    if outbox.header_bytes < scenario.header.bytes_of():
        from satsim.scoring.header import compact_notice

        notices.append(compact_notice(link.packet_bytes, outbox.header_bytes, scheme.codec))
    if outbox.per_stage > 1 and outbox.stages > 1:
        notices.append(
            f"{name}: a stage does not fit a message of {link.packet_bytes} bytes with a header of"
            f" {outbox.header_bytes}; it travels in {outbox.per_stage}"
        )
    if transport.name == "arq" and link.ack.kind == "none":
        notices.append(f"{name}: nobody acknowledges on this link, so arq sends each message once")
    stages = len(outbox.payloads) // outbox.per_stage
    if len(transport.repair_by_stage) > stages:
        notices.append(f"{name}: repair_by_stage has more numbers than the photo has stages, {stages}")
    return notices
