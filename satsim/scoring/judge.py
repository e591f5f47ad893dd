"""What a receiver's screen is worth: each set of packets is decoded once, and each picture scored once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple, Protocol

from codec.photos import enlarged
from satsim.scoring.outbox import Picture, Sending, naming

_TURN = Lock()
"""Codecs and metrics are shared by the threads of a process, and a metric remembers its last reference."""


class Score(NamedTuple):
    """What a receiver's screen is worth."""

    frame: str
    """Digest of the picture's pixels; empty where there is nothing to show."""
    values: tuple[float, ...]
    """One a metric, in the order of `Sending.metrics`; NaN where there is nothing to show."""


class Decoder(Protocol):
    """As much of a codec as shows a picture."""

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Picture | None: ...


class Tools(NamedTuple):
    """What turns packets into pictures, and pictures into numbers."""

    decoder: Decoder
    metrics: Sequence[Callable[[Picture, Picture], float]]


class Store(Protocol):
    """Where answers are kept, by key and name; `satsim.scoring.cache.Cache` keeps them on disk."""

    def find(self, key: str, name: str) -> Any | None: ...
    def keep(self, key: str, name: str, value: Any) -> None: ...


class Memory(dict[tuple[str, str], Any]):
    """A store for as long as a run lasts."""

    def find(self, key: str, name: str) -> Any | None:
        """The value kept under `key` and `name`; None for none."""
        return self.get((key, name))

    def keep(self, key: str, name: str, value: Any) -> None:
        """Keep `value`, which is not None."""
        self[key, name] = value


class Judge:
    """Scores of the sets of packets that receivers of one sending may hold; each set is decoded once."""

    def __init__(
        self, sending: Sending, store: Store, tools: Callable[[], Tools], pictures: dict[str, Picture] | None = None
    ) -> None:
        """`tools` are asked for with the first set that is not in `store`. Every picture decoded goes to `pictures`,
        by its digest, where these are wanted."""
        self.sending = sending
        self.decoded = 0
        """How many sets were decoded here, because nobody had done so before."""
        self.pictures = pictures
        self._store = store
        self._make_tools = tools
        self._tools: Tools | None = None
        self._carried = [*sending.outbox.payloads, *sending.outbox.repairs.values()]
        self._nothing = Score("", (math.nan,) * len(sending.metrics))
        self._known: dict[frozenset[int], Score] = {frozenset(): self._nothing}

    def look_up(self, held: frozenset[int]) -> Score:
        """The score of what the packets `held`, by place among the messages, show: known, from the store, or anew.

        Sets from which the same payloads follow have one entry. Raises CodecError with scenario and scheme named
        before it.
        """
        if held not in self._known:
            with naming(self.sending.title):
                payloads = self._payloads(held)
                same = frozenset(payloads)
                if same not in self._known:
                    self._known[same] = self._score_of(payloads)
                self._known[held] = self._known[same]
        return self._known[held]

    def knows(self, held: frozenset[int]) -> bool:
        """Whether `look_up` has nothing to decode."""
        payloads = self._payloads(held)
        frame = self._find(set_name(payloads)) if payloads else ""
        return frame == "" or (frame is not None and self._find(frame_name(frame)) is not None)

    def _payloads(self, held: Iterable[int]) -> dict[int, bytes]:
        return self.sending.outbox.recovered({k: self._carried[k] for k in sorted(held)})

    def _find(self, name: str) -> Any | None:
        return self._store.find(self.sending.key, name)

    def _score_of(self, payloads: Mapping[int, bytes]) -> Score:
        """Two entries: a set has its frame, and a frame, which many sets may show, its values."""
        frame = self._find(set_name(payloads))
        if frame == "":
            return self._nothing
        values = self._find(frame_name(frame)) if frame else None
        if values is None:
            with _TURN:
                frame, values = self._decode_and_score(payloads)
            self._store.keep(self.sending.key, set_name(payloads), frame)
        return Score(frame, tuple(values)) if frame else self._nothing

    def _decode_and_score(self, payloads: Mapping[int, bytes]) -> tuple[str, Sequence[float]]:
        decoder, metrics = self._tools = self._tools or self._make_tools()
        picture = decoder.decode(payloads, *self.sending.size)
        self.decoded += 1
        if picture is None:
            return "", self._nothing.values
        reference = self.sending.reference
        picture = enlarged(picture, *reference.shape[:2])
        frame = picture_digest(picture)
        if self.pictures is not None:
            self.pictures.setdefault(frame, picture)
        values = self._find(frame_name(frame))
        if values is None:
            values = [float(metric(reference, picture)) for metric in metrics]
            self._store.keep(self.sending.key, frame_name(frame), values)
        return frame, values


def set_name(payloads: Iterable[int]) -> str:
    """The name, in a store, of a set of payloads."""
    return f"set {sum(1 << k for k in payloads):x}"


def frame_name(frame: str) -> str:
    """The name, in a store, of a picture."""
    return f"frame {frame}"


def digest(parts: Iterable[str | bytes]) -> str:
    """32 hexadecimal digits of SHA-256 over the parts, each led in by its length."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "big") + data)
    return sha.hexdigest()[:32]


def picture_digest(picture: Picture) -> str:
    """Of a picture's size and pixels."""
    return digest([str(picture.shape), picture.tobytes()])
