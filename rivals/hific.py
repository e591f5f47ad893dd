"""HiFiC (Mentzer et al. 2020), by the PyTorch reimplementation that the ProGIC paper took (its appendix E.1).

Never run with its weights, which could not be had here; tested against a fake of the same interface. What to fetch: a
checkout of Justin-Tan/high-fidelity-generative-compression for --code, and hific_low.pt, hific_med.pt and hific_hi.pt
(about 2 GB together, https://zenodo.org/record/4026003; rename them so; hashes stand on that page) into the folder
--weights. API: compress.py, src/compression/compression_utils.py of that checkout. Its own file is the one string.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from adapter import Rival, read_back, run, written


def load(quality: str, options: Any) -> Any:
    """The model of one target rate, its tables made."""
    import torch
    from default_config import ModelModes
    from src.helpers import utils

    torch.manual_seed(42)
    _, model, _ = utils.load_model(
        *(str(options.weights / f"hific_{quality}.pt"), logging.getLogger("hific"), torch.device(options.device)),
        **{"model_mode": ModelModes.EVALUATION, "current_args_d": None, "prediction": True, "strict": False},
    )
    model.Hyperprior.hyperprior_entropy_model.build_tables()
    return model


def compress(model: Any, picture: Any) -> list[bytes]:
    """What it writes to a file."""
    from src.compression.compression_utils import save_compressed_format

    pixels = 2 * picture - 1 if model.args.normalize_input_image else picture
    made = model.compress(pixels)
    return [written(lambda path: save_compressed_format(made, out_path=path))]


def decompress(model: Any, strings: list[bytes], height: int, width: int) -> Any:
    """The picture, which it gives from 0 to 1."""
    from src.compression.compression_utils import load_compressed_format

    return model.decompress(read_back(strings[0], load_compressed_format))


RIVAL = Rival(("low", "med", "hi"), 64, 1, load, compress, decompress)

if __name__ == "__main__":
    run(RIVAL, sys.argv[1:])
