"""Rate-distortion curves that others published: points as their files state them, not measured here.

Each YAML file here is a set: what the points are means of, and for each curve its label, where it is a rival of the
ProGIC paper that rival's name, the file that states it, bits per pixel and, by our names of metrics, the values.
Metrics that are not ours stay in the files and in no figure.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from codec.yaml_reader import read_yaml


class PublishedCurve(NamedTuple):
    """One curve by one metric."""

    label: str
    source: str
    """Project and file."""
    metric: str
    points: list[tuple[float, float]]
    """(bits per pixel, value), by rising rate."""
    rival: str = ""
    """Its name in the ProGIC paper, where that compares itself with it."""


def published_curves(dataset: str) -> list[PublishedCurve]:
    """What was published for a dataset by our name; none unless its photos are whole, as the others' are."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        told = read_yaml(path.read_text(encoding="utf-8"))
        if dataset == f"{told['set']}-whole":
            for curve in told["curves"]:
                label, source, bpp, rival = (curve.pop(key, "") for key in ("label", "source", "bpp", "rival"))
                found += [
                    PublishedCurve(label, source, metric, list(zip(bpp, values, strict=True)), rival)
                    for metric, values in curve.items()
                ]
    return found
