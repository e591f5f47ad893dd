"""What schemes are called: their names, in which {packets} and the like stand for what was sent."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from satsim.links.linkspec import LinkSpec
from satsim.scenario.scenario import Scenario, SchemeSpec, TransportSpec, slug
from satsim.scoring.outbox import Outbox
from satsim.words import TRANSPORTS, span

CODECS = {
    "progic": "ProGIC progressive", "progic-whole": "ProGIC whole", "progic-full": "ProGIC full",
    "jpeg": "JPEG whole", "webp": "WebP whole", "avif": "AVIF whole", "heic": "HEIC whole", "jpegxl": "JPEG XL whole",
    "jpeg2000": "JPEG 2000 whole", "vvc": "VVC whole", "ssdv": "SSDV", "pcsi": "PCSI",
}  # fmt: skip
"""Codecs in words; one that is not here goes by the last part of its name."""


def label_of(scenario: Scenario, scheme: SchemeSpec, outboxes: Sequence[Outbox]) -> str:
    """The scheme's name with its fields filled in; "4 to 5" where the outboxes differ."""
    return fill(scheme.name, [facts_of(scheme, scenario.link_of(scheme), outbox) for outbox in outboxes])


def facts_of(scheme: SchemeSpec, link: LinkSpec, outbox: Outbox) -> dict[str, Any]:
    """By the fields of a name, what they stand for."""
    codec = CODECS.get(scheme.codec, scheme.codec.rpartition(":")[2])
    return {
        "codec": codec.replace("whole", "progressive") if scheme.options.get("progressive") else codec,
        "packets": len(outbox.payloads),
        "bytes": sum(map(len, outbox.payloads)),
        "stages": outbox.stages if outbox.payloads else 0,
        "transport": transport_words(scheme.transport),
        "link": link_words(link),
    }


def transport_words(transport: TransportSpec) -> str:
    """What a transport does, and what a round holds besides."""
    spare, copies = transport.repairs, transport.base_copies
    return (
        TRANSPORTS.get(transport.name, f"sent by {transport.name.rpartition(':')[2]}")
        + f", first stage {copies} times" * (copies > 1)
        + (f", {spare} repair packet{'s' * (spare > 1)}" if spare else "")
    )


def link_words(link: LinkSpec) -> str:
    """The preset, or size and pace of messages."""
    return link.preset or f"{link.packet_bytes} bytes every {span(link.interval_s)}"


def fill(name: str, facts: Sequence[dict[str, Any]]) -> str:
    """`name` with each field replaced by what it is in all of `facts`.

    Where these differ, numbers are "4 to 5" and words "the codec". Of one the noun after it is in the singular:
    "{packets} packets" is "1 packet".
    """

    def value(match: re.Match[str]) -> str:
        found, noun = sorted({each[match[1]] for each in facts}), match[2] or ""
        if isinstance(found[0], int):
            if len(found) > 1:
                return f"{found[0]} to {found[-1]}{noun}"
            return f"{found[0]}{noun.removesuffix('s') if found[0] == 1 else noun}"
        return (found[0] if len(found) == 1 else f"the {match[1]}") + noun

    return re.sub(r"\{(\w+)\}( (?:packet|stage|byte|message)s\b)?", value, name)


def distinct(label: str, taken: Collection[str]) -> str:
    """`label`, numbered where one of `taken` looks like it, also as a file name."""
    names, number = {slug(each) for each in taken}, 1
    numbered = label
    while slug(numbered) in names:
        number += 1
        numbered = f"{label} ({number})"
    return numbered
