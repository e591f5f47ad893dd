"""MS-ILLM (Muckley et al. 2023), the anchor of the ProGIC paper, by NeuralCompression.

Run with the project's own code (PyPI's neuralcompression 0.3.1), but with random weights only (--weights random), for
its trained ones could not be had here. What to fetch: the package neuralcompression, and from
https://dl.fbaipublicfiles.com/NeuralCompression/2023-muckley-msillm msillm_target_0.035bpp.ckpt (also 0.07, 0.14, 0.3,
0.45, 0.9; CC BY-NC 4.0; size and hash are not published) into the folder --weights.
API: neuralcompression/models/_hific_autoencoder.py (facebookresearch/NeuralCompression, MIT).
"""

from __future__ import annotations

import sys
from typing import Any

from adapter import Rival, do_without, one, run

FACTOR = 64
UNUSED = ("torchvision", "lpips", "torchmetrics", "pytorchvideo", "fvcore", "DISTS_pytorch", "torch_fidelity")
"""Packages that it imports for its training."""


def load(quality: str, options: Any) -> Any:
    """The model of a target rate, its entropy tables made; entropy models stay on the CPU, as its authors have it."""
    import torch

    do_without(*UNUSED)
    from neuralcompression.models import HiFiCAutoencoder

    torch.manual_seed(0)  # random weights are the same at both ends
    model = HiFiCAutoencoder()
    if str(options.weights) != "random":
        file = options.weights / f"msillm_target_{quality}bpp.ckpt"
        model.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    model = model.to(options.device).eval()
    model.update()
    model.update_tensor_devices("compress")
    return model


def compress(model: Any, picture: Any) -> list[bytes]:
    """Latents, then hyper-latents."""
    made = model.compress(picture, force_cpu=False)
    return [one(made.latent_strings), one(made.hyper_latent_strings)]


def decompress(model: Any, strings: list[bytes], height: int, width: int) -> Any:
    """The picture."""
    from neuralcompression import HyperpriorCompressedOutput

    made = HyperpriorCompressedOutput(
        latent_strings=[strings[0]],
        hyper_latent_strings=[strings[1]],
        image_size=(height, width),
        padded_size=(height, width),
    )
    return model.decompress(made, force_cpu=False)


RIVAL = Rival(("0.035", "0.07", "0.14", "0.3", "0.45", "0.9"), FACTOR, 2, load, compress, decompress)

if __name__ == "__main__":
    run(RIVAL, sys.argv[1:])
