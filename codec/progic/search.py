"""Better indices for the same decoder and the same bytes: gradient steps on the latent, one stage after the other.

A sender has a minute between packets and one photo. What the encoder writes is the nearest codewords, near in the
latent; here the latent is moved so that the *picture* of the codewords nearest to it comes closer to the photo. The
first stage is searched for the picture of one packet, the second for that of two, and so on, so that every packet's
picture gains. Nothing changes for a receiver: payloads are as long, and any of them decode as before.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from codec.base import CodecError, WeightsError
from codec.metrics.dists_lite import DistsLite, load_dists_lite
from codec.metrics.lab import colors_of, difference
from codec.metrics.lpips import Lpips, load_lpips
from codec.options import check_search
from codec.progic.model import ProGIC, nearest
from codec.progic.shape import Weights

PIXELS, COLORS, LATENT = 2.0, 0.02, 0.5
"""Weights of the mean absolute difference (of -1 to 1), of the colour difference (CIE 1976) of 8x8 means, and of the
mean square by which codewords miss the latent: the encoder learned from more judges than sit here."""
JUDGES = {"lpips-squeeze": {"lpips-squeeze": 1.0, "dists-lite": 0.5}, "dists-lite": {"dists-lite": 1.0}}
"""By the name of a judge, the weights of what looks at pictures through windows. The last needs no download."""
RATE, LAST_RATE = 0.04, 0.004
"""Adam's steps in each coordinate of the latent, the first and the last."""
MOMENTS, TINY = (0.9, 0.95), 1e-12
WINDOWS = ((1, 4), (6, 7))
"""Corners, in pixels down and right, of the windows through which the judges look in turn: LPIPS strides over the
picture, and in step with the decoder's 8x8 blocks alone it would not see errors between them."""
MARGIN = 7
LEAST_SIDE = 32
"""Of a window, in pixels, that the judges can score; smaller photos are searched by all else."""
MOST_PIXELS = 1 << 20
"""A search keeps all layers of decoder and judges for the way back, about 1.1 GiB for each 512x512 pixels."""


class Target(NamedTuple):
    """What pictures of one photo are compared with, worked out once."""

    photo: Tensor
    """float[1, 3, H, W] in -1 to 1, without what fills up its last cells."""
    colors: Tensor
    """CIELAB of its 8x8 means."""
    latent: Tensor
    """float[1, C2, h, w]: what the encoder made of it."""
    views: list[list[list[Tensor]]]
    """Of each window, each judge's features; no window where the photo is too small for the judges."""


