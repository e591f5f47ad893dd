"""The command line that learns tables, and its loop."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from codec.files import replacing
from codec.progic.codec import ProgicCodec
from codec.progic.coding.contexts import codebooks_id, offset_numbers, tables_path
from codec.progic.shape import DEFAULT_MODEL, model_path, read_weights
from codec.training.coding import __doc__ as usage
from codec.training.coding.grids import Cells, code_photos, mean_bits, sort_codewords
from codec.training.coding.network import Arrays, Guess

PARTS = 2, 3, 4, 5, 6, 8, 9, 12, 16, 32
"""Payloads a stage over which a stage of half of the batches is dealt."""
BATCH, RATE, DECAY = 4096, 4e-3, 0.05


def main() -> None:
    """Code photos, learn, and write the tables beside the weights."""
    parser = argparse.ArgumentParser(description=usage, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--minutes", type=float, default=20, help="to learn for, all stages together")
    parser.add_argument("--channels", type=int, default=48)
    parser.add_argument("--cache", type=Path, default=Path("runs/coding"))
    parser.add_argument("--out", type=Path, help="default: beside the weights")
    args = parser.parse_args()
    torch.manual_seed(1)
    path = model_path(args.model)
    codec = ProgicCodec(args.model)
    grids = [grid for folder in args.photos for grid in code_photos(folder, codec, None, args.cache).values()]
    books = read_weights(path, ("quantizer.",)).arrays["quantizer.codebooks"]
    held: Arrays = {"codebooks": np.array(codebooks_id(books), np.uint32)}
    shares = np.array([2.0] + [1.0] * (len(books) - 1))  # the first stage has most to learn
    for stage, seconds in enumerate(args.minutes * 60 * shares / shares.sum()):
        tables = learn(Cells(grids, stage), books[stage], args.channels, float(seconds), stage)
        held |= {f"{stage}.{name}": array for name, array in tables.items()}
    out = args.out or tables_path(path)
    with replacing(out) as file:
        np.savez_compressed(file, **held)  # type: ignore[arg-type]
    print(f"{out}: {out.stat().st_size} bytes, from {len(grids)} photos")


def learn(cells: Cells, codebook: npt.NDArray[np.float32], d: int, seconds: float, stage: int) -> Arrays:
    """The tables of one stage, learned for so long."""
    groups = 1 << int(np.log2(len(codebook))) // 2
    counts = np.bincount(cells.codewords, minlength=len(codebook))
    network = Guess(codebook, sort_codewords(codebook, groups), counts, groups, d)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    chance, began, step = np.random.default_rng(stage), time.monotonic(), 0
    losses: list[float] = []
    while (done := (time.monotonic() - began) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = RATE * min(1, done * 20) * (1 - done)
        parts = 1 if step % 2 == 0 else int(chance.choice(PARTS))
        targets, before = cells.draw(chance.integers(0, len(cells), BATCH), parts)
        loss = network.loss(targets, before, torch.from_numpy(offset_numbers(parts)))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if parts == 1:
            losses.append(float(loss.detach()))
        step += 1
    bits = mean_bits(losses[-40:])
    print(f"stage {stage + 1}: {step * BATCH / len(cells):.1f} epochs, {bits:.3f} bits an index of a whole stage")
    return network.to_tables()


if __name__ == "__main__":
    main()
