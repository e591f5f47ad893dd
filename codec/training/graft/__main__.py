"""The command line of grafting."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from codec.base import CodecError
from codec.progic.model import ProGIC, load_model, save_model
from codec.progic.shape import PRESETS, model_path
from codec.training.crops import Photos, crops_of, list_names
from codec.training.graft.seams import graft
from codec.training.graft.widen import widen


def main() -> None:
    """Write the heir that the words ask for."""
    parser = argparse.ArgumentParser(prog="python -m codec.training.graft", description="Begin a model from another.")
    parser.add_argument("giver", help="a shipped model, or a weights file")
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--onto", help="a narrower model, trained: its transforms, and the rest of the giver")
    way.add_argument("--shape", choices=list(PRESETS), help="a wider shape, which holds the giver")
    parser.add_argument("--data", type=Path, help="photos that the seams are fitted on (with --onto)")
    parser.add_argument("--batches", type=int, default=30, help="of 8 crops of 192x192 (with --onto)")
    parser.add_argument("--out", type=Path, required=True, help="weights file to write")
    wanted = parser.parse_args()
    if wanted.onto and not wanted.data:
        parser.error("--onto needs photos; write --data FOLDER")
    try:
        save_model(heir_of(wanted), wanted.out)
    except CodecError as error:
        sys.exit(f"error: {error}")


def heir_of(wanted: argparse.Namespace) -> ProGIC:
    """The heir; raises CodecError."""
    giver, _ = load_model(model_path(wanted.giver))
    if wanted.shape:
        return widen(giver, PRESETS[wanted.shape])
    onto, _ = load_model(model_path(wanted.onto))
    photos = Photos(wanted.data, list_names(wanted.data))

    def batches() -> Iterator[Tensor]:
        for step in range(wanted.batches):
            crops = torch.from_numpy(crops_of(photos, 1, step, 8, 192))
            yield crops.permute(0, 3, 1, 2).float() / 127.5 - 1

    return graft(giver, onto, batches())


if __name__ == "__main__":
    main()
