"""Work on many photos: done here or by several processes, in whatever order, and not done twice where it is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")
Progress = Callable[[int, int], None]
"""Hears how many tasks are done, and of how many."""


class Workers(Protocol):
    """Who does the work: number and answer of each task as it is done, such as `satsim.sweep.local` has them."""

    def __call__(
        self, function: Callable[[Task], Answer], tasks: Sequence[Task], /
    ) -> Iterator[tuple[int, Answer]]: ...


class Kept(Protocol):
    """Answers on disk by names that say what they were made of."""

    def find(self, name: str) -> bytes | None:
        """What was kept under `name`; None for none, or for what is damaged."""

    def keep(self, name: str, content: bytes) -> None:
        """Keep it, whole or not at all."""


class Form(NamedTuple):
    """How answers lie on disk."""

    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], Any]


def name_of(*parts: object) -> str:
    """A name for what follows from `parts`: 32 hexadecimal digits."""
    return hashlib.sha256("\n".join(map(repr, parts)).encode(errors="backslashreplace")).hexdigest()[:32]


def answers(
    function: Callable[[Task], Answer],
    tasks: Sequence[Task],
    *,
    names: Sequence[str] = (),
    form: Form | None = None,
    workers: Workers | None = None,
    kept: Kept | None = None,
    progress: Progress = lambda done, of: None,
) -> list[Answer]:
    """The answer to each task, in their order, by `workers` or, for None, one after the other in this process.

    With `kept`, a name for each task and a `form`, what is there under its name is not worked out again, and what is
    worked out is there as soon as it is known. Raises what `function` raises.
    """
    found: dict[int, Answer] = {}
    if kept is not None and form is not None:
        known = {number: kept.find(name) for number, name in enumerate(names)}
        found = {number: form.unpack(content) for number, content in known.items() if content is not None}
    todo = [number for number in range(len(tasks)) if number not in found]
    progress(len(found), len(tasks))
    for place, answer in (workers or one_by_one)(function, [tasks[number] for number in todo]):
        number = todo[place]
        found[number] = answer
        if kept is not None and form is not None:
            kept.keep(names[number], form.pack(answer))
        progress(len(found), len(tasks))
    return [found[number] for number in range(len(tasks))]


def one_by_one(function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[tuple[int, Answer]]:
    """All in this process, one after the other."""
    for number, task in enumerate(tasks):
        yield number, function(task)
