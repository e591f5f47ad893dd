"""What each set of received packets is worth: the photo coded once, each distinct set decoded and scored once, ever.

With `pipeline` and `messages`, a caller of `codec`; torch comes in with the first set that is not in the cache.

A cached answer is found again only where nothing it follows from has changed: pixels, codec, options and the files they
name, model, payloads, metrics and their weights, our code and that of a codec of your own (its package, not what it
imports), libraries, kind of processor. Of the programs that `external` runs, only files its commands name by path are
told apart: after an update of a program, name another cache folder. Numbers may differ in the last digits between
processors of one kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import codec
from codec import metrics as judges
from codec.files import cache_folder
from codec.metrics import Metric, find_weights, load_metric, metric_info
from codec.photos import enlarged, reduced
from satsim.outbox import Outbox, fill_outbox
from satsim.packets import PacketError
from satsim.scenario import Scenario, SchemeSpec
from satsim.sweep.cache import Cache
from satsim.sweep.digests import coded_with, digest, file_digest, flat, options_digest, picture_digest
from satsim.timeline import Picture

_TURN = Lock()
"""Codecs and metrics are shared by the threads of a process, and a metric remembers its last reference."""


class Score(NamedTuple):
    """What a receiver's screen is worth."""

    frame: str
    """Digest of the picture's pixels; empty where there is nothing to show."""
    values: tuple[float, ...]
    """One a metric, in the order of `Sending.metrics`; NaN where there is nothing to show."""


@dataclass(frozen=True, eq=False)
class Sending:
    """A photo coded and packed for one scheme, and how to score what arrives of it; travels to other machines."""

    title: str
    """Scenario and scheme, to lead in what is wrong."""
    key: str
    """Names, in the cache, all that scores follow from."""
    reference: Picture
    outbox: Outbox
    codec: str
    options: dict[str, Any]
    metrics: tuple[str, ...]
    scale: float
    stages: int
    """Of the codec; 1 where it has none."""
    made_with: dict[str, str]
    """Versions and digests of what codes and scores; a process that finds others refuses to score."""


def default_folder() -> Path:
    """Where sweeps are cached unless the user says otherwise: inside the folder SATSIM_CACHE, or the platform's own."""
    return cache_folder() / "sweeps"


def prepare(
    scenario: Scenario, scheme: SchemeSpec, reference: Picture, metrics: Sequence[str], cache: Cache
) -> Sending:
    """`reference` coded as `scheme` has it, or its payloads from the cache; loads the codec, but no metric.

    Raises CodecError or PacketError with scenario and scheme named before it.
    """
    title = f"scenario {scenario.name}, scheme {scheme.name!r}"
    with _naming(title):
        coder = _load_codec(scheme.codec, scheme.options)
        made_with = coded_with(scheme.codec, scheme.options, type(coder).__module__, coder.model_id)
        photo = reduced(reference, scheme.scale)
        photo_key = digest(["photo", *flat(made_with), picture_digest(photo)])
        outbox = fill_outbox(_CachedCoder(coder, cache, photo_key), photo, scenario, scheme)
    made_with |= _scored_with(metrics)
    shown: list[str | bytes] = [str(photo.shape), picture_digest(reference), *metrics, *outbox.payloads]
    return Sending(
        title=title,
        key=digest(["scores", *flat(made_with), *shown]),
        reference=reference,
        outbox=outbox,
        codec=scheme.codec,
        options=scheme.options,
        metrics=tuple(metrics),
        scale=scheme.scale,
        stages=getattr(coder, "stages", 1),
        made_with=made_with,
    )


class _CachedCoder:
    """A codec that looks into the cache before it encodes the one photo that `key` names."""

    def __init__(self, coder: codec.Codec, cache: Cache, key: str) -> None:
        self.name, self.model_id, self.stages = coder.name, coder.model_id, getattr(coder, "stages", 1)
        self._coder, self._cache, self._key = coder, cache, key

    def encode(self, image: Picture, payload_bytes: int) -> list[bytes]:
        name = f"payloads of {payload_bytes}"
        if (known := self._cache.find(self._key, name)) is not None:
            return [bytes.fromhex(payload) for payload in known]
        payloads = self._coder.encode(image, payload_bytes)
        self._cache.keep(self._key, name, [payload.hex() for payload in payloads])
        return payloads


