"""What the sender sends in which slot."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

Transport = Callable[[int], Iterator[int]]
"""From the number of payloads to the payload index of each slot in turn; sending ends where the iterator does."""


def once(count: int) -> Iterator[int]:
    """Every payload once, in order (the paper)."""
    return iter(range(count))


def carousel(count: int) -> Iterator[int]:
    """Every payload in order, round and round until time is up; what was lost comes by again."""
    return itertools.cycle(range(count))


TRANSPORTS: dict[str, Transport] = {"once": once, "carousel": carousel}
