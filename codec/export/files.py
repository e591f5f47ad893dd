"""One part of a ProGIC model to a file that another runtime loads."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

from codec.base import CodecError
from codec.files import write_whole
from codec.progic.shape import ProgicConfig, Weights, model_path, read_weights

PARTS = {"encoder": ("analysis.", "quantizer."), "decoder": ("synthesis.", "quantizer.")}
"""What is exported, and the beginnings of the names of its weights."""


class Exported(NamedTuple):
    """What was written."""

    config: ProgicConfig
    about: dict[str, str]
    """The file's metadata."""
    size_bytes: int


def about_export(part: str, weights: Weights) -> dict[str, str]:
    """The metadata of an exported part: all that a runtime must know besides the graph."""
    return {
        "part": part,
        "model_id": f"{weights.model_id:08x}",
        "progic": json.dumps(dataclasses.asdict(weights.config)),
    }


def onnx_bytes(part: str, model: str) -> tuple[Weights, dict[str, str], bytes]:
    """Weights, metadata and ONNX file of a part of `model`, a shipped name or a .safetensors file.

    Raises WeightsError as `read_weights` does, CodecError where the package onnx is missing.
    """
    try:
        from codec.export.graph import OPSET, onnx_model
    except ImportError as error:
        raise CodecError(f'an ONNX graph needs the package onnx ({error}): pip install "satsim-link[onnx]"') from None
    weights = read_weights(model_path(model), PARTS[part])
    about = about_export(part, weights) | {"opset": str(OPSET)}
    return weights, about, onnx_model(part, weights.config, weights.arrays, about).SerializeToString(deterministic=True)


def export_onnx(part: str, model: str, out: Path) -> Exported:
    """Write a part as ONNX, whole or not at all. Raises as `onnx_bytes` does, and OSError."""
    weights, about, file = onnx_bytes(part, model)
    write_whole(out, file)
    return Exported(weights.config, about, len(file))
