"""ProGIC by ONNX Runtime against torch and NumPy, on one thread: installed size, cold start, time and peak memory.

    python benchmarks/export.py [--model small] [--rounds 10] [--cold 5] [--sides 256 512] [--photos FOLDER]

Forms are processes of their own that take turns, one picture each; a ratio is the median over rounds of the ratio to
the first form in the same round, with the least and the greatest. Memory is VmHWM at a process's end. "weights" is the
engine on the shipped weights, "file" on what `satsim codec export` wrote; "commands" are new processes, start to end.
With --photos also how near float16 and int8 come to ours on a folder's photos, and what that does to scores; exit code
1 says that less than 99.8 % of float16's indices are ours, that a pixel is more than 2 levels off, or that a score of
int8 is more than 1 % worse. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

PAYLOAD_BYTES = 320
FORMS = {"encode": ("torch", "weights", "file"), "decode": ("torch", "numpy", "weights", "file")}
EVERYWHERE = {"numpy", "typing-extensions", "packaging", "setuptools"}
"""What satsim needs anyway, or Python has."""
COMMAND = """
import atexit, re
atexit.register(lambda: print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]))
from satsim.commands.main import main
main()
"""


class Spent(NamedTuple):
    """What a form took."""

    times: list[float]
    """Of each round, in the unit of the table."""
    peak_mib: float


def make_form(form: str, model: str, file: str) -> Any:
    """The codec of this form."""
    if form == "torch":
        import torch

        from codec.progic.codec import ProgicCodec

        torch.set_num_threads(1)
        return ProgicCodec(model)
    if form == "numpy":
        from codec.progic.receiver import ProgicReceiver

        return ProgicReceiver(model)
    from codec.export.engine import OnnxProgic

    return OnnxProgic(file if form == "file" else model)


def work(form: str, what: str, model: str, file: str, photo: str, payloads: str) -> None:
    """A form's own process: a picture for each line that comes in, its milliseconds out; at the end the memory."""
    codec = make_form(form, model, file)
    image = np.asarray(Image.open(photo))
    held = {k: bytes.fromhex(each) for k, each in enumerate(json.loads(Path(payloads).read_text()))}
    for _ in sys.stdin:
        began = time.perf_counter()
        if what == "encode":
            codec.encode(image, PAYLOAD_BYTES)
        else:
            codec.decode(held, *image.shape[:2])
        print(1e3 * (time.perf_counter() - began), flush=True)
    print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024, flush=True)


