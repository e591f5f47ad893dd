"""Assemble the codec in the browser: one folder that any static server can serve, and `serve.py` does.

    python web/prepare.py [--out build/web] [--model nano --model small]

The page's own files, ONNX Runtime from npm at one version whose bytes are known, and the models, exported. The runtime
is fetched once, into build/npm; nothing of it runs here.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parent
PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of the package, as npm's registry and its lock files write it."""
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
MODELS = ("nano", "small")
"""The first is the page's choice, and kept for use without a network: 22 MB to the other's 32, and half its time."""
EXAMPLE = REPO / "scenarios" / "images" / "forest_fire.png"


class Refused(Exception):
    """Why the folder cannot be made, in one line."""


def fetch_runtime(cache: Path) -> Path:
    """The package's archive in `cache`, fetched by npm where it is not there; raises Refused."""
    archive = cache / f"{PACKAGE}-{VERSION}.tgz"
    if not archive.is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise Refused(f"npm is not installed, and {archive} is not there; install Node.js, which brings it")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:  # so that two that fetch at once do not meet
            command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--loglevel", "error", "--pack-destination", folder]
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            if made.returncode or not (fetched := Path(folder, archive.name)).is_file():
                reason = (made.stderr.strip().splitlines() or ["no reason given"])[0]
                raise Refused(f"npm could not fetch {PACKAGE}@{VERSION} ({reason}); is there a network?")
            fetched.replace(archive)
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != INTEGRITY:
        raise Refused(f"{archive}: is not the {PACKAGE} {VERSION} that we know ({digest}); delete it and try again")
    return archive


def unpack_runtime(archive: Path, folder: Path) -> None:
    """The files of it that the page needs."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as package:
        for name in RUNTIME:
            file = package.extractfile(f"package/dist/{name}")
            assert file is not None, name
            (folder / name).write_bytes(file.read())


def export_models(models: Sequence[str], folder: Path) -> None:
    """Both parts of each model, and models.json, which tells the page of them."""
    from codec.export.files import PARTS, export

    told = []
    for model in models:
        parts = {part: export(part, "onnx", model, folder / f"{model}-{part}.onnx") for part in PARTS}
        config = parts["encoder"].config
        told.append(
            {
                "name": model,
                "id": int(parts["encoder"].about["model_id"], 16),
                "stages": config.stages,
                "bits": config.index_bits,
                "step": config.downsampling,
                "bytes": sum(part.size_bytes for part in parts.values()),
                "sha256": {part: sha256_of(folder / f"{model}-{part}.onnx") for part in parts},
            }
        )
    (folder / "models.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def sha256_of(path: Path) -> str:
    """Of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def prepare(out: Path, models: Sequence[str] = MODELS, cache: Path = REPO / "build" / "npm") -> None:
    """Make the folder anew. Raises Refused, and leaves what was there, where anything is missing."""
    archive = fetch_runtime(cache)
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(HERE / "page", fresh)
    unpack_runtime(archive, fresh / "ort")
    (fresh / "models").mkdir()
    export_models(models, fresh / "models")
    shutil.copy(EXAMPLE, fresh / "example.png")
    keep(fresh, models[0])
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)


def keep(folder: Path, model: str) -> None:
    """Tell the service worker what to keep, and a version that changes with any of it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "sw.js")
    digest = hashlib.sha256()
    for path in files:
        digest.update(sha256_of(path).encode())
    names = [path.relative_to(folder).as_posix() for path in files]
    kept = ["./", *(name for name in names if not name.endswith(".onnx") or name.startswith(f"models/{model}-"))]
    worker = folder / "sw.js"
    text = worker.read_text(encoding="utf-8").replace("@VERSION@", digest.hexdigest()[:12])
    worker.write_text(text.replace("/*FILES*/[]/*FILES*/", json.dumps(kept)), encoding="utf-8")


def main() -> None:
    """Make the folder, and say how large it is."""
    parser = argparse.ArgumentParser(description="Assemble the codec in the browser.")
    parser.add_argument("--out", type=Path, default=REPO / "build" / "web", help="folder to make")
    parser.add_argument("--model", action="append", choices=MODELS, help="models to bring along; the first is chosen")
    chosen = parser.parse_args()
    try:
        prepare(chosen.out, chosen.model or MODELS)
    except Refused as reason:
        sys.exit(str(reason))
    size = sum(path.stat().st_size for path in chosen.out.rglob("*") if path.is_file())
    print(f"{chosen.out}: {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
