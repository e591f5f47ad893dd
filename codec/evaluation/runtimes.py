"""How long one picture takes to encode and to decode on this machine, after the paper's Table 2."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from codec.base import CodecError
from codec.evaluation.contenders import Contender
from codec.evaluation.evaluate import budgets_of, payload_room
from codec.evaluation.tables import PlainTable
from codec.folders import read_photo
from codec.loading import load_codec


class Runtime(NamedTuple):
    """One timed encoding and decoding."""

    codec: str
    model_id: str
    side: int
    """Pixels of the square picture's side."""
    bytes: int
    """Of the picture sent: all stages of a progressive codec, or what the budget buys."""
    run: int
    """From 1; the warm-up before it is not counted."""
    encode_ms: float
    """For codecs with a budget, the search for the best picture included."""
    decode_ms: float
    threads: int
    """Of torch; the rivals' encoders use one."""


def time_codec(rival: Contender, photo: Path, side: int, bpp: float, runs: int) -> Iterator[Runtime]:
    """`runs` timings of the photo's centre square, after one that is not counted.

    Raises CodecError, naming the codec, where the photo cannot be read or coded in `bpp` bits per pixel.
    """
    import torch

    image = read_photo(photo, side).pixels
    [budget] = budgets_of(image, [bpp])
    try:
        codec = rival.codec or load_codec(rival.name, budget_bytes=budget, **rival.options)
        room = budget if rival.codec is None else payload_room(codec, image, budget)
        for run in range(runs + 1):
            began = time.perf_counter()
            payloads = dict(enumerate(codec.encode(image, room)))
            encoded = time.perf_counter()
            shown = codec.decode(payloads, side, side)
            decoded = time.perf_counter()
            if shown is None:
                raise CodecError("all payloads are there, and yet there is nothing to show")
            if run:
                yield Runtime(
                    codec=rival.label,
                    model_id=f"{codec.model_id:08x}",
                    side=side,
                    bytes=sum(map(len, payloads.values())),
                    run=run,
                    encode_ms=1e3 * (encoded - began),
                    decode_ms=1e3 * (decoded - encoded),
                    threads=torch.get_num_threads(),
                )
    except CodecError as error:
        raise CodecError(f"{rival.label} at {side}x{side}: {error}") from error


def runtime_sheet(runtimes: Sequence[Runtime], photo: Path) -> PlainTable:
    """A line a codec, and for each side the medians in ms."""
    sides = sorted({each.side for each in runtimes})
    lines = []
    for codec in dict.fromkeys(each.codec for each in runtimes):
        line = [codec]
        for side in sides:
            own = [each for each in runtimes if (each.codec, each.side) == (codec, side)]
            line.append(str(own[0].bytes))
            line.append(f"{statistics.median(each.encode_ms for each in own):.1f}")
            line.append(f"{statistics.median(each.decode_ms for each in own):.1f}")
        lines.append(line)
    threads = runtimes[0].threads
    title = (
        f"CPU runtimes: medians of {max(each.run for each in runtimes)} runs after a warm-up; torch on {threads}"
        f" thread{'s' * (threads != 1)}, rivals' encoders on 1, their search for the best picture included;"
        f" {cpu_name()}; {photo.name}"
    )
    return PlainTable(
        title,
        ["codec", *(f"{side}: {what}" for side in sides for what in ("bytes", "encode ms", "decode ms"))],
        lines,
    )


def cpu_name() -> str:
    """The processor's model, as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def busy() -> list[str]:
    """A line where the machine has more to do than it has cores, for then times waver; where it can tell."""
    load, cores = os.getloadavg()[1] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
    return [f"The machine was busy (load {load:.1f} on {cores} cores): times and ratios waver."] if load > cores else []
