"""Both parts of a model as they are exported, ready to run on one thread, by each runtime."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

from codec.base import CodecError
from codec.export.files import make_export

Part = Callable[[Any], Any]
"""One array in, one out."""


def onnx_parts(model: str) -> list[Part]:
    """Encoder and decoder by ONNX Runtime. Raises CodecError where a package is missing."""
    try:
        import onnxruntime
    except ImportError as error:
        raise CodecError(f'onnxruntime cannot be imported ({error}): pip install "satsim-link[onnx]"') from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1

    def part(name: str, given: str) -> Part:
        file = make_export(name, "onnx", model).file
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        return lambda x: session.run(None, {given: x})[0]

    return [part("encoder", "picture"), part("decoder", "indices")]


def script_parts(model: str) -> list[Part]:
    """The same by TorchScript, on as many threads as torch has. Raises CodecError where torch is missing."""
    import torch

    def part(name: str) -> Part:
        file = io.BytesIO(make_export(name, "torchscript", model).file)
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of TorchScript, as asked for
            loaded = torch.jit.load(file)  # type: ignore[no-untyped-call]
        return lambda x: loaded(torch.as_tensor(x)).numpy()

    return [part("encoder"), part("decoder")]


LOADERS = {"ONNX Runtime": onnx_parts, "TorchScript": script_parts}
