"""Which of an image's packets go together, where some contradict each other; the order in which they came is no matter.

A place is contested where packets of one image and one header carry different bytes there: one of them is forged, or
two photos were given one number. Then, until one of these decides:

1. Not sealed, the image whole: the one choice whose content has the image's number (`satsim.air.content`).
2. Packets that belong together, as those of one sealing or one folder do, stay together: runs are taken by how many
   packets they have, and one that contradicts what is taken is left out, all of it.
3. What more files say; where as many say the one as the other, neither is taken.

Repair symbols that are not needed expose a forged packet also where nothing else was sent for its place: it is left
out, and recovered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import product
from typing import NamedTuple

from satsim.air.packets import Repair
from satsim.air.repair import find_forged, recover

Place = int | Repair
"""Of a payload, its index; of a repair symbol, which it is."""
MOST_TRIALS = 8192
"""Payloads that are put together, over all choices, to find the one that has the image's number."""


class Source(NamedTuple):
    """A message that carried something."""

    name: str
    """Of its file, say."""
    run: str
    """Messages of one run belong together."""
    message: bytes


Held = Mapping[Place, Mapping[bytes, list[Source]]]
"""What came of one image: by place each version of its bytes, with the messages that carried it."""


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


def agree(held: Held, has_number: Callable[[Mapping[int, bytes]], bool] | None = None) -> Agreed:
    """What goes together of one image; `has_number` tells of payloads whether they are all and have its number."""
    contested = [place for place, versions in held.items() if len(versions) > 1]
    chosen: dict[Place, bytes]
    if not contested:
        chosen = {place: next(iter(versions)) for place, versions in held.items()}
    else:
        chosen = (_proven(held, has_number) if has_number else None) or _most(held)
    payloads = {place: content for place, content in chosen.items() if isinstance(place, int)}
    symbols = {place: content for place, content in chosen.items() if not isinstance(place, int)}
    forged = find_forged(payloads, symbols)
    return Agreed(
        {place: content for place, content in payloads.items() if place not in forged.places},
        {place: content for place, content in symbols.items() if place not in forged.places},
        sorted(contested, key=str),
        sorted(forged.places, key=str),
        forged.unclear,
    )


def _proven(held: Held, has_number: Callable[[Mapping[int, bytes]], bool]) -> dict[Place, bytes] | None:
    """The only choice that has the image's number; None where several have, or none, or there are too many to try."""
    sure = {place: next(iter(versions)) for place, versions in held.items() if len(versions) == 1}
    symbols = {place: content for place, content in sure.items() if not isinstance(place, int)}
    places = [place for place, versions in held.items() if isinstance(place, int) and len(versions) > 1]
    choices = [list(held[place]) for place in places]
    if math.prod(map(len, choices)) * len(held) > MOST_TRIALS:
        return None
    proven = None
    for choice in product(*choices):
        chosen = sure | dict(zip(places, choice, strict=True))
        payloads = {place: content for place, content in chosen.items() if isinstance(place, int)}
        if has_number(recover(payloads, symbols)):
            if proven is not None:
                return None
            proven = chosen
    return proven


def _most(held: Held) -> dict[Place, bytes]:
    """What the largest runs that do not contradict each other say, and of what they leave open, what most files do."""
    said: dict[str, dict[Place, set[bytes]]] = {}
    for place, versions in held.items():
        for content, sources in versions.items():
            for source in sources:
                said.setdefault(source.run, {}).setdefault(place, set()).add(content)
    clear = {
        run: {place: next(iter(contents)) for place, contents in places.items() if len(contents) == 1}
        for run, places in said.items()
    }
    taken: dict[Place, bytes] = {}
    runs = set()
    for run in sorted(clear, key=lambda run: (-len(clear[run]), run)):
        if all(taken.get(place, content) == content for place, content in clear[run].items()):
            taken |= clear[run]
            runs.add(run)
    chosen = {}
    for place, versions in held.items():
        files = {
            content: len({source.name for source in sources if source.run in runs})
            for content, sources in versions.items()
        }
        best = [content for content, count in files.items() if count == max(files.values()) > 0]
        if place in taken:
            best = [taken[place]]
        if len(best) == 1:
            chosen[place] = best[0]
    return chosen
