"""Encode and decode times of ProGIC, against the plain float32 model in one run; and a cold `satsim decode`.

    python benchmarks/speed.py [--model nano] [--rounds 30] [--photos FOLDER]

Forms take turns, one picture each, on 2 threads; figures are medians, ratios are to the plain model. With --photos,
also the mean scores of both forms at 1 packet and at all. The bars for the default weights are 20 ms for encoding and
decoding 256x256 pixels together, and 0.5 seconds for the command; exit code 1 says that one was missed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from codec.evaluation.evaluate import metrics_at_hand
from codec.evaluation.runtimes import cpu_name
from codec.folders import list_photos
from codec.progic.codec import ProgicCodec
from codec.progic.model import load_model
from codec.progic.shape import DEFAULT_MODEL, model_path

BAR_MS = 20.0
BAR_S = 0.5
PAYLOAD_BYTES = 320
COMMAND = "from satsim.commands.main import main; main()"


class PlainProgic(ProgicCodec):
    """The codec as it is without its fast form: `codec.progic.model`, eager, in float32."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self._model, _ = load_model(model_path(model))


def synthetic_photo(side: int) -> np.ndarray:
    """Smooth colours under a little grain."""
    rng = np.random.default_rng(1)
    colours = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    smooth = np.asarray(colours.resize((side, side), Image.Resampling.BICUBIC), np.int64)
    return np.clip(smooth + rng.integers(-9, 10, smooth.shape), 0, 255).astype(np.uint8)


def time_forms(codecs: dict[str, ProgicCodec], side: int, rounds: int) -> dict[str, float]:
    """Median milliseconds, encoding and decoding together, of each form; a line each is printed."""
    image = synthetic_photo(side)
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in codecs}
    for k in range(rounds + 2):
        for name, codec in codecs.items():
            began = time.perf_counter()
            payloads = dict(enumerate(codec.encode(image, PAYLOAD_BYTES)))
            encoded = time.perf_counter()
            codec.decode(payloads, side, side)
            if k >= 2:
                spent[name].append((encoded - began, time.perf_counter() - encoded))
    print(f"\n{side}x{side}, {rounds} rounds: median (least) ms, ratio of medians to plain")
    medians: dict[str, list[float]] = {}
    for name, times in spent.items():
        parts = {
            "encode": [e for e, _ in times],
            "decode": [d for _, d in times],
            "together": [e + d for e, d in times],
        }
        medians[name] = [1e3 * statistics.median(part) for part in parts.values()]
        cells = [
            f"{what} {middle:6.1f} ({1e3 * min(part):6.1f}) {middle / base:4.2f}"
            for (what, part), middle, base in zip(parts.items(), medians[name], medians["plain"], strict=True)
        ]
        print(f"{name:8}", "   ".join(cells))
    return {name: parts[2] for name, parts in medians.items()}


def score_forms(codecs: dict[str, ProgicCodec], folder: Path, side: int = 256) -> None:
    """Print mean scores over the centre squares of a folder's photos, and their change against the plain form."""
    metrics = metrics_at_hand(side)
    scores: dict[tuple[str, int, str], list[float]] = {}
    photos = list_photos(folder)
    for path in photos:
        with Image.open(path) as photo:
            shortest = min(photo.size)
            left, top = (photo.width - shortest) // 2, (photo.height - shortest) // 2
            square = photo.convert("RGB").crop((left, top, left + shortest, top + shortest))
            image = np.asarray(square.resize((side, side), Image.Resampling.LANCZOS))
        for name, codec in codecs.items():
            payloads = codec.encode(image, PAYLOAD_BYTES)
            for held in (1, len(payloads)):
                shown = codec.decode(dict(enumerate(payloads[:held])), side, side)
                for metric in metrics:
                    scores.setdefault((metric.name, held, name), []).append(metric(image, shown))
    print(f"\nmean scores over {len(photos)} photos of {folder}, {side}x{side}")
    for (metric_name, held, name), values in sorted(scores.items(), key=lambda item: item[0][:2]):
        mean, base = statistics.fmean(values), statistics.fmean(scores[metric_name, held, "plain"])
        print(f"{metric_name:14} {held} packets {name:8} {mean:8.4f} ({100 * (mean / base - 1):+.2f} %)")


def time_command(codec: ProgicCodec, model: str, rounds: int) -> float:
    """Median seconds of `satsim decode` of all packets of a photo, each in a new process."""
    from satsim.air.packets import pack, packetize

    payloads = codec.encode(synthetic_photo(256), PAYLOAD_BYTES)
    packets = packetize(payloads, codec="progic", model_id=codec.model_id, height=256, width=256)
    spent = {"import torch": [], "satsim decode": []}
    with tempfile.TemporaryDirectory() as folder:
        out, sent = Path(folder) / "received.png", [Path(folder) / f"{k}.bin" for k in range(len(packets))]
        for path, packet in zip(sent, packets, strict=True):
            path.write_bytes(pack(packet))
        options = ["--model", model] if model.endswith(".safetensors") else []
        commands = {
            "import torch": ["-c", "import torch"],
            "satsim decode": ["-c", COMMAND, "decode", *map(str, sent), "--out", str(out), *options],
        }
        for _ in range(rounds + 1):
            for name, arguments in commands.items():
                began = time.perf_counter()
                subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
                spent[name].append(time.perf_counter() - began)
    print(f"\nnew processes, {rounds} runs after one not counted: median (least) seconds")
    for name, times in spent.items():
        print(f"{name:14} {statistics.median(times[1:]):.2f} ({min(times[1:]):.2f})")
    return statistics.median(spent["satsim decode"][1:])


def main() -> int:
    """Print the figures; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="shipped model, or a .safetensors file")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--sides", type=int, nargs="*", default=[256, 512])
    parser.add_argument("--cold", type=int, default=5, help="runs of the cold command; 0 for none")
    parser.add_argument("--photos", type=Path, help="folder of photos to score the forms on")
    asked = parser.parse_args()
    torch.set_num_threads(2)
    codecs = {"plain": PlainProgic(asked.model), "fast": ProgicCodec(asked.model)}
    print(f"ProGIC {asked.model}, {torch.get_num_threads()} threads, {cpu_name()}")
    missed = False
    for side in asked.sides:
        together = time_forms(codecs, side, asked.rounds)
        if side == 256:
            print(f"fast: {together['fast']:.1f} ms together (bar {BAR_MS:.0f})")
            missed |= together["fast"] > BAR_MS
    if asked.photos:
        score_forms(codecs, asked.photos)
    if asked.cold:
        seconds = time_command(codecs["fast"], asked.model, asked.cold)
        print(f"cold decode of all packets: {seconds:.2f} s (bar {BAR_S})")
        missed |= seconds > BAR_S
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
