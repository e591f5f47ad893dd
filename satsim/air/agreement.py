"""Which of an image's packets go together, where some contradict each other; the order in which they came is no matter.

A place is contested where packets of one image and one header carry different bytes there: one of them is forged, or
two photos were given one number. Then, until one of these decides:

1. Not sealed, the image whole: the one choice whose content has mark and number of the image (`satsim.air.content`).
2. Packets that belong together, as those of one sealing or one folder do, stay together: runs are taken by how many
   packets they have, and one that contradicts what is taken is left out, all of it.
3. What more files say; where as many say the one as the other, neither is taken.

Sealed packets bear no mark. There a run joins what is taken only by a packet that both hold: two sealings that share
none may be of two photos under one number, and the smaller is left out. To seal one photo again gives the same bytes
(`satsim.keys`), so that this meets no honest sender.

Repair symbols that are not needed expose a forged packet also where nothing else was sent for its place: it is left
out, and recovered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from pathlib import PurePath
from typing import NamedTuple

from satsim.air.packets import LAST_SYMBOL, MAX_REPAIRED, SEALED, Repair
from satsim.air.repair import find_forged, recover
from satsim.air.seal import counter_of

Place = int | Repair
"""Of a payload, its index; of a repair symbol, which it is."""
MOST_TRIALS = 8192
"""Payloads that are put together, over all choices, to find the one that has the image's number."""

REPAIRS_WITHIN = MAX_REPAIRED + LAST_SYMBOL
"""Counters from the first of a sealing on, among which its repair symbols are."""


class Source(NamedTuple):
    """A message that carried something."""

    name: str
    """Of its file, say."""
    message: bytes

    @property
    def is_sealed(self) -> bool:
        """Whether its seal tells which packets it belongs to, by its counter; else its folder does."""
        return bool(self.message[0] & SEALED)


Held = Mapping[Place, Mapping[bytes, list[Source]]]
"""What came of one image: by place each version of its bytes, with the messages that carried it."""
Runs = dict[Source, int | str]
"""Which messages belong together: those of one sealing, which are counted from one number on, or of one folder."""


class Agreed(NamedTuple):
    """What goes together."""

    payloads: dict[int, bytes]
    symbols: dict[Repair, bytes]
    contested: list[Place]
    """Places of more than one version."""
    exposed: list[Place]
    """Places whose only version, or the one that was chosen, contradicts repair symbols: left out."""
    unclear: list[Repair]
    """Symbols of blocks that something is wrong with, though what is not clear."""
    apart: list[Place]
    """Places of which only runs came that contradict what is taken or, sealed, share nothing with it: left out."""


def agree(held: Held, proof: Callable[[Mapping[int, bytes]], int]) -> Agreed:
    """What goes together of one image; `proof` tells how far payloads prove to be all of it, 0: not at all."""
    contested = [place for place, versions in held.items() if len(versions) > 1]
    runs = runs_of(held)
    chosen: dict[Place, bytes]
    if not contested and (len(set(runs.values())) == 1 or not next(iter(runs)).is_sealed):
        chosen = {place: next(iter(versions)) for place, versions in held.items()}
    else:
        chosen = _proven(held, proof) or _most(held, runs)
    payloads = {place: content for place, content in chosen.items() if isinstance(place, int)}
    symbols = {place: content for place, content in chosen.items() if not isinstance(place, int)}
    forged = find_forged(payloads, symbols)
    return Agreed(
        {place: content for place, content in payloads.items() if place not in forged.places},
        {place: content for place, content in symbols.items() if place not in forged.places},
        sorted(contested, key=str),
        sorted(forged.places, key=str),
        forged.unclear,
        sorted((place for place in held if place not in chosen and place not in contested), key=str),
    )


def runs_of(held: Held) -> Runs:
    """The run of each message. A sealed repair symbol is of the last sealing that began before it, not long before."""
    sources = [(place, source) for place, versions in held.items() for each in versions.values() for source in each]
    runs: Runs = {}
    counters = {source: counter_of(source.message) for _, source in sources if source.is_sealed}
    starts = {counters[source] - place for place, source in sources if source in counters and isinstance(place, int)}
    for place, source in sources:
        if source not in counters:
            runs[source] = str(PurePath(source.name).parent)
        else:
            runs[source] = run_of(counters[source], place, starts)
    return runs


def run_of(counter: int, place: Place, starts: Iterable[int]) -> int:
    """The first counter of the sealing that a sealed packet is of; -1 for a repair symbol of none of those known."""
    if isinstance(place, int):
        return counter - place
    return max((start for start in starts if 0 <= counter - start < REPAIRS_WITHIN), default=-1)


def _proven(held: Held, proof: Callable[[Mapping[int, bytes]], int]) -> dict[Place, bytes] | None:
    """The choice that proves best to be the image; None where several do, or none, or there are too many to try."""
    sure = {place: next(iter(versions)) for place, versions in held.items() if len(versions) == 1}
    symbols = {place: content for place, content in sure.items() if not isinstance(place, int)}
    places = [place for place, versions in held.items() if isinstance(place, int) and len(versions) > 1]
    choices = [list(held[place]) for place in places]
    if math.prod(map(len, choices)) * len(held) > MOST_TRIALS:
        return None
    proven: list[dict[Place, bytes]] = []
    best = 1
    for choice in product(*choices):
        chosen = sure | dict(zip(places, choice, strict=True))
        payloads = {place: content for place, content in chosen.items() if isinstance(place, int)}
        if (proves := proof(recover(payloads, symbols))) >= best:
            proven = [*(proven if proves == best else []), chosen]
            best = proves
    return proven[0] if len(proven) == 1 else None


def _most(held: Held, runs: Runs) -> dict[Place, bytes]:
    """What the largest runs that go together say, and of what they leave open, what most files do."""
    said: dict[int | str, dict[Place, set[bytes]]] = {}
    for place, versions in held.items():
        for content, sources in versions.items():
            for source in sources:
                said.setdefault(runs[source], {}).setdefault(place, set()).add(content)
    clear = {
        run: {place: next(iter(contents)) for place, contents in places.items() if len(contents) == 1}
        for run, places in said.items()
    }
    taken: dict[Place, bytes] = {}
    joined = set()
    waiting = sorted(clear, key=lambda run: (-len(clear[run]), run))

    def joins(run: int | str) -> bool:
        shared = taken.keys() & clear[run].keys()
        is_linked = bool(shared or not taken) or isinstance(run, str)
        return is_linked and all(taken[place] == clear[run][place] for place in shared)

    while (run := next(filter(joins, waiting), None)) is not None:
        taken |= clear[run]
        joined.add(run)
        waiting.remove(run)
    chosen = {}
    for place, versions in held.items():
        files = {
            content: len({source.name for source in sources if runs[source] in joined})
            for content, sources in versions.items()
        }
        best = [content for content, count in files.items() if count == max(files.values()) > 0]
        if place in taken:
            best = [taken[place]]
        if len(best) == 1:
            chosen[place] = best[0]
    return chosen
