"""What a receiver says of its images, and of packets that contradict each other, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from satsim.air.agreement import Agreed, Place, Source, runs_of
from satsim.air.inbox import ImageKey, Inbox
from satsim.air.position import Position


def find_contradictions(inbox: Inbox, shown: ImageKey, agreed: Mapping[ImageKey, Agreed]) -> list[str]:
    """A line for each place at which files of one image differ, and for each other image of its number."""
    lines = []
    for place in agreed[shown].contested:
        versions = inbox.held[shown][place]
        between = " and ".join(sorted(sources[0].name for sources in versions.values()))
        lines.append(
            f"contradiction: {_place(place)} of {describe(shown)} differs between {between};"
            f" {_use(inbox, shown, place, agreed[shown])}"
        )
    for place in agreed[shown].exposed:
        names = " and ".join(sorted({source.name for source in sources_of(inbox, shown, place)}))
        lines.append(
            f"contradiction: {_place(place)} of {describe(shown)}, {names}, is forged: it contradicts all other packets"
            " and repair symbols; it is left out"
        )
    for repair in agreed[shown].unclear:
        names = " and ".join(sorted({source.name for source in sources_of(inbox, shown, repair)}))
        lines.append(
            f"contradiction: {_place(repair)} of {describe(shown)}, {names}, does not agree with the other packets, and"
            " nothing tells which is forged"
        )
    if apart := agreed[shown].apart:
        names = " and ".join(sorted({source.name for place in apart for source in sources_of(inbox, shown, place)}))
        why = "were sealed apart from those used" if inbox.keys else "came with others that contradict those used"
        lines.append(
            f"contradiction: {' and '.join(map(_place, apart))} of {describe(shown)}, {names}, {why}: left out, for"
            " they may be of another photo"
        )
    whole = inbox.payloads(shown)
    if shown.mark and len(whole) == shown.payload_count and not (inbox.proof(shown, whole) or agreed[shown].unclear):
        lines.append(f"contradiction: the packets of {describe(shown)} do not make one photo: their mark is of another")
    first = min(source.name for source in sources_of(inbox, shown))
    for key in agreed:
        if key != shown:
            lines.append(
                f"contradiction: two images have number {key.image_id} of sender {key.sender}, that of {first} and"
                f" that of {min(source.name for source in sources_of(inbox, key))}: {_differences(shown, key)};"
                f" the first is shown, of {len(inbox.held[shown])} packets against {len(inbox.held[key])}"
            )
    return lines


def _use(inbox: Inbox, key: ImageKey, place: Place, agreed: Agreed) -> str:
    """Which version of a place is used, and why, in words."""
    versions = inbox.held[key][place]
    taken = agreed.payloads.get(place) if isinstance(place, int) else agreed.symbols.get(place)
    if taken is None or taken not in versions:
        return "neither is used"
    use = f"{versions[taken][0].name} is used"
    if inbox.proof(key, agreed.payloads):
        proven = "mark that its packets bear" if key.mark else "number that follows from its content"
        return f"{use}, for with it the photo has the {proven}"
    runs = runs_of(inbox.held[key])
    sizes = Counter(
        run
        for said in inbox.held[key].values()
        for run in {runs[source] for sources in said.values() for source in sources}
    )
    agreeing = {content: max(sizes[runs[source]] for source in sources) for content, sources in versions.items()}
    against = max(count for content, count in agreeing.items() if content != taken)
    if agreeing[taken] > against:
        return f"{use}, with which {agreeing[taken]} packets go against {against}"
    if len(versions[taken]) > max(len(sources) for content, sources in versions.items() if content != taken):
        return f"{use}, for more files say so"
    return f"{use}, though as many packets go with the one as with the other: decode them apart"


def _place(place: Place) -> str:
    return f"packet {place}" if isinstance(place, int) else f"repair symbol {place.number} over {place.protects}"


def sources_of(inbox: Inbox, key: ImageKey, place: Place | None = None) -> list[Source]:
    """The messages that came of an image, or for one place of it, whatever they say."""
    places = inbox.held[key].values() if place is None else [inbox.held[key][place]]
    return [source for versions in places for sources in versions.values() for source in sources]


def _differences(one: ImageKey, other: ImageKey) -> str:
    words: dict[str, Callable[[ImageKey], str]] = {
        "codec": lambda key: key.codec,
        "model": lambda key: f"{key.model_id:08x}",
        "size": lambda key: f"{key.width}x{key.height}",
        "packets": lambda key: str(key.payload_count),
        "place and time": lambda key: describe_position(key.position) if key.position else "none",
    }
    different = [f"{what} {say(one)} and {say(other)}" for what, say in words.items() if say(one) != say(other)]
    return ", ".join(different) or f"their packets bear the marks {one.mark} and {other.mark} of different content"


def describe(key: ImageKey) -> str:
    """An image in words."""
    form = ", compact header" if key.compact else ""
    return f"sender {key.sender} image {key.image_id} ({key.codec}, {key.width}x{key.height}{form})"


def describe_position(position: Position) -> str:
    """When and where a photo was taken, in words."""
    time = datetime.fromtimestamp(position.time_unix_s, UTC)
    return f"taken {time:%Y-%m-%dT%H:%M:%SZ} at {position.latitude_deg:.6f}, {position.longitude_deg:.6f}"


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers in words: "1, 3-5"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)
