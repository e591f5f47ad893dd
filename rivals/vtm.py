"""VTM, the reference encoder of VVC, with the command line of the ProGIC paper's appendix E.1.

Never run with VTM itself, which could not be had here; tested against a fake of the same programs. What to fetch:
VTM-23.10 from https://vcgit.hhi.fraunhofer.de/jvet/VVCSoftware_VTM, built as its README says; EncoderApp, DecoderApp
and encoder_intra_vtm.cfg in the folder --weights.

Until then satsim's codec `vvc` (libvvenc) stands in for it. The paper does not say how it makes YUV 4:2:0 of RGB: here
BT.601 of full range, as JPEG has it, chroma by the mean of four pixels and enlarged bicubically. The quality is QP.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

SIDES = 4
"""Bytes of height and width, less one, before the stream."""


def main(arguments: Sequence[str]) -> None:
    """encode PHOTO.png FILE QP, or decode FILE PHOTO.png."""
    parser = argparse.ArgumentParser(description="VTM for satsim's codec `external`.")
    parser.add_argument("way", choices=["encode", "decode"])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("quality", nargs="?", type=int, choices=range(64))
    parser.add_argument("--weights", type=Path, required=True, help="folder of VTM's programs and configuration")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if options.way == "decode":
            decode(options.source, options.target, options.weights, Path(folder))
        elif options.quality is None:
            parser.error("encode needs a QP")
        else:
            encode(options.source, options.target, options.quality, options.weights, Path(folder))


def encode(source: Path, target: Path, quality: int, programs: Path, folder: Path) -> None:
    """Photo to file; odd sides are made even, the last row and column repeated."""
    pixels = np.asarray(Image.open(source).convert("RGB"))
    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    luma, *chroma = (np.asarray(Image.fromarray(even).convert("YCbCr"))[..., n] for n in range(3))
    halves = [plane.reshape(even.shape[0] // 2, 2, -1, 2).mean((1, 3)).round().astype(np.uint8) for plane in chroma]
    (folder / "input.yuv").write_bytes(b"".join(plane.tobytes() for plane in (luma, *halves)))
    command = [programs / "EncoderApp", "-i", folder / "input.yuv", "-c", programs / "encoder_intra_vtm.cfg"]
    command += ["-o", folder / "output.yuv", "-b", folder / "output.bin"]
    command += ["--wdt", even.shape[1], "--hgt", even.shape[0], "-q", quality]
    call([*command, "--InputBitDepth=8", "-fr", 1, "-f", 1, "--InputChromaFormat=420"])
    sides = (height - 1).to_bytes(2, "big") + (width - 1).to_bytes(2, "big")
    target.write_bytes(sides + (folder / "output.bin").read_bytes())


def decode(source: Path, target: Path, programs: Path, folder: Path) -> None:
    """File to photo."""
    data = source.read_bytes()
    height, width = (int.from_bytes(data[at : at + 2], "big") + 1 for at in (0, 2))
    (folder / "input.bin").write_bytes(data[SIDES:])
    call([programs / "DecoderApp", "-b", folder / "input.bin", "-o", folder / "output.yuv", "-d", 8])
    rows, columns = height + height % 2, width + width % 2
    raw = np.frombuffer((folder / "output.yuv").read_bytes(), np.uint8)
    quarter = rows * columns // 4
    planes = [Image.fromarray(raw[: 4 * quarter].reshape(rows, columns))]
    for at in (4 * quarter, 5 * quarter):
        half = Image.fromarray(raw[at : at + quarter].reshape(rows // 2, columns // 2))
        planes.append(half.resize((columns, rows), Image.Resampling.BICUBIC))
    Image.merge("YCbCr", planes).convert("RGB").crop((0, 0, width, height)).save(target)


def call(command: Sequence[object]) -> None:
    """Run a program; it ends this one where it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed with exit code {done.returncode}: {(done.stderr or done.stdout)[-300:]}")


if __name__ == "__main__":
    main(sys.argv[1:])
