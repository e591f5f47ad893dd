"""What ProGIC costs: parameters, FLOPs and time (the paper's Tables 1, 2, 3 and 6)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from codec.base import CodecError
from codec.evaluation.contenders import read_contender
from codec.evaluation.runtimes import busy, cpu_name, time_codec
from codec.export.parts import LOADERS, Part
from codec.folders import list_photos, read_photo
from codec.paper.measured import set_folder
from codec.paper.quality import COMPUTE, REAL_BYTES, VVC, bd_rows
from codec.paper.result import COUNTS, TIMES, Asked, Result, Row
from codec.paper.theirs import number, table
from codec.paper.theirs.rivals import MAKE, Timed, learned_times
from codec.progic.codec import to_planes
from codec.progic.model import ProGIC, complexity
from codec.progic.shape import PRESETS, model_path, read_weights

OURS = {"ProGIC-s": "small", "ProGIC": "base"}
"""The paper's names, and the shapes of ours. Times need no trained weights."""
NO_GPU = "this is a GPU's number (satsim paper --device cuda, where there is one)"
PHONES = (
    "No phone was at hand: a phone's cores, caches, memory and heat are others, so that no time here says how long one"
    " takes. What carries over is how times grow with the picture, and how they compare with each other."
)
SIDES = (256, 512)
SIZES = {"512x768": (512, 768), "1080x1920": (1080, 1920), "1440x2560": (1440, 2560), "2160x3840": (2160, 3840)}


def table1(asked: Asked) -> Result:
    """Parameters and FLOPs of both shapes at 768x512, their times on a GPU, and BD-rates by LPIPS."""
    rows = []
    for name, preset in OURS.items():
        cost = complexity(PRESETS[preset], 512, 768)
        for column, ours, unit in (("parameters_m", cost.parameters / 1e6, "M"), ("gflops", cost.flops / 1e9, "G")):
            cell = number("table1", name, column)
            what = "parameters" if column == "parameters_m" else "FLOPs at 768x512"
            rows.append(Row(f"{name}: {what}", unit, ours, theirs=cell.value, place=cell.place, better="lower",
                            margin=COUNTS * (cell.value or 0)))  # fmt: skip
        times, why = gpu_times_or_why(asked, preset, 512, 768)
        for column, ours_ms in zip(("encode_ms", "decode_ms"), times[:2], strict=True):
            cell = number("table1", name, column)
            rows.append(Row(f"{name}: {column.replace('_ms', '')} time on a GPU", "ms", ours_ms, theirs=cell.value,
                            place=cell.place, better="lower", note=why or "of another GPU"))  # fmt: skip
    rates, photos, lines, lacks = list[Row](), "", list[str](), list[str]()
    try:
        rates, photos, lines = bd_rows(asked, "lpips-vgg", "table1")
    except CodecError as error:
        lacks = [f"BD-rates are left out: {error}."]
    notes = [
        "FLOPs are two a multiply-accumulate, of one encoding and one full decoding. The paper counts by calflops,"
        " which is within 0.1 % of this count on our model (benchmarks/flops_check.py).",
        "The paper's BD-rates are against MS-ILLM. Ours against a rival stands beside ProGIC-s's and that rival's of"
        " Table 1, chained: (1 + a) / (1 + b) - 1, which BD-rates obey only roughly.",
        *table("table1")["notes"],
        *lines,
    ]
    return Result([*rows, *rates], photos=photos, bytes=REAL_BYTES, differs=[COMPUTE, VVC], notes=notes, lacks=lacks)


Works = Mapping[Any, Callable[[], Any]]
"""What is timed, by what it is told as."""


