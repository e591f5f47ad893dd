"""What ProGIC costs: parameters, FLOPs and time (the paper's Tables 1, 2, 3 and 6)."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

from codec.base import CodecError
from codec.evaluation.contenders import read_contender
from codec.evaluation.runtimes import cpu_name, time_codec
from codec.folders import list_photos, read_photo
from codec.paper.measured import set_folder
from codec.paper.quality import COMPUTE, REAL_BYTES, VVC, bd_rows
from codec.paper.result import COUNTS, TIMES, Asked, Result, Row
from codec.paper.theirs import number, table
from codec.progic.model import ProGIC, complexity
from codec.progic.shape import PRESETS, model_path, read_weights

OURS = {"ProGIC-s": "small", "ProGIC": "base"}
"""The paper's names, and the shapes of ours. Times need no trained weights."""
NO_GPU = "this is a GPU's number (satsim paper --device cuda, where there is one)"
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
        times = gpu_times(asked, preset, 512, 768) if asked.device == "cuda" else (None, None)
        for column, ours_ms in zip(("encode_ms", "decode_ms"), times[:2], strict=True):
            cell = number("table1", name, column)
            rows.append(Row(f"{name}: {column.replace('_ms', '')} time on a GPU", "ms", ours_ms, theirs=cell.value,
                            place=cell.place, better="lower", note="" if ours_ms else NO_GPU))  # fmt: skip
    rates, photos, lines = list[Row](), "", list[str]()
    try:
        rates, photos, lines = bd_rows(asked, "lpips-vgg", "table1")
    except CodecError as error:
        lines = [f"BD-rates are left out: {error}"]
    notes = [
        "FLOPs are two a multiply-accumulate, of one encoding and one full decoding.",
        "The paper's BD-rates are against MS-ILLM, which is not run here. Ours against VVC stands beside ProGIC-s's and"
        " VTM's of Table 1, chained: (1 + a) / (1 + b) - 1, which BD-rates obey only roughly.",
        *table("table1")["notes"],
        *lines,
    ]
    return Result([*rows, *rates], photos=photos, bytes=REAL_BYTES, differs=[COMPUTE, VVC], notes=notes)


def timed(work: Callable[[], Any], runs: int, device: str = "cpu") -> float:
    """Median milliseconds of `runs` runs after a warm-up."""
    import torch

    spent = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        spent.append(1e3 * (time.perf_counter() - began))
    return statistics.median(spent[1:])


def shape_times(asked: Asked, preset: str, height: int, width: int, device: str = "cpu") -> tuple[float, float]:
    """Milliseconds of encoding and of decoding a picture by a shape with random weights."""
    import torch

    torch.manual_seed(1)
    model = ProGIC(PRESETS[preset]).eval().requires_grad_(False).to(device)
    rows, columns = (side * model.config.downsampling for side in model.config.grid(height, width))
    x = torch.rand(1, 3, rows, columns, device=device) * 2 - 1
    asked.tell(f"timing {preset} at {width}x{height} on {device}")
    with torch.inference_mode():
        indices = model.encode(x)
        return (
            timed(lambda: model.encode(x), asked.runs, device),
            timed(lambda: model.decode(indices), asked.runs, device),
        )


def gpu_times(asked: Asked, preset: str, height: int, width: int) -> tuple[float, float, float]:
    """The same on a GPU, and its peak memory in GB. Raises CodecError where there is none."""
    import torch

    if not torch.cuda.is_available():
        raise CodecError("torch finds no NVIDIA GPU here (run it where there is one, or leave --device out)")
    torch.cuda.reset_peak_memory_stats()
    encode, decode = shape_times(asked, preset, height, width, "cuda")
    return encode, decode, torch.cuda.max_memory_allocated() / 1e9


