"""From what packets name to a codec that decodes them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from codec.base import Codec, CodecError, WeightsError
from codec.loading import load_codec

RECEIVERS = {"progic-full": "codec.progic.extras.full:FullReceiver"}
"""What decodes the payloads of a ProGIC codec without torch, where that is not the receiver of plain ones."""
BESIDE = {"progic-full": ", its .coding.npz and .guess.safetensors beside it"}
"""What a model's name on the air stands for besides weights."""


def load_receiver(
    name: str,
    model_id: int,
    model: str | None = None,
    short_id: Callable[[int], int] | None = None,
    engine: str | None = None,
    guess: bool = False,
) -> Codec:
    """A codec that decodes packets naming this codec and model id; `model` may name a ProGIC weights file.

    `engine` runs it in place of NumPy; see `codec.export.engine`, for which `model` may name an exported decoder too.
    With `guess` ProGIC guesses what is lost, see `codec.progic.extras.guess`; other codecs and engines do not.
    With `short_id` packets name a model by what that makes of its id, which no two shipped share.
    Raises WeightsError where no weights at hand have that id (others would show a false picture), CodecError for a
    codec or bitstream that this version does not know.
    """
    if engine:
        from codec.export.engine import check_engine

        check_engine(engine, name)
        if guess:
            raise CodecError(f"--guess goes without --engine {engine} (leave out one of them)")
    on_air = short_id or int
    named = f"model of short id {model_id:04x}" if short_id else f"model {model_id:08x}"
    if name.startswith("progic"):
        from codec.progic.shape import DEFAULT_MODEL, list_models, model_path

        candidates = [model] if model else sorted(list_models(), key=DEFAULT_MODEL.__ne__)  # most packets are its
        for candidate in candidates:
            file = Path(candidate) if engine and candidate.endswith(".onnx") else model_path(candidate)
            receiver = _progic(name, candidate, file.stat().st_mtime_ns if file.exists() else 0, engine, False)
            if on_air(receiver.model_id) == model_id:
                return _progic(name, candidate, file.stat().st_mtime_ns, None, True) if guess else receiver
        raise WeightsError(
            f"packets are for ProGIC {named}; at hand: {', '.join(candidates) or 'none'}, of other ids"
            f" (give the sender's weights file by --model{BESIDE.get(name, '')})"
        )
    choices: list[dict[str, Any]] = [{}, {"progressive": True}] if name == "jpeg2000" else [{}]
    for options in choices:
        rival = load_codec(name, budget_bytes=1, **options)
        if on_air(rival.model_id) == model_id:
            return rival
    raise CodecError(f"packets are for codec {name}, bitstream {model_id}; this version cannot decode it")


@lru_cache(maxsize=4)
def _progic(name: str, model: str, _written_ns: int, engine: str | None, guess: bool) -> Codec:
    """Read once for all images of a command; `_written_ns` tells a file that was written anew."""
    if engine:
        from codec.export.engine import OnnxProgic

        return OnnxProgic(model)
    module, _, attribute = RECEIVERS.get(name, "codec.progic.receiver:ProgicReceiver").partition(":")
    receiver: Callable[..., Codec] = getattr(importlib.import_module(module), attribute)
    return receiver(model, guess=True) if guess and name not in RECEIVERS else receiver(model)
