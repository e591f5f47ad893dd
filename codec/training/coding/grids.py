"""Indices of photos, and cells of them with their neighbours as a payload has them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.files import replacing
from codec.folders import list_photos, read_each, read_photo
from codec.progic.codec import ProgicCodec
from codec.progic.coding.contexts import REACH, offsets
from codec.progic.layout import Indices, join

Grid = npt.NDArray[np.int16]
LARGE = 1 << 24
"""Bytes that hold all stages of any photo."""


def code_photos(folder: Path, codec: ProgicCodec, side: int | None, cache: Path) -> dict[str, Grid]:
    """Name -> int16[N, h, w] of every photo below `folder` that can be read; kept in `cache`, and found there again.

    Raises PhotoError where there is none.
    """
    names = [str(path.relative_to(folder)) for path in list_photos(folder)]
    key = hashlib.sha256(repr((codec.model_id, side, str(folder.resolve()), names)).encode()).hexdigest()[:16]
    kept = cache / f"{folder.name}-{key}.npz"
    if kept.exists():
        with np.load(kept, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    config, left = codec.config, list[str]()
    found = {}
    for path, photo in read_each([folder / name for name in names], lambda path: read_photo(path, side), left):
        payloads = dict(enumerate(codec.encode(photo.pixels, LARGE)))
        grid = join(payloads, config.stages, *config.grid(*photo.pixels.shape[:2]), config.index_bits)
        found[str(path.relative_to(folder))] = grid.astype(np.int16)
    cache.mkdir(parents=True, exist_ok=True)
    with replacing(kept) as file:
        np.savez_compressed(file, **found)  # type: ignore[arg-type]
    return found


class Cells:
    """All cells of one stage of many photos, laid end to end, so that neighbours are found by adding numbers."""

    def __init__(self, grids: Iterable[Grid], stage: int) -> None:
        parts, places, strides, begun = [], [], [], 0
        for grid in grids:
            held = np.full((grid.shape[1] + REACH, grid.shape[2] + 2 * REACH), -1, np.int16)
            held[REACH:, REACH:-REACH] = grid[stage]
            inside = np.flatnonzero(held.reshape(-1) >= 0)
            places.append(begun + inside)
            strides.append(np.full(len(inside), held.shape[1]))
            parts.append(held.reshape(-1))
            begun += held.size
        self._flat, self._places, self._strides = np.concatenate(parts), np.concatenate(places), np.concatenate(strides)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def codewords(self) -> Indices:
        """int64[n]: what each cell holds."""
        found: Indices = self._flat[self._places].astype(np.int64)
        return found

    def draw(self, chosen: Indices, parts: int) -> tuple[Tensor, Tensor]:
        """Codewords int64[n] of the chosen cells, and those of their neighbours int64[n, m], -1 for none."""
        places, strides = self._places[chosen], self._strides[chosen]
        near = offsets(parts)
        before = np.stack([self._flat[places + y * strides + x] for y, x in near], 1) if near else None
        targets = torch.from_numpy(self._flat[places].astype(np.int64))
        if before is None:
            return targets, torch.empty((len(chosen), 0), dtype=torch.int64)
        return targets, torch.from_numpy(before.astype(np.int64))


def sort_codewords(codebook: npt.NDArray[np.float32], groups: int) -> Indices:
    """Place int64[K] of each codeword, so that places in a row are classes of vectors alike.

    Halved again and again at the median along the direction in which they differ most.
    """
    order = np.arange(len(codebook))
    size = len(order)
    while size > len(codebook) // groups:
        for first in range(0, len(order), size):
            part = order[first : first + size]
            vectors = codebook[part].astype(np.float64)
            vectors -= vectors.mean(axis=0)
            along = vectors @ np.linalg.svd(vectors, full_matrices=False)[2][0]
            order[first : first + size] = part[np.argsort(along, kind="stable")]
        size //= 2
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def mean_bits(losses: Sequence[float]) -> float:
    """Mean of natural logarithms, in bits."""
    return float(np.mean(losses) / np.log(2)) if len(losses) else float("nan")
