"""The shape of a ProGIC model, and the weights files that have it; all without torch.

A weights file carries its own shape: metadata `progic` is the JSON of its `ProgicConfig`. Its model id, which every
packet names, is the first four bytes of the file's SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from codec.base import WeightsError

UNSHUFFLE = 8
"""Pixels a side that one cell of the transforms' feature grid covers (section 3.1)."""
ATTENTION_BLOCKS = 3
"""The paper's k (section 3.2)."""
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class ProgicConfig:
    """The shape of one ProGIC model; everything a decoder must know besides the weights."""

    channels: int
    """C1, width of the transforms at H/8."""
    encoder_blocks: int
    """M of the analysis transform."""
    decoder_blocks: int
    """M of the synthesis transform."""
    latent_channels: int = 256
    """C2, width of the latent and of every codeword."""
    expansion: int = 4
    """r of the feed-forward networks."""
    stages: int = 5
    """N, the number of codebooks."""
    index_bits: int = 10
    """L; each codebook holds 2^L codewords."""
    downsampling: int = 16
    """f, pixels a side that one latent cell covers; a multiple of 8."""

    @property
    def codewords(self) -> int:
        """Codewords in each codebook."""
        return 1 << self.index_bits

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of latent cells, those of the padding included, that a picture of this size costs."""
        return -(-height // self.downsampling), -(-width // self.downsampling)


PRESETS = {
    "base": ProgicConfig(channels=368, encoder_blocks=8, decoder_blocks=14),
    "small": ProgicConfig(channels=256, encoder_blocks=4, decoder_blocks=8),
    "nano": ProgicConfig(channels=128, encoder_blocks=4, decoder_blocks=8),
    "fine16": ProgicConfig(channels=368, encoder_blocks=8, decoder_blocks=14, stages=16, downsampling=32),
    "fine48": ProgicConfig(channels=368, encoder_blocks=8, decoder_blocks=14, stages=48, index_bits=8, downsampling=64),
}
"""The paper's base and small, our nano for small CPUs, and the two ablation shapes of its Fig. 16."""


def tensor_shapes(config: ProgicConfig) -> Shapes:
    """Name -> shape of every tensor in a weights file of `config`; the names are those of `model.ProGIC`."""
    c1, c2, factor = config.channels, config.latent_channels, config.downsampling // UNSHUFFLE
    pixels = 3 * UNSHUFFLE**2
    return {
        **convolution("analysis.enter", pixels, c1),
        **stack("analysis.body", config.encoder_blocks, c1, config.expansion),
        **convolution("analysis.down", c1, c2, factor),
        **_attention("analysis.attention", c2, config.expansion),
        "quantizer.codebooks": (config.stages, config.codewords, c2),
        **_attention("synthesis.attention", c2, config.expansion, config.stages),
        **convolution("synthesis.up", c2, c1 * factor**2),
        **stack("synthesis.body", config.decoder_blocks, c1, config.expansion, config.stages),
        **convolution("synthesis.leave", c1, pixels),
    }


def _attention(name: str, width: int, expansion: int, stages: int = 0) -> Shapes:
    trunk, mask = (stack(f"{name}.{part}", ATTENTION_BLOCKS, width, expansion, stages) for part in ("trunk", "mask"))
    return {**trunk, **mask, **convolution(f"{name}.gate", width, width)}


def stack(name: str, blocks: int, width: int, expansion: int, stages: int = 0) -> Shapes:
    """Pairs of depthwise block and feed-forward network; with stages, each is modulated."""
    shapes: Shapes = {}
    for number in range(2 * blocks):
        block, wide = f"{name}.blocks.{number}", width * expansion
        if number % 2:
            shapes |= convolution(f"{block}.enter", width, wide) | convolution(f"{block}.leave", wide // 2, width)
        else:
            shapes |= convolution(f"{block}.enter", width, width) | convolution(f"{block}.leave", width, width)
            shapes |= convolution(f"{block}.depthwise", 1, width, 3)
        if stages:
            shapes |= {f"{block}.scale": (stages, width), f"{block}.bias": (stages, width)}
    return shapes


def convolution(name: str, held: int, made: int, side: int = 1) -> Shapes:
    return {f"{name}.weight": (made, held, side, side), f"{name}.bias": (made,)}


ZOO = Path(__file__).parents[1] / "zoo"
DEFAULT_MODEL = "small"
ARITHMETICS = ("float32", "bfloat16")
"""The default first; the other where a processor multiplies it, see `narrow`."""


def list_models() -> list[str]:
    """Names of the shipped models, sorted."""
    names = (path.stem.removeprefix("progic-") for path in ZOO.glob("progic-*.safetensors"))
    return sorted(name for name in names if "." not in name)  # beside some lies what guesses, MODEL.guess.safetensors


def model_path(model: str) -> Path:
    """The weights file of a shipped model, or `model` itself where it names a file; raises WeightsError."""
    shipped = ZOO / f"progic-{model}.safetensors"
    if shipped.is_file():
        return shipped
    if model.endswith(".safetensors"):
        return Path(model)
    names = ", ".join(list_models()) or "none"
    raise WeightsError(f"model is {model!r}; expected a .safetensors file or one of: {names}")


class Weights(NamedTuple):
    """What a weights file holds."""

    config: ProgicConfig
    arrays: dict[str, npt.NDArray[np.float32]]
    """By name, of the shapes that `tensor_shapes` tells."""
    model_id: int
    """32 bits, which packets name."""


def read_weights(path: Path, parts: tuple[str, ...] = ("",)) -> Weights:
    """A weights file, of its arrays those with names beginning as `parts`.

    Raises WeightsError, naming the file, where it is missing, truncated, or not of the shape that it tells.
    """
    from safetensors import SafetensorError, safe_open

    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no file")
        with path.open("rb") as opened:
            model_id = int.from_bytes(hashlib.file_digest(opened, "sha256").digest()[:4], "big")
        with safe_open(path, framework="numpy") as file:
            config = ProgicConfig(**json.loads((file.metadata() or {})["progic"]))
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (not a dict)
            expected = tensor_shapes(config)
            if wrong := sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name)):
                shape, wanted = found.get(wrong[0], "missing"), expected.get(wrong[0], "no such tensor")
                raise ValueError(f"{wrong[0]} is {shape}; expected {wanted}")
            arrays = {name: file.get_tensor(name).astype(np.float32) for name in found if name.startswith(parts)}
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such weights file; shipped models: {', '.join(list_models())}") from error
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: not the weights of a ProGIC model ({reason}); copy the file again") from error
    return Weights(config, arrays, model_id)