class Scores:
    """Scores of the sets of packets that receivers of one sending may hold; each set is decoded once."""

    def __init__(self, sending: Sending, cache: Cache) -> None:
        self.sending = sending
        self.decoded = 0
        """How many sets were decoded here, because nobody had done so before."""
        self._cache = cache
        self._carried = [*sending.outbox.payloads, *sending.outbox.repairs.values()]
        self._nothing = Score("", (math.nan,) * len(sending.metrics))
        self._known: dict[frozenset[int], Score] = {frozenset(): self._nothing}
        self._tools: tuple[codec.Codec, list[Metric], tuple[int, int]] | None = None

    def look_up(self, held: frozenset[int]) -> Score:
        """The score of what the packets `held`, by place among the messages, show: from memory, the cache, or anew.

        Sets from which the same payloads follow have one entry. Raises CodecError, or PacketError where zfec is
        needed and missing, with scenario and scheme named before it.
        """
        if held not in self._known:
            with _naming(self.sending.title):
                payloads = self.sending.outbox.recovered({k: self._carried[k] for k in sorted(held)})
                same = frozenset(payloads)
                if same not in self._known:
                    self._known[same] = self._score_of(payloads)
                self._known[held] = self._known[same]
        return self._known[held]

    def knows(self, held: frozenset[int]) -> bool:
        """Whether `look_up` has nothing to decode."""
        payloads = self.sending.outbox.recovered({k: self._carried[k] for k in sorted(held)})
        frame = "" if not payloads else self._cache.find(self.sending.key, _name(payloads))
        return frame == "" or (frame is not None and self._cache.find(self.sending.key, frame) is not None)

    def _score_of(self, payloads: Mapping[int, bytes]) -> Score:
        """Two entries: a set has its frame, and a frame, which many sets may show, its values."""
        key, held = self.sending.key, f"set {sum(1 << k for k in payloads):x}"
        frame = self._cache.find(key, held)
        if frame == "":
            return self._nothing
        values = self._cache.find(key, f"frame {frame}") if frame else None
        if values is None:
            with _TURN:
                frame, values = self._decode_and_score(payloads)
            self._cache.keep(key, held, frame)
        return Score(frame, tuple(values)) if frame else self._nothing

    def _decode_and_score(self, payloads: Mapping[int, bytes]) -> tuple[str, Sequence[float]]:
        coder, metrics, (height, width) = self._tools = self._tools or self._load()
        picture = coder.decode(payloads, height, width)
        self.decoded += 1
        if picture is None:
            return "", self._nothing.values
        reference = self.sending.reference
        picture = enlarged(picture, *reference.shape[:2])
        frame = picture_digest(picture)
        values = self._cache.find(self.sending.key, f"frame {frame}")
        if values is None:
            values = [float(metric(reference, picture)) for metric in metrics]
            self._cache.keep(self.sending.key, f"frame {frame}", values)
        return frame, values

    def _load(self) -> tuple[codec.Codec, list[Metric], tuple[int, int]]:
        """Codec, metrics, and the size the photo was coded at. Raises CodecError where they are not those prepared."""
        sending = self.sending
        coder, weighed = _load_codec(sending.codec, sending.options), _scored_with(sending.metrics)
        metrics = [_load_metric(name, weighed[f"metric {name}"]) for name in sending.metrics]
        here = coded_with(sending.codec, sending.options, type(coder).__module__, coder.model_id) | weighed
        for name in sorted(here.keys() | sending.made_with.keys()):
            if (found := here.get(name, "missing")) != (wanted := sending.made_with.get(name, "missing")):
                raise codec.CodecError(
                    f"{name} is {found} in this process, but {wanted} where the photo was coded; use the same versions"
                    " and files everywhere, and start worker processes anew"
                )
        height, width = reduced(sending.reference, sending.scale).shape[:2]
        return coder, metrics, (height, width)


def _name(payloads: Mapping[int, bytes]) -> str:
    """The name, in the cache, of a set of payloads."""
    return f"{sum(1 << k for k in payloads):x}"


@contextmanager
def _naming(title: str) -> Iterator[None]:
    try:
        yield
    except (codec.CodecError, PacketError) as error:
        raise type(error)(f"{title}: {error}") from error


@dataclass(frozen=True)
class _Recipe:
    """A codec to load; equal recipes make equal codecs."""

    name: str
    options_digest: str
    options: dict[str, Any] = field(compare=False)


def _load_codec(name: str, options: dict[str, Any]) -> codec.Codec:
    """The codec, which stays in memory for the next sending. Raises CodecError."""
    return _made(_Recipe(name, options_digest(options), options))


@lru_cache(maxsize=8)
def _made(recipe: _Recipe) -> codec.Codec:
    return codec.load_codec(recipe.name, **recipe.options)


@lru_cache(maxsize=8)
def _load_metric(name: str, scored_with: str) -> Metric:
    """The metric, which stays in memory until the digest of its weights is another."""
    return load_metric(name)


def _scored_with(metrics: Sequence[str]) -> dict[str, str]:
    """Digests of the weights of each metric, be they fetched or shipped; of none for one without."""
    found: dict[str, str] = {}
    for name in metrics:
        shipped = Path(judges.__file__).with_name(f"{name}.safetensors")
        paths = [find_weights(each) for each in metric_info(name).files] or [shipped]
        found[f"metric {name}"] = digest(file_digest(path) for path in paths if path and path.is_file())
    return found
