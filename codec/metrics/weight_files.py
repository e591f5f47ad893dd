"""Which pretrained files the metrics need: where they come from, how to know them again, and which tensors are kept.

Sizes and hashes are those of the authors' own files: torchvision's downloads, the `lpips` 0.1.4 and `dists-pytorch` 0.1
packages. `tensors_sha256` is our digest of the kept tensors (`tensor_files.tensors_digest`), by which a trimmed copy is
known too; VGG-16 has none yet, so that its copies must carry a note of the full file's hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class WeightFile:
    """One published file, and the part of it that is kept in the cache."""

    name: str
    title: str
    url: str
    licence: str
    download_bytes: int
    sha256: str
    """Of the whole published file."""
    kept_as: str
    """File name in the cache folder and in the folder SATSIM_WEIGHTS names."""
    shapes: Shapes
    """The tensors kept, all float32."""
    tensors_sha256: str | None

    @property
    def original(self) -> str:
        """The published file's own name, which a mirror keeps."""
        return self.url.rsplit("/", 1)[1]


def _vgg16_shapes() -> Shapes:
    layers = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    shapes: Shapes = {}
    for layer, held, made in zip(layers, channels[:-1], channels[1:], strict=True):
        shapes |= _conv_shapes(f"features.{layer}", held, made, 3)
    return shapes


def _squeezenet_shapes() -> Shapes:
    fires = {3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128)}
    fires |= {9: (256, 48, 192), 10: (384, 48, 192), 11: (384, 64, 256), 12: (512, 64, 256)}
    shapes = _conv_shapes("features.0", 3, 64, 3)
    for layer, (held, squeezed, expanded) in fires.items():
        shapes |= _conv_shapes(f"features.{layer}.squeeze", held, squeezed, 1)
        shapes |= _conv_shapes(f"features.{layer}.expand1x1", squeezed, expanded, 1)
        shapes |= _conv_shapes(f"features.{layer}.expand3x3", squeezed, expanded, 3)
    return shapes


def _conv_shapes(layer: str, held: int, made: int, side: int) -> Shapes:
    return {f"{layer}.weight": (made, held, side, side), f"{layer}.bias": (made,)}


def _head_shapes(*channels: int) -> Shapes:
    return {f"lin{tap}.model.1.weight": (1, width, 1, 1) for tap, width in enumerate(channels)}


def _published() -> Iterator[WeightFile]:
    yield WeightFile(
        name="vgg16",
        title="VGG-16 of torchvision",
        url="https://download.pytorch.org/models/vgg16-397923af.pth",
        licence="BSD-3-Clause (torchvision), trained on ImageNet",
        download_bytes=553_433_881,
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        kept_as="vgg16_features.safetensors",
        shapes=_vgg16_shapes(),
        tensors_sha256=None,
    )
    yield WeightFile(
        name="dists-weights",
        title="DISTS alpha and beta",
        url="https://raw.githubusercontent.com/dingkeyan93/DISTS/master/DISTS_pytorch/weights.pt",
        licence="MIT (Keyan Ding)",
        download_bytes=12_288,
        sha256="f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
        kept_as="dists_alpha_beta.safetensors",
        shapes={"alpha": (1, 1475, 1, 1), "beta": (1, 1475, 1, 1)},
        tensors_sha256="7127b1fc61d0cd8283a1cf9201ca8ec57308f6b415efa106285297646d4f5851",
    )
    yield WeightFile(
        name="lpips-vgg-heads",
        title="LPIPS v0.1 heads for VGG-16",
        url="https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/vgg.pth",
        licence="BSD-2-Clause (Richard Zhang et al.)",
        download_bytes=7_289,
        sha256="a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
        kept_as="lpips_v0.1_vgg_linear.safetensors",
        shapes=_head_shapes(64, 128, 256, 512, 512),
        tensors_sha256="9a5c404ecf1a3c1ad4fb7ee5b2c5cc5b28965c3935ee92d09251c11948e19e72",
    )
    yield WeightFile(
        name="squeezenet1_1",
        title="SqueezeNet 1.1 of torchvision",
        url="https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        licence="BSD-3-Clause (torchvision), trained on ImageNet",
        download_bytes=4_958_839,
        sha256="b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        kept_as="squeezenet1_1_features.safetensors",
        shapes=_squeezenet_shapes(),
        tensors_sha256="6821986efda304d8f2d4533b37046c769abf36b939a04af7a59b451dd4af0922",
    )
    yield WeightFile(
        name="lpips-squeeze-heads",
        title="LPIPS v0.1 heads for SqueezeNet",
        url="https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/squeeze.pth",
        licence="BSD-2-Clause (Richard Zhang et al.)",
        download_bytes=10_811,
        sha256="4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
        kept_as="lpips_v0.1_squeeze_linear.safetensors",
        shapes=_head_shapes(64, 128, 256, 384, 384, 512, 512),
        tensors_sha256="e4088a6a15fb1a9ee560eb81e28602d4550d78185b6593fc5cb846fdfac2b685",
    )


WEIGHT_FILES = {file.name: file for file in _published()}
