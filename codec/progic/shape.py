"""The shape of a ProGIC model, and the weights files that have it; all without torch.

A weights file carries its own shape: metadata `progic` is the JSON of its `ProgicConfig`. Its model id, which every
packet names, is the first four bytes of the file's SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codec.base import WeightsError

UNSHUFFLE = 8
"""Pixels a side that one cell of the transforms' feature grid covers (section 3.1)."""
ATTENTION_BLOCKS = 3
"""The paper's k (section 3.2)."""


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

    @property
    def stage_bpp(self) -> float:
        """Bits per pixel that one stage adds (eq. 8 with N = 1)."""
        return self.index_bits / self.downsampling**2


PRESETS = {
    "base": ProgicConfig(channels=368, encoder_blocks=8, decoder_blocks=14),
    "small": ProgicConfig(channels=256, encoder_blocks=4, decoder_blocks=8),
    "nano": ProgicConfig(channels=128, encoder_blocks=4, decoder_blocks=8),
    "fine16": ProgicConfig(channels=368, encoder_blocks=8, decoder_blocks=14, stages=16, downsampling=32),
    "fine48": ProgicConfig(channels=368, encoder_blocks=8, decoder_blocks=14, stages=48, index_bits=8, downsampling=64),
}
"""The paper's base and small, our nano for small CPUs, and the two ablation shapes of its Fig. 16."""

ZOO = Path(__file__).parents[1] / "zoo"
DEFAULT_MODEL = "nano"


def list_models() -> list[str]:
    """Names of the shipped models, sorted."""
    return sorted(path.stem.removeprefix("progic-") for path in ZOO.glob("progic-*.safetensors"))


def model_path(model: str) -> Path:
    """The weights file of a shipped model, or `model` itself where it names a file; raises WeightsError."""
    shipped = ZOO / f"progic-{model}.safetensors"
    if shipped.is_file():
        return shipped
    if model.endswith(".safetensors"):
        return Path(model)
    names = ", ".join(list_models()) or "none"
    raise WeightsError(f"model is {model!r}; expected a .safetensors file or one of: {names}")


def read_weights(path: Path, parts: tuple[str, ...] = ("",)) -> tuple[dict[str, int], dict[str, Any], int]:
    """A weights file without torch: its shape, its arrays (float32) with names beginning as `parts`, its model id.

    Raises WeightsError, naming the file, where it is missing or truncated.
    """
    import numpy as np
    from safetensors import safe_open

    with naming(path):
        model_id = int.from_bytes(hashlib.sha256(path.read_bytes()).digest()[:4], "big")
        with safe_open(path, framework="numpy") as file:
            shape = json.loads((file.metadata() or {})["progic"])
            names = [name for name in file.keys() if name.startswith(parts)]  # noqa: SIM118 (not a dict)
            return shape, {name: file.get_tensor(name).astype(np.float32) for name in names}, model_id


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn whatever reading a weights file raises into a WeightsError that names it."""
    from safetensors import SafetensorError

    try:
        yield
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such weights file; shipped models: {', '.join(list_models())}") from error
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: not the weights of a ProGIC model ({reason}); copy the file again") from error
