"""Rate-distortion over folders of photos: every codec, rate and metric measured, one row each.

A codec that takes a byte budget is given each of the bits per pixel asked for. A progressive codec is coded once and
decoded after each of its payloads: those are its rates, and a ProGIC payload is one stage. By packets, all are instead
held to the same numbers of payloads of one size.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from codec.base import BudgetError, Codec, CodecError, Image
from codec.evaluation.contenders import Contender, read_contender
from codec.evaluation.datasets import Dataset, pixels_digest
from codec.evaluation.rates import load_bjontegaard
from codec.evaluation.rows import Measurement, pack_rows, unpack_rows
from codec.evaluation.work import Form, Kept, Progress, Workers, answers, name_of
from codec.folders import read_photo
from codec.loading import load_codec
from codec.metrics import METRICS, Metric, choose_metric, find_weights, load_metric, metric_info
from codec.progic.codec import ProgicCodec
from codec.progic.layout import packed_bytes
from codec.progic.model import Complexity, complexity
from codec.progic.shape import ProgicConfig
from codec.rivals.fixed_rate import FixedRateCodec
from codec.rivals.written import Written

STAGE_BPP = 10 / 16**2
"""Of one stage of the paper's models: 0.0391."""
DEFAULT_BPP = tuple(stages * STAGE_BPP for stages in (1, 2, 3, 5, 8, 12, 20))
"""Up to four times the paper's range, for there the rivals reach the quality of ProGIC."""


class Rates(NamedTuple):
    """Where the curves are measured: at `bpp`, or, where `packets` are given, with so many packets held."""

    bpp: Sequence[float] = DEFAULT_BPP
    packets: Sequence[int] = ()
    payload_bytes: int = 340
    """Of one packet."""


def gather(texts: Sequence[str], settings: Sequence[str], anchor: str | None) -> tuple[list[Contender], str | None]:
    """The codecs that `texts` name, each once, the anchor among them, and the anchor's label.

    Raises CodecError for what `read_contender` does not take, and for an anchor without the package it needs.
    """
    rivals = {rival.label: rival for rival in (read_contender(text, settings) for text in texts)}
    if anchor is None:
        return list(rivals.values()), None
    load_bjontegaard()
    if anchor not in rivals:
        added = read_contender(anchor)
        rivals.setdefault(added.label, added)
        anchor = added.label
    return list(rivals.values()), anchor


def metrics_at_hand(shortest_side: int) -> list[Metric]:
    """Every metric whose weights are here and that can score pictures with such a side, best first."""
    chosen = (choose_metric(name, shortest_side=shortest_side) for name in METRICS)
    return [metric for metric, notice in chosen if notice is None]


STAND_INS = {"dists": "dists-lite", "lpips-vgg": "lpips-squeeze"}
"""What is likest to a metric whose weights are not here, if it is here itself."""


def metrics_asked(names: Sequence[str], shortest_side: int) -> tuple[list[str], list[str]]:
    """Names of the metrics to score by, each once, and a line for each whose weights are missing: it has a stand-in.

    Raises CodecError for an unknown name, and for one of pictures that are too small for it.
    """
    chosen, notes = dict[str, None](), []
    for name in names:
        info = metric_info(name)
        if info.min_side > shortest_side:
            raise CodecError(f"{info.label} needs sides of at least {info.min_side} pixels; one has {shortest_side}")
        missing = [file for file in info.files if find_weights(file) is None]
        metric = choose_metric(STAND_INS.get(name, name), shortest_side=shortest_side)[0] if missing else info
        if missing:
            notes.append(
                f"{metric.label} stands in for {info.label}, whose weights are missing"
                f" (mend: `satsim weights fetch {info.name}`)"
            )
        chosen[metric.loads_as or metric.name] = None
    return list(chosen), notes


class Job(NamedTuple):
    """One photo by one codec, at every rate and by every metric."""

    dataset: str
    path: Path
    image: str
    """Path inside the folder."""
    side: int | None
    digest: str
    """Of its pixels when the set was opened."""
    rival: str
    """Label of the codec."""
    metrics: tuple[str, ...]
    rates: Rates
    threads: int
    """Of torch."""
    round: str
    """Codecs and metrics of another round are loaded anew, since their files may be others."""


