"""Rate-distortion over folders of photos: every codec, rate and metric measured, one row each.

A codec that takes a byte budget is given each of the bits per pixel asked for. A progressive codec is coded once and
decoded after each of its payloads: those are its rates, and a ProGIC payload is one stage. By packets, all are instead
held to the same numbers of payloads of one size.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from codec.base import MAX_SIDE, BudgetError, Codec, CodecError, Image
from codec.evaluation.contenders import Contender, read_contender
from codec.evaluation.rates import load_bjontegaard
from codec.evaluation.rows import Measurement
from codec.folders import few, left_out_of, list_photos, read_each, read_photo
from codec.loading import load_codec
from codec.metrics import METRICS, Metric, choose_metric, load_metric
from codec.progic.codec import ProgicCodec
from codec.progic.layout import packed_bytes
from codec.progic.model import Complexity, complexity
from codec.progic.shape import ProgicConfig

STAGE_BPP = 10 / 16**2
"""Of one stage of the paper's models: 0.0391."""
DEFAULT_BPP = tuple(stages * STAGE_BPP for stages in (1, 2, 3, 5, 8, 12, 20))
"""Up to four times the paper's range, for there the rivals reach the quality of ProGIC."""
DATA_VARIABLE = "SATSIM_DATA"
DEFAULT_DATA = Path(__file__).resolve().parents[2] / "../shared/data"


class Dataset(NamedTuple):
    """A folder of photos at one size: centre squares of `side` pixels, or for None each as it is."""

    name: str
    photos: list[Path]
    folder: Path
    side: int | None
    shortest_side: int
    """Pixels of the smallest side that any picture has."""
    notes: tuple[str, ...] = ()
    """What was done to photos or left out of the folder that a reader would not guess."""


class Rates(NamedTuple):
    """Where the curves are measured: at `bpp`, or, where `packets` are given, with so many packets held."""

    bpp: Sequence[float] = DEFAULT_BPP
    packets: Sequence[int] = ()
    payload_bytes: int = 340
    """Of one packet."""


def open_datasets(folders: Sequence[Path], sides: Sequence[int | None], first: int | None = None) -> list[Dataset]:
    """Each folder at each size (default 256), of at most the `first` photos of its sorted list.

    Without folders, the default sets: kodak as it is and at 256, fire and aerial at 256, below SATSIM_DATA.
    Photos that cannot be read are left out. Raises CodecError where a folder is missing or without photos that can, or
    two folders have one name: all of it now, not after an hour.
    """
    if folders:
        pairs = [(folder, side) for folder in folders for side in sides or [256]]
    else:
        kodak, fire, aerial = (default_folder(name) for name in ("kodak", "fire", "aerial"))
        chosen = [(folder, side) for side in sides for folder in (kodak, fire, aerial)]
        pairs = chosen or [(kodak, None), (kodak, 256), (fire, 256), (aerial, 256)]
    datasets: dict[str, Dataset] = {}
    for folder, side in pairs:
        if not folder.is_dir():
            raise CodecError(f"{folder}: no such folder of photos")
        name = f"{folder.resolve().name}-{'whole' if side is None else side}"
        if name in datasets:
            raise CodecError(f"{folder} and {datasets[name].folder} would both be {name}; rename one, or give one")
        photos = list_photos(folder)[:first]
        shortest, left, notes, kept = MAX_SIDE, list[str](), list[str](), list[Path]()
        for path, (pixels, noted) in read_each(photos, partial(read_photo, side=side), left):
            shortest = min(shortest, *pixels.shape[:2])
            notes += noted
            kept.append(path)
        datasets[name] = Dataset(name, kept, folder, side, shortest, (*left_out_of(folder), *few(left), *few(notes)))
    return list(datasets.values())


def default_folder(name: str) -> Path:
    """One of the default sets; CodecError, with the mend, where it is missing."""
    data = Path(os.environ.get(DATA_VARIABLE) or DEFAULT_DATA).resolve()
    folder = data / "eval" / name
    if not folder.is_dir():
        raise CodecError(
            f"{folder}: no such folder; give photos of your own, or name by {DATA_VARIABLE} a folder that holds"
            " eval/kodak, eval/fire and eval/aerial"
        )
    return folder


def default_photo() -> Path:
    """The first of kodak. Raises CodecError as `default_folder` does."""
    return list_photos(default_folder("kodak"))[0]


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


def evaluate(
    dataset: Dataset, rivals: Sequence[Contender], metrics: Sequence[str] | None, rates: Rates
) -> Iterator[list[Measurement]]:
    """The rows of one photo and codec at a time, all codecs of a photo after each other.

    Raises CodecError for an unknown metric and, naming the photo, for one that cannot be read, coded or scored.
    """
    import torch

    scorers = [load_metric(each) for each in metrics] if metrics else metrics_at_hand(dataset.shortest_side)
    for path in dataset.photos:
        image = read_photo(path, dataset.side).pixels
        height, width = image.shape[:2]
        for rival in rivals:
            rows: list[Measurement] = []
            try:
                for rate, codec, received, encode_s in _sent(rival, image, rates):
                    began = time.perf_counter()
                    picture = codec.decode(received, height, width) if received else None
                    decode_s = time.perf_counter() - began
                    size = sum(map(len, received.values()))
                    cost = _cost(codec.config, height, width) if isinstance(codec, ProgicCodec) else None
                    rows += [
                        Measurement(
                            dataset=dataset.name,
                            image=path.relative_to(dataset.folder).as_posix(),
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
                            threads=torch.get_num_threads(),
                            metric=scorer.name,
                            value=None if picture is None else scorer(image, picture),
                        )
                        for scorer in scorers
                    ]
            except CodecError as error:
                raise CodecError(f"{path}: {rival.label}: {error}") from error
            yield rows


def _sent(rival: Contender, image: Image, rates: Rates) -> Iterator[tuple[int, Codec, dict[int, bytes], float]]:
    """Rate, codec, payloads held and seconds of encoding, for each rate."""
    budgets = [held * rates.payload_bytes for held in rates.packets] or budgets_of(image, rates.bpp)
    room = rates.payload_bytes if rates.packets else 0
    if rival.codec is None:
        for rate, budget in zip(rates.packets or range(1, len(budgets) + 1), budgets, strict=True):
            codec = load_codec(rival.name, budget_bytes=budget, **rival.options)
            began = time.perf_counter()
            try:
                payloads = codec.encode(image, room or budget)
            except BudgetError:
                payloads = []
            yield rate, codec, dict(enumerate(payloads)), time.perf_counter() - began
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


def set_threads(threads: int | None) -> None:
    """Let torch use so many threads; None: as many as it likes."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
