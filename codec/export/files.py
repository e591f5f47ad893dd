"""One part of a ProGIC model to a file that another runtime loads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from codec.base import CodecError
from codec.files import prepared, write_whole
from codec.progic.shape import ProgicConfig, Weights, model_path, read_weights

PARTS = {"encoder": ("analysis.", "quantizer."), "decoder": ("synthesis.", "quantizer.")}
"""What is exported, and the beginnings of the names of its weights."""
OPSET = 18
"""Of ONNX, end of 2022: what runtimes on phones and in browsers have had time to learn."""


class Exported(NamedTuple):
    """What was made."""

    config: ProgicConfig
    about: dict[str, str]
    """All that a runtime must know besides the graph; it stands in the file's metadata."""
    file: bytes

    @property
    def size_bytes(self) -> int:
        """Of the file."""
        return len(self.file)

    @property
    def interface(self) -> list[str]:
        """A line for what goes in, and one for what comes out."""
        f, n = self.config.downsampling, self.config.stages
        picture = f"picture float32[1, 3, {f}*h, {f}*w], -1 to 1"
        indices = f"indices int64[1, {n}, h, w], 0 to {self.config.codewords - 1}"
        if self.about["part"] == "encoder":
            return [f"in:  {picture}", f"out: {indices}"]
        return [f"in:  {indices}, -1 where a cell never arrived", f"out: {picture} or a little beyond"]


def onnx_file(part: str, weights: Weights, about: Mapping[str, str]) -> bytes:
    """The ONNX file of a part. Raises CodecError where the package onnx is missing."""
    try:
        from codec.export.graph import onnx_model
    except ImportError as error:
        raise CodecError(f'an ONNX graph needs the package onnx ({error}): pip install "satsim-link[onnx]"') from None
    file: bytes = onnx_model(part, weights, about).SerializeToString(deterministic=True)
    return file


def torchscript_file(part: str, weights: Weights, about: Mapping[str, str]) -> bytes:
    """The TorchScript file of a part. Raises CodecError where torch is missing."""
    try:
        from codec.export.script import torchscript_bytes
    except ImportError as error:
        raise CodecError(f"TorchScript is written by torch, which cannot be imported ({error})") from None
    return torchscript_bytes(part, weights, about)


FORMATS = {"onnx": onnx_file, "torchscript": torchscript_file}
KINDS = {"onnx": ("float16", "int8"), "torchscript": ("float32",)}
"""How weights may be stored in each format, first that of choice.

float16 is exact, for what it does not hold stays float32; int8 is not.
"""


def make_export(part: str, form: str, model: str, kind: str | None = None) -> Exported:
    """A part of `model`, a shipped name or a .safetensors file, in one of FORMATS, with weights of one of its KINDS.

    Raises CodecError for a part, format or kind that there is not, WeightsError as `read_weights` does.
    """
    for what, found, known in (("--part", part, PARTS), ("--format", form, FORMATS)):
        if found not in known:
            raise CodecError(f"{what} is {found!r}; expected {' or '.join(known)}")
    kind = kind or KINDS[form][0]
    if kind not in KINDS[form]:
        raise CodecError(f"--weights is {kind!r}; expected {' or '.join(KINDS[form])} for {form}")
    weights = read_weights(model_path(model), PARTS[part])
    about = {
        "part": part,
        "model_id": f"{weights.model_id:08x}",
        "progic": json.dumps(dataclasses.asdict(weights.config)),
        "weights": kind,
    }
    if form == "onnx":
        about["opset"] = str(OPSET)
    return Exported(weights.config, about, FORMATS[form](part, weights, about))


def export(part: str, form: str, model: str, out: Path, kind: str | None = None) -> Exported:
    """Write a part, whole or not at all. Raises as `make_export` does, and OSError."""
    with prepared(out):
        exported = make_export(part, form, model, kind)
    write_whole(out, exported.file)
    return exported
