"""Maps of ProGIC's latents and of what each stage adds to them (the paper's Fig. 14, by PCA in place of t-SNE).

PCA keeps distances and tells how much of the variance a map shows; t-SNE does neither, and its clusters depend on its
settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from codec.analysis.analyse import Coded, Floats
from codec.progic.layout import Indices


class StageMap(NamedTuple):
    """A set of latent vectors seen from its two widest directions (Fig. 14)."""

    name: str
    """"latent" for y, then "stage 1" (the base vector) to "stage N" (the residual as that stage quantizes it)."""
    points: Floats
    """float[n, 2]: coordinates on the first two principal axes."""
    counts: Indices
    """int64[n]: cells at each point; a codeword is one point."""
    luminance: Floats
    """float[n]: mean luma of these cells."""
    axis_shares: tuple[float, float]
    """Share of the set's variance along each of the two axes."""
    dimensions: float
    """Participation ratio of the variances, 1 to C2: how many directions the set really spreads over."""
    energy_left: float
    """Mean squared distance of y from the sum of codewords up to this stage, over y's variance; 1 for y itself."""


def map_stages(photos: Sequence[Coded], codebooks: Floats) -> list[StageMap]:
    """The map of y, then one of each stage's codewords as these photos use them; codebooks float[N, K, C2]."""
    latents = np.concatenate([photo.latents for photo in photos]).astype(np.float64)
    luminance = np.concatenate([photo.luminance for photo in photos])
    picked = np.concatenate([photo.indices.reshape(len(codebooks), -1)[:, photo.cells] for photo in photos], axis=1)
    spread = float(latents.var(axis=0).sum())
    maps = [_map("latent", latents, np.ones(len(latents), np.int64), luminance, 1.0)]
    left = latents.copy()
    for stage, codebook in enumerate(codebooks):
        words, place, counts = np.unique(picked[stage], return_inverse=True, return_counts=True)
        left -= codebook[picked[stage]]
        tones = np.bincount(place, weights=luminance) / counts
        energy = float(np.square(left).sum(axis=1).mean()) / spread if spread else math.nan
        maps.append(_map(f"stage {stage + 1}", codebook[words].astype(np.float64), counts, tones, energy))
    return maps


def _map(name: str, vectors: Floats, counts: Indices, luminance: Floats, energy: float) -> StageMap:
    points, shares, dimensions = principal_plane(vectors, counts)
    return StageMap(name, points, counts, luminance, shares, dimensions, energy)


def principal_plane(vectors: Floats, counts: Indices) -> tuple[Floats, tuple[float, float], float]:
    """Coordinates float[n, 2], shares of variance on both axes, and participation ratio of float[n, C], C at least 2.

    Vector k counts int64[n] times. Signs are set so that the largest weight of an axis is positive. Without any
    variance the shares are 0 and the ratio is NaN.
    """
    weights = counts / counts.sum()
    centred = vectors - weights @ vectors
    variances, axes = np.linalg.eigh((centred * weights[:, None]).T @ centred)
    variances, axes = np.clip(variances[::-1], 0, None), axes[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    total = float(variances.sum())
    if total == 0:
        return centred @ axes, (0.0, 0.0), math.nan
    shares = float(variances[0] / total), float(variances[1] / total)
    return centred @ axes, shares, total**2 / float(np.square(variances).sum())
