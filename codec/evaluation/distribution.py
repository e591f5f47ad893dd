"""FID and KID: how far all pictures of a set are, together, from all of its photos. A number a set, none a photo.

As HiFiC measures them (Mentzer et al. 2020): over patches of 256x256 pixels side by side, and those of a second grid
that begins 128 pixels further right and down. Formulas are those of torchmetrics; features are the 2,048 of the
Inception network of 2015-12-05, from a TorchScript file that the user fetches. Nothing is downloaded here.
"""

from __future__ import annotations

import importlib
import io
import secrets
import statistics
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from codec.base import CodecError, Image, WeightsError
from codec.evaluation.contenders import Contender
from codec.evaluation.datasets import Dataset, pixels_digest
from codec.evaluation.evaluate import Rates, contender_of, sent, set_threads
from codec.evaluation.tables import PlainTable
from codec.evaluation.work import Form, Kept, Progress, Workers, answers, name_of
from codec.folders import read_photo
from codec.metrics import find_weights
from codec.metrics.download import file_sha256

DISTRIBUTIONS = {"fid": "FID/256", "kid": "KID/256"}
"""By name; lower is better in both."""
PATCH, SHIFT = 256, 128
"""Pixels."""
KID_SUBSETS, KID_PATCHES = 100, 1000
"""KID is the mean over so many drawn subsets of so many patches; where there are no more, that of all of them."""
NETWORK = "inception-2015-12-05.pt"
NETWORK_URL = f"https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/{NETWORK}"
Floats = npt.NDArray[np.float32]


class DistributionPoint(NamedTuple):
    """One number of one codec and rate on a whole set."""

    dataset: str
    codec: str
    rate: int
    bytes: float
    """Mean over photos, as `bpp`."""
    bpp: float
    measure: str
    value: float | None
    """None where a picture of the set shows nothing."""
    patches: int
    photos: int
    missing: int
    """Photos of which nothing is shown."""
    network: str
    """The first 16 digits of the SHA-256 of the file that features came from."""


class Shown(NamedTuple):
    """What is seen of one photo at one rate."""

    rate: int
    bytes: int
    bpp: float
    features: Floats | None
    """One row a patch; None where nothing is shown."""


class Look(NamedTuple):
    """One photo by one codec at every rate or, without a codec, the photo itself."""

    path: Path
    side: int | None
    digest: str
    rival: str
    rates: Rates
    threads: int
    network: Path
    round: str


def find_network(measures: Sequence[str], datasets: Sequence[Dataset]) -> Path:
    """The file that features come from, all else that `measures` need being there too.

    Raises CodecError for an unknown measure, a set of smaller photos and a missing package, WeightsError for no file.
    """
    for measure in measures:
        if measure not in DISTRIBUTIONS:
            raise CodecError(f"no distribution is called {measure!r}; expected one of: {', '.join(DISTRIBUTIONS)}")
    for dataset in datasets:
        if dataset.shortest_side < PATCH:
            least = f"{DISTRIBUTIONS[measures[0]]} needs sides of at least {PATCH} pixels"
            raise CodecError(f"{least}; one of {dataset.name} has {dataset.shortest_side}")
    try:
        importlib.import_module("torchmetrics")
    except ImportError:
        raise CodecError(
            "FID and KID need the package torchmetrics (mend: pip install 'satsim-link[research]')"
        ) from None
    if (path := find_weights(NETWORK)) is None:
        what = "Inception of 2015-12-05 as TorchScript (about 96 MB; no hash of it is published)"
        mend = f"fetch {NETWORK_URL} into the folder that SATSIM_WEIGHTS names"
        raise WeightsError(f"weights of {' and '.join(measures)} are missing: {what}; mend: {mend}")
    return path


def distributions(
    measures: Sequence[str],
    network: Path,
    datasets: Sequence[Dataset],
    rivals: Sequence[Contender],
    rates: Rates,
    *,
    threads: int = 1,
    workers: Workers | None = None,
    kept: Kept | None = None,
    made_with: Callable[[Contender, Sequence[str]], str] = lambda rival, metrics: "",
    progress: Progress = lambda done, of: None,
) -> list[DistributionPoint]:
    """A point for each set, codec, rate and measure. Photos are coded anew; else as `evaluate`, errors too."""
    known, round_ = file_sha256(network), secrets.token_hex(8)
    labels = ["", *(rival.label for rival in rivals)]
    codes = ["", *(made_with(rival, ()) for rival in rivals)]
    looks, names = list[Look](), list[str]()
    for dataset in datasets:
        for label, code in zip(labels, codes, strict=True):
            for path, digest in zip(dataset.photos, dataset.digests, strict=True):
                looks.append(Look(path, dataset.side, digest, label, rates, threads, network, round_))
                names.append(name_of("features", dataset.side, digest, label, rates, threads, known, code))
    found = iter(answers(look, looks, names=names, form=Form(_pack, _unpack), workers=workers, kept=kept,
                         progress=progress))  # fmt: skip
    points = list[DistributionPoint]()
    for dataset in datasets:
        photos, *others = [[next(found) for _ in dataset.photos] for _ in labels]
        reference = np.concatenate([one[0].features for one in photos])
        for label, seen in zip(labels[1:], others, strict=True):
            for at_rate in zip(*seen, strict=True):
                features = [one.features for one in at_rate if one.features is not None]
                whole = len(features) == len(at_rate)
                size, bpp = (statistics.fmean(each) for each in zip(*((o.bytes, o.bpp) for o in at_rate), strict=True))
                points += [
                    DistributionPoint(
                        dataset.name, label, at_rate[0].rate, size, bpp, measure,
                        distance(measure, reference, np.concatenate(features)) if whole else None,
                        len(reference), len(at_rate), len(at_rate) - len(features), known[:16],
                    )
                    for measure in measures
                ]  # fmt: skip
    return points


