"""FLOPs of both shapes of the paper at 768x512 pixels by three counters: ours, torch's own, and the paper's, calflops.

    python benchmarks/flops_check.py

calflops wants an environment of its own, in which satsim can be imported: `pip install calflops transformers` there.
Without calflops the other two are told. It counts parameters that are trained, without the codebooks, which are kept as
moving averages. Weights are random: counts need no others.
"""

from __future__ import annotations

import contextlib
import io
import warnings

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from codec.progic.model import ProGIC, complexity
from codec.progic.shape import PRESETS

HEIGHT, WIDTH = 512, 768
THEIRS = {"small": 108.28, "base": 333.38}
"""G, of the paper's Table 1."""


class Both(nn.Module):
    """One encoding and one full decoding."""

    def __init__(self, model: ProGIC) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """The picture as it is shown."""
        return self.model.decode(self.model.encode(x))


def by_torch(preset: str) -> float:
    """G by torch's FlopCounterMode: convolutions and products of matrices, two a multiply-accumulate, no biases."""
    model, x = Both(ProGIC(PRESETS[preset]).eval()), torch.zeros(1, 3, HEIGHT, WIDTH)
    with torch.inference_mode(), FlopCounterMode(display=False) as counted:
        model(x)
    return counted.get_total_flops() / 1e9


def by_calflops(preset: str) -> tuple[float, float, float]:
    """G of FLOPs, G of multiply-accumulates and M of parameters by calflops, which prints; that is dropped."""
    from calflops import calculate_flops

    model = Both(ProGIC(PRESETS[preset]).eval())
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        flops, macs, parameters = calculate_flops(
            model, input_shape=(1, 3, HEIGHT, WIDTH), output_as_string=False, print_results=False, print_detailed=False
        )
    return flops / 1e9, macs / 1e9, parameters / 1e6


def main() -> None:
    """A line a shape and counter."""
    for preset, theirs in THEIRS.items():
        cost = complexity(PRESETS[preset], HEIGHT, WIDTH)
        ours = cost.flops / 1e9
        print(f"{preset}, the paper: {theirs:.2f} G")
        print(f"{preset}, codec.progic.model.complexity: {ours:.2f} G, {cost.parameters / 1e6:.2f} M parameters")
        print(f"{preset}, torch's FlopCounterMode: {by_torch(preset):.2f} G")
        try:
            flops, macs, parameters = by_calflops(preset)
        except ImportError as error:
            print(f"{preset}, calflops: not counted ({error})")
            continue
        print(f"{preset}, calflops: {flops:.2f} G ({macs:.2f} G multiply-accumulates), {parameters:.2f} M parameters")


if __name__ == "__main__":
    main()
