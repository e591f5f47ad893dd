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

FIRST_LOST, STAGES_LOST = 0.6, 0.15
"""Shares of the draws in which the first stage is lost, or some stages at random; the rest lose packets of a deal."""


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
    lot = rng.random()
    if lot < FIRST_LOST + STAGES_LOST:
        chosen = rng.random(stages) < 0.3
        if lot < FIRST_LOST:
            chosen[0] = True
            chosen[1:] &= rng.random() < 0.25
        held[chosen] = False
        if not held.any() or (held[0].all() and not chosen.any()):
            held[:], held[0] = True, False
        return held
    parts = int(rng.integers(2, 7))
    row, column = np.indices((rows, columns)) + rng.integers(0, 64, (2, 1, 1))
    turn = (column + row * max(1, round(GOLDEN * parts))) % parts  # as `layout.deal`
    for k in rng.choice(stages * parts, size=int(rng.integers(1, parts + 2)), replace=False):
        stage, part = divmod(int(k), parts)
        held[stage, turn == part] = False
    if rng.random() < 0.3:  # what is on its way
        held[int(rng.integers(1, stages)) :] = False
    return held