def timed(works: Works, runs: int, device: str = "cpu") -> dict[Any, float]:
    """Median milliseconds of each over `runs` rounds after a warm-up.

    In a round each has its turn, so that what else the machine does weighs on all alike.
    """
    import torch

    spent: dict[Any, list[float]] = {key: [] for key in works}
    with torch.inference_mode():
        for _ in range(runs + 1):
            for key, work in works.items():
                began = time.perf_counter()
                work()
                if device == "cuda":
                    torch.cuda.synchronize()
                spent[key].append(1e3 * (time.perf_counter() - began))
    return {key: statistics.median(each[1:]) for key, each in spent.items()}


def works_of(preset: str, height: int, width: int, device: str = "cpu") -> dict[str, Callable[[], Any]]:
    """Encoding and decoding a picture by a shape with random weights."""
    import torch

    torch.manual_seed(1)
    model = ProGIC(PRESETS[preset]).eval().requires_grad_(False).to(device)
    rows, columns = (side * model.config.downsampling for side in model.config.grid(height, width))
    x = torch.rand(1, 3, rows, columns, device=device) * 2 - 1
    with torch.inference_mode():
        indices = model.encode(x)
    return {"encode": lambda: model.encode(x), "decode": lambda: model.decode(indices)}


def gpu_times(asked: Asked, preset: str, height: int, width: int) -> tuple[float, float, float]:
    """The same on a GPU, and its peak memory in GB. Raises CodecError where there is none, or it has too little."""
    import torch

    if not torch.cuda.is_available():
        raise CodecError("torch finds no NVIDIA GPU here (run it where there is one, or leave --device out)")
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        asked.tell(f"timing {preset} at {width}x{height}")
        spent = timed(works_of(preset, height, width, "cuda"), asked.runs, "cuda")
    except torch.cuda.OutOfMemoryError:
        raise CodecError(f"the memory of {torch.cuda.get_device_name()} is too small for it") from None
    return spent["encode"], spent["decode"], torch.cuda.max_memory_allocated() / 1e9


def gpu_times_or_why(asked: Asked, preset: str, height: int, width: int) -> tuple[tuple[float | None, ...], str]:
    """The same, or three times None and why."""
    if asked.device != "cuda":
        return (None, None, None), NO_GPU
    try:
        return gpu_times(asked, preset, height, width), ""
    except CodecError as error:
        return (None, None, None), str(error)


def table2(asked: Asked) -> Result:
    """Times on this CPU, and their ratios beside those of the paper's."""
    import torch

    threads, notes, lacks = torch.get_num_threads(), list[str](), list[str]()
    rivals = list[Timed]()
    if asked.learned is None:
        times = our_times(asked)
        notes.append(f"Learned rivals were not timed: {MAKE}.")
    else:
        asked.tell("timing learned rivals with random weights, which takes minutes")
        told = learned_times(asked.learned, SIDES, asked.runs, threads)
        notes.append("Learned rivals are the projects' own code with random weights; all took turns in one process.")
        lacks += [f"{each.name} was not timed: {each.missing}; {MAKE}." for each in told if each.missing]
        times = {(each.name, each.side): each.medians_ms for each in told if each.name in OURS and not each.missing}
        if len(times) < len(OURS) * len(SIDES):
            raise CodecError(f"{asked.learned} cannot run ProGIC itself; {MAKE}")
        rivals = [each for each in told if each.name not in OURS and not each.missing]
    rows = []
    for (name, side), found in times.items():
        for kind, ours in zip(("encode", "decode"), found, strict=True):
            rows.append(time_row(name, kind, side, ours, asked.runs))
    for side in SIDES:
        for k, kind in enumerate(("encode", "decode")):
            ours = times["ProGIC", side][k] / times["ProGIC-s", side][k]
            rows.append(ratio(kind, side, "ProGIC", "ProGIC-s", ours, asked.runs))
    for each in rivals:
        rows += rival_rows(each, times)
    rows += vvc_rows(asked, times, lacks)
    on = f"{threads} thread{'s' * (threads != 1)} of torch on {cpu_name()}"
    notes += busy()
    notes.insert(0, f"{on}; random weights, for times need no trained ones; medians after a warm-up.")
    return Result(rows, photos="one picture of each size", differs=["another processor"], notes=notes, lacks=lacks)


