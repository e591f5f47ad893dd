"""ProGIC by ONNX Runtime, behind the codec contract: no torch, from an exported file or from weights themselves."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codec.base import CodecError, Image, WeightsError, check_image
from codec.export.files import make_export
from codec.progic import layout
from codec.progic.codec import to_planes
from codec.progic.shape import DEFAULT_MODEL, UNSHUFFLE, ProgicConfig, model_path, read_weights

NAMES = {"encoder": ("picture", "indices"), "decoder": ("indices", "picture")}
"""What goes into a part, and what comes out."""


class OnnxProgic:
    """Encodes and decodes what a `ProgicCodec` of the same weights does; each graph is loaded when it is first needed.

    Pictures differ from that codec's by two levels at most, indices where two codewords are equally near but for
    rounding.
    """

    def __init__(self, model: str = DEFAULT_MODEL, stages: int | None = None, name: str = "progic") -> None:
        """`model` names shipped weights, a .safetensors file, or an .onnx file of `satsim codec export`.

        An .onnx file is one part, so that it encodes or decodes. Raises CodecError where the package onnxruntime is
        missing or for a number of stages that there is not, WeightsError for a file that is none of these.
        """
        self.name, self._model, self._sessions = name, str(model), dict[str, Any]()
        if self._model.endswith(".onnx"):
            session = _session(self._model, self._model)
            part, self.model_id, self.config = _read_about(self._model, session)
            self._sessions[part] = session
        else:
            weights = read_weights(model_path(self._model), parts=())
            self.config, self.model_id = weights.config, weights.model_id
        self.stages = self.config.stages if stages is None else stages
        if not isinstance(self.stages, int) or not 1 <= self.stages <= self.config.stages:
            raise CodecError(f"stages is {stages!r}; expected 1 to {self.config.stages}, the stages of model {model}")

    def encode(self, image: Image, payload_bytes: int) -> list[bytes]:
        """Payloads of `stages` stages, coarse first, cut by `layout`; each at most `payload_bytes` bytes."""
        check_image(image)
        picture = np.ascontiguousarray(to_planes(image, self.config.downsampling))
        indices = self._run("encoder", picture)
        return layout.split(indices[0, : self.stages], self.config.index_bits, payload_bytes)

    def decode(self, received: Mapping[int, bytes], height: int, width: int) -> Image | None:
        """The picture uint8[height, width, 3] of whatever payloads arrived; None for none at all.

        Raises CodecError for payloads that no encoder of this model writes.
        """
        if not received:
            return None
        config = self.config
        grid = layout.join(received, config.stages, *config.grid(height, width), config.index_bits)
        return to_pixels(self._run("decoder", grid[None]))[:height, :width]

    def _run(self, part: str, given: npt.NDArray[Any]) -> Any:
        """What a part makes of what it is given. Raises CodecError where that does not fit into memory, say."""
        session = self._part(part)
        try:
            [made] = session.run(None, {NAMES[part][0]: given})
        except Exception as error:  # of classes that share no base but this
            raise CodecError(f"ONNX Runtime cannot run the {part} of {self._model}: {_first_line(error)}") from error
        return made

    def _part(self, part: str) -> Any:
        """The session of a part. Raises CodecError where the model is a file of the other part."""
        if part not in self._sessions:
            if self._sessions and self._model.endswith(".onnx"):
                raise CodecError(f"{self._model}: is no {part}; expected a file of `satsim codec export --part {part}`")
            self._sessions[part] = _session(make_export(part, "onnx", self._model).file, self._model)
        return self._sessions[part]


def load_sender(
    engine: str, name: str, options: dict[str, Any], payload_bytes: int, height: int, width: int
) -> OnnxProgic:
    """The codec `name`, which is ProGIC, with its options, `budget_packets` of `payload_bytes` among them.

    Raises CodecError for an engine, codec or option that there is not, and what `OnnxProgic` and `fit_options` raise.
    """
    from codec.loading import fit_options, fitting_factory

    check_engine(engine, name)
    if "budget_packets" in options and str(options.get("model")).endswith(".onnx"):
        raise CodecError("budget_packets goes with a model by name or .safetensors file; with an .onnx give stages=N")
    fitted = fit_options(name, options, payload_bytes, height, width)
    fitting_factory(name, fitted)
    if not_its := sorted(set(fitted) & {"search", "judge", "arithmetic"}):
        raise CodecError(f"{not_its[0]} is not for --engine {engine}, but for torch; leave out one of them")
    return OnnxProgic(**{key: value for key, value in fitted.items() if key != "guess"}, name=name)  # which decodes


def check_engine(engine: str, name: str) -> None:
    """Raise CodecError for an engine that there is not, or one that does not run the codec `name`."""
    if engine != "onnxruntime":
        raise CodecError(f"--engine is {engine!r}; expected onnxruntime (or leave it out)")
    if name not in ("progic", "progic-whole"):
        raise CodecError(f"--engine {engine} runs no {name}, but progic and progic-whole (leave out --engine)")


def to_pixels(picture: npt.NDArray[np.float32]) -> Image:
    """uint8[H, W, 3] from float32[1, 3, H, W] in about -1 to 1."""
    pixels: Image = np.rint((np.clip(picture[0], -1, 1) + 1) * np.float32(127.5)).astype(np.uint8).transpose(1, 2, 0)
    return pixels


def _session(graph: str | bytes, model: str) -> Any:
    """ONNX Runtime with this graph, a file or its bytes, on as many threads as OMP_NUM_THREADS says (all, if nothing).

    Raises CodecError where the package is missing, WeightsError, naming `model`, for a graph that it does not take.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise CodecError(f'engine onnxruntime cannot be imported ({error}): pip install "satsim-link[onnx]"') from None
    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    options.log_severity_level = 4  # what is wrong is raised, and told in a line
    if isinstance(graph, str) and not Path(graph).is_file():
        raise WeightsError(f"{graph}: no such file; `satsim codec export` writes one")
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of classes that share no base but this
        raise WeightsError(f"{model}: ONNX Runtime cannot load it ({_first_line(error)}); export it again") from error


def _read_about(file: str, session: Any) -> tuple[str, int, ProgicConfig]:
    """Part, model id and shape that the metadata of an exported file tell. Raises WeightsError."""
    about = session.get_modelmeta().custom_metadata_map
    try:
        part, model_id, config = about["part"], int(about["model_id"], 16), ProgicConfig(**json.loads(about["progic"]))
        f = config.downsampling
        shapes = {"picture": [1, 3, f"{f}h", f"{f}w"], "indices": [1, config.stages, "h", "w"]}
        found = {each.name: each.shape for each in (*session.get_inputs(), *session.get_outputs())}
        if f < UNSHUFFLE or found != shapes or session.get_inputs()[0].name != NAMES[part][0]:
            raise ValueError(f"{part} of {found}")
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{file}: not a file of `satsim codec export` ({_first_line(error)}); export it") from error
    return part, model_id, config


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
