"""Items one after the other; what is on disk, asked for in the same way, is not made again."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from codec.base import CodecError
from codec.files import prepared, write_whole
from codec.paper.disk import keep, kept
from codec.paper.items import ITEMS, chosen
from codec.paper.measured import at_hand, counted_sets
from codec.paper.page import page
from codec.paper.result import Asked, Result
from codec.progic.shape import model_path, read_weights

PAGE = "paper.md"
TIMES = ("table2", "table3", "table6")
"""Items that measure no quality."""


class Done(NamedTuple):
    """An item that is on disk now."""

    key: str
    result: Result
    anew: bool


def run(keys: Sequence[str], asked: Asked, again: bool = False) -> Iterator[Done]:
    """Make each item and write the page after each; with `again` also those that are there already.

    What an item needs and does not find is its result: *not, because*. Raises CodecError for a key that is none, for
    weights that are none, and for a folder in which something else is; OSError.
    """
    wanted = chosen(keys)
    model_id = read_weights(model_path(asked.model), parts=()).model_id
    told = asked.told() | {"model_id": f"{model_id:08x}"}
    with prepared(asked.out / PAGE):
        for key in wanted:
            found = kept(asked.out, key)
            now = told | made_of(key, asked)
            anew = again or found is None or found.told != now or bool(found.result.skipped or found.result.lacks)
            result = make(key, asked) if anew or found is None else found.result
            if anew:
                keep(asked.out, key, result, now)
            write_whole(asked.out / PAGE, page(asked.out).encode())
            yield Done(key, result, anew)


def made_of(key: str, asked: Asked) -> dict[str, str]:
    """What an item reads besides what is asked for: it is made anew when that is another."""
    if ITEMS[key].makes.startswith("codec.paper.ablations:"):
        files = sorted(asked.ablations.glob("*.json"))
        return {"ablations": " ".join(f"{path.stem}-{zlib.crc32(path.read_bytes()):08x}" for path in files)}
    if key in TIMES:
        return {}
    return {"sets": counted_sets(), "metrics": " ".join(map(at_hand, ("lpips-vgg", "dists")))}


def make(key: str, asked: Asked) -> Result:
    """The item's result; what it lacks is why it was skipped."""
    try:
        return ITEMS[key].make(asked)
    except CodecError as error:
        return Result(skipped=str(error).replace("\n", "; "))
