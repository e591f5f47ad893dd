"""95 % intervals of means over photos, for the other programs of this folder."""

from __future__ import annotations

import numpy as np


def interval(
    values: np.ndarray, divisor: np.ndarray | None = None, resamples: int = 10_000, seed: int = 1
) -> tuple[float, float]:
    """The middle 95 % of bootstrapped means of `values`, or of their ratios to the means of `divisor`, in pairs."""
    rows = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    means = values[rows].mean(1)
    if divisor is not None:
        means = means / divisor[rows].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
