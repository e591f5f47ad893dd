"""The store of pretrained weights: looked up in the cache folder, then in the folder that SATSIM_WEIGHTS names.

Nothing is downloaded but by `fetch_file`. A name is a metric's (`dists`: every file it needs) or one file's (`vgg16`).
Kept files are safetensors of float32, trimmed to the layers used; what is loaded is always traced to its authors' file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from codec.base import WeightsError
from codec.files import cache_folder
from codec.metrics import METRICS, find_weights
from codec.metrics.download import Progress, download, file_sha256
from codec.metrics.tensor_files import kept_part, read_kept, read_pickle, read_safetensors, write_kept
from codec.metrics.weight_files import WEIGHT_FILES, WeightFile

if TYPE_CHECKING:
    from torch import Tensor


class WeightStatus(NamedTuple):
    """One row of the list: a file, the metrics that need it, and where it lies (None: not here)."""

    file: WeightFile
    metrics: tuple[str, ...]
    path: Path | None


def list_weights() -> list[WeightStatus]:
    """Every known file, present or not; opens none."""
    return [WeightStatus(file, tuple(_metrics_with(file)), find(file)) for file in WEIGHT_FILES.values()]


def files_of(name: str) -> list[WeightFile]:
    """The files behind a metric's or a file's name. Raises WeightsError for an unknown name."""
    if name in WEIGHT_FILES:
        return [WEIGHT_FILES[name]]
    if name in METRICS and METRICS[name].files:
        kept = {file.kept_as: file for file in WEIGHT_FILES.values()}
        return [kept[each] for each in METRICS[name].files]
    known = ", ".join([*(metric for metric, info in METRICS.items() if info.files), *WEIGHT_FILES])
    raise WeightsError(f"no weights are called {name!r}; expected one of {known}")


def _metrics_with(file: WeightFile) -> list[str]:
    return [metric for metric, info in METRICS.items() if file.kept_as in info.files]


def find(file: WeightFile) -> Path | None:
    """Where `file` lies, unread, or None."""
    return find_weights(file.kept_as)


def missing(name: str) -> list[WeightFile]:
    """The files that `name` needs and that are not here."""
    return [file for file in files_of(name) if find(file) is None]


def load(name: str) -> list[dict[str, Tensor]]:
    """The tensors of each file behind `name`, in the table's order.

    Raises WeightsError, with the command that mends it, where a file is missing or not what its name says.
    """
    if absent := missing(name):
        what = ", ".join(f"{file.title} ({_megabytes(file.download_bytes)})" for file in absent)
        mend = f"`satsim weights fetch {name}` (or `satsim weights import {name} FILE...`)"
        raise WeightsError(f"weights of {name} are missing: {what}; mend: {mend}")
    try:
        return [read_kept(file, path) for file in files_of(name) if (path := find(file))]
    except WeightsError as error:
        raise WeightsError(f"{error}; mend: `satsim weights fetch {name}` replaces it") from error


def to_fetch(name: str) -> list[WeightFile]:
    """The files behind `name` that are missing or corrupt. Their sizes are `download_bytes`."""
    return [file for file in files_of(name) if not _is_sound(file)]


def fetch_file(
    file: WeightFile, *, mirror_url: str | None = None, proxy: str | None = None, progress: Progress | None = None
) -> Path:
    """Download one published file into the cache folder, check its hash, keep the layers used, drop the rest.

    `mirror_url` is a folder that holds the file under its own name, or the file itself. A cut download resumes at the
    next call. Raises WeightsError.
    """
    url = file.url
    if mirror_url is not None:
        url = mirror_url if mirror_url.endswith("/" + file.original) else f"{mirror_url.rstrip('/')}/{file.original}"
    part = _made_cache_folder() / f"{file.name}.part"
    download(
        url, part, size_bytes=file.download_bytes, sha256=file.sha256, title=file.title, proxy=proxy, progress=progress
    )
    path = _keep_published(file, part)
    part.unlink()
    return path


def import_file(name: str, path: Path) -> Path:
    """Bring a local file into the cache and return where it lies there; see `import_among`."""
    return import_among(files_of(name), path)


def import_among(files: Sequence[WeightFile], path: Path) -> Path:
    """Bring a local copy of one of `files` into the cache: which one, its contents tell.

    A .pth or .pt must have the hash of a published file. A safetensors must hold the same numbers by our digest of
    them, or be a copy of another cache's file. Raises WeightsError.
    """
    names = " or ".join(file.original for file in files)
    if not path.is_file():
        raise WeightsError(f"{path} is not a file; expected {names}")
    if path.suffix == ".safetensors":
        tensors, _ = read_safetensors(path)
        fitting = next((file for file in files if kept_part(file, tensors)), None)
        if fitting is None:
            raise WeightsError(
                f"{path} holds the float32 tensors of none of: {', '.join(file.title for file in files)}"
            )
        return write_kept(fitting, read_kept(fitting, path), _made_cache_folder())
    found = file_sha256(path)
    for file in files:
        if file.sha256 == found:
            return _keep_published(file, path)
    hashes = " or ".join(file.sha256 for file in files)
    raise WeightsError(f"{path} is not {names}: its sha256 is {found}, expected {hashes}")


def remove(name: str) -> list[Path]:
    """Delete the cached files behind `name` and their unfinished downloads; return what was deleted.

    A backbone stays while another metric that needs it is complete. The folder of SATSIM_WEIGHTS is never touched.
    """
    removed = []
    complete = [metric for metric, info in METRICS.items() if metric != name and all(map(find_weights, info.files))]
    for file in files_of(name):
        if name in METRICS and any(other in complete for other in _metrics_with(file)):
            continue
        for path in (cache_folder() / file.kept_as, cache_folder() / f"{file.name}.part"):
            if path.exists():
                path.unlink()
                removed.append(path)
    return removed


def _is_sound(file: WeightFile) -> bool:
    path = find(file)
    try:
        return path is not None and bool(read_kept(file, path))
    except WeightsError:
        return False


def _keep_published(file: WeightFile, path: Path) -> Path:
    """Trim a published file, its hash already checked, into the cache."""
    kept = kept_part(file, read_pickle(path))
    if kept is None:
        raise WeightsError(f"{path} does not hold the float32 tensors of {file.title}")
    return write_kept(file, kept, _made_cache_folder())


def _made_cache_folder() -> Path:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(f"cannot make the cache folder {folder}: {error}; name another by SATSIM_CACHE") from error
    return folder


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"
