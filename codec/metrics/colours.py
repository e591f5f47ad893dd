"""How far off colours are as eyes see them: CIEDE2000 (Sharma, Wu and Dalal, 2005) of mean colours of small cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from codec.base import Image

CELL = 8
"""Pixels a side of a cell."""
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""Of linear sRGB, under D65."""
FAR = 25.0**7
Values = npt.NDArray[np.float64]


def colour_error(reference: Image, image: Image) -> float:
    """CIEDE2000 between cells of 8x8 pixels, each by the mean of its sRGB values; mean over cells."""
    return float(ciede2000(to_lab(cell_means(reference)), to_lab(cell_means(image))).mean())


class CellColours:
    """`colour_error` as the metric `ciede2000`, an entry point in pyproject.toml: asked for, never a default."""

    name, label, unit, higher_is_better, min_side = "ciede2000", "CIEDE2000 of 8x8 pixels", "", False, 1
    score = staticmethod(colour_error)


def cell_means(image: Image) -> Values:
    """Mean R, G, B of each cell, 0 to 255; cells at the right and bottom edges may be smaller."""
    total: Any = np.pad(image, ((0, 0), (0, 0), (0, 1)), constant_values=1)
    for axis in (0, 1):
        total = np.add.reduceat(total, np.arange(0, image.shape[axis], CELL), axis=axis, dtype=np.float64)
    return np.asarray(total[..., :3] / total[..., 3:])


def to_lab(rgb: Values) -> Values:
    """CIELAB of sRGB from 0 to 255, under D65; channels last."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = linear @ TO_XYZ.T / TO_XYZ.sum(axis=1)
    x, y, z = np.moveaxis(np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(one: Values, other: Values) -> Values:
    """The difference of two CIELAB colours, channels last; as many differences as there are colours."""
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0)
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - np.sqrt(chroma**7 / (chroma**7 + FAR)) / 2
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = np.where(c1 * c2 == 0, 0, (h2 - h1 + 180) % 360 - 180)
    turn = np.where((turn == -180) & (h2 > h1), 180, turn)
    far_apart = np.abs(h1 - h2) > 180
    hue = np.where(c1 * c2 == 0, h1 + h2, (h1 + h2) / 2 + far_apart * np.where(h1 + h2 < 360, 180, -180))
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * _cos(hue - 30) + 0.24 * _cos(2 * hue) + 0.32 * _cos(3 * hue + 6) - 0.2 * _cos(4 * hue - 63)
    blue = 60 * np.exp(-(((hue - 275) / 25) ** 2))
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + FAR)) * np.sin(np.radians(blue))
    lightness = (l2 - l1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    colour = (c2 - c1) / (1 + 0.045 * chroma)
    tint = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * t)
    return np.asarray(np.sqrt(np.maximum(lightness**2 + colour**2 + tint**2 + rotation * colour * tint, 0)))


def _cos(degrees: Values) -> Values:
    return np.asarray(np.cos(np.radians(degrees)))
