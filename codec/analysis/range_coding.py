"""What range coding with a static prior would save on ProGIC's indices (the paper's section 4.4, Table 4 and Fig. 13).

A prior is one probability table a stage, learned from counts beforehand and known to both ends. The coder is the range
coder of the `constriction` library (optional extra `research`); each stream is decoded again before its size counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from codec.base import CodecError
from codec.progic.layout import Indices, packed_bytes

Table = npt.NDArray[np.float64]
WORD_BYTES = 4
"""The coder writes whole words; `encode_stream` cuts the last one down to the bytes it needs."""
MISSING = "range coding needs the constriction library; install it by: pip install 'satsim-link[research]'"


class Saving(NamedTuple):
    """Bytes of one photo's stage, or of all its stages together, sent raw and range-coded."""

    folder: str
    image: str
    stage: str
    """"1" to "N": this stage as a stream of its own; "total": the sum of these; "joined": all in one stream."""
    raw_bytes: int
    ideal_bytes: float
    """Code length of the indices under the prior: -log2 of their probability, as a perfect coder would need."""
    coded_bytes: int | None
    """Real bytes of the range coder, decoded back to the same indices; None without the library."""

    @property
    def gain(self) -> float:
        """Share of the raw bytes saved, by real bytes where there are any; negative where coding costs."""
        return 1 - (self.ideal_bytes if self.coded_bytes is None else self.coded_bytes) / self.raw_bytes


def has_coder() -> bool:
    """Whether the range coder's library is installed."""
    try:
        import constriction  # noqa: F401
    except ImportError:
        return False
    return True


def learn_prior(counts: Indices, smoothing: float) -> Table:
    """Probabilities float64[..., K] of codewords counted int64[..., K] times, `smoothing` added to each count.

    Raises CodecError for a smoothing that is not above zero: a codeword never seen must still be sendable.
    """
    if not (smoothing > 0 and math.isfinite(smoothing)):
        raise CodecError(f"smoothing is {smoothing}; expected a number above 0, or a codeword never seen has no code")
    raised = counts + smoothing
    table: Table = raised / raised.sum(axis=-1, keepdims=True)
    return table


def ideal_bits(symbols: Indices, prior: Table) -> float:
    """Code length in bits of int64[n] under the probabilities float64[K]."""
    return float(-np.log2(prior[symbols]).sum())


def encode_stream(parts: Sequence[Indices], priors: Sequence[Table]) -> bytes:
    """One range-coded stream of the parts, int64[n] each with its own probabilities float64[K].

    The stream names no length: the receiver knows it from the packet. Raises CodecError without the library.
    """
    queue, tables = _library(priors)
    encoder = queue.RangeEncoder()
    for part, table in zip(parts, tables, strict=True):
        encoder.encode(part.astype(np.int32), table)
    words = [int(word) for word in encoder.get_compressed()]
    stream = _to_bytes(words)
    for spare in range(WORD_BYTES - 1, 0, -1) if words else ():
        step = 1 << 8 * spare
        rounded = -(-words[-1] // step) * step
        if rounded < 1 << 8 * WORD_BYTES:
            short = _to_bytes([*words[:-1], rounded])[:-spare]
            if _decodes(short, parts, priors):
                return short
    return stream


def decode_stream(stream: bytes, sizes: Sequence[int], priors: Sequence[Table]) -> list[Indices]:
    """The parts int64[n] of a stream, by their sizes n and their probabilities.

    Raises CodecError where no encoder with these probabilities writes such a stream, as far as the coder can tell.
    """
    queue, tables = _library(priors)
    padded = stream + bytes(-len(stream) % WORD_BYTES)
    decoder = queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))
    try:
        found = [decoder.decode(table, size) for table, size in zip(tables, sizes, strict=True)]
    except AssertionError as error:
        raise CodecError(f"stream of {len(stream)} bytes is not of this prior ({error})") from error
    return [part.astype(np.int64) for part in found]


def savings(folder: str, image: str, indices: Indices, priors: Table, bits: int) -> list[Saving]:
    """What coding saves on one photo: int64[N, h, w] under float64[N, K]; a row a stage, then "total" and "joined".

    Raises CodecError where a stream does not decode to the same indices.
    """
    parts = list(indices.reshape(len(indices), -1))
    raw = packed_bytes(parts[0].size, bits)
    ideal = [ideal_bits(part, prior) / 8 for part, prior in zip(parts, priors, strict=True)]
    coded: list[int | None] = [None] * len(parts)
    joined = total = None
    if has_coder():
        sizes = [_checked_size([part], [prior]) for part, prior in zip(parts, priors, strict=True)]
        coded, total, joined = [*sizes], sum(sizes), _checked_size(parts, list(priors))
    rows = [Saving(folder, image, str(k + 1), raw, ideal[k], coded[k]) for k in range(len(parts))]
    whole = (folder, image), (raw * len(parts), sum(ideal))
    return [*rows, Saving(*whole[0], "total", *whole[1], total), Saving(*whole[0], "joined", *whole[1], joined)]


def rate_change(raw_bytes: Sequence[float], coded_bytes: Sequence[float], quality: Sequence[float]) -> float | None:
    """Bjontegaard's mean rate change at equal quality, -0.009 for 0.9% less; None where quality is not monotone.

    Coding changes no picture, so both curves pass the same qualities and only the logarithm of their rates' ratio is
    averaged over quality (trapezoids between the points).
    """
    if any(rate <= 0 for rate in coded_bytes):
        return None
    ratio = np.log(np.asarray(coded_bytes) / np.asarray(raw_bytes))
    steps = np.diff(np.asarray(quality))
    if len(steps) < 1 or not (np.all(steps > 0) or np.all(steps < 0)):
        return None
    return float(np.expm1(np.sum((ratio[1:] + ratio[:-1]) / 2 * steps) / np.sum(steps)))


def _checked_size(parts: Sequence[Indices], priors: Sequence[Table]) -> int:
    stream = encode_stream(parts, priors)
    if not _decodes(stream, parts, priors):
        raise CodecError("range coding: a stream did not decode to its indices; please report this")
    return len(stream)


def _decodes(stream: bytes, parts: Sequence[Indices], priors: Sequence[Table]) -> bool:
    """Whether the stream decodes to these very parts."""
    try:
        found = decode_stream(stream, [part.size for part in parts], priors)
    except CodecError:
        return False
    return all(np.array_equal(a, b) for a, b in zip(found, parts, strict=True))


def _to_bytes(words: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(WORD_BYTES, "big") for word in words)


def _library(priors: Sequence[Table]) -> tuple[Any, list[Any]]:
    """The library's queue of symbols, and its exactly invertible fixed-point model of each prior."""
    try:
        from constriction import stream
    except ImportError as error:
        raise CodecError(MISSING) from error
    return stream.queue, [stream.model.Categorical(np.asarray(p, np.float64), perfect=False) for p in priors]
