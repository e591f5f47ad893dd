"""Shipped weights: one safetensors file and one model card each.

A weights file carries its own shape: metadata `progic` is the JSON of its `ProgicConfig`. Its model id, which every
packet names, is the first four bytes of the file's SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

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
    from safetensors import SafetensorError, safe_open

    from codec.model import ProGIC, ProgicConfig

    try:
        model_id = int.from_bytes(hashlib.sha256(path.read_bytes()).digest()[:4], "big")
        with safe_open(path, framework="pt") as file:
            config = ProgicConfig(**json.loads((file.metadata() or {})["progic"]))
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (not a dict)
        with torch.device("meta"):
            model = ProGIC(config)
        model.load_state_dict(state, assign=True)
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such weights file; shipped models: {', '.join(list_models())}") from error
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: not the weights of a ProGIC model ({reason}); copy the file again") from error
    return model.eval().requires_grad_(False), model_id
