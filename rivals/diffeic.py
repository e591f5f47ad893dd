"""DiffEIC (Li et al. 2025), diffusion of 50 steps from noise that both ends draw from one seed.

Never run with its weights, which could not be had here; tested against a fake of the same interface. What to fetch: a
checkout of huai-chang/DiffEIC for --code, Stable Diffusion 2.1 (v2-1_512-ema-pruned.ckpt) and the checkpoints 1_2_1 to
1_2_16 its README links (sizes and hashes are not published); --weights is a folder with one full checkpoint a quality,
1_2_16.ckpt and so on, as its inference.py loads them.
API: inference.py and model/diffeic.py of that checkout. Its stream is one string, its shape in it as it writes it.
"""

from __future__ import annotations

import sys
from typing import Any

from adapter import Rival, read_back, run, written

STEPS, SEED = 50, 231
"""The defaults of its inference.py."""


def load(quality: str, options: Any) -> Any:
    """The model of one rate."""
    import torch
    from omegaconf import OmegaConf
    from utils.common import instantiate_from_config, load_state_dict

    model = instantiate_from_config(OmegaConf.load(options.code / "configs/model/diffeic.yaml"))
    load_state_dict(model, torch.load(options.weights / f"{quality}.ckpt", map_location="cpu"), strict=True)
    model.preprocess_model.update(force=True)
    model.freeze()
    return model.to(options.device)


def compress(model: Any, picture: Any) -> list[bytes]:
    """What it writes to a file."""
    height, width = picture.shape[2:]
    return [written(lambda path: model.apply_condition_compress(picture, path, height, width))]


def decompress(model: Any, strings: list[bytes], height: int, width: int) -> Any:
    """The picture that the sampler ends at."""
    import torch
    from model.spaced_sampler import SpacedSampler

    torch.manual_seed(SEED)
    latent = read_back(strings[0], model.apply_condition_decompress)
    told = {"c_latent": [latent], "c_crossattn": [model.get_learned_conditioning([""])]}
    shape = (1, 4, height // 8, width // 8)
    noise = torch.randn(shape, device=model.device)
    sampled = SpacedSampler(model, var_type="fixed_small").sample(
        *(STEPS, shape, told),
        unconditional_guidance_scale=1.0,
        unconditional_conditioning=None,
        cond_fn=None,
        x_T=noise,
    )
    return (model.decode_first_stage(sampled) + 1) / 2


RIVAL = Rival(("1_2_16", "1_2_8", "1_2_4", "1_2_2", "1_2_1"), 64, 1, load, compress, decompress)

if __name__ == "__main__":
    run(RIVAL, sys.argv[1:])
