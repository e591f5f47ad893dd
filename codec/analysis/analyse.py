"""What a ProGIC model says with its bits: photos coded, codewords counted, pictures shown from any of the stages.

Numbers only, after appendix C of the paper: `range_coding` has what entropy coding would save, `latents` the maps of
latents, `output` the folder they all end in.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from codec.base import Image
from codec.folders import list_photos, read_each, read_photo
from codec.progic.layout import Indices, packed_bytes

Floats = npt.NDArray[np.floating[Any]]
MAP_CELLS = 256
"""Latent cells of each photo that maps and their numbers are made of: all of a 256x256 photo, else a random sample."""


@dataclass(frozen=True)
class Coded:
    """One photo and what the model made of it."""

    name: str
    image: Image
    indices: Indices
    """int64[N, h, w]."""
    cells: Indices
    """int64[n]: raster positions of the cells kept in `latents`."""
    latents: Floats
    """float32[n, C2]: y of eq. 1 at those cells, not quantized."""
    luminance: Floats
    """float[n]: mean luma of the pixels that each of them covers, 0 to 255."""
    notes: tuple[str, ...] = ()
    """On the photo's file."""


class StageUse(NamedTuple):
    """How a folder's photos use the codewords of one stage (Fig. 12)."""

    folder: str
    stage: int
    images: int
    indices: int
    """n, the sample: all cells of all photos."""
    used: int
    """Codewords met at least once."""
    used_share: float
    plug_in_bits: float
    """Entropy of the observed shares: too low on average, by about (K - 1) / (2 n ln 2) bits."""
    corrected_bits: float
    """The same after Miller and Madow, at most log2 K; still low where cells of one photo are alike."""
    jackknife_bits: float
    """The delete-one-photo jackknife's estimate, at most log2 K, which allows for such likeness; NaN for one photo."""
    standard_error_bits: float
    """Over photos, by the same jackknife; NaN for one photo."""
    uniform_bits: float
    """What `plug_in_bits` would be on average if n independent indices used all codewords equally."""
    perplexity: float
    """2^corrected_bits: as many codewords, equally used, have that entropy."""


class Score(NamedTuple):
    """One photo's picture from some of its stages, scored."""

    folder: str
    image: str
    held: int
    """Stages held."""
    lost: int
    """0: the first `held` are held; else this one of all N was lost."""
    bpp: float
    """Of the stages held, sent raw."""
    metric: str
    value: float


def code_folder(folder: Path, model: Any, side: int | None) -> Iterator[Coded]:
    """Every photo below `folder` in turn, coded by a ProGIC `model`. Raises CodecError where there is none."""
    photos = read_each(list_photos(folder), partial(read_photo, side=side), [])
    for number, (path, (image, notes)) in enumerate(photos):
        yield code_photo(str(path.relative_to(folder)), image, notes, number, model)


def code_photo(name: str, image: Image, notes: Sequence[str], number: int, model: Any) -> Coded:
    """One photo coded by a ProGIC `model`; `number` is its own within its folder, and seeds the sample of cells."""
    import torch

    from codec.progic.codec import to_tensor

    f = model.config.downsampling
    with torch.inference_mode():
        x = to_tensor(image, f)
        y = model.analysis(x)
        indices = model.quantizer.encode(y)[0].numpy()
        luma = torch.nn.functional.avg_pool2d(x[0].mul(127.5).add(127.5), f).numpy()
    count = indices[0].size
    cells = np.sort(np.random.default_rng(number).permutation(count)[:MAP_CELLS])
    vectors = y[0].flatten(1).T.numpy()[cells]
    luminance = np.tensordot([0.299, 0.587, 0.114], luma, 1).reshape(-1)[cells]
    return Coded(name, image, indices, cells, vectors, luminance, tuple(notes))


def show(model: Any, photo: Coded, stages: Collection[int]) -> Image:
    """The picture uint8[H, W, 3] that `stages` (numbers 1 to N) of the photo's stages give, the others lost."""
    import torch

    from codec.progic.codec import to_image

    grid = np.full_like(photo.indices, -1)
    for stage in stages:
        grid[stage - 1] = photo.indices[stage - 1]
    with torch.inference_mode():
        picture = to_image(model.decode(torch.from_numpy(grid)[None]))
    return picture[: photo.image.shape[0], : photo.image.shape[1]]


def stage_bytes(photo: Coded, bits: int) -> int:
    """Bytes of one of the photo's stages, packed as it is sent."""
    return packed_bytes(photo.indices[0].size, bits)


def count_codewords(indices: Indices, codewords: int) -> Indices:
    """Uses int64[N, K] of each codeword in int64[N, h, w]."""
    return np.stack([np.bincount(stage.reshape(-1), minlength=codewords) for stage in indices])


def entropy_bits(counts: Indices) -> float:
    """Plug-in entropy in bits of what was counted int64[K] times: 0 for a constant, log2 K for equal use."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def miller_madow_bits(counts: Indices) -> float:
    """Plug-in entropy plus (m - 1) / (2 n ln 2) bits for m values met in n draws, but at most log2 K."""
    raised = entropy_bits(counts) + (np.count_nonzero(counts) - 1) / (2 * counts.sum() * math.log(2))
    return min(float(raised), math.log2(len(counts)))


def uniform_plug_in_bits(draws: int, codewords: int) -> float:
    """Mean plug-in entropy in bits of `draws` independent, equally likely draws among `codewords`: exactly:

    E[H] = log2 n - K / n * sum over c of P(c) c log2 c, with c binomial of n draws at 1 / K.
    """
    if codewords == 1:
        return 0.0
    expected = 0.0
    log_hit, log_miss = math.log(1 / codewords), math.log1p(-1 / codewords)
    for c in range(2, draws + 1):
        log_choose = math.lgamma(draws + 1) - math.lgamma(c + 1) - math.lgamma(draws - c + 1)
        chance = math.exp(log_choose + c * log_hit + (draws - c) * log_miss)
        expected += chance * c * math.log2(c)
        if c > draws / codewords and chance < 1e-18:
            break
    return math.log2(draws) - codewords / draws * expected


def codeword_use(folder: str, counts: Indices) -> list[StageUse]:
    """A row a stage from uses int64[images, N, K], one table a photo."""
    images, stages, codewords = counts.shape
    rows = []
    for stage in range(stages):
        mine = counts[:, stage]
        all_of_them = mine.sum(axis=0)
        plug_in, draws = entropy_bits(all_of_them), int(all_of_them.sum())
        jackknife = error = math.nan
        if images > 1:
            without = np.array([entropy_bits(all_of_them - one) for one in mine])
            raised = images * plug_in - (images - 1) * without.mean()
            jackknife = min(float(raised), math.log2(codewords))
            error = math.sqrt((images - 1) * float(without.var()))
        used, corrected = int(np.count_nonzero(all_of_them)), miller_madow_bits(all_of_them)
        facts = folder, stage + 1, images, draws, used, used / codewords
        estimates = plug_in, corrected, jackknife, error, uniform_plug_in_bits(draws, codewords), 2**corrected
        rows.append(StageUse(*facts, *estimates))
    return rows