def table2(asked: Asked) -> Result:
    """Times on this CPU, and their ratios beside those of the paper's."""
    import torch

    times = {
        (name, side): shape_times(asked, preset, side, side) for name, preset in OURS.items() for side in (256, 512)
    }
    vvc = list(time_codec(read_contender("vvc"), list_photos(set_folder("kodak"))[0], 256, 0.1953125, asked.runs))
    rows = []
    for (name, side), found in times.items():
        for kind, ours in zip(("encode", "decode"), found, strict=True):
            cell = number("table2", name, f"{kind}_ms_{side}")
            rows.append(Row(f"{name}: {kind} {side}x{side}", "ms", ours, n=asked.runs, theirs=cell.value,
                            place=cell.place, better="lower", note="another processor's time"))  # fmt: skip
    for side in (256, 512):
        for k, kind in enumerate(("encode", "decode")):
            ours = times["ProGIC", side][k] / times["ProGIC-s", side][k]
            big, small = (number("table2", name, f"{kind}_ms_{side}").value or 1.0 for name in ("ProGIC", "ProGIC-s"))
            rows.append(ratio(f"{kind} {side}x{side}: ProGIC over ProGIC-s", ours, big / small, asked.runs))
    ours = times["ProGIC-s", 256][1] / statistics.median(each.decode_ms for each in vvc)
    row = ratio("decode 256x256: ProGIC-s over VVC", ours, 50 / 330, asked.runs)
    rows.append(Row(**{**row.__dict__, "stand_in": "VVC by ffmpeg for VTM's decoder"}))
    notes = [f"{torch.get_num_threads()} threads of torch on {cpu_name()}; random weights, which times do not need.",
             "Learned rivals are not timed here."]  # fmt: skip
    return Result(rows, photos="one picture of each size", differs=["another processor"], notes=notes)


def ratio(what: str, ours: float, theirs: float, n: int) -> Row:
    """A row of two times' ratio."""
    return Row(what, "times", ours, n=n, theirs=theirs, place="Table 2 (section 4.3), divided", neutral=1.0,
               margin=TIMES * theirs)  # fmt: skip


def table3(asked: Asked) -> Result:
    """Times of the exported model on one thread, beside phones'."""
    import io

    import torch

    from codec.export.script import torchscript_bytes
    from codec.progic.codec import to_tensor

    weights, threads = read_weights(model_path(asked.model)), torch.get_num_threads()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of TorchScript, which is asked for
        parts = [torch.jit.load(io.BytesIO(torchscript_bytes(part, weights, {}))) for part in ("encoder", "decoder")]  # type: ignore[no-untyped-call]
    rows, means = [], {}
    torch.set_num_threads(1)
    try:
        for side in (256, 512):
            x = to_tensor(read_photo(list_photos(set_folder("kodak"))[0], side).pixels, weights.config.downsampling)
            asked.tell(f"timing the exported model at {side}x{side}")
            with torch.inference_mode():
                indices = parts[0](x)
                for kind, part, given in (("encode", parts[0], x), ("decode", parts[1], indices)):
                    means[kind, side] = timed(lambda part=part, given=given: part(given), asked.runs) / 1e3  # type: ignore[misc]
    finally:
        torch.set_num_threads(threads)
    for (kind, side), ours in means.items():
        cell = number("table3", "Snapdragon 870", f"{kind}_s_{side}")
        rows.append(Row(f"{kind} {side}x{side}, one thread", "s", ours, n=asked.runs, theirs=cell.value, better="lower",
                        place=f"{cell.place}, Snapdragon 870", note="a phone's time"))  # fmt: skip
    for kind in ("encode", "decode"):
        large, small = (number("table3", "Snapdragon 870", f"{kind}_s_{side}").value or 1.0 for side in (512, 256))
        row = ratio(f"{kind}: 512x512 over 256x256", means[kind, 512] / means[kind, 256], large / small, asked.runs)
        rows.append(Row(**{**row.__dict__, "place": "Table 3 (section 4.3), divided"}))
    return Result(rows, photos="the first of kodak", differs=["no phone: one thread of " + cpu_name()],
                  notes=["TorchScript as `satsim codec export` writes it: what the paper put on phones."])  # fmt: skip


def table6(asked: Asked) -> Result:
    """Times and peak memory on a GPU at four sizes."""
    if asked.device != "cuda":
        raise CodecError(f"it needs an NVIDIA GPU: {NO_GPU}")
    rows = []
    for name, preset in OURS.items():
        for label, (height, width) in SIZES.items():
            for kind, ours in zip(("encode", "decode", "gb"), gpu_times(asked, preset, height, width), strict=True):
                cell = number("table6", name, f"{kind}_{label}")
                rows.append(Row(f"{name}: {kind} {label}", "GB" if kind == "gb" else "ms", ours, n=asked.runs,
                                theirs=cell.value, place=cell.place, better="lower",
                                margin=TIMES * (cell.value or 0)))  # fmt: skip
    return Result(rows, photos="random pictures", differs=["float32; another GPU than an A100 unless it is one"])
