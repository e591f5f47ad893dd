"""ProGIC in one file: a light convolutional transform around a residual vector quantizer.

    x --PixelUnshuffle(8)--> analysis (H/8) --> down --> attention --> y (H/f, C2)
    y --> N codebooks, each quantizing what the ones before left over --> indices (N, H/f, W/f)
    sum of codewords --> attention --> up --> synthesis (H/8) --PixelShuffle(8)--> picture

Source: Cao et al., "ProGIC: Progressive and Lightweight Generative Image Compression with Residual Vector
Quantization", arXiv:2603.02897, sections 3.1 to 3.3; equation numbers below are the paper's.
Where the paper leaves a detail open, `ProgicConfig` and the block docstrings state our reading.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.files import write_whole
from codec.progic.gates import BODY_LIMIT, MASK_LIMIT, TRUNK_LIMIT, SoftClamp
from codec.progic.shape import ATTENTION_BLOCKS, UNSHUFFLE, ProgicConfig, read_weights


class _Modulated(nn.Module):
    """A residual branch; with `stages` > 0 it is scaled and shifted per stage before the addition (Fig. 4)."""

    def __init__(self, width: int, stages: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(stages, width)) if stages else None
        self.bias = nn.Parameter(torch.zeros(stages, width)) if stages else None

    def add(self, x: Tensor, branch: Tensor, held: Tensor | None) -> Tensor:
        """x plus the branch, modulated for `held` (int64[B], stages held, 1 to N) where this block is modulated."""
        if self.scale is None or self.bias is None or held is None:
            return x + branch
        scale, bias = self.scale[held - 1], self.bias[held - 1]
        return torch.addcmul(x + bias[:, :, None, None], branch, scale[:, :, None, None])


class DepthwiseBlock(_Modulated):
    """1x1, ReLU, depthwise 3x3, 1x1, residual (Fig. 3b)."""

    def __init__(self, width: int, stages: int = 0) -> None:
        super().__init__(width, stages)
        self.enter = nn.Conv2d(width, width, 1)
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.leave = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, held: Tensor | None = None) -> Tensor:
        """Same shape as `x`."""
        return self.add(x, self.leave(self.depthwise(functional.relu(self.enter(x)))), held)


class FeedForward(_Modulated):
    """1x1 to r times the width, one half gated by the ReLU of the other, 1x1 back, residual (Fig. 3c).

    In training the product is held to about `limit`, which sound weights do not meet; in evaluation it is not.
    """

    def __init__(self, width: int, expansion: int, stages: int = 0, limit: float = BODY_LIMIT) -> None:
        super().__init__(width, stages)
        self.limit = limit
        self.enter = nn.Conv2d(width, width * expansion, 1)
        self.leave = nn.Conv2d(width * expansion // 2, width, 1)

    def forward(self, x: Tensor, held: Tensor | None = None) -> Tensor:
        """Same shape as `x`."""
        gate, value = self.enter(x).chunk(2, dim=1)
        product = functional.relu(gate) * value
        if self.training:
            product = SoftClamp.apply(product, self.limit)  # type: ignore[no-untyped-call]
        return self.add(x, self.leave(product), held)


class Stack(nn.Module):
    """`blocks` pairs of depthwise block and feed-forward network."""

    def __init__(self, width: int, blocks: int, expansion: int, stages: int = 0, limit: float = BODY_LIMIT) -> None:
        super().__init__()
        pairs = [(DepthwiseBlock(width, stages), FeedForward(width, expansion, stages, limit)) for _ in range(blocks)]
        self.blocks = nn.ModuleList(block for pair in pairs for block in pair)

    def forward(self, x: Tensor, held: Tensor | None = None) -> Tensor:
        """Same shape as `x`."""
        for block in self.blocks:
            x = block(x, held)
        return x


class Attention(nn.Module):
    """Trunk times sigmoid mask, added to the input (section 3.2, after Cheng et al. 2020)."""

    def __init__(self, width: int, expansion: int, stages: int = 0) -> None:
        super().__init__()
        self.trunk = Stack(width, ATTENTION_BLOCKS, expansion, stages, TRUNK_LIMIT)
        self.mask = Stack(width, ATTENTION_BLOCKS, expansion, stages, MASK_LIMIT)
        self.gate = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, held: Tensor | None = None) -> Tensor:
        """Same shape as `x`."""
        branch: Tensor = self.trunk(x, held) * torch.sigmoid(self.gate(self.mask(x, held)))
        return x + branch


class Analysis(nn.Module):
    """g_a of eq. 1: picture to latent."""

    def __init__(self, config: ProgicConfig) -> None:
        super().__init__()
        factor = config.downsampling // UNSHUFFLE
        self.enter = nn.Conv2d(3 * UNSHUFFLE**2, config.channels, 1)
        self.body = Stack(config.channels, config.encoder_blocks, config.expansion)
        self.down = nn.Conv2d(config.channels, config.latent_channels, factor, stride=factor)
        self.attention = Attention(config.latent_channels, config.expansion)

    def forward(self, x: Tensor) -> Tensor:
        """float[B, 3, H, W] to float[B, C2, H/f, W/f]; H and W are multiples of f."""
        latent: Tensor = self.attention(self.down(self.body(self.enter(functional.pixel_unshuffle(x, UNSHUFFLE)))))
        return latent


class Synthesis(nn.Module):
    """g_s of eq. 2: quantized latent to picture, told how many stages it was made of."""

    def __init__(self, config: ProgicConfig) -> None:
        super().__init__()
        factor = config.downsampling // UNSHUFFLE
        self.attention = Attention(config.latent_channels, config.expansion, config.stages)
        self.up = nn.Conv2d(config.latent_channels, config.channels * factor**2, 1)
        self.factor = factor
        self.body = Stack(config.channels, config.decoder_blocks, config.expansion, config.stages)
        self.leave = nn.Conv2d(config.channels, 3 * UNSHUFFLE**2, 1)

    def forward(self, latent: Tensor, held: Tensor) -> Tensor:
        """float[B, C2, H/f, W/f] and int64[B] (stages held, 1 to N) to float[B, 3, H, W], about -1 to 1."""
        x = functional.pixel_shuffle(self.up(self.attention(latent, held)), self.factor)
        return functional.pixel_shuffle(self.leave(self.body(x, held)), UNSHUFFLE)


class ResidualQuantizer(nn.Module):
    """N codebooks in a row; each quantizes the residual that the ones before left (eqs. 3 to 5)."""

    codebooks: Tensor

    def __init__(self, config: ProgicConfig) -> None:
        super().__init__()
        shape = (config.stages, config.codewords, config.latent_channels)
        codebooks = torch.empty(shape)
        if not codebooks.is_meta:  # to draw there would import torch's compiler: a second, where weights come anyway
            codebooks.normal_(std=0.1)
        self.register_buffer("codebooks", codebooks)

    def encode(self, latent: Tensor) -> Tensor:
        """Indices int64[B, N, h, w] of the nearest codewords of float[B, C2, h, w], stage by stage."""
        batch, width, height, columns = latent.shape
        residual = latent.float().permute(0, 2, 3, 1).reshape(-1, width)
        found = []
        for codebook in self.codebooks.float():
            index = nearest(residual, codebook)
            residual = residual - codebook[index]
            found.append(index.view(batch, height, columns))
        return torch.stack(found, dim=1)

    def decode(self, indices: Tensor) -> Tensor:
        """Sum of codewords float[B, C2, h, w] for indices int64[B, N, h, w]; -1 adds nothing (eq. 5)."""
        total = torch.zeros(())
        for stage in range(indices.shape[1]):
            index = indices[:, stage]
            words = functional.embedding(index.clamp(min=0), self.codebooks[stage])
            total = total + words * (index >= 0).unsqueeze(-1)
        return total.permute(0, 3, 1, 2)


def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """int64[n]: the codeword of float[K, C] nearest to each of float[n, C] (squared Euclidean distance)."""
    return torch.addmm(codebook.square().sum(dim=1), vectors, codebook.t(), alpha=-2).argmin(dim=1)


class ProGIC(nn.Module):
    """Analysis, quantizer, synthesis. Pictures are float[B, 3, H, W] in -1 to 1, sides multiples of f."""

    def __init__(self, config: ProgicConfig) -> None:
        super().__init__()
        self.config = config
        self.analysis = Analysis(config)
        self.quantizer = ResidualQuantizer(config)
        self.synthesis = Synthesis(config)

    def encode(self, x: Tensor) -> Tensor:
        """Indices int64[B, N, H/f, W/f]."""
        return self.quantizer.encode(self.analysis(x))

    def decode(self, indices: Tensor) -> Tensor:
        """Picture float[B, 3, H, W] from indices int64[B, N, h, w]; -1 marks a cell that never arrived.

        Modulation follows the number of stages of which any cell is held (at least 1).
        """
        held = (indices >= 0).flatten(2).any(dim=2).sum(dim=1).clamp(min=1)
        latent = self.quantizer.decode(indices).to(self.synthesis.up.weight.dtype)
        picture: Tensor = self.synthesis(latent, held)
        return picture


def save_model(model: ProGIC, path: Path) -> None:
    """Write `model` as float16 safetensors, whole or not at all. Raises OSError."""
    from safetensors.torch import save

    state = {name: tensor.to(torch.float16).contiguous() for name, tensor in model.state_dict().items()}
    write_whole(path, save(state, {"progic": json.dumps(dataclasses.asdict(model.config))}))


def load_model(path: Path) -> tuple[ProGIC, int]:
    """The model (float32, in evaluation mode) of a weights file, and its 32-bit model id.

    Raises WeightsError as `read_weights` does.
    """
    config, arrays, model_id = read_weights(path)
    with torch.device("meta"):
        model = ProGIC(config)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, assign=True)
    return model.eval().requires_grad_(False), model_id


@dataclass(frozen=True)
class Complexity:
    """What one encoding and one full decoding cost."""

    parameters: int
    flops: int
    """Convolutions with bias and the codebook search; 2 FLOPs a multiply-accumulate, as in the paper's appendix E.1."""


def complexity(config: ProgicConfig, height: int, width: int) -> Complexity:
    """Parameters (codebooks included) and FLOPs of `config` for one picture of height x width pixels."""
    with torch.device("meta"):
        model = ProGIC(config)
    parameters = sum(p.numel() for p in model.parameters()) + model.quantizer.codebooks.numel()
    flops = 0

    def count(module: nn.Module, _inputs: Sequence[Tensor], output: Tensor) -> None:
        nonlocal flops
        assert isinstance(module, nn.Conv2d)
        flops += output.numel() * (2 * module.weight[0].numel() + 1)

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    f = config.downsampling
    rows, columns = config.grid(height, width)
    latent = model.analysis(torch.zeros(1, 3, rows * f, columns * f, device="meta"))
    model.synthesis(latent, torch.ones(1, dtype=torch.int64, device="meta"))
    flops += 2 * rows * columns * config.stages * config.codewords * config.latent_channels
    return Complexity(parameters, flops)