def time_warm(what: str, arguments: list[str], rounds: int) -> dict[str, Spent]:
    """Milliseconds a picture of each form, after two that are not counted."""
    started = {
        form: subprocess.Popen(
            [sys.executable, __file__, "--work", form, what, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for form in FORMS[what]
    }
    times: dict[str, list[float]] = {form: [] for form in started}
    for _ in range(rounds + 2):
        for form, process in started.items():
            process.stdin.write("go\n")
            process.stdin.flush()
            times[form].append(float(process.stdout.readline()))
    return {form: Spent(times[form][2:], float(process.communicate()[0])) for form, process in started.items()}


def time_cold(commands: dict[str, list[str]], rounds: int) -> dict[str, Spent]:
    """Seconds of each command in a new process, after one that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    peaks = dict.fromkeys(commands, 0.0)
    for _ in range(rounds + 1):
        for name, arguments in commands.items():
            began = time.perf_counter()
            python = [sys.executable, "-c", COMMAND, *arguments]
            done = subprocess.run(python, check=True, capture_output=True, text=True)
            times[name].append(time.perf_counter() - began)
            peaks[name] = max(peaks[name], int(done.stdout.splitlines()[-1]) / 1024)
    return {name: Spent(times[name][1:], peaks[name]) for name in commands}


def show(title: str, forms: dict[str, Spent], unit: str) -> None:
    """A line a form: median, ratio to the first, peak memory and its ratio."""
    print(title)
    base = next(iter(forms.values()))
    for form, spent in forms.items():
        ratios = [mine / other for mine, other in zip(spent.times, base.times, strict=True)]
        print(
            f"  {form:10} {statistics.median(spent.times):8.2f} {unit:2}  ratio {statistics.median(ratios):5.2f}"
            f" ({min(ratios):.2f} to {max(ratios):.2f})  {spent.peak_mib:6.0f} MiB,"
            f" ratio {spent.peak_mib / base.peak_mib:.2f}",
            flush=True,
        )


def installed_mb(name: str, seen: set[str]) -> float:
    """Megabytes of a package and of all that it needs, but for what is `seen`, which is then more."""
    plain = re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()
    if plain in seen:
        return 0.0
    seen.add(plain)
    try:
        found = distribution(plain)
    except PackageNotFoundError:
        return 0.0  # not needed on this system
    paths = [Path(found.locate_file(file)) for file in found.files or []]
    own = sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
    return own + sum(installed_mb(each, seen) for each in found.requires or [] if "extra ==" not in each)


def show_sizes(model: str, folder: Path) -> None:
    """Export each part in each format, and print sizes."""
    from codec.export.files import FORMATS, PARTS, export
    from codec.progic.shape import model_path

    print("installed, with what each needs besides NumPy:")
    base = installed_mb("torch", set(EVERYWHERE))
    for names in (("torch",), ("onnxruntime",), ("onnxruntime", "onnx")):
        seen = set(EVERYWHERE)
        size = sum(installed_mb(name, seen) for name in names)
        print(f"  {' and '.join(names):22} {size:7.1f} MB  ratio {size / base:.2f}")
    weights_mb = model_path(model).stat().st_size / 1e6
    print(f"files of {model}, whose weights are {weights_mb:.1f} MB:")
    for part in PARTS:
        for form in FORMATS:
            made = export(part, form, model, folder / f"{part}.{form}")
            print(f"  {part} {form:12} {made.size_bytes / 1e6:7.1f} MB  ratio {made.size_bytes / 1e6 / weights_mb:.2f}")


def commands_of(what: str, model: str, folder: Path, photo: Path, side: int) -> dict[str, list[str]]:
    """`satsim encode` or `satsim decode` by each form; packets are those of the first."""
    engine = ["--engine", "onnxruntime"]
    if what == "encode":
        shared = ["encode", str(photo), "--width", str(side), "--height", str(side)]
        models = {"torch": model, "weights": model, "file": str(folder / "encoder.onnx")}
        return {
            form: [*shared, "--out", str(folder / f"packets-{form}"), "--option", f"model={models[form]}"]
            + engine * (form != "torch")
            for form in models
        }
    shared = ["decode", str(folder / "packets-torch"), "--out", str(folder / "shown.png")]
    return {
        "numpy": shared,
        "weights": [*shared, *engine],
        "file": [*shared, *engine, "--model", str(folder / "decoder.onnx")],
    }


def load_forms(model: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What encodes and what decodes: ours, and each kind of ONNX file, exported for this."""
    from codec.export.engine import OnnxProgic
    from codec.export.files import KINDS, PARTS, export
    from codec.progic.codec import ProgicCodec

    senders, receivers = {"ours": ProgicCodec(model)}, {"ours": ProgicCodec(model)}
    for kind in KINDS["onnx"]:
        for part, forms in zip(PARTS, (senders, receivers), strict=True):
            export(part, "onnx", model, file := folder / f"{part}-{kind}.onnx", kind)
            forms[kind] = OnnxProgic(str(file))
    return senders, receivers


def score(model: str, folder: Path, photos: Path, side: int = 256) -> bool:
    """Print how near exported forms come to ours, and their mean scores; whether all bars are met."""
    from codec.evaluation.evaluate import metrics_at_hand
    from codec.folders import list_photos, read_photo
    from codec.progic.layout import unpack_indices

    senders, receivers = load_forms(model, folder)
    bits, metrics = senders["ours"].config.index_bits, metrics_at_hand(side)
    pairs = [(one, other) for one in senders for other in receivers if one == other or "ours" in (one, other)]
    scores: dict[tuple[Any, ...], list[float]] = {}
    equal: dict[str, list[float]] = {kind: [] for kind in senders}
    off = dict.fromkeys(receivers, 0)
    for path in list_photos(photos):
        image = read_photo(path, side).pixels
        sent = {kind: codec.encode(image, PAYLOAD_BYTES) for kind, codec in senders.items()}
        indices = {kind: unpack_indices(b"".join(payloads), bits) for kind, payloads in sent.items()}
        for kind in senders:
            equal[kind].append(float((indices[kind] == indices["ours"]).mean()))
        for held in (1, 3, 5):
            shown = {
                (one, other): receivers[other].decode(dict(enumerate(sent[one][:held])), side, side)
                for one, other in pairs
            }
            for kind in receivers:
                apart = np.abs(shown["ours", kind].astype(int) - shown["ours", "ours"]).max()
                off[kind] = max(off[kind], int(apart))
            for pair, metric in ((pair, metric) for pair in pairs for metric in metrics):
                scores.setdefault((metric, held, pair), []).append(metric(image, shown[pair]))
    print(f"{len(equal['ours'])} photos of {photos}, {side}x{side}, and their scores with 1, 3 and 5 packets:")
    for kind in ("float16", "int8"):
        same = 100 * statistics.fmean(equal[kind])
        print(f"  {kind}: {same:.3f} % of indices are ours, pixels {off[kind]} levels off at most")
    worst = 0.0
    for metric in metrics:
        for pair in pairs:
            means = [statistics.fmean(scores[metric, held, pair]) for held in (1, 3, 5)]
            base = [statistics.fmean(scores[metric, held, pairs[0]]) for held in (1, 3, 5)]
            changes = [mean / other - 1 for mean, other in zip(means, base, strict=True)]
            worst = max(worst, *(-change if metric.higher_is_better else change for change in changes))
            cells = "  ".join(f"{mean:8.4f} {100 * change:+.2f} %" for mean, change in zip(means, changes, strict=True))
            print(f"  {metric.name:14} {pair[0]:>8} to {pair[1]:8} {cells}")
    print(f"  the worst of these changes: {100 * worst:.2f} %")
    return statistics.fmean(equal["float16"]) >= 0.998 and off["float16"] <= 2 and worst <= 0.01


def compare(model: str, sides: list[int], rounds: int, cold: int, folder: Path) -> None:
    """Print all figures."""
    from speed import synthetic_photo

    from codec.evaluation.runtimes import cpu_name
    from codec.progic.codec import ProgicCodec

    print(f"ProGIC {model}, one thread, {cpu_name()}")
    show_sizes(model, folder)
    codec = ProgicCodec(model)
    for side in sides:
        image = synthetic_photo(side)
        photo, payloads = folder / f"{side}.png", folder / f"{side}.json"
        Image.fromarray(image).save(photo)
        payloads.write_text(json.dumps([each.hex() for each in codec.encode(image, PAYLOAD_BYTES)]))
        for what in FORMS:
            arguments = [what, model, str(folder / f"{what}r.onnx"), str(photo), str(payloads)]
            show(f"{what} {side}x{side}, {rounds} rounds:", time_warm(what, arguments[1:], rounds), "ms")
        if cold and side == sides[0]:
            for what in FORMS:
                spent = time_cold(commands_of(what, model, folder, photo, side), cold)
                show(f"satsim {what} {side}x{side}, commands, {cold} rounds:", spent, "s")


def main() -> int:
    """Print the figures; 1 where a bar is missed."""
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="small", help="shipped model")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--cold", type=int, default=5, help="rounds of commands in new processes; 0 for none")
    parser.add_argument("--photos", type=Path, help="folder of photos to compare and score forms on")
    parser.add_argument("--sides", type=int, nargs="*", default=[256, 512])
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        compare(asked.model, asked.sides, asked.rounds, asked.cold, Path(folder))
        met = asked.photos is None or score(asked.model, Path(folder), asked.photos)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
