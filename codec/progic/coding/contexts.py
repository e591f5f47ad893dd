"""How likely each codeword is, given the cells of the same payload that come before it: tables of whole numbers.

Codewords are sorted into classes. Of each neighbour that is held, at most `NEIGHBOURS` near ones before it in its
payload, a row of a table is weighed by a row that belongs to the offset; their sum goes through one small layer, and
that into a frequency for each class and, once the class is known, for each codeword of it. All sums are of integers
and all divisions are shifts, so that both ends agree to the bit whatever computes them.

Tables are one file beside the weights, `progic-small.coding.npz`, learned by `python -m codec.training.coding`. They
say which codebooks they are for; packets name a model id made of both, the weights' and the tables'.
"""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codec.base import WeightsError
from codec.progic.layout import GOLDEN, Indices

REACH, NEIGHBOURS = 4, 8
"""Rows and columns that an offset may span, and how many offsets are looked at."""
ACTIVATION, TOKEN, WEIGHT, LOGIT = 10, 5, 10, 8
"""Bits behind the point: of activations, of rows by codeword, of weights, and of logits (to base 2)."""
FREQUENCY = 12
"""The likeliest codeword has 2^12 + 1 of all frequencies, the others so much less, and 1 at least."""
MEND = "learn them by: python -m codec.training.coding PHOTOS --model"


def _powers() -> Indices:
    """2^(FREQUENCY - k / 256) for k of 0 to 255, rounded down: exact, by eight square roots of whole numbers."""
    found = []
    for k in range(1 << LOGIT):
        power = 1 << ((FREQUENCY << LOGIT) - k)
        for _ in range(LOGIT):
            power = math.isqrt(power)
        found.append(power)
    return np.array(found, np.int64)


POWERS = _powers()


def offsets(parts: int) -> list[tuple[int, int]]:
    """(rows, columns) from a cell to its neighbours in a payload of a stage dealt over `parts`, nearest first."""
    shift = max(1, round(GOLDEN * parts))
    near = [(y, x) for y in range(-REACH, 1) for x in range(-REACH, REACH + 1) if (y, x) < (0, 0)]
    held = [(y, x) for y, x in near if (x + y * shift) % parts == 0]
    return sorted(held, key=lambda offset: (offset[0] ** 2 + offset[1] ** 2, offset))[:NEIGHBOURS]


def offset_numbers(parts: int) -> Indices:
    """Row int64[m] of the tables by offset for each of `offsets`."""
    return np.array([(y + REACH) * (2 * REACH + 1) + x + REACH for y, x in offsets(parts)], np.int64)


def neighbours(places: Indices, rows: int, columns: int, parts: int) -> Indices:
    """Where in `places`, raster positions int64[n] in coding order, each cell's neighbours are: int64[n, m].

    -1 stands for none: beyond the edge, in another payload, or not yet coded.
    """
    turn = np.full(rows * columns, len(places), np.int64)
    turn[places] = np.arange(len(places))
    row, column = np.divmod(places, columns)
    found = np.full((len(places), len(offsets(parts))), -1, np.int64)
    for k, (y, x) in enumerate(offsets(parts)):
        inside = (row + y >= 0) & (column + x >= 0) & (column + x < columns)
        at = turn[np.where(inside, places + y * columns + x, 0)]
        found[:, k] = np.where(inside & (at < np.arange(len(places))), at, -1)
    return found


