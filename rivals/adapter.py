"""What the adapters of learned rivals share: two commands over one model, and a file of a few bytes more than its bits.

    python rivals/NAME.py encode PHOTO.png FILE QUALITY --code FOLDER --weights FILE_OR_FOLDER --device cpu
    python rivals/NAME.py decode FILE PHOTO.png --code FOLDER --weights FILE_OR_FOLDER --device cpu

They run in the environment of that project, not of satsim, which calls them as the codec `external`. Each one's first
lines say `What to fetch: ...`, a paragraph or up to `API:`, which `satsim paper` repeats. A file is: number
of the quality (1 byte), height and width less one (2 bytes each), then for all strings but the last their length
(LEB128), then all strings. The size and the quality are 5 bytes that a receiver would not know.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import tempfile
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Rival(NamedTuple):
    """A project's models behind four functions; pictures are tensors float32[1, 3, H, W], 0 to 1."""

    qualities: Sequence[str]
    """From the smallest file to the largest."""
    factor: int
    """Sides are padded to multiples of it, the last row and column repeated."""
    strings: int
    """Strings that a picture has."""
    load: Callable[[str, argparse.Namespace], Any]
    """(quality, options) -> model, ready to code."""
    compress: Callable[[Any, Any], list[bytes]]
    """(model, picture) -> its strings."""
    decompress: Callable[[Any, list[bytes], int, int], Any]
    """(model, strings, padded height, padded width) -> picture."""


def run(rival: Rival, arguments: Sequence[str]) -> None:
    """Do what the command line says. Ends the program with a sentence where that cannot be."""
    import torch

    parser = argparse.ArgumentParser(description="A learned codec for satsim's codec `external`.")
    parser.add_argument("way", choices=["encode", "decode"])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("quality", nargs="?", choices=rival.qualities)
    parser.add_argument("--code", type=Path, help="checkout of the project, where it is no package")
    parser.add_argument("--weights", type=Path, help="its weights, as the adapter's first lines name them")
    parser.add_argument("--model", default="", help="another of the project's models, where the adapter knows several")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    if options.code:
        sys.path.insert(0, str(options.code))
    with torch.no_grad():
        if options.way == "decode":
            decode(rival, options)
        elif options.quality:
            encode(rival, options)
        else:
            parser.error("encode needs a quality")


def encode(rival: Rival, options: argparse.Namespace) -> None:
    """Photo to file."""
    import numpy as np
    import torch
    from PIL import Image

    pixels = np.asarray(Image.open(options.source).convert("RGB"))
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % rival.factor), (0, -width % rival.factor), (0, 0)), mode="edge")
    picture = torch.from_numpy(padded).permute(2, 0, 1)[None].float().div(255).to(options.device)
    strings = rival.compress(rival.load(options.quality, options), picture)
    if len(strings) != rival.strings:
        raise SystemExit(f"the model gave {len(strings)} strings; expected {rival.strings}")
    head = bytes([rival.qualities.index(options.quality)])
    head += (height - 1).to_bytes(2, "big") + (width - 1).to_bytes(2, "big")
    head += b"".join(varint(len(each)) for each in strings[:-1])
    options.target.write_bytes(head + b"".join(strings))


def decode(rival: Rival, options: argparse.Namespace) -> None:
    """File to photo."""
    from PIL import Image

    data = options.source.read_bytes()
    height, width = (int.from_bytes(data[at : at + 2], "big") + 1 for at in (1, 3))
    sizes, at = [], 5
    for _ in range(rival.strings - 1):
        size, shift = 0, 0
        while True:
            byte, at = data[at], at + 1
            size, shift = size | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        sizes.append(size)
    strings = []
    for size in [*sizes, len(data)]:
        strings.append(data[at : at + size])
        at += size
    padded = height + -height % rival.factor, width + -width % rival.factor
    model = rival.load(rival.qualities[data[0]], options)
    shown = rival.decompress(model, strings, *padded)[0, :, :height, :width]
    pixels = shown.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(pixels).save(options.target)


def do_without(*packages: str) -> None:
    """Let packages that are missing be imported all the same, for a project that imports what nothing here uses.

    Whatever is taken from them is a class that does nothing.
    """
    missing = {name for name in packages if importlib.util.find_spec(name) is None}

    class Empty(types.ModuleType):
        __path__: Sequence[str] = ()

        def __getattr__(self, name: str) -> type:
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (), {"__init__": lambda self, *given, **named: None})

    class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        def find_spec(self, name: str, path: object, target: object = None) -> Any:
            known = name.partition(".")[0] in missing
            return importlib.machinery.ModuleSpec(name, self, is_package=True) if known else None

        def create_module(self, spec: Any) -> types.ModuleType:
            return Empty(spec.name)

        def exec_module(self, module: types.ModuleType) -> None:
            pass

    sys.meta_path.append(Finder())


def written(write: Callable[[str], Any]) -> bytes:
    """What a project's function writes to the path that it is given."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "file")
        write(str(file))
        return file.read_bytes()


def read_back(data: bytes, read: Callable[[str], Any]) -> Any:
    """What such a function reads from the path of a file of these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "file")
        file.write_bytes(data)
        return read(str(file))


def varint(value: int) -> bytes:
    """`value` in base 128, low digits first (LEB128)."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def one(listed: Any) -> bytes:
    """The only string of a batch of one."""
    (string,) = listed
    return bytes(string)
