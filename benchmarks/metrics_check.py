"""LPIPS, DISTS and MS-SSIM against three packages of others: lpips, DISTS_pytorch and piq.

    python -m pip install --no-deps --target build/metrics_check lpips==0.1.4 DISTS-pytorch==0.1 piq==0.8.0
    python benchmarks/metrics_check.py [--packages FOLDER] [--photos N]

They are put into a folder of their own, without what they depend on, for their torchvision is built for another torch.
In its place stands a module of ours that has VGG-16 and SqueezeNet 1.1 in torchvision's layers, and no more of it: all
that these packages do with features is their own code. What is compared follows from the weights at hand:

- Networks are the published ones, SqueezeNet 1.1 and VGG-16, where SATSIM_WEIGHTS or the cache has them. In place of a
  missing one both sides get the same random weights, and *the formula alone* is compared; the table says so.
- Heads, alpha and beta are those in the packages, checked against the hashes in `codec/metrics/weight_files.py`.
- MS-SSIM has no weights.

Pictures are photos of SATSIM_DATA/eval/kodak, 256x256 and 249x187 pixels, against JPEGs of three qualities. MS-SSIM is
compared at 256x256 pixels alone, since piq doubles the first row of an odd side where the authors double the last.
Exit code 1 says that a difference is over its bar.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from codec.folders import list_photos
from codec.metrics.backbones import SqueezeNetFeatures, Vgg16Features
from codec.metrics.dists import Dists
from codec.metrics.download import file_sha256
from codec.metrics.lpips import Lpips
from codec.metrics.ssim import ms_ssim
from codec.metrics.tensor_files import read_kept, read_pickle
from codec.metrics.weight_files import WEIGHT_FILES
from codec.metrics.weights import find

REPO = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SATSIM_DATA", "data")) / "eval/kodak"
QUALITIES = (5, 20, 60)
SIZES = ((256, 256), (249, 187))
BAR = 1e-5
"""Most that two may differ."""
CONSTANT_BAR = 1e-3
"""Of piq's DISTS, whose constants c1 and c2 are 1e-10 where the authors' are 1e-6."""
Score = Callable[[Tensor, Tensor], float]


def backbone_of(file: str, network: nn.Module) -> tuple[nn.Module, str]:
    """The network with published weights where they are here, else random ones of unit gain; and which of both."""
    weights = WEIGHT_FILES[file]
    if path := find(weights):
        network.load_state_dict(read_kept(weights, path))
        return network, "published weights"
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        scale = (2 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1
        parameter.data = torch.randn(parameter.shape, generator=generator) * scale
    return network, "random weights: the formula alone"


def stand_in(vgg: nn.Module, squeezenet: nn.Module) -> None:
    """Let `import torchvision` find the two networks, under torchvision's names, and empty classes for the rest."""

    class Whole(nn.Module):
        """As torchvision has them: layers under `features`."""

        def __init__(self, features: nn.Sequential) -> None:
            super().__init__()
            self.features = nn.Sequential(*features)

    package, models, transforms, inception = (
        ModuleType(f"torchvision{name}") for name in ("", ".models", ".transforms", ".models.inception")
    )
    models.vgg16 = lambda **_: Whole(vgg.features)
    models.squeezenet1_1 = lambda **_: Whole(squeezenet.features)
    models.vgg19 = models.alexnet = models.inception_v3 = None
    for block in "ACE":
        setattr(inception, f"Inception{block}", type(f"Inception{block}", (nn.Module,), {}))
    models.inception, package.models, package.transforms = inception, models, transforms
    sys.modules |= {module.__name__: module for module in (package, models, transforms, inception)}


def published(path: Path, file: str) -> dict[str, Tensor]:
    """The tensors of a weights file of a package. Ends the program where its hash is not that of our table."""
    if file_sha256(path) != WEIGHT_FILES[file].sha256:
        sys.exit(f"{path} is not {WEIGHT_FILES[file].original} of {WEIGHT_FILES[file].url}")
    return read_pickle(path)


def heads_of(state: dict[str, Tensor]) -> list[Tensor]:
    return [state[f"lin{tap}.model.1.weight"] for tap in range(len(state))]


