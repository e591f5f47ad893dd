"""Rows of an evaluation, measured once for all items and kept as each photo and codec is done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from codec.base import CodecError
from codec.evaluation.contenders import read_contender
from codec.evaluation.datasets import default_folder, open_datasets
from codec.evaluation.evaluate import STAGE_BPP, STAND_INS, Rates, evaluate
from codec.evaluation.rows import Measurement
from codec.folders import list_photos
from codec.metrics import METRICS, find_weights, metric_info
from codec.paper.disk import Files
from codec.paper.result import Asked

RIVALS = ("vvc", "avif")
ANCHOR = "vvc"
"""VVenC, which stands for the paper's VTM: another encoder of the same format."""
STAGES = (1, 2, 3, 5, 9, 20)
RATES = Rates(bpp=[stages * STAGE_BPP for stages in STAGES])
"""A rival's k-th has the bytes of `STAGES[k]` of ProGIC's stages; the last lets it reach their quality."""
SETS = ("kodak", "tecnick", "div2k", "clic")


def ours(asked: Asked) -> str:
    """Our codec, as rows name it."""
    return f"progic:model={asked.model}"


def at_hand(name: str) -> str:
    """The metric itself where its weights are here, else the one that stands for it."""
    return name if all(map(find_weights, METRICS[name].files)) else STAND_INS[name]


def stands_for(name: str) -> str:
    """What was measured in place of `name`, in words; nothing for itself."""
    found = at_hand(name)
    return "" if found == name else f"{METRICS[found].label} for {METRICS[name].label}"


def set_folder(name: str) -> Path:
    """A set's photos. Raises CodecError where it is not here, without naming the machine's own folders."""
    try:
        return default_folder(name)
    except CodecError:
        raise CodecError(f"its photos are not here: the folder eval/{name} below SATSIM_DATA") from None


def counted_sets() -> str:
    """The paper's sets that are here, and our photos of fires, with the number of photos in each."""
    counts = []
    for name in (*SETS, "fire"):
        try:
            counts.append(f"{name}-{len(list_photos(default_folder(name)))}")
        except CodecError:
            continue
    return " ".join(counts)


def measure(
    asked: Asked, name: str, side: int | None = None, rivals: Sequence[str] = RIVALS, also: Sequence[str] = ()
) -> list[Measurement]:
    """Every row of a set's photos by ours and the rivals, `also` by further metrics.

    Such as are kept from another item or run are not made again. Raises CodecError where the set is missing.
    """
    asked.tell(f"{name}: reading its photos")
    [dataset] = open_datasets([set_folder(name)], [side], asked.photos)
    metrics = [at_hand("lpips-vgg"), at_hand("dists"), "ms-ssim", "psnr", *also]
    metrics = [each for each in metrics if metric_info(each).min_side <= dataset.shortest_side]
    contenders = [read_contender(each) for each in (ours(asked), *rivals)]
    began, already = time.monotonic(), list[int]()

    def progress(done: int, of: int) -> None:
        already.append(done)
        new = done - already[0]
        left = f", about {(time.monotonic() - began) / new * (of - done) / 60:.0f} min left" if new else ""
        asked.tell(f"{dataset.name}: {done} of {of} photos and codecs measured{left}")

    return evaluate([dataset], contenders, metrics, RATES, workers=asked.workers, kept=Files(asked.out / "measured"),
                    made_with=asked.made_with, progress=progress)[0]  # fmt: skip


def photos_of(rows: Sequence[Measurement]) -> list[str]:
    """The photos that rows are of."""
    return list(dict.fromkeys(row.image for row in rows))


def counted(rows: Sequence[Measurement]) -> str:
    """Set and number of photos, in words."""
    sizes = {f"{row.width}x{row.height}" for row in rows}
    return f"{rows[0].dataset}, {len(photos_of(rows))} ({', '.join(sorted(sizes))})"
