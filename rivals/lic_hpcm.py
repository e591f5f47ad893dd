"""LIC-HPCM (Li et al. 2025), the paper's strongest rival without a generator.

Never run with its weights, which could not be had here; tested against a fake of the same interface. What to fetch: a
checkout of lyq133/LIC-HPCM for --code, its arithmetic coder built as its README says, and the HPCM_Base checkpoints of
that README (0.0018.pth.tar to 0.0483.pth.tar, MSE; size and hash are not published) into the folder --weights.
API: test.py and src/models/HPCM_Base.py of that checkout.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from adapter import Rival, run

LEVELS = 60
"""Of the scale table, the default of its test.py."""


def load(quality: str, options: Any) -> Any:
    """The model of one lambda."""
    import torch
    from src.models.HPCM_Base import HPCM

    model = HPCM().eval()
    file = options.weights / f"{quality}.pth.tar"
    model.load_state_dict(torch.load(file, map_location=options.device, weights_only=True), strict=True)
    model.update(torch.exp(torch.linspace(math.log(0.12), math.log(64), LEVELS)))
    return model.to(options.device)


def compress(model: Any, picture: Any) -> list[bytes]:
    """Its two strings, as it orders them."""
    return [bytes(each) for each in model.compress(picture)["strings"]]


def decompress(model: Any, strings: list[bytes], height: int, width: int) -> Any:
    """The picture; hyper-latents have a 64th of its sides."""
    return model.decompress(strings, (height // 64, width // 64))["x_hat"]


RIVAL = Rival(("0.0018", "0.0035", "0.0067", "0.013", "0.025", "0.0483"), 256, 2, load, compress, decompress)

if __name__ == "__main__":
    run(RIVAL, sys.argv[1:])
