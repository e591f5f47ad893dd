"""Control-GIC (Li et al. 2025), a VQGAN with one index a patch of 16, 8 or 4 pixels (coarse, medium, fine).

Run with the project's own code, but with random weights only (--weights random), for its trained ones could not be had
here. What to fetch: a checkout of lianqi1008/Control-GIC for --code, and the checkpoint of 1,024 codewords that its
README links (size and hash are not published) for --weights.
API: inference.py and CGIC/models/model.py of that checkout, whose `compress` codes and decodes in a single call. Here
each end does its half, by the same Huffman code of indices and bits of masks: the strings are the files it writes,
empty where it writes none. A quality is the per cent of fine, medium and coarse patches, in its README's order.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from adapter import Rival, do_without, read_back, run, written

SCALES = (4, 2, 1)
"""Cells of the latent on a patch's side: coarse, medium, fine."""


class Ready(NamedTuple):
    """The model, its codes of indices and of masks, and the shares of its patches."""

    model: Any
    indices: Any
    bits: Any
    fine: int
    medium: int
    coarse: int

    @property
    def told(self) -> tuple[bool, bool]:
        """Whether the masks of coarse and of medium patches are sent; what is not follows from the shares."""
        return 0 < self.coarse < 100, 0 < self.medium < 100 and self.fine > 0


def load(quality: str, options: Any) -> Ready:
    """The model with its router set to a quality."""
    import torch

    do_without("torchvision", "matplotlib", "transformers", "wandb", "skimage")
    if options.device == "cpu":  # the codebook moves its counts to a GPU whatever is asked
        torch.nn.Module.cuda = lambda self, device=None: self
    from CGIC.models.model import CGIC
    from CGIC.tools.indices_coding import HuffmanCoding
    from CGIC.tools.mask_coding import BinaryCoding
    from omegaconf import OmegaConf

    fine, medium, coarse = [int(share) for share in quality.split("-")]
    told = OmegaConf.load(options.code / "configs/config_inference.yaml")["model"]["params"]
    ratios = {"coarse_grain_ratio": coarse / 100, "medium_grain_ratio": medium / 100}
    told["ddconfig"]["router_config"]["params"] = ratios
    torch.manual_seed(0)  # random weights are the same at both ends
    model = CGIC(**{**told, "lossconfig": None, "ckpt_path": None, "ema_decay": None})
    if str(options.weights) != "random":
        state = torch.load(options.weights, map_location="cpu")["state_dict"]
        if missing := model.load_state_dict(state, strict=False).missing_keys:
            raise SystemExit(f"{options.weights} lacks {missing[0]}; expected a checkpoint of Control-GIC")
    model = model.to(options.device).eval()
    return Ready(model, HuffmanCoding(model.quantize.embedding_counter), BinaryCoding(), fine, medium, coarse)


def compress(ready: Ready, picture: Any) -> list[bytes]:
    """Indices of coarse, medium and fine patches, then masks of coarse and medium ones."""
    _, _, _, masks, indices, _, _ = ready.model.encode(picture)
    grid = indices.view(picture.shape[2] // 4, picture.shape[3] // 4)
    strings = []
    for mask, scale in zip(masks, SCALES, strict=True):
        strings.append(coded(ready.indices, grid[::scale, ::scale][mask[0, 0] == 1]))
    for mask, sent in zip(masks[:2], ready.told, strict=True):
        strings.append(coded(ready.bits, mask.flatten()) if sent else b"")
    return strings


def decompress(ready: Ready, strings: list[bytes], height: int, width: int) -> Any:
    """The picture."""
    import torch

    device, rows, columns = ready.model.device, height // 16, width // 16
    if ready.told[0]:
        coarse = decoded(ready.bits, strings[3]).view(rows, columns)
    else:
        coarse = torch.full((rows, columns), ready.coarse // 100)
    if ready.told[1]:
        medium = decoded(ready.bits, strings[4]).view(2 * rows, 2 * columns)
    else:
        medium = (1 - enlarged(coarse, 2)) * (ready.fine == 0)
    masks = [coarse, medium, 1 - enlarged(coarse, 4) - enlarged(medium, 2)]
    grid = torch.zeros_like(masks[2])
    for mask, scale, string in zip(masks, SCALES, strings[:3], strict=True):
        values = torch.zeros_like(mask)
        values[mask == 1] = decoded(ready.indices, string)
        grid += enlarged(values, scale)
    latent = ready.model.quantize.embedding(grid.to(device))[None].permute(0, 3, 1, 2)
    return ready.model.decode(latent, [mask[None, None].int().to(device) for mask in masks])


def coded(code: Any, values: Any) -> bytes:
    """Values by one of the project's codes."""
    return written(lambda path: code.compress(values, path))


def decoded(code: Any, data: bytes) -> Any:
    """Those values, int64; its codes write nothing for none, and read None."""
    import torch

    return torch.tensor(read_back(data, code.decompress_string) or [], dtype=torch.long)


def enlarged(values: Any, scale: int) -> Any:
    """Each of [rows, columns] `scale` times in both directions."""
    return values.repeat_interleave(scale, 0).repeat_interleave(scale, 1)


QUALITIES = ("0-0-100", "0-50-50", "0-100-0", "10-80-10", "30-60-10", "50-40-10", "100-0-0")
RIVAL = Rival(QUALITIES, 16, 5, load, compress, decompress)

if __name__ == "__main__":
    run(RIVAL, sys.argv[1:])
