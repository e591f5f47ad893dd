"""CompressAI's models trained for MSE, cheng2020-anchor unless --model says another.

Run with the project's own code (PyPI's compressai 1.2.8), but with random weights only: its trained ones lie at
https://compressai.s3.amazonaws.com/models/v1 (cheng2020-anchor-1-dad2ebff.pth.tar and so on, by eight letters of their
SHA-256; torch.hub fetches and checks them) and could not be had here. --weights random says so; leave it out for the
trained ones. API: compressai/zoo/image.py and compressai/models/google.py (InterDigitalInc/CompressAI, BSD 3-clause
clear). It imports torchvision, of which nothing is used here: where that is missing, it does without.
"""

from __future__ import annotations

import sys
from typing import Any

from adapter import Rival, do_without, one, run

MODEL = "cheng2020-anchor"


def load(quality: str, options: Any) -> Any:
    """The model of that quality, its entropy tables made."""
    import torch

    do_without("torchvision")
    from compressai.zoo import image_models

    trained = str(options.weights) != "random"
    torch.manual_seed(0)  # random weights are the same at both ends
    model = image_models[options.model or MODEL](quality=int(quality), metric="mse", pretrained=trained).eval()
    model.update(force=not trained)
    return model.to(options.device)


def compress(model: Any, picture: Any) -> list[bytes]:
    """Latents, then hyper-latents."""
    return [one(each) for each in model.compress(picture)["strings"]]


def decompress(model: Any, strings: list[bytes], height: int, width: int) -> Any:
    """The picture; hyper-latents have a 64th of its sides."""
    return model.decompress([[each] for each in strings], (height // 64, width // 64))["x_hat"]


RIVAL = Rival(("1", "2", "3", "4", "5", "6"), 64, 2, load, compress, decompress)

if __name__ == "__main__":
    run(RIVAL, sys.argv[1:])
