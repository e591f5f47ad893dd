"""Several links or several senders, in the words of figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from satsim.figures.page import Link
from satsim.words import span

WORDS = {
    "arq": "ARQ", "progic": "ProGIC", "progic-whole": "ProGIC whole", "jpeg": "JPEG", "webp": "WebP", "avif": "AVIF",
    "heic": "HEIC", "jpegxl": "JPEG XL", "vvc": "VVC", "jpeg2000": "JPEG 2000", "carousel": "round and round",
    "round_robin": "in turn", "first_come": "who waited longest", "true": "yes", "false": "no", "null": "none",
}  # fmt: skip
"""What keys are called; others by themselves, with blanks."""


def in_words(label: str) -> str:
    """A label whose words are keys: "round_robin" is "in turn", "avif 2 messages, arq" is "AVIF 2 messages, ARQ"."""
    words = [WORDS.get(word, word.replace("_", " ")) for word in re.split(r"([\s,]+)", label)]
    return "".join(words)


def link_line(links: Iterable[Link], senders: Mapping[str, Any], photo: str) -> list[str]:
    """Size and pace of the link or, by name, of each of several, for every sender; then the photo."""
    several, each = list(dict.fromkeys(links)), " from each" if (senders.get("count") or 1) > 1 else ""
    if len(several) == 1:
        most = "no more than one packet" if senders.get("slot_s") else "one packet"
        return [f"{several[0].words(most, each)} {photo}".strip()]
    return [f"Links: {', '.join(in_brackets(link) for link in several)}.", photo]


def in_brackets(link: Link) -> str:
    """ "sbd_9603_open (340 bytes every 40 s)", without the brackets where the link has no name."""
    size = f"{link.packet_bytes} bytes" if link.packet_bytes else ""
    known = " ".join([size] * bool(size) + [f"every {link.pace}"] * bool(link.pace))
    return f"{link.preset} ({known})" if link.preset and known else link.preset or known


def name_links(links: Mapping[str, Link]) -> dict[str, str]:
    """By scheme the name of its link, with size and pace where two are of one name; empty where all share one."""
    several = set(links.values())
    if len(several) < 2:
        return dict.fromkeys(links, "")
    names = [link.preset for link in several]
    return {
        scheme: link.preset if link.preset and names.count(link.preset) == 1 else in_brackets(link)
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