def our_times(asked: Asked) -> dict[tuple[str, int], tuple[float, ...]]:
    """Milliseconds of encoding and decoding by shape and size."""
    asked.tell(f"timing both shapes at {' and '.join(map(str, SIDES))} pixels a side")
    works = {(name, side): works_of(preset, side, side) for name, preset in OURS.items() for side in SIDES}
    spent = timed({(*key, kind): work for key, each in works.items() for kind, work in each.items()}, asked.runs)
    return {key: (spent[*key, "encode"], spent[*key, "decode"]) for key in works}


def time_row(name: str, kind: str, side: int, ours: float, n: int, note: str = "another processor's time") -> Row:
    """A time beside the paper's, where that has one."""
    theirs, place = None, ""
    if name in table("table2")["rows"]:
        theirs, _, place = number("table2", name, f"{kind}_ms_{side}")
    return Row(f"{name}: {kind} {side}x{side}", "ms", ours, n=n, theirs=theirs, place=place, better="lower", note=note)


def rival_rows(rival: Timed, times: dict[tuple[str, int], tuple[float, ...]]) -> list[Row]:
    """Its times, and ours over them: of both shapes where the paper has it, else of the small one."""
    rows, n = [], len(rival.encode_ms)
    for k, (kind, theirs) in enumerate(zip(("encode", "decode"), rival.medians_ms, strict=True)):
        note = f"random weights, {rival.parameters / 1e6:.1f} M parameters"
        rows.append(time_row(rival.name, kind, rival.side, theirs, n, note))
        for name in OURS if rival.name in table("table2")["rows"] else ("ProGIC-s",):
            rows.append(ratio(kind, rival.side, name, rival.name, times[name, rival.side][k] / theirs, n))
    return rows


def vvc_rows(asked: Asked, times: dict[tuple[str, int], tuple[float, ...]], lacks: list[str]) -> list[Row]:
    """Ours over VVC's decoder, or a line on why there is no such row."""
    try:
        photo = list_photos(set_folder("kodak"))[0]
        vvc = list(time_codec(read_contender("vvc"), photo, 256, 0.1953125, asked.runs))
    except CodecError as error:
        lacks.append(f"VVC was not timed: {error}.")
        return []
    ours = times["ProGIC-s", 256][1] / statistics.median(each.decode_ms for each in vvc)
    row = ratio("decode", 256, "ProGIC-s", "VTM-23.10", ours, asked.runs)
    return [replace(row, what="decode 256x256: ProGIC-s over VVC", stand_in="VVC by ffmpeg for VTM's decoder")]


def ratio(kind: str, side: int, mine: str, other: str, ours: float, n: int) -> Row:
    """A row of two codecs' times as a ratio, beside the paper's where that has both."""
    row = Row(f"{kind} {side}x{side}: {mine} over {other}", "times", ours, n=n, better="lower", neutral=1.0)
    known = [number("table2", name, f"{kind}_ms_{side}") for name in (mine, other) if name in table("table2")["rows"]]
    over, under = known[0].value, known[-1].value
    if len(known) < 2 or over is None or under is None:
        return replace(row, note="the paper has no time of it")
    return replace(row, theirs=over / under, place=f"{known[0].place}, divided", margin=TIMES * over / under)


