"""Which indices get lost, and crops coded once to lose them from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.files import replacing
from codec.progic.fast import FastProGIC
from codec.progic.layout import GOLDEN
from codec.progic.shape import model_path, read_weights
from codec.training.crops import Photos, crops_of, list_names

FIRST_LOST = 0.7
"""Share of the draws in which the first stage is lost, and perhaps others; the rest lose packets of a deal."""


def code_crops(
    data: Path, model: str, count: int, side: int, seed: int, out: Path
) -> tuple[Tensor, npt.NDArray[np.uint8]]:
    """Indices int16[count, N, side/f, side/f] and their crops uint8[count, side, side, 3]; made once, kept in `out`."""
    grids, crops = out / "indices.npy", out / "crops.npy"
    if not grids.exists():
        weights = read_weights(model_path(model))
        codec, photos = FastProGIC(weights.config, weights.arrays), Photos(data, list_names(data))
        pictures = np.lib.format.open_memmap(crops, "w+", np.uint8, (count, side, side, 3))
        found = []
        for k in range(count):
            pictures[k] = crops_of(photos, seed, k, 1, side)[0]
            found.append(codec.encode(as_planes(pictures[k : k + 1]))[0].numpy().astype(np.int16))
        pictures.flush()
        with replacing(grids) as partial, partial.open("wb") as file:
            np.save(file, np.stack(found))
    return torch.from_numpy(np.load(grids)), np.load(crops, mmap_mode="r")


def as_planes(pictures: npt.NDArray[np.uint8]) -> Tensor:
    """float[B, 3, H, W] in -1 to 1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def draw_held(stages: int, rows: int, columns: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """bool[N, rows, columns]: what a receiver may hold of one photo, something being lost."""
    held = np.ones((stages, rows, columns), bool)
    if rng.random() < FIRST_LOST:
        held[0] = False
        others = 1 + np.flatnonzero(rng.random(stages - 1) < 0.15)
        if rng.random() < 0.25 and len(others) < stages - 1:
            held[others] = False
        return held
    parts = int(rng.integers(2, 7))
    row, column = np.indices((rows, columns)) + rng.integers(0, 64, (2, 1, 1))
    turn = (column + row * max(1, round(GOLDEN * parts))) % parts  # as `layout.deal`
    lost = [rng.integers(parts), *rng.choice(stages * parts, size=int(rng.integers(parts + 1)), replace=False)]
    for k in lost:  # one of the first stage, and perhaps others
        stage, part = divmod(int(k), parts)
        held[stage, turn == part] = False
    if rng.random() < 0.3:  # what is on its way
        held[int(rng.integers(1, stages)) :] = False
    if not held.any():
        held[0, turn == 0] = True
    return held
