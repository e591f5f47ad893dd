"""Shipped weights: one safetensors file and one model card each.

A weights file carries its own shape: metadata `progic` is the JSON of its `ProgicConfig`. Its model id, which every
packet names, is the first four bytes of the file's SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codec.base import WeightsError

if TYPE_CHECKING:
    from codec.model import ProGIC

ZOO = Path(__file__).parent
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


def save_model(model: ProGIC, path: Path) -> None:
    """Write `model` as float16 safetensors, atomically."""
    import torch
    from safetensors.torch import save_file

    state = {name: tensor.to(torch.float16).contiguous() for name, tensor in model.state_dict().items()}
    partial = path.with_suffix(".partial")
    save_file(state, partial, metadata={"progic": json.dumps(dataclasses.asdict(model.config))})
    os.replace(partial, path)


def load_model(path: Path) -> tuple[ProGIC, int]:
    """The model (float32, in evaluation mode) of a weights file, and its 32-bit model id.

    Raises WeightsError, naming the file, where it is missing, truncated or of another shape.
    """
    import torch

    from codec.model import ProGIC, ProgicConfig

    with _naming(path):
        shape, arrays, model_id = read_weights(path)
        with torch.device("meta"):
            model = ProGIC(ProgicConfig(**shape))
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, assign=True)
    return model.eval().requires_grad_(False), model_id


def read_weights(path: Path, parts: tuple[str, ...] = ("",)) -> tuple[dict[str, int], dict[str, Any], int]:
    """A weights file without torch: its shape, its arrays (float32) with names beginning as `parts`, its model id.

    Raises WeightsError, naming the file, where it is missing or truncated.
    """
    import numpy as np
    from safetensors import safe_open

    with _naming(path):
        model_id = int.from_bytes(hashlib.sha256(path.read_bytes()).digest()[:4], "big")
        with safe_open(path, framework="numpy") as file:
            shape = json.loads((file.metadata() or {})["progic"])
            names = [name for name in file.keys() if name.startswith(parts)]  # noqa: SIM118 (not a dict)
            return shape, {name: file.get_tensor(name).astype(np.float32) for name in names}, model_id


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn whatever reading a weights file raises into a WeightsError that names it."""
    from safetensors import SafetensorError

    try:
        yield
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such weights file; shipped models: {', '.join(list_models())}") from error
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: not the weights of a ProGIC model ({reason}); copy the file again") from error
