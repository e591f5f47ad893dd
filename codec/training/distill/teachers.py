"""The teachers of `codec/metrics/dists_lite.py`, taken apart, and the pictures they judge.

The teacher is (LPIPS-squeeze + DISTS-VGG19) / 2. DISTS-VGG19 is the similarity of Ding et al. 2020, eqs. 4 to 6, with
a floor of 1 for pictures of 0 to 255, its two terms averaged, over four maps of equal weight: the picture, and
relu1_2, relu2_2 and relu3_4 of the original VGG-19. It is not the official DISTS, nor quite the judge of the same name
in `benchmarks/quality.py`, which has a floor of 1e-6 for all maps and takes the picture as 0 to 1: their scores differ
in the third decimal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from codec.base import Image
from codec.files import replacing
from codec.metrics.dists_lite import similarities
from codec.metrics.lpips import load_lpips
from codec.progic.model import ProGIC
from codec.training.crops import Photos, random_crops
from codec.training.distill.distortions import CODECS, SYNTHETIC, progic_pictures
from codec.training.losses import VggFeatureLoss

STAGES = ("1", "2", "3", "4", "5")
SIZES = ((64, 0.75), (96, 0.15), (128, 0.1))
"""Sides of crops in pixels, and their shares. Small ones cost little and teach as much, picture for picture."""


class Teachers:
    """LPIPS-squeeze and DISTS-VGG19, taken apart."""

    def __init__(self, vgg_weights: Path) -> None:
        self.lpips = load_lpips("squeeze")
        self.vgg = VggFeatureLoss(vgg_weights).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def features(self, pictures: Image, networks: Sequence[str] = ("squeeze", "vgg")) -> dict[str, list[Tensor]]:
        """Of uint8[B, H, W, 3]: "squeeze", weighted so that LPIPS is their squared distance; "vgg", picture first."""
        x = torch.from_numpy(pictures.astype(np.float32)).permute(0, 3, 1, 2)
        x = x.contiguous(memory_format=torch.channels_last)
        taps = {}
        if "squeeze" in networks:
            pairs = zip(self.lpips.heads, self.lpips.features(x / 255), strict=True)
            taps["squeeze"] = [head.clamp(min=0).sqrt() * tap for head, tap in pairs]
        if "vgg" in networks:
            taps["vgg"] = [x, *self.vgg.features(x / 127.5 - 1)]
        return taps

    @staticmethod
    def terms(photo: dict[str, list[Tensor]], pictures: dict[str, list[Tensor]]) -> Tensor:
        """float[B, 15]: seven layers of LPIPS, and texture and structure of the four maps of DISTS-VGG19."""
        layers = [
            (a - b).square().sum(1).mean((1, 2)) for a, b in zip(photo["squeeze"], pictures["squeeze"], strict=True)
        ]
        for a, b in zip(photo["vgg"], pictures["vgg"], strict=True):
            layers += [1 - term.mean(1) for term in similarities(a, b, floor=1.0)]
        return torch.stack(layers, 1)


TO_LPIPS = torch.tensor([1.0] * 7 + [0.0] * 8)
TO_DISTS = torch.tensor([0.0] * 7 + [1 / 8] * 8)
TO_TEACHER = (TO_LPIPS + TO_DISTS) / 2
"""What the fifteen terms add up to."""


def damaged(photo: Image, models: Sequence[ProGIC], rng: np.random.Generator) -> list[Image]:
    """Six versions: a mixture, ProGIC's stages and a hole, or two kinds at three strengths."""
    others = {**CODECS, **SYNTHETIC}
    cheap = [name for name in CODECS if name != "vvc"] + (["vvc"] if rng.random() < 0.1 else [])
    model = models[int(rng.integers(len(models)))]
    lot = rng.random()
    if lot < 0.25:
        return progic_pictures(model, photo, [*STAGES, "hole"], rng)
    if lot < 0.5:
        kinds = [str(rng.choice(cheap)), str(rng.choice(list(SYNTHETIC)))]
        strengths = np.sort(rng.random((2, 3)))
        return [others[kind](photo, float(s), rng) for kind, row in zip(kinds, strengths, strict=True) for s in row]
    pictures = progic_pictures(model, photo, [str(rng.choice(STAGES)), *rng.choice(["hole", "swap", "shake"], 1)], rng)
    for kind in [*rng.choice(cheap, 2), *rng.choice(list(SYNTHETIC), 2)]:
        base = pictures[0] if kind in SYNTHETIC and rng.random() < 0.3 else photo
        pictures.append(others[str(kind)](base, rng.random(), rng))
    return pictures


def make_shard(
    path: Path, photos: Photos, count: int, teachers: Teachers, models: Sequence[ProGIC], seed: list[int]
) -> None:
    """Write `pictures` uint8[count, 7, S, S, 3], a photo's crop first, and `terms` float[count, 6, 15]."""
    rng = np.random.default_rng(seed)
    size = int(rng.choice([side for side, _ in SIZES], p=[share for _, share in SIZES]))
    pictures, terms = [], []
    for photo in random_crops(photos, count, size, rng):
        pictures.append(np.stack([photo, *damaged(photo, models, rng)]))
        seen = teachers.features(pictures[-1])
        first = {name: [tap[:1] for tap in taps] for name, taps in seen.items()}
        terms.append(teachers.terms(first, {name: [tap[1:] for tap in taps] for name, taps in seen.items()}))
    with replacing(path) as partial:
        save_file({"pictures": torch.from_numpy(np.stack(pictures)), "terms": torch.stack(terms)}, partial)
