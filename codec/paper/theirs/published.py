"""Curves that others published, beside what was measured here."""

from __future__ import annotations

from collections.abc import Sequence

from codec.evaluation.published import PublishedCurve
from codec.metrics import METRICS
from codec.paper.plots import Curve


def published_lines(published: Sequence[PublishedCurve]) -> list[Curve]:
    """What others published, named as that."""
    return [
        Curve(f"{each.label} (published)", [bpp for bpp, _ in each.points], [value for _, value in each.points], True)
        for each in published
    ]


def undrawn(published: Sequence[PublishedCurve], metric: str, used: str, name: str) -> list[str]:
    """Why what was published of a metric is in no picture: ours is another, or theirs is not told."""
    if metric == "lpips-vgg" and any(each.metric == "lpips" for each in published):
        return [f"{name}: published LPIPS is not drawn, for its files do not tell its network."]
    theirs = list(dict.fromkeys(each.label for each in published if each.metric == metric != used))
    if not theirs:
        return []
    label, names = METRICS[metric].label, "; ".join(theirs)
    return [
        f"{name}: published {label} ({names}) is not drawn beside {METRICS[used].label}, another measure; it is drawn"
        f" where the weights of {label} are at hand."
    ]
