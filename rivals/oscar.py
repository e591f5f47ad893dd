"""OSCAR (Guo et al. 2025), one step of diffusion from a quantized latent; one model for eight rates.

Never run with its weights, which could not be had here; tried by hand with its own code made small and random ones, and
tested against a fake of the same interface. What to fetch: a checkout of jp-guo/OSCAR for --code, which asks for a GPU
(--device cuda), and a folder --weights with stable-diffusion-2-1 and oscar.pkl, both from Hugging Face as its README
links them (sizes and hashes are not published).
API: main_test.py and diffusion/oscar.py of that checkout, which states a rate and writes no bytes. Here the indices of
its codebook are sent in as many bits as it counts. Its decoder also takes the length of each of four channels of the
unquantized latent, which it does not count: a second string, 8 bytes of float16.
"""

from __future__ import annotations

import math
import sys
from argparse import Namespace
from typing import Any

from adapter import Rival, do_without, run

SEED = 123
"""Of its test.sh, for the latent that its encoder draws."""


class Ready:
    """The model at one of its rates."""

    def __init__(self, model: Any, level: int, side: int, codewords: int) -> None:
        self.model, self.level, self.codebook = model, level, model.hyper_encoders[level]
        self.side, self.bits = side, math.ceil(math.log2(codewords))
        """Indices on a side of 512 pixels, and bits of each."""
        self.scale = model.vae.config.scaling_factor


def load(quality: str, options: Any) -> Ready:
    """The model; one serves all rates."""
    import torch

    do_without("torchvision")
    sys.path.insert(0, str(options.code / "diffusion"))
    from diffusion.oscar import OSCAR
    from utils.rate_config import rate_cfg

    told = {"pretrained_model_name_or_path": str(options.weights / "stable-diffusion-2-1")}
    model = OSCAR(Namespace(**told, lora_rank=16, hyper_dim=320)).to(options.device)
    model.set_eval()
    model.load_ckpt(torch.load(options.weights / "oscar.pkl", map_location=options.device))
    return Ready(model, model.bpps.index(float(quality)), *rate_cfg[float(quality)])


def compress(ready: Ready, picture: Any) -> list[bytes]:
    """Indices, and the lengths of the latent's channels."""
    import torch

    torch.manual_seed(SEED)
    latent = ready.model.vae.encode(picture * 2 - 1).latent_dist.sample() * ready.scale
    found = ready.codebook.backbone(latent).permute(0, 2, 3, 1).flatten(1, 2)
    indices = ready.codebook.quantizer(found)[1].flatten().tolist()
    packed = sum(index << ready.bits * k for k, index in enumerate(indices))
    lengths = latent.flatten(2).norm(dim=-1).half().cpu().numpy()
    return [packed.to_bytes(math.ceil(len(indices) * ready.bits / 8), "big"), lengths.astype("<f2").tobytes()]


def decompress(ready: Ready, strings: list[bytes], height: int, width: int) -> Any:
    """The picture."""
    import numpy as np
    import torch

    device, model = ready.model.embeddings.device, ready.model
    rows, columns = (side * ready.side // 512 for side in (height, width))
    packed = int.from_bytes(strings[0], "big")
    indices = [packed >> ready.bits * k & (1 << ready.bits) - 1 for k in range(rows * columns)]
    found = ready.codebook.quantizer.get_output_from_indices(torch.tensor([indices], device=device))
    latent = ready.codebook.proj(found.view(1, rows, columns, -1).permute(0, 3, 1, 2))
    lengths = torch.from_numpy(np.frombuffer(strings[1], "<f2").astype(np.float32)).to(device)
    latent = latent * (lengths / latent.flatten(2).norm(dim=-1))[:, :, None, None]
    step = model.timesteps[ready.level]
    noise = model.unet(latent, step, encoder_hidden_states=model.embeddings[None]).sample
    shown = model.noise_scheduler.step(noise, step, latent, return_dict=True).pred_original_sample
    return (model.vae.decode(shown / ready.scale).sample + 1) / 2


QUALITIES = ("0.0019", "0.0098", "0.0313", "0.0430", "0.0625", "0.0781", "0.0937", "0.1250")
RIVAL = Rival(QUALITIES, 128, 2, load, compress, decompress)

if __name__ == "__main__":
    run(RIVAL, sys.argv[1:])