def pairs_of(packages: Path) -> dict[str, tuple[Score, Score, float]]:
    """Name of a comparison -> ours, theirs, and the bar."""
    sys.path.insert(0, str(packages))
    vgg, of_vgg = backbone_of("vgg16", Vgg16Features())
    squeezenet, of_squeezenet = backbone_of("squeezenet1_1", SqueezeNetFeatures())
    stand_in(vgg, squeezenet)
    import DISTS_pytorch
    import lpips
    import piq

    folder = Path(lpips.__file__).parent / "weights/v0.1"
    vgg_heads = heads_of(published(folder / "vgg.pth", "lpips-vgg-heads"))
    squeezenet_heads = heads_of(published(folder / "squeeze.pth", "lpips-squeeze-heads"))
    weights = published(Path(DISTS_pytorch.__file__).parent / "weights.pt", "dists-weights")
    smooth = Vgg16Features(l2_pool=True)
    smooth.load_state_dict(vgg.state_dict())
    ours = {
        "lpips-vgg": Lpips(vgg, vgg_heads),
        "lpips-squeeze": Lpips(squeezenet, squeezenet_heads),
        "dists": Dists(smooth, weights["alpha"], weights["beta"]),
    }
    dists = DISTS_pytorch.DISTS(load_weights=False)
    dists.load_state_dict(weights, strict=False)
    with tempfile.TemporaryDirectory() as home:
        # piq downloads its copies of heads, alpha and beta where these files are not there.
        torch.hub.set_dir(home)
        (Path(home) / "checkpoints").mkdir()
        torch.save(vgg_heads, Path(home) / "checkpoints/lpips_weights.pt")
        torch.save(weights, Path(home) / "checkpoints/dists_weights.pt")
        piq_lpips, piq_dists = piq.LPIPS(), piq.DISTS()
    authors = {net: lpips.LPIPS(net=net, verbose=False) for net in ("vgg", "squeeze")}
    return {
        f"LPIPS (SqueezeNet) | lpips | {of_squeezenet}": (
            ours["lpips-squeeze"],
            lambda x, y: authors["squeeze"](x, y, normalize=True),
            BAR,
        ),
        f"LPIPS (VGG-16) | lpips | {of_vgg}": (
            ours["lpips-vgg"],
            lambda x, y: authors["vgg"](x, y, normalize=True),
            BAR,
        ),
        f"LPIPS (VGG-16) | piq | {of_vgg}": (ours["lpips-vgg"], piq_lpips, BAR),
        f"DISTS | DISTS_pytorch | {of_vgg}": (ours["dists"], dists, BAR),
        f"DISTS | piq, other constants | {of_vgg}": (ours["dists"], piq_dists, CONSTANT_BAR),
        "MS-SSIM | piq | no weights": (
            lambda x, y: ms_ssim(x.double(), y.double()),
            lambda x, y: piq.multi_scale_ssim(y.double(), x.double(), data_range=1.0),
            BAR,
        ),
    }


def pictures_of(photos: list[Path], sizes: tuple[tuple[int, int], ...]) -> list[tuple[Tensor, Tensor]]:
    """Photos and their JPEGs, float[1, 3, H, W] in [0, 1]."""
    found = []
    for photo in photos:
        with Image.open(photo) as opened:
            whole = opened.convert("RGB")
        for size in sizes:
            image = whole.resize(size, Image.Resampling.LANCZOS)
            for quality in QUALITIES:
                file = io.BytesIO()
                image.save(file, "JPEG", quality=quality)
                both = (np.asarray(each, np.float32) / 255 for each in (image, Image.open(file)))
                found.append(tuple(torch.from_numpy(each).permute(2, 0, 1)[None].contiguous() for each in both))
    return found


@torch.inference_mode()
def main() -> int:
    """Print the table; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, default=REPO / "build/metrics_check")
    parser.add_argument("--photos", type=int, default=4, help="of kodak, evenly picked  [default: 4]")
    asked = parser.parse_args()
    photos = list_photos(DATA)
    count = min(asked.photos, len(photos))
    photos = [photos[k * len(photos) // count] for k in range(count)]
    missed = False
    print("| metric | of | with | scores | greatest difference | bar | pictures |\n|---|---|---|---|---|---|---|")
    for name, (ours, theirs, bar) in pairs_of(asked.packages).items():
        pictures = pictures_of(photos, SIZES[:1] if name.startswith("MS-SSIM") else SIZES)
        scores = np.array([[float(ours(x, y)), float(theirs(x, y))] for x, y in pictures])
        worst = float(np.abs(scores[:, 0] - scores[:, 1]).max())
        missed |= worst > bar
        span = f"{scores[:, 0].min():.3f} to {scores[:, 0].max():.3f}"
        print(f"| {name} | {span} | {worst:.1e} | {bar:.0e} | {len(pictures)} |", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
