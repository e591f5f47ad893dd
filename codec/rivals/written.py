"""Shorter ways to a format's best file: none is written twice, and the fast writer points to the slow one's.

A plain search (`search.best_fit`) needs none of this. Searches at several budgets of one photo share what they write;
that changes no answer, nor does a format's `coarse`. Its `margin` may rarely cost a step of quality, and a quick search
does so often: it expects of the slow writer what it last took, and begins where others ended.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from codec.base import Image
from codec.photos import resize
from codec.rivals.search import SCALES, blank_file, coded_size, largest_fitting

if TYPE_CHECKING:
    from codec.rivals.fixed_rate import FixedRateCodec, Format

Found = tuple[int, tuple[bytes, bytes] | None, int]
"""As of `largest_fitting`: quality, file and payload or None, and the smallest payload seen in bytes."""
SHARE = 0.95
"""Of the fast writer's bytes, what the slow one is expected to need before any are known."""
QUICK_SHARE = 0.9
"""Of its room, what a file fills that ends a quick search."""


class Written:
    """What one format has written of one photo."""

    def __init__(self, form: Format, image: Image) -> None:
        self.form, self.image = form, image
        self.shapes = [coded_size(image.shape[0], image.shape[1], scale) for scale in SCALES]
        self.quick = False
        self.spared_s = 0.0
        """Seconds that the latest search would have written longer, had there been none before it."""
        self._share = SHARE
        self._files: dict[tuple[int, bool, int, bool], tuple[bytes, bytes, float]] = {}
        self._met: set[tuple[int, bool, int, bool]] = set()

    def begin(self, quick: bool) -> None:
        """Another search begins."""
        self.quick, self.spared_s = quick, 0.0
        self._met.clear()

    def file(self, scale: int, full: bool, quality: int, fast: bool) -> tuple[bytes, bytes]:
        """The whole file and its payload."""
        key = scale, full, steps(self.form)[quality] if self.form.coarse else quality, fast
        if key not in self._files:
            began = time.perf_counter()
            file = self.form.write(resize(self.image, *self.shapes[scale]), self.form.qualities[quality], full, fast)
            known = blank_file(self.form, *self.shapes[scale], quality if self.form.sends_quality else 0, full)
            self._files[key] = file, self.form.strip(file, known), time.perf_counter() - began
        elif key not in self._met:
            self.spared_s += self._files[key][2]
        self._met.add(key)
        return self._files[key][:2]

    def sizes(self, scale: int, full: bool) -> dict[int, int]:
        """Payload bytes of what the fast writer has written so, by quality."""
        mine = {key[2]: file[1] for key, file in self._files.items() if (key[:2], key[3]) == ((scale, full), True)}
        return {quality: max(1, len(payload)) for quality, payload in mine.items()}

    def largest(self, scale: int, full: bool, fast: bool, room: int, guess: int, near: float) -> Found:
        """As `largest_fitting`, by either writer."""
        file, count = partial(self.file, scale, full), len(self.form.qualities)
        if not fast and (self.quick or self.form.margin is not None):
            how = (self._share, QUICK_SHARE, 0.0) if self.quick else (SHARE, near, self.form.margin or 0.0)
            quality, found, smallest = pointed_to(file, count, room, guess, *how)
            if found:
                self._share = max(1, len(found[1])) / max(1, len(file(quality, True)[1]))
            return quality, found, smallest
        write = partial(file, fast=fast)
        if not self.quick:
            return largest_fitting(write, count, room, guess, near)
        known = self.sizes(scale, full)
        if len(known) > 1:
            guess = min(known, key=lambda quality: abs(math.log(known[quality] / max(1, room))))
        near = near if self.form.two_speeds else QUICK_SHARE
        return largest_fitting(write, count, room, guess, near, *([slope_of(known)] if len(known) > 1 else []))


def what_is_written(codec: FixedRateCodec, image: Image) -> Written:
    """What is known of this photo in `codec.written`, or nothing yet, for another search."""
    known: Written | None = codec.written
    if known is None or known.form is not codec.form or known.image is not image:
        known = Written(codec.form, image)
    known.begin(codec.quick)
    return known


@cache
def steps(form: Format) -> list[int]:
    """For each quality the first that writes the same file of a little noise, and so of anything."""
    noise = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    files = [form.write(noise, quality, False, True) for quality in form.qualities]
    first: list[int] = []
    for quality, file in enumerate(files):
        first.append(first[-1] if quality and file == files[quality - 1] else quality)
    return first


def slope_of(sizes: Mapping[int, int]) -> float:
    """By what share a quality more makes a file larger, from the lowest to the highest of two or more."""
    low, high = min(sizes), max(sizes)
    return max(0.01, math.log(sizes[high] / sizes[low]) / (high - low))


def pointed_to(
    file: Callable[[int, bool], tuple[bytes, bytes]],
    count: int,
    room: int,
    guess: int,
    share: float,
    near: float,
    margin: float,
) -> Found:
    """As `largest_fitting` of the slow writer, where the fast one, which costs far less, tells which quality to try.

    Of its bytes the slow one needs about `share` at first, then what the last probe took. A quality that this puts
    beyond the room by more than a share of `margin` is not tried, so that the answer may rarely be a step low.
    """
    low, high = -1, count
    found, smallest, probe = None, 0, guess

    def expected(quality: int) -> float:
        return share * max(1, len(file(quality, True)[1]))

    while high - low > 1:
        while probe + 1 < high and expected(probe + 1) <= room:
            probe += 1
        while probe - 1 > low and expected(probe) > room:
            probe -= 1
        candidate = file(probe, False)
        size = max(1, len(candidate[1]))
        share *= size / expected(probe)
        smallest = min(smallest or size, size)
        if size > room:
            high, probe = probe, max(low + 1, probe - 1)
        else:
            low, found, probe = probe, candidate, probe + 1
            if near * room <= size or (probe < high and expected(probe) > (1 + margin) * room):
                break
    return low, found, smallest
