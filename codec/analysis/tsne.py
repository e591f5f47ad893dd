"""t-SNE of van der Maaten and Hinton (2008), exact and in NumPy: the paper's Fig. 14 as the paper drew it.

Distances between clusters mean nothing, and clusters depend on the perplexity; `latents` has maps that keep distances.
"""

from __future__ import annotations

import numpy as np

from codec.analysis.analyse import Floats

EARLY_STEPS, EARLY_PULL = 250, 12.0
"""Steps for which neighbours pull so many times as hard, so that clusters form before they are pushed apart."""


def tsne(vectors: Floats, perplexity: float = 30.0, steps: int = 600, seed: int = 1) -> Floats:
    """A map float64[n, 2] of float[n, C] in which near vectors are near; the same seed, the same map.

    Memory and time of a step grow with the square of n: some thousands at most.
    """
    near = neighbours(np.asarray(vectors, np.float64), min(perplexity, (len(vectors) - 1) / 3))
    rng = np.random.default_rng(seed)
    place = rng.normal(0, 1e-4, (len(vectors), 2))
    speed, gains = np.zeros_like(place), np.ones_like(place)
    rate = max(len(vectors) / EARLY_PULL / 4, 50.0)
    for step in range(steps):
        early = step < EARLY_STEPS
        closeness = 1 / (1 + squared_distances(place))
        np.fill_diagonal(closeness, 0)
        pull = (near * (EARLY_PULL if early else 1.0) - closeness / closeness.sum()) * closeness
        slope = 4 * (pull.sum(axis=1)[:, None] * place - pull @ place)
        gains = np.maximum(np.where(np.sign(slope) != np.sign(speed), gains + 0.2, gains * 0.8), 0.01)
        speed = (0.5 if early else 0.8) * speed - rate * gains * slope
        place = place + speed
        place -= place.mean(axis=0)
    return place


def neighbours(vectors: Floats, perplexity: float) -> Floats:
    """Symmetric probabilities float64[n, n], sum 1: each row's Gaussian is as wide as gives it this perplexity."""
    distances = squared_distances(vectors)
    np.fill_diagonal(distances, np.inf)
    distances -= distances.min(axis=1, keepdims=True)
    low, high = np.zeros((len(vectors), 1)), np.full((len(vectors), 1), np.inf)
    sharpness = np.ones((len(vectors), 1)) / np.maximum(
        np.nanmedian(np.where(np.isinf(distances), np.nan, distances)), 1e-12
    )
    shares = distances
    for _ in range(64):
        shares = np.exp(-distances * sharpness)
        shares /= shares.sum(axis=1, keepdims=True)
        bits = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1, keepdims=True)
        wide = bits > np.log(perplexity)
        low, high = np.where(wide, sharpness, low), np.where(wide, high, sharpness)
        sharpness = np.where(np.isinf(high), 2 * sharpness, (low + high) / 2)
    both: Floats = (shares + shares.T) / (2 * len(vectors))
    return both


def squared_distances(points: Floats) -> Floats:
    """float64[n, n]."""
    squares = np.square(points).sum(axis=1)
    found: Floats = np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0)
    return found