class Search:
    """Finds indices of one photo at a time by `steps` gradient steps a stage; deterministic on one machine.

    A step decodes one picture and goes back through the judges and the decoder.
    """

    def __init__(self, weights: Weights, steps: int, judge: str) -> None:
        """Raises CodecError for a number of steps or a judge that is none.

        Raises WeightsError, with the mend, where the judge's own weights are not at hand.
        """
        check_search(steps, judge)
        with torch.device("meta"):
            model = ProGIC(weights.config)
        arrays = {name: torch.from_numpy(array) for name, array in weights.arrays.items()}
        model.load_state_dict(arrays, assign=True)
        self._model, self._steps = model.eval().requires_grad_(False), steps
        self._judges = [(weight, load_judge(name)) for name, weight in JUDGES[judge].items()]

    def encode(self, x: Tensor, height: int, width: int, stages: int) -> Tensor:
        """Indices int64[1, stages, h, w] of float[1, 3, H, W] in -1 to 1, whose height x width pixels are shown.

        After the same stages before, no stage's picture has a greater loss than by the nearest codewords.
        Raises CodecError for photos of more than MOST_PIXELS.
        """
        if height * width > MOST_PIXELS:
            raise CodecError(
                f"search: the photo has {width}x{height} pixels; expected at most {MOST_PIXELS} together "
                "(make it smaller, or leave out search)"
            )
        target = self._look(x, height, width)
        wanted, sent, found = target.latent, torch.zeros_like(target.latent), []
        for stage in range(stages):
            wanted, index = self._search(stage, wanted, sent, target)
            sent = sent + self._words(stage, index)
            found.append(index)
        return torch.stack(found, dim=1)

    @torch.no_grad()
    def losses(self, x: Tensor, height: int, width: int, indices: Tensor) -> list[float]:
        """What is searched for the least of, after each stage of int64[1, N, h, w]; `x` and its sides as above."""
        target = self._look(x, height, width)
        sent, losses = torch.zeros_like(target.latent), []
        for stage in range(indices.shape[1]):
            sent = sent + self._words(stage, indices[:, stage])
            losses.append(float(self._loss(sent, stage, target)))
        return losses

    @torch.no_grad()
    def _look(self, x: Tensor, height: int, width: int) -> Target:
        photo = x[..., :height, :width]
        views = [self._features(photo, window) for window in windows_of(photo)]
        return Target(photo, colors_of(photo), self._model.analysis(x), views)

    def _features(self, picture: Tensor, window: tuple[slice, ...]) -> list[list[Tensor]]:
        return [judge.features((picture[window] + 1) / 2) for _, judge in self._judges]

    def _words(self, stage: int, index: Tensor) -> Tensor:
        """Codewords float[1, C2, h, w] of int64[1, h, w]."""
        return functional.embedding(index, self._model.quantizer.codebooks[stage]).permute(0, 3, 1, 2)

    def _nearest(self, stage: int, latent: Tensor) -> Tensor:
        """Indices int64[1, h, w] of the codewords nearest to float[1, C2, h, w]."""
        cells = latent.permute(0, 2, 3, 1)
        return nearest(cells.flatten(0, 2), self._model.quantizer.codebooks[stage]).view(cells.shape[:3])

    def _search(self, stage: int, wanted: Tensor, sent: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """The latent to go on from, and the indices of one stage; `sent` is the sum of the codewords before."""
        first = self._nearest(stage, wanted - sent)
        moved = wanted.clone().requires_grad_()
        mean, square = torch.zeros_like(wanted), torch.zeros_like(wanted)
        for step in range(self._steps):
            with torch.no_grad():
                reached = sent + self._words(stage, self._nearest(stage, moved - sent))
            latent = moved + (reached - moved).detach()  # the value of the codewords, the slope of the latent
            window = slice(step % len(WINDOWS), step % len(WINDOWS) + 1)
            (slope,) = torch.autograd.grad(self._loss(latent, stage, target, window), moved)
            with torch.no_grad():
                mean.lerp_(slope, 1 - MOMENTS[0])
                square.lerp_(slope.square(), 1 - MOMENTS[1])
                fair = [1 - moment ** (step + 1) for moment in MOMENTS]
                rate = RATE + (LAST_RATE - RATE) * step / self._steps
                moved -= rate * (mean / fair[0]) / ((square / fair[1]).sqrt() + TINY)
        moved = moved.detach()
        last = self._nearest(stage, moved - sent)
        with torch.no_grad():
            before, after = (self._loss(sent + self._words(stage, index), stage, target) for index in (first, last))
        return (moved, last) if after < before else (wanted, first)

    def _loss(self, latent: Tensor, stage: int, target: Target, windows: slice = slice(None)) -> Tensor:
        """Of the picture that `stage` + 1 stages make; the judges look through some of the windows."""
        height, width = target.photo.shape[2:]
        picture = self._model.synthesis(latent, torch.tensor([stage + 1]))[..., :height, :width]
        loss: Tensor = PIXELS * (picture - target.photo).abs().mean()
        loss = loss + COLORS * difference(colors_of(picture), target.colors).mean()
        loss = loss + LATENT * (latent - target.latent).square().mean()
        looks = list(zip(windows_of(picture), target.views, strict=True))[windows]
        for window, views in looks:
            for (weight, judge), seen, expected in zip(
                self._judges, self._features(picture, window), views, strict=True
            ):
                loss = loss + weight / len(looks) * judge.distance(expected, seen).mean()
        return loss


def load_judge(name: str) -> Lpips | DistsLite:
    """A judge, frozen. Raises WeightsError, with the mend, where its weights are missing."""
    if name == "dists-lite":
        return load_dists_lite()
    try:
        return load_lpips("squeeze").requires_grad_(False)
    except WeightsError as error:
        raise WeightsError(f"search: {error}; or search by what ships, with judge=dists-lite") from error


def windows_of(photo: Tensor) -> list[tuple[slice, ...]]:
    """Windows of one size, off the 8x8 grid; none where a photo is too small for the judges."""
    height, width = (side - MARGIN for side in photo.shape[2:])
    if min(height, width) < LEAST_SIDE:
        return []
    return [(slice(None), slice(None), slice(top, top + height), slice(left, left + width)) for top, left in WINDOWS]
