"""Image pair -> number with a direction: DISTS, LPIPS, DISTS-lite, MS-SSIM, PSNR.

Names, labels and directions are at hand without torch; `load_metric` brings in what a metric needs. The torch modules
behind the numbers (`dists.Dists`, `lpips.Lpips`, `ssim.ms_ssim`) also serve as training losses.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from codec.base import CodecError, Image
from codec.files import cache_folder

if TYPE_CHECKING:
    from torch import Tensor

    from codec.metrics.dists import Dists
    from codec.metrics.dists_lite import DistsLite
    from codec.metrics.lpips import Lpips

__all__ = ["METRICS", "Metric", "MetricInfo", "choose_metric", "find_weights", "load_metric", "metric_info", "psnr"]

Score = Callable[[Image, Image], float]

VGG16, SQUEEZENET = "vgg16_features.safetensors", "squeezenet1_1_features.safetensors"


@dataclass(frozen=True)
class MetricInfo:
    """What is known of a metric before it is loaded."""

    name: str
    """As users type it and rows carry it."""
    label: str
    """As figures show it."""
    unit: str
    higher_is_better: bool
    min_side: int
    """The least height and width, in pixels, that its definition can score."""
    files: tuple[str, ...]
    """Fetched weights it needs, by the names they are kept under: its backbone's, then its own."""
    loads_as: str = ""
    """What `load_metric` knows it by, where that is not its name: one of your own as module:attribute."""


@dataclass(frozen=True)
class Metric(MetricInfo):
    """A metric ready to score; deterministic on one machine and device."""

    score: Score = field(kw_only=True)

    def __call__(self, reference: Image, image: Image) -> float:
        """The score of `image` against `reference`, both uint8[H, W, 3] RGB of one size. Raises CodecError."""
        for role, pixels in (("reference", reference), ("image", image)):
            if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
                raise CodecError(f"{self.label}: {role} is {pixels.dtype}{list(pixels.shape)}; expected uint8[H, W, 3]")
        if reference.shape != image.shape:
            raise CodecError(f"{self.label}: image is {_size(image)} but its reference {_size(reference)}")
        if min(image.shape[:2]) < self.min_side:
            raise CodecError(
                f"{self.label} needs sides of at least {self.min_side} pixels; the image is {_size(image)}"
            )
        return self.score(reference, image)


METRICS = {
    info.name: info
    for info in (
        MetricInfo("dists", "DISTS", "", False, 16, (VGG16, "dists_alpha_beta.safetensors")),
        MetricInfo("lpips-vgg", "LPIPS (VGG-16)", "", False, 16, (VGG16, "lpips_v0.1_vgg_linear.safetensors")),
        MetricInfo(
            "lpips-squeeze", "LPIPS (SqueezeNet)", "", False, 17, (SQUEEZENET, "lpips_v0.1_squeeze_linear.safetensors")
        ),
        MetricInfo("dists-lite", "DISTS-lite (ours)", "", False, 16, ()),
        MetricInfo("ms-ssim", "MS-SSIM", "", True, 161, ()),
        MetricInfo("psnr", "PSNR", "dB", True, 1, ()),
    )
}
"""Every metric by name, the best judge of a picture first; from `dists-lite` on they need no download."""

WHOLE_PIXELS = 1_200_000
"""DISTS-lite takes larger pictures strip by strip: the same score in bounded memory."""


def metric_info(name: str) -> MetricInfo:
    """The entry of `name`. Raises CodecError, with the nearest name, for an unknown one."""
    if name not in METRICS:
        own = load_metric(name)
        return MetricInfo(**{each.name: getattr(own, each.name) for each in fields(MetricInfo)})
    return METRICS[name]


def load_metric(name: str, device: str = "cpu") -> Metric:
    """The metric `name`, its networks loaded onto `device`; one of your own as it is (`codec/own/guards.py`).

    Raises CodecError for an unknown name, WeightsError where its weights are missing or corrupt. Downloads nothing.
    """
    if name not in METRICS:
        from codec.own.guards import own_metric

        return Metric(**own_metric(name))
    return Metric(**asdict(METRICS[name]), score=_score(name, device))