def look(task: Look) -> list[Shown]:
    """Features of one photo, or of its pictures by one codec. Raises CodecError that names both."""
    set_threads(task.threads)
    image = read_photo(task.path, task.side).pixels
    if pixels_digest(image) != task.digest:
        raise CodecError(f"{task.path}: has changed since the evaluation began; begin anew")
    network, (height, width) = _network(task.network, task.round), image.shape[:2]
    if not task.rival:
        return [Shown(0, 0, 0.0, _features(network, image, task.network))]
    shown = []
    try:
        for rate, codec, received, _ in sent(contender_of(task.rival, task.round), image, task.rates):
            picture = codec.decode(received, height, width) if received else None
            size = sum(map(len, received.values()))
            features = None if picture is None else _features(network, picture, task.network)
            shown.append(Shown(rate, size, 8 * size / (height * width), features))
    except CodecError as error:
        raise CodecError(f"{task.path}: {task.rival}: {error}") from error
    return shown


def patches_of(image: Image) -> Image:
    """uint8[n, 256, 256, 3]: those of the grid from the upper left corner, then those of the shifted one."""
    rows, columns = image.shape[:2]
    return np.stack([
        image[top : top + PATCH, left : left + PATCH]
        for shift in (0, SHIFT)
        for top in range(shift, rows - PATCH + 1, PATCH)
        for left in range(shift, columns - PATCH + 1, PATCH)
    ])  # fmt: skip


def distance(measure: str, reference: Floats, features: Floats) -> float:
    """FID or KID of two sets of features, float[n, D] each, n at least 2. Raises CodecError for fewer."""
    import torch

    few = min(len(reference), len(features))
    if few < 2:
        raise CodecError(f"{DISTRIBUTIONS[measure]} needs at least two patches; there is {few}")

    class AsGiven(torch.nn.Module):
        """In place of a network: features go in."""

        num_features = reference.shape[1]

        def forward(self, x: Any) -> Any:
            return x

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # that it keeps features
        torch.manual_seed(0)  # of the subsets
        if measure == "fid":
            made: Any = importlib.import_module("torchmetrics.image.fid").FrechetInceptionDistance(AsGiven())
        else:
            how = {"subsets": KID_SUBSETS if few > KID_PATCHES else 1, "subset_size": min(few, KID_PATCHES)}
            made = importlib.import_module("torchmetrics.image.kid").KernelInceptionDistance(AsGiven(), **how)
        for each, real in ((reference, True), (features, False)):
            made.update(torch.from_numpy(each).double(), real=real)
        value = made.compute()
    return float(value if measure == "fid" else value[0])


def distribution_sheets(points: Sequence[DistributionPoint]) -> list[PlainTable]:
    """One a set: a line each codec and rate, a column each measure."""
    sheets = []
    for dataset in dict.fromkeys(point.dataset for point in points):
        mine = [point for point in points if point.dataset == dataset]
        measures = list(dict.fromkeys(point.measure for point in mine))
        lines = []
        for codec, rate in dict.fromkeys((point.codec, point.rate) for point in mine):
            row = [point for point in mine if (point.codec, point.rate) == (codec, rate)]
            values = ["none" if one.value is None else f"{one.value:.4g}" for one in row]
            lines.append([codec, str(rate), f"{row[0].bytes:.0f}", f"{row[0].bpp:.4f}", *values])
        one = mine[0]
        title = (
            f"{dataset}: the whole set of {one.photos} photos, {one.patches} patches of {PATCH}x{PATCH} pixels,"
            f" network {one.network}; FID of few patches is too high: compare it at equal numbers alone"
        )
        sheets.append(PlainTable(title, ["codec", "rate", "bytes", "bpp", *(f"{DISTRIBUTIONS[m]} ↓" for m in measures)],
                                 lines))  # fmt: skip
    return sheets


@lru_cache(maxsize=1)
def _network(path: Path, round_: str) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch prefers another format by now
        try:
            return torch.jit.load(path, map_location="cpu").eval()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise WeightsError(f"{path} is not a readable TorchScript file; mend: fetch {NETWORK_URL} anew") from error


def _features(network: Any, image: Image, path: Path) -> Floats:
    """float32[n, D], a row a patch."""
    import torch

    with torch.inference_mode():
        try:
            rows = [
                network(torch.from_numpy(patch).permute(2, 0, 1)[None], return_features=True)
                for patch in patches_of(image)
            ]
        except (RuntimeError, TypeError) as error:
            said = " ".join(str(error).split())[:200]
            raise WeightsError(
                f"{path} gives no features of patches ({said}); mend: fetch {NETWORK_URL} anew"
            ) from error
        return np.asarray(torch.cat(rows).float().numpy())


def _pack(shown: Sequence[Shown]) -> bytes:
    file = io.BytesIO()
    numbers = np.array([[one.rate, one.bytes, one.bpp] for one in shown], np.float64)
    pictures = {f"{k}": one.features for k, one in enumerate(shown) if one.features is not None}
    np.savez(file, numbers=numbers, **pictures)  # type: ignore[arg-type]
    return file.getvalue()


def _unpack(content: bytes) -> list[Shown]:
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        numbers = held["numbers"].tolist()
        return [Shown(int(rate), int(size), bpp, held.get(str(k))) for k, (rate, size, bpp) in enumerate(numbers)]
