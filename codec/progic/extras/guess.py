"""What was lost, guessed from what is held: a small network on the latent, for a decoder that is told to use it.

*Lost* is the codeword of the first stage of a cell, where a later stage is held: all of them where a photo's first
packet never came, some where a stage is dealt over several. Later stages, and a first stage that is still on its way,
with nothing held of any later one, are not guessed: decoders do without as well as with a guess, or better. The
network sees the codewords of each stage that are held, where cells are lost, and hints (see `hints` beside this) where
there are any; it answers with the codewords that are lost. Then the decoder paints, modulated by rows of its own for
guessed latents. Where the first stage is whole, or on its way, nothing is guessed, and the picture is the plain
decoder's to the last bit.

A guess's file, MODEL.guess.safetensors beside the weights, holds the network, what those rows differ by from the
model's, and the hints' books. It goes with every model of the same codebooks: what a network guesses of them outlives a
decoder that is trained further.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from codec.base import WeightsError
from codec.progic.decoder import Array, Decoder, Operations, read_linear, read_stack, send
from codec.progic.shape import ProgicConfig, Shapes, Weights, convolution, stack, tensor_shapes

if TYPE_CHECKING:
    import torch


def lost(held: Array) -> Array:
    """bool[N, cells]: where a codeword is lost, of `held` bool[N, cells]; nowhere where no later stage is held."""
    wanted = held & ~held
    if bool(held[1:].any()):
        wanted[0] = ~held[0]
    return wanted


def channels_in(stages: int, width: int) -> int:
    """What the network sees of a cell: a codeword a stage and one of its hint, held and lost a stage, hint known."""
    return (stages + 1) * width + 2 * stages + 1


def look(ops: Operations, indices: Array, codebooks: Array, wanted: Array, hint: Array) -> Array:
    """float[cells, channels_in]: what is known of cells of which indices int64[N, cells] are held (-1: not).

    `wanted` bool[N, cells] are those lost; `hint` float[cells, C2 + 1]: the codeword of the first stage that a hint
    tells of each cell, and 1 where there is a hint (all zeros where not).
    """
    stages, _, width = codebooks.shape
    seen = ops.zeros(indices.shape[1], channels_in(stages, width))
    for stage in range(stages):
        here = indices[stage] >= 0
        seen[here, stage * width : (stage + 1) * width] = codebooks[stage][indices[stage][here]]
        seen[:, (stages + 1) * width + 2 * stage] = here
        seen[:, (stages + 1) * width + 2 * stage + 1] = wanted[stage]
    seen[:, stages * width : (stages + 1) * width] = hint[:, :width]
    seen[:, -1] = hint[:, width]
    return seen


class GuessingDecoder:
    """`Decoder`, which guesses what is lost before it paints; keeps nothing between calls."""

    def __init__(
        self, config: ProgicConfig, arrays: Mapping[str, Array], guess: Mapping[str, Array], ops: Operations
    ) -> None:
        """`arrays` are those of the model's weights, `guess` those of a file for it (`read_guess`)."""
        self._ops, self._codebooks = ops, arrays["quantizer.codebooks"]
        moved = {name: array + guess[name] for name, array in arrays.items() if name in guess}
        self._plain, self._decoder = Decoder(config, arrays, ops), Decoder(config, {**arrays, **moved}, ops)
        self._enter, self._leave = read_linear(guess, "guess.enter"), read_linear(guess, "guess.leave")
        self._body, self.books = read_stack(guess, "guess.body"), guess["hints.books"]

    def decode(self, indices: Array, rows: int, columns: int, hint: Array | None = None) -> Array:
        """As by `Decoder`; `hint` as for `look`, None for none."""
        wanted = lost(indices >= 0)
        if not bool(wanted.any()):
            return self._plain.decode(indices, rows, columns)
        if hint is None:
            hint = self._ops.zeros(rows * columns, self._codebooks.shape[2] + 1)
        return self._decoder.decode(indices, rows, columns, self.guess(indices, rows, columns, wanted, hint))

    def guess(self, indices: Array, rows: int, columns: int, wanted: Array, hint: Array) -> Array:
        """Sum of the codewords that are lost of each cell, float[cells, C2]; zero where none is."""
        ops = self._ops
        x = ops.linear(look(ops, indices, self._codebooks, wanted, hint), *self._enter)
        send(ops, self._body, x, rows, columns, 0)
        found = ops.linear(x, *self._leave)
        found[~wanted.any(0)] = 0
        return found


def guess_shapes(config: ProgicConfig, width: int, blocks: int, expansion: int, hint_bytes: int) -> Shapes:
    """Name -> shape of every tensor in a file that guesses for a model of `config`."""
    c2 = config.latent_channels
    return {
        **convolution("guess.enter", channels_in(config.stages, c2), width),
        **stack("guess.body", blocks, width, expansion),
        **convolution("guess.leave", width, c2),
        **{name: shape for name, shape in tensor_shapes(config).items() if len(shape) == 2},  # the modulation
        "hints.books": (hint_bytes, 256, 4, c2),
    }


def name_codebooks(codebooks: npt.NDArray[np.float32]) -> str:
    """Eight hexadecimal digits that follow from the values of float32[N, K, C2]."""
    return hashlib.sha256(np.ascontiguousarray(codebooks, "<f4").tobytes()).hexdigest()[:8]


def guess_path(weights: Path) -> Path:
    """Where what guesses for a weights file lies."""
    return weights.with_suffix(".guess.safetensors")


def read_guess(path: Path, weights: Weights) -> dict[str, npt.NDArray[np.float32]]:
    """The arrays, float32, of what guesses for the model whose weights file is `path`.

    Raises WeightsError, naming the file and the mend, where it is missing, damaged, or guesses for other codebooks.
    """
    beside = guess_path(path)
    mend = f"make one by: python -m codec.training.guess --model {path}"
    try:
        if not beside.is_file():
            raise WeightsError(f"{beside}: no such file to guess by; leave out guess, or {mend}")
        with safe_open(beside, framework="numpy") as file:
            told = json.loads((file.metadata() or {})["guess"])
            if told.pop("codebooks") != name_codebooks(weights.arrays["quantizer.codebooks"]):
                raise ValueError("it is for a model of other codebooks")
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (not a dict)
            expected = guess_shapes(weights.config, **told)
            if wrong := sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name)):
                raise ValueError(f"{wrong[0]} is {found.get(wrong[0])}; expected {expected.get(wrong[0])}")
            return {name: file.get_tensor(name).astype(np.float32) for name in found}
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{beside}: does not guess for {path.name} ({reason}); copy it again, or {mend}") from error


def in_torch(
    path: Path, weights: Weights, ops: Operations | None = None, blocks: torch.dtype | None = None
) -> GuessingDecoder:
    """What a `FastProGIC` of the same decodes by, where it guesses. Raises as `read_guess` does."""
    import torch

    from codec.progic.fast import TORCH

    narrow = blocks or torch.float32
    own, given = (
        {name: torch.from_numpy(array).to(narrow if ".blocks." in name else torch.float32) for name, array in held}
        for held in (weights.arrays.items(), read_guess(path, weights).items())
    )
    return GuessingDecoder(weights.config, own, given, ops or TORCH)