def choose_metric(
    preferred: str = "dists", *, shortest_side: int | None = None, device: str = "cpu"
) -> tuple[Metric, str | None]:
    """The preferred metric, or the best one at hand with one line that says so and how to mend it (else None).

    "At hand" means that its weights are here and, with `shortest_side` (of the images, in pixels), that it
    can score them. The caller must show the line, and name the returned metric in all it writes.
    Raises CodecError for an unknown name, WeightsError where weights are present but corrupt.
    """
    wanted = metric_info(preferred)
    if (obstacle := _obstacle(wanted, shortest_side)) is None:
        return load_metric(preferred, device), None
    chosen = next(info for info in METRICS.values() if _obstacle(info, shortest_side) is None)
    return load_metric(chosen.name, device), f"quality is measured by {chosen.label}, not {wanted.label}: {obstacle}"


def find_weights(kept_as: str) -> Path | None:
    """Where fetched weights lie, by the name they are kept under: the cache folder, then SATSIM_WEIGHTS; or None."""
    folders = [cache_folder()]
    if extra := os.environ.get("SATSIM_WEIGHTS"):
        folders.append(Path(extra).expanduser())
    return next((path for folder in folders if (path := folder / kept_as).is_file()), None)


def psnr(reference: Image, image: Image) -> float:
    """Peak signal-to-noise ratio in dB over all RGB samples, peak 255; infinite for equal images."""
    squared_error = float(np.mean((reference.astype(np.float64) - image.astype(np.float64)) ** 2))
    return float("inf") if squared_error == 0 else float(10 * np.log10(255**2 / squared_error))


def _obstacle(info: MetricInfo, shortest_side: int | None) -> str | None:
    """Why `info` cannot be used now, with the mend, or None."""
    if shortest_side is not None and shortest_side < info.min_side:
        return f"it needs sides of at least {info.min_side} pixels, and the image has {shortest_side}"
    if not all(map(find_weights, info.files)):
        return f"its weights are missing (mend: `satsim weights fetch {info.name}`)"
    return None


def _score(name: str, device: str) -> Score:
    """The function behind a metric's name, on images already checked."""
    if name == "psnr":
        return psnr
    if name == "ms-ssim":
        from codec.metrics.ssim import ms_ssim

        return lambda reference, image: float(ms_ssim(_to_batch(reference, device), _to_batch(image, device)))
    if name == "dists":
        from codec.metrics.dists import load_dists

        return _against_one_reference(load_dists().to(device), device)
    if name == "dists-lite":
        from codec.metrics.dists_lite import load_dists_lite

        network = load_dists_lite().to(device)
        whole = _against_one_reference(network, device)

        def score(reference: Image, image: Image) -> float:
            if image.shape[0] * image.shape[1] <= WHOLE_PIXELS:
                return whole(reference, image)
            from codec.metrics.strips import compare_in_strips

            return compare_in_strips(network, reference, image)

        return score
    from codec.metrics.lpips import load_lpips

    return _against_one_reference(load_lpips("vgg" if name == "lpips-vgg" else "squeeze").to(device), device)


def _against_one_reference(network: Dists | DistsLite | Lpips, device: str) -> Score:
    """Score by a network; the reference's features are kept until another comes, for many images meet one reference."""
    import torch

    held: list[Any] = []

    def score(reference: Image, image: Image) -> float:
        with torch.inference_mode():
            if not held or not np.array_equal(held[0], reference):
                held[:] = [reference.copy(), network.features(_to_batch(reference, device))]
            return float(network.distance(held[1], network.features(_to_batch(image, device))))

    return score


def _to_batch(image: Image, device: str) -> Tensor:
    """uint8[H, W, 3] as float[1, 3, H, W] in [0, 1]."""
    import torch

    return torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None].contiguous().to(device)


def _size(image: Image) -> str:
    return f"{image.shape[1]}x{image.shape[0]} pixels"