@dataclass(frozen=True)
class StageTables:
    """The tables of one stage: K codewords in C classes, d channels. Integers of any width; sums are int64."""

    ranks: Indices
    """[K]: codeword to its place; K / C places in a row are a class."""
    tokens: Indices
    """int8[K, d], by codeword."""
    weights: Indices
    """[offsets, d]."""
    shifts: Indices
    """[offsets, d]: added where there is a neighbour."""
    start: Indices
    mix: Indices
    """[d, d], and what is added to it."""
    mix_start: Indices
    classes: Indices
    """int8[C, d], and what is added to it."""
    class_start: Indices
    members: Indices
    """int8[K, d], by place, and what is added to it."""
    member_start: Indices
    scales: Indices
    """[2]: bits behind the point of `classes` and of `members`."""

    @cached_property
    def codewords(self) -> Indices:
        """Place to codeword."""
        return np.argsort(self.ranks)

    @property
    def size(self) -> int:
        """Codewords in a class."""
        return len(self.ranks) // len(self.classes)

    def features(self, before: Indices, numbers: Indices) -> Indices:
        """int64[n, d] from codewords int64[n, m] of neighbours, -1 for none, at offsets of these numbers."""
        held = (before >= 0)[:, :, None]
        rows = np.where(held, self.tokens[before] * self.weights[numbers] + self.shifts[numbers], 0)
        h = np.maximum(rows.sum(axis=1) + self.start, 0) >> (TOKEN + WEIGHT - ACTIVATION)
        mixed: Indices = h + (np.maximum(h @ self.mix.T + self.mix_start, 0) >> WEIGHT)
        return mixed

    def class_frequencies(self, features: Indices) -> Indices:
        """int64[n, C]."""
        return _frequencies(features, self.classes, self.class_start, int(self.scales[0]))

    def member_frequencies(self, features: Indices, group: int) -> Indices:
        """int64[n, K / C] of the codewords in one class."""
        part = slice(group * self.size, (group + 1) * self.size)
        return _frequencies(features, self.members[part], self.member_start[part], int(self.scales[1]))


def _frequencies(features: Indices, matrix: Indices, start: Indices, scale: int) -> Indices:
    logits = (features @ matrix.T >> (ACTIVATION + scale - LOGIT)) + start
    below = np.minimum(logits.max(axis=1, keepdims=True) - logits, (FREQUENCY + 1 << LOGIT) - 1)
    found: Indices = (POWERS[below & (1 << LOGIT) - 1] >> (below >> LOGIT)) + 1
    return found


def codebooks_id(codebooks: npt.NDArray[np.float32]) -> int:
    """32 bits that name codebooks: the first four bytes of the SHA-256 of their float32, little-endian."""
    return int.from_bytes(hashlib.sha256(codebooks.astype("<f4").tobytes()).digest()[:4], "big")


def tables_path(weights: Path) -> Path:
    """Where the tables for a weights file lie."""
    return weights.with_suffix(".coding.npz")


def read_tables(weights: Path, codebooks: npt.NDArray[np.float32]) -> tuple[list[StageTables], int]:
    """The tables for a weights file, one a stage, and 32 bits that name them; none and 0 where no file is there.

    Raises WeightsError, naming the file and the mend, where they are damaged, or for other codebooks.
    """
    path, wanted = tables_path(weights), codebooks_id(codebooks)
    mend = f"{MEND} {weights}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
        made_for = int(held["codebooks"])
        shape = codebooks.shape[:2]
        stages = [_stage(held, number, shape[1]) for number in range(shape[0])] if made_for == wanted else []
    except Exception as error:  # whatever a damaged archive makes the library raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise WeightsError(f"{path}: not tables to code by ({reason}); copy the file again, or {mend}") from error
    if made_for != wanted:
        raise WeightsError(f"{path}: tables for codebooks {made_for:08x}; the weights have {wanted:08x}; {mend}")
    return stages, int.from_bytes(hashlib.sha256(content).digest()[:4], "big")


def _stage(held: dict[str, npt.NDArray[np.generic]], number: int, codewords: int) -> StageTables:
    arrays = {field.name: held[f"{number}.{field.name}"].astype(np.int64) for field in fields(StageTables)}
    tables = StageTables(**arrays)
    d, grid = tables.tokens.shape[1], (REACH + 1) * (2 * REACH + 1)
    count = len(tables.classes)
    shapes = {
        "ranks": (codewords,), "tokens": (codewords, d), "weights": (grid, d), "shifts": (grid, d), "start": (d,),
        "mix": (d, d), "mix_start": (d,), "classes": (count, d), "class_start": (count,), "members": (codewords, d),
        "member_start": (codewords,), "scales": (2,),
    }  # fmt: skip
    if wrong := [name for name, shape in shapes.items() if arrays[name].shape != shape]:
        raise ValueError(f"{number}.{wrong[0]} is {arrays[wrong[0]].shape}; expected {shapes[wrong[0]]}")
    if codewords % count or not np.array_equal(np.sort(tables.ranks), np.arange(codewords)):
        raise ValueError(f"{number}.ranks are no order of {codewords} codewords in {count} classes")
    return tables
