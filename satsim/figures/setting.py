"""Several links or several senders, in the words of figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from satsim.words import link_words, span

WORDS = {
    "arq": "ARQ", "progic": "ProGIC", "progic-whole": "ProGIC whole", "jpeg": "JPEG", "webp": "WebP", "avif": "AVIF",
    "heic": "HEIC", "jpegxl": "JPEG XL", "vvc": "VVC", "jpeg2000": "JPEG 2000", "ssdv": "SSDV", "pcsi": "PCSI",
    "carousel": "round and round",
    "round_robin": "in turn", "first_come": "who waited longest", "true": "yes", "false": "no", "null": "none",
}  # fmt: skip
"""What keys are called; others by themselves, with blanks."""


def in_words(label: str) -> str:
    """A label whose words are keys: "round_robin" is "in turn", "avif 2 messages, arq" is "AVIF 2 messages, ARQ"."""
    words = [WORDS.get(word, word.replace("_", " ")) for word in re.split(r"([\s,]+)", label)]
    return "".join(words)


class Link(NamedTuple):
    """What figures tell of a link; None for what is not known, or varies."""

    preset: str | None
    packet_bytes: int | None
    interval_s: float | None

    def in_brackets(self) -> str:
        """ "sbd_9603_open (340 bytes every 40 s)", without the brackets where the link has no name."""
        size = [f"{self.packet_bytes} bytes"] * bool(self.packet_bytes)
        known = " ".join(size + [f"every {pace_s:g} s" for pace_s in [self.interval_s] if pace_s])
        return f"{self.preset} ({known})" if self.preset and known else self.preset or known


def make_links(told: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> list[Link]:
    """Links as a summary tells them. Folders of earlier versions tell the pace of the scenario's link alone."""
    pace_s = summary["interval_s"] if len({link.get("preset") for link in told}) == 1 else None
    return [Link(link.get("preset"), link.get("packet_bytes"), link.get("interval_s", pace_s)) for link in told]


def link_lines(links: Iterable[Link], senders: Mapping[str, Any], photo: str) -> list[str]:
    """Size and pace of the link or, by name, of each of several, for every sender; then the photo."""
    several, each = list(dict.fromkeys(links)), " from each" if (senders.get("count") or 1) > 1 else ""
    if len(several) == 1:
        most = "no more than one packet" if senders.get("slot_s") else "one packet"
        return [f"{link_words(several[0]._asdict(), most, each)} {photo}".strip()]
    return [f"Links: {', '.join(link.in_brackets() for link in several)}.", photo]


def name_links(summary: Mapping[str, Any]) -> dict[str, str]:
    """By scheme the name of its link, with size and pace where two are of one name; empty where all share one."""
    told = {name: scheme["link"] for name, scheme in summary["schemes"].items() if "link" in scheme}
    links = dict(zip(told, make_links(list(told.values()), summary), strict=True))
    several = set(links.values())
    if len(several) < 2:
        return dict.fromkeys(links, "")
    names = [link.preset for link in several]
    return {
        scheme: link.preset if link.preset and names.count(link.preset) == 1 else link.in_brackets()
        for scheme, link in links.items()
    }


def sharing(senders: Mapping[str, Any], median: bool) -> list[str]:
    """How several senders share the receiver and, where it is shown, what the median photo is."""
    count, gap_s, slot_s = (senders.get(name) for name in ("count", "start_gap_s", "slot_s"))
    if (count or 1) == 1:
        return []
    taken = f"{span(gap_s)} apart" if gap_s else "at the same time"
    channel = f"one channel for all, a slot every {span(slot_s)}" if slot_s else "each has a channel of its own"
    return [
        f"{count} senders, photos taken {taken}; {channel}. Times run from the first photo.",
        *["Shown is the median photo: at each time, half of the photos look at least this good."] * median,
    ]
