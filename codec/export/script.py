"""ProGIC's encoder and decoder as TorchScript: traced, with sizes left free, and weights in float32."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from codec.progic.model import ProGIC
from codec.progic.shape import ProgicConfig, Weights

TRACED_SIDE = 2
"""Cells a side of what goes in while tracing; any other size goes in later."""


class Encoder(nn.Module):
    """Picture to indices."""

    def __init__(self, model: ProGIC) -> None:
        super().__init__()
        self.analysis, self.quantizer = model.analysis, model.quantizer

    def forward(self, picture: Tensor) -> Tensor:
        """As `ProGIC.encode`."""
        return self.quantizer.encode(self.analysis(picture))


class Decoder(nn.Module):
    """Indices to picture."""

    def __init__(self, model: ProGIC) -> None:
        super().__init__()
        self.model = model
        del model.analysis

    def forward(self, indices: Tensor) -> Tensor:
        """As `ProGIC.decode`."""
        return self.model.decode(indices)


def torchscript_bytes(part: str, weights: Weights, about: Mapping[str, str]) -> bytes:
    """The TorchScript file of a part, "encoder" or "decoder"; each entry of `about` is an extra file in it."""
    config = weights.config
    with torch.device("meta"):
        model = ProGIC(config)
    state = {name: torch.from_numpy(array) for name, array in weights.arrays.items()}
    model.load_state_dict(state, assign=True, strict=False)  # the other part's weights are not there, nor needed
    module = (Encoder if part == "encoder" else Decoder)(model.eval().requires_grad_(False))
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript itself, which is what is asked for
        warnings.simplefilter("ignore", TracerWarning)  # the loop over codebooks, whose number is the model's
        traced = torch.jit.trace(module, _example(part, config))  # type: ignore[no-untyped-call]
        file = io.BytesIO()
        torch.jit.save(traced, file, _extra_files=dict(about))
    return file.getvalue()


def _example(part: str, config: ProgicConfig) -> Tensor:
    side = TRACED_SIDE * config.downsampling
    if part == "encoder":
        return torch.zeros(1, 3, side, side)
    return torch.zeros(1, config.stages, TRACED_SIDE, TRACED_SIDE, dtype=torch.int64)
