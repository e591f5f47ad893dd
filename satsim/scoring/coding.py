"""Photos coded once, and what is received of them scored once, ever: the sendings and judges of sweeps and studies.

Torch comes in with the first set of packets that is not in the cache.

A cached answer is found again only where nothing it follows from has changed: pixels, codec, options and the files
they name, model, payloads, metrics and their weights, our code and that of codecs and metrics of your own (a file or a
package, not what it imports; what was made in a notebook is known until it is registered anew), libraries, kind of
processor. Of the programs that `external` runs, only files its commands name by path are told apart: after an update
of a program, name another cache folder. Numbers may differ in the last digits between processors of one kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from codec import metrics as judges
from codec.base import Codec, CodecError, stages_of
from codec.files import cache_folder
from codec.loading import CODECS, load_codec
from codec.metrics import METRICS, Metric, find_weights, load_metric, metric_info
from codec.metrics.heap import keep_freed_memory
from codec.photos import reduced
from satsim.scenario.scenario import Scenario, SchemeSpec
from satsim.scoring.cache import Cache
from satsim.scoring.digests import coded_with, file_digest, flat, options_digest, own_code
from satsim.scoring.judge import Judge, Tools, digest, picture_digest
from satsim.scoring.outbox import Picture, Sending, fill_outbox, naming, title_of


def default_folder() -> Path:
    """Where sweeps are cached unless the user says otherwise: inside the folder SATSIM_CACHE, or the platform's own."""
    return cache_folder() / "sweeps"


def prepare(
    scenario: Scenario, scheme: SchemeSpec, reference: Picture, metrics: Sequence[str], cache: Cache
) -> Sending:
    """`reference` coded as `scheme` has it, or its payloads from the cache; loads the codec, but no metric.

    Raises CodecError or PacketError with scenario and scheme named before it.
    """
    title = title_of(scenario, scheme)
    photo = reduced(reference, scheme.scale)
    made_with: dict[str, str] = {}

    def load(options: dict[str, Any]) -> _CachedCoder:
        coder = _load_codec(scheme.codec, options)
        made_with.update(coded_with(scheme.codec, options, coder.model_id))
        return _CachedCoder(coder, cache, digest(["photo", *flat(made_with), picture_digest(photo)]))

    with naming(title):
        outbox = fill_outbox(load, photo, scenario, scheme)
    made_with |= scored_with(metrics)
    shown: list[str | bytes] = [str(photo.shape), picture_digest(reference), *metrics, *outbox.payloads]
    return Sending(
        title=title,
        reference=reference,
        size=(photo.shape[0], photo.shape[1]),
        outbox=outbox,
        codec=scheme.codec,
        options=outbox.options,
        metrics=tuple(metrics),
        key=digest(["scores", *flat(made_with), *shown]),
        made_with=made_with,
    )


class _CachedCoder:
    """A codec that looks into the cache before it encodes the one photo that `key` names."""

    def __init__(self, coder: Codec, cache: Cache, key: str) -> None:
        self.name, self.model_id, self.stages = coder.name, coder.model_id, stages_of(coder)
        self._coder, self._cache, self._key = coder, cache, key

    def encode(self, image: Picture, payload_bytes: int) -> list[bytes]:
        name = f"payloads of {payload_bytes}"
        if (known := self._cache.find(self._key, name)) is not None:
            return [bytes.fromhex(payload) for payload in known]
        payloads: list[bytes] = self._coder.encode(image, payload_bytes)
        self._cache.keep(self._key, name, [payload.hex() for payload in payloads])
        return payloads


def cached_judge(sending: Sending, cache: Cache, pictures: dict[str, Picture] | None = None) -> Judge:
    """The judge of a prepared sending, with all that is known of it on disk; what it decodes goes to `pictures`."""
    return Judge(sending, cache, partial(_tools_for, sending), pictures)


def _tools_for(sending: Sending) -> Tools:
    """Codec and metrics. Raises CodecError where they are not those that the sending was prepared with."""
    keep_freed_memory()
    coder, weighed = _load_codec(sending.codec, sending.options), scored_with(sending.metrics)
    metrics = [_load_metric(name, weighed[f"metric {name}"]) for name in sending.metrics]
    here = coded_with(sending.codec, sending.options, coder.model_id) | weighed
    for name in sorted(here.keys() | sending.made_with.keys()):
        if (found := here.get(name, "missing")) != (wanted := sending.made_with.get(name, "missing")):
            raise CodecError(
                f"{name} is {found} in this process, but {wanted} where the photo was coded; use the same versions"
                " and files everywhere, and start worker processes anew"
            )
    return Tools(coder, metrics)


@dataclass(frozen=True)
class _Recipe:
    """A codec to load; equal recipes make equal codecs."""

    name: str
    digest: str
    """Of the options, and of the code of a codec of your own."""
    options: dict[str, Any] = field(compare=False)


def _load_codec(name: str, options: dict[str, Any]) -> Codec:
    """The codec, which stays in memory for the next sending. Raises CodecError."""
    code = "" if name in CODECS else str(own_code("codec", name))
    return _made(_Recipe(name, options_digest(options) + code, options))


@lru_cache(maxsize=8)
def _made(recipe: _Recipe) -> Codec:
    return load_codec(recipe.name, **recipe.options)


@lru_cache(maxsize=8)
def _load_metric(name: str, scored_with: str) -> Metric:
    """The metric, which stays in memory until the digest of its weights is another."""
    return load_metric(name)


def scored_with(metrics: Sequence[str]) -> dict[str, str]:
    """Digests of the weights of each metric, be they fetched or shipped; of none for one without."""
    found: dict[str, str] = {}
    for name in metrics:
        if name not in METRICS:
            found[f"metric {name}"] = digest(flat(own_code("metric", name)))
            continue
        shipped = Path(judges.__file__).with_name(f"{name}.safetensors")
        paths = [find_weights(each) for each in metric_info(name).files] or [shipped]
        found[f"metric {name}"] = digest(file_digest(path) for path in paths if path and path.is_file())
    return found
