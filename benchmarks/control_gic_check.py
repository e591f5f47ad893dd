"""Control-GIC's adapter beside the project's own call, which codes and decodes at once: bytes, and the picture.

    learned/bin/python benchmarks/control_gic_check.py CHECKOUT PHOTO

In the environment of `rivals/times.py`, with pytorch-lightning, torchmetrics, lightning-utilities and omegaconf beside.
Weights are random, and codewords far apart, so that many are used; a trained model's files are far smaller.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "rivals"))
import control_gic

SIDE = 128
"""Of the photo's upper left corner."""


def main() -> None:
    """A line a quality; exit code 1 where the two differ."""
    code, photo = Path(sys.argv[1]), Path(sys.argv[2])
    sys.path.insert(0, str(code))
    torch.set_grad_enabled(False)
    pixels = np.array(Image.open(photo).convert("RGB").crop((0, 0, SIDE, SIDE)), np.float32)
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    differ = False
    for quality in control_gic.QUALITIES:
        options = SimpleNamespace(code=code, weights="random", device="cpu")
        ready = control_gic.load(quality, options)
        ready.model.quantize.embedding.weight.data.normal_(0, 0.3)
        with tempfile.TemporaryDirectory() as folder:
            theirs, bpp, _ = ready.model.compress(picture, folder, ready.indices, ready.bits, False)
        strings = control_gic.compress(ready, picture)
        size, their_size = sum(map(len, strings)), round(bpp * SIDE**2 / 8)
        farthest = float((control_gic.decompress(ready, strings, SIDE, SIDE) - theirs).abs().max())
        differ |= size != their_size or farthest > 0
        print(
            f"{quality}: {size} bytes, its own call's {their_size}; pictures differ by at most {farthest:g}", flush=True
        )
    sys.exit(differ)


if __name__ == "__main__":
    main()
