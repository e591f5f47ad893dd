"""What an answer follows from, as short texts that differ where it may differ: pixels, files, code, libraries."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import satsim
from codec.loading import CODECS
from codec.own import shown
from codec.own.finding import find
from satsim.scoring.judge import digest

LIBRARIES = ("numpy", "torch", "pillow", "pillow-heif", "imagecodecs", "imageio-ffmpeg")
"""Those that turn pixels into bytes, bytes into pixels, and pictures into numbers."""
OWN_CODE = (
    *("scoring/outbox.py", "scoring/rounds.py", "scoring/coding.py", "scoring/judge.py"),
    *("air/repair.py", "air/gf256.py"),
)
"""The way from packets to scores in satsim, besides all of codec."""


def coded_with(name: str, options: Mapping[str, Any], model_id: int) -> dict[str, str]:
    """What payloads and pictures follow from, besides the photo: of a codec by its name."""
    return {
        "codec": shown(name),
        "options": options_digest(options),
        "model": f"{model_id:08x}",
        "code of codec": code_digest("codec"),
        "code of satsim": _own_code_digest(),
        **({} if name in CODECS else own_code("codec", name)),
        **versions(LIBRARIES),
        "processor": platform.machine(),
    }


def own_code(kind: str, name: str) -> dict[str, str]:
    """By what it is called: digests of the code of one of your own. Raises CodecError where there is none.

    Of what was registered and can be imported, its package; of what was made in a notebook, the registration alone.
    """
    found = find(kind, name)
    modules = [module for module in found.modules if not module.startswith("codec.")]
    own = {f"code of {kind} {shown(name)}": found.digest} if found.digest else {}
    return own | {f"code of {module}": code_digest(module) for module in modules}


def flat(facts: Mapping[str, str]) -> list[str]:
    """Names and texts in turn, by name."""
    return [text for fact in sorted(facts.items()) for text in fact]


def file_digest(path: Path) -> str:
    """Of a file's content, read again only where size or time of change differ; whoever needs it says what is wrong."""
    try:
        status = path.stat()
        return _content_digest(path, status.st_size, status.st_mtime_ns)
    except OSError:
        return "unreadable"


@lru_cache(maxsize=1024)
def _content_digest(path: Path, size: int, changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def options_digest(options: Mapping[str, Any]) -> str:
    """Of a codec's options and of the files that they, or the words of a command among them, name."""
    parts = [repr(sorted(options.items()))]
    for value in options.values():
        words = [value, *value.split()] if isinstance(value, str) else [value] if isinstance(value, Path) else []
        parts += [file_digest(Path(word)) for word in words if os.path.isfile(word)]
    return digest(parts)


@cache
def code_digest(module: str) -> str:
    """Of the Python files of the package that `module` is in, or of its own file where it is in none.

    Taken once in a process, as its code is read once.
    """
    try:
        spec = find_spec(module.partition(".")[0])
    except ValueError:  # __main__ has none
        spec = None
    if spec is not None and spec.submodule_search_locations:
        return _joint_digest(_python_files(spec.submodule_search_locations))
    return file_digest(Path(spec.origin)) if spec is not None and spec.origin else "unknown"


@cache
def _own_code_digest() -> str:
    return _joint_digest(Path(__file__).parents[1] / name for name in OWN_CODE)


def _python_files(folders: Iterable[str]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(Path(folder).rglob("*.py"))


def _joint_digest(paths: Iterable[Path]) -> str:
    return digest(part for path in paths for part in (path.name, path.read_bytes()))


def versions(names: Iterable[str]) -> dict[str, str]:
    """By name of a library its version here, or "missing"."""
    return {name: _version(name) for name in names}


@cache
def _version(name: str) -> str:
    try:
        return satsim.__version__ if name == "satsim" else metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