def evaluate(
    datasets: Sequence[Dataset],
    rivals: Sequence[Contender],
    metrics: Sequence[str] | None,
    rates: Rates,
    *,
    threads: int = 1,
    workers: Workers | None = None,
    kept: Kept | None = None,
    made_with: Callable[[Contender, Sequence[str]], str] = lambda rival, metrics: "",
    progress: Progress = lambda done, of: None,
) -> tuple[list[Measurement], list[str]]:
    """The rows of all sets, photo by photo, of each photo codec by codec; and lines on metrics that stand in.

    Whoever the workers are and however many, rows differ in times alone. With `kept`, rows are there as soon as they
    are measured, and such as were measured of the same photo, codec, rates and metrics with the same `made_with` (what
    else they follow from: weights, files, versions) are taken from there. Raises CodecError for an unknown metric and,
    naming the photo, for one that cannot be read, coded or scored.
    """
    jobs, names, notes, made = list[Job](), list[str](), list[str](), dict[tuple[str, ...], str]()
    round_ = secrets.token_hex(8)
    for dataset in datasets:
        if metrics:
            scorers, said = metrics_asked(metrics, dataset.shortest_side)
            notes += said
        else:
            scorers = [metric.loads_as or metric.name for metric in metrics_at_hand(dataset.shortest_side)]
        for path, digest in zip(dataset.photos, dataset.digests, strict=True):
            image = path.relative_to(dataset.folder).as_posix()
            for rival in rivals:
                known = (rival.label, *scorers)
                made[known] = made.get(known) or made_with(rival, scorers)
                about = (dataset.name, image, dataset.side, digest, rival.label, tuple(scorers), rates, threads)
                names.append(name_of(*about, made[known]))
                jobs.append(Job(about[0], path, *about[1:], round_))
    form = Form(pack_rows, unpack_rows)
    parts = answers(measure, jobs, names=names, form=form, workers=workers, kept=kept, progress=progress)
    return [row for part in parts for row in part], list(dict.fromkeys(notes))


def measure(job: Job) -> list[Measurement]:
    """The rows of one photo and codec. Raises CodecError that names both."""
    set_threads(job.threads)
    rival, scorers = contender_of(job.rival, job.round), [_metric(name, job.round) for name in job.metrics]
    image = read_photo(job.path, job.side).pixels
    if pixels_digest(image) != job.digest:
        raise CodecError(f"{job.path}: has changed since the evaluation began; begin anew")
    height, width = image.shape[:2]
    rows: list[Measurement] = []
    try:
        for rate, codec, received, encode_s in sent(rival, image, job.rates):
            began = time.perf_counter()
            picture = codec.decode(received, height, width) if received else None
            decode_s = time.perf_counter() - began
            size = sum(map(len, received.values()))
            cost = _cost(codec.config, height, width) if isinstance(codec, ProgicCodec) else None
            rows += [
                Measurement(
                    dataset=job.dataset,
                    image=job.image,
                    width=width,
                    height=height,
                    codec=rival.label,
                    model_id=f"{codec.model_id:08x}",
                    parameters=cost.parameters if cost else None,
                    gflops=cost.flops / 1e9 if cost else None,
                    rate=rate,
                    bytes=size,
                    bpp=8 * size / (height * width),
                    encode_s=encode_s,
                    decode_s=decode_s,
                    threads=job.threads,
                    metric=scorer.name,
                    value=None if picture is None else scorer(image, picture),
                )
                for scorer in scorers
            ]
    except CodecError as error:
        raise CodecError(f"{job.path}: {rival.label}: {error}") from error
    return rows


@lru_cache(maxsize=16)
def contender_of(label: str, round_: str) -> Contender:
    """The codec of that label, loaded once a round."""
    return read_contender(label)


@lru_cache(maxsize=16)
def _metric(name: str, round_: str) -> Metric:
    return load_metric(name)


def sent(rival: Contender, image: Image, rates: Rates) -> Iterator[tuple[int, Codec, dict[int, bytes], float]]:
    """Rate, codec, payloads held and seconds of encoding, for each rate."""
    budgets = [held * rates.payload_bytes for held in rates.packets] or budgets_of(image, rates.bpp)
    room = rates.payload_bytes if rates.packets else 0
    if rival.codec is None:
        written = None
        for rate, budget in zip(rates.packets or range(1, len(budgets) + 1), budgets, strict=True):
            codec = load_codec(rival.name, budget_bytes=budget, **rival.options)
            if isinstance(codec, FixedRateCodec):
                codec.written = written = written or Written(codec.form, image)
            began = time.perf_counter()
            try:
                payloads = codec.encode(image, room or budget)
            except BudgetError:
                payloads = []
            spared_s = written.spared_s if written else 0.0
            yield rate, codec, dict(enumerate(payloads)), time.perf_counter() - began + spared_s
    else:
        began = time.perf_counter()
        payloads = rival.codec.encode(image, room or payload_room(rival.codec, image, budgets[0]))
        encode_s = time.perf_counter() - began
        for held in rates.packets or range(1, len(payloads) + 1):
            yield held, rival.codec, dict(enumerate(payloads[:held])), encode_s


def budgets_of(image: Image, bpp: Sequence[float]) -> list[int]:
    """Whole bytes that so many bits per pixel are, at least 1."""
    return [max(1, int(each * image.shape[0] * image.shape[1] / 8 + 1e-6)) for each in sorted(set(bpp))]


def payload_room(codec: Codec, image: Image, otherwise: int) -> int:
    """The bytes of one stage for ProGIC, so that each payload is a stage; else `otherwise`."""
    if not isinstance(codec, ProgicCodec):
        return otherwise
    rows, columns = codec.grid(*image.shape[:2])
    return packed_bytes(rows * columns, codec.config.index_bits)


@lru_cache(maxsize=256)
def _cost(config: ProgicConfig, height: int, width: int) -> Complexity:
    return complexity(config, height, width)


def set_threads(threads: int) -> None:
    """Let torch use so many threads."""
    import torch

    torch.set_num_threads(threads)
