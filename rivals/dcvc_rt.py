"""DCVC-RT's picture codec (Jia et al. 2025), on YCbCr of BT.709 as its own test has it.

Never run with its weights, which could not be had here; tested against a fake of the same interface. What to fetch: a
checkout of microsoft/DCVC, folder DCVC-family/DCVC-RT for --code, its C++ parts built as its README says (they need
CUDA: --device cuda), and cvpr2025_image.pth.tar from the link there (size and hash are not published) for --weights.
API: test_video.py and src/models/image_model.py of that folder.
"""

from __future__ import annotations

import sys
from typing import Any

from adapter import Rival, run

TWO_CODERS_OVER = 1280 * 720
"""Pixels over which its test codes in two streams."""


class Ready:
    """The model with its quality."""

    def __init__(self, model: Any, quality: str) -> None:
        self.model, self.quality = model, int(quality)


def load(quality: str, options: Any) -> Ready:
    """The model, in half precision as its test has it; one model serves all qualities."""
    from src.models.image_model import DMCI
    from src.utils.common import get_state_dict

    model = DMCI()
    model.load_state_dict(get_state_dict(str(options.weights)))
    model = model.to(options.device).eval()
    model.update(None)
    return Ready(model.half(), quality)


def compress(ready: Ready, picture: Any) -> list[bytes]:
    """Its stream."""
    from src.utils.transforms import rgb2ycbcr

    ready.model.set_use_two_entropy_coders(picture.shape[2] * picture.shape[3] > TWO_CODERS_OVER)
    return [bytes(ready.model.compress(rgb2ycbcr(picture).half(), ready.quality)["bit_stream"])]


def decompress(ready: Ready, strings: list[bytes], height: int, width: int) -> Any:
    """The picture."""
    from src.utils.transforms import ycbcr2rgb

    size = {"height": height, "width": width, "ec_part": int(height * width > TWO_CODERS_OVER)}
    return ycbcr2rgb(ready.model.decompress(strings[0], size, ready.quality)["x_hat"].float())


RIVAL = Rival(tuple(map(str, range(64))), 16, 1, load, compress, decompress)

if __name__ == "__main__":
    run(RIVAL, sys.argv[1:])
