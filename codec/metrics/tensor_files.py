"""Weights on disk: published files in; our trimmed safetensors out, and in again only when they prove their origin."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from codec.base import WeightsError
from codec.files import replacing
from codec.metrics.weight_files import WeightFile

if TYPE_CHECKING:
    from torch import Tensor


def read_kept(file: WeightFile, path: Path) -> dict[str, Tensor]:
    """The tensors of `file` from the safetensors at `path`, shown to be those its authors published.

    Proof is the digest in our table; where the table has none (VGG-16), the note that `write_kept` left in the file.
    Raises WeightsError, naming the path, for anything else.
    """
    tensors, notes = read_safetensors(path)
    kept = kept_part(file, tensors)
    if kept is None:
        raise WeightsError(f"{path} does not hold the float32 tensors of {file.title}")
    digest = tensors_digest(kept)
    if file.tensors_sha256 is None and notes.get("origin_sha256") != file.sha256:
        raise WeightsError(f"{path} does not say that it was cut from {file.original}; its origin cannot be checked")
    if digest != (file.tensors_sha256 or notes.get("tensors_sha256")):
        raise WeightsError(f"{path} holds other numbers than {file.title}: it is corrupt or another file")
    return kept


def write_kept(file: WeightFile, kept: Mapping[str, Tensor], folder: Path) -> Path:
    """Write the kept tensors into `folder`, whole or not at all; return the path. Raises WeightsError."""
    from safetensors.torch import save_file

    path = folder / file.kept_as
    try:
        with replacing(path) as partial:
            save_file(dict(kept), partial, {"origin_sha256": file.sha256, "tensors_sha256": tensors_digest(kept)})
    except Exception as error:  # safetensors wraps OSError (a full disk, say) in its own class
        raise WeightsError(f"cannot write {path}: {error}") from error
    return path


def kept_part(file: WeightFile, tensors: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The tensors of `file` among `tensors`, or None where one is absent, of another shape, or not float32."""
    import torch

    kept = {name: tensors[name].detach().contiguous() for name in file.shapes if name in tensors}
    fits = all(tensor.dtype == torch.float32 for tensor in kept.values())
    return kept if fits and {name: tuple(tensor.shape) for name, tensor in kept.items()} == file.shapes else None


def read_pickle(path: Path) -> dict[str, Tensor]:
    """Every tensor of a .pth or .pt file, by torch's `weights_only` loader. Raises WeightsError."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {str(name): value for name, value in state.items() if isinstance(value, torch.Tensor)}
    except Exception as error:  # a foreign file may fail in any way that the unpickler knows
        raise WeightsError(f"{path} is not a readable weights file ({error})") from error


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Every tensor of a safetensors file, and its notes (its metadata). Raises WeightsError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as opened:
            names = opened.keys()
            return {name: opened.get_tensor(name) for name in names}, opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a readable weights file ({error})") from error


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes and little-endian float32 values, in the order of names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}{list(tensors[name].shape)}".encode())
        digest.update(tensors[name].numpy().astype("<f4").tobytes())
    return digest.hexdigest()