def table3(asked: Asked) -> Result:
    """Times of the exported model on one thread, beside phones'."""
    photo, rows, notes = list_photos(set_folder("kodak"))[0], list[Row](), [PHONES]
    lacks = list[str]()
    for model in dict.fromkeys((asked.model, "nano")):
        config = read_weights(model_path(model), parts=()).config
        for runtime, load in LOADERS.items():
            try:
                parts = load(model)
            except CodecError as error:
                lacks.append(f"{runtime} was not timed: {error}.")
                continue
            asked.tell(f"timing {model} by {runtime} on one thread")
            spent = exported_times(parts, photo, config.downsampling, asked.runs)
            rows += phone_rows(Path(model).stem, runtime, spent, asked.runs)
    notes += busy()
    notes.append("The TorchScript file is what the paper's section D put on a handheld device, the ONNX file what"
                 " `satsim codec export` writes unless told otherwise.")  # fmt: skip
    return Result(rows, photos="the first of kodak, its centre", notes=notes, lacks=lacks,
                  differs=["no phone: one thread of " + cpu_name()])  # fmt: skip


def exported_times(parts: Sequence[Part], photo: Path, factor: int, runs: int) -> dict[tuple[str, int], float]:
    """Seconds of encoding and decoding the photo's centre at each size, on one thread."""
    import torch

    works: dict[tuple[str, int], Callable[[], Any]] = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for side in SIDES:
            x = np.ascontiguousarray(to_planes(read_photo(photo, side).pixels, factor))
            with torch.inference_mode():
                works["encode", side] = partial(parts[0], x)
                works["decode", side] = partial(parts[1], parts[0](x))
        return {key: ms / 1e3 for key, ms in timed(works, runs).items()}
    finally:
        torch.set_num_threads(threads)


def phone_rows(model: str, runtime: str, spent: dict[tuple[str, int], float], runs: int) -> list[Row]:
    """Times, of `small` beside a phone's; and how they grow with the picture, which is compared."""
    rows = []
    for (kind, side), ours in spent.items():
        row = Row(f"{model} by {runtime}: {kind} {side}x{side}, one thread", "s", ours, n=runs, better="lower")
        if model == "small":
            theirs, _, place = number("table3", "Snapdragon 870", f"{kind}_s_{side}")
            row = replace(row, theirs=theirs, place=f"{place}, Snapdragon 870", note="a phone's time")
        else:
            row = replace(row, note="the paper has no such row")
        rows.append(row)
    for kind in ("encode", "decode") if model == "small" else ():
        large, small = (number("table3", "Snapdragon 870", f"{kind}_s_{side}") for side in (512, 256))
        theirs = (large.value or 1.0) / (small.value or 1.0)
        rows.append(Row(f"{model} by {runtime}: {kind}, 512x512 over 256x256", "times",
                        spent[kind, 512] / spent[kind, 256], n=runs, theirs=theirs, neutral=1.0, margin=TIMES * theirs,
                        place=f"{large.place}, divided"))  # fmt: skip
    return rows


def table6(asked: Asked) -> Result:
    """Times and peak memory on a GPU at four sizes."""
    import torch

    if asked.device != "cuda":
        raise CodecError(f"it needs an NVIDIA GPU: {NO_GPU}")
    if not torch.cuda.is_available():
        raise CodecError("it needs an NVIDIA GPU, and torch finds none here (run it where there is one)")
    rows = []
    for name, preset in OURS.items():
        for label, (height, width) in SIZES.items():
            found, why = gpu_times_or_why(asked, preset, height, width)
            for kind, ours in zip(("encode", "decode", "gb"), found, strict=True):
                cell = number("table6", name, f"{kind}_{label}")
                rows.append(Row(f"{name}: {kind} {label}", "GB" if kind == "gb" else "ms", ours, n=asked.runs,
                                theirs=cell.value, place=cell.place, better="lower", note=why,
                                margin=TIMES * (cell.value or 0)))  # fmt: skip
    tf32 = "TF32 in convolutions, as is torch's default" if torch.backends.cudnn.allow_tf32 else "float32"
    notes = [
        "Random weights. Memory is the most that torch held at once in weights, encoding and decoding, in 10^9 bytes."
    ]
    return Result(rows, photos="random pictures", notes=notes,
                  differs=[f"{torch.cuda.get_device_name()} instead of an A100; {tf32}"])  # fmt: skip
