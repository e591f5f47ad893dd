"""Metrics against hand-computed cases, and against plain numpy readings of their published definitions."""

import io
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from codec.base import CodecError, WeightsError
from codec.metrics import METRICS, choose_metric, load_metric, psnr
from codec.metrics.backbones import SqueezeNetFeatures, Vgg16Features
from codec.metrics.dists import Dists
from codec.metrics.dists_lite import L2Pool
from codec.metrics.lpips import SCALE, SHIFT, Lpips

REPO = Path(__file__).resolve().parent.parent
WEIGHTS = Path(os.environ.get("SATSIM_WEIGHTS", REPO / "../shared/weights"))
DATA = Path(os.environ.get("SATSIM_DATA", REPO / "../shared/data"))
NEEDS_SQUEEZENET = pytest.mark.skipif(
    not (WEIGHTS / "squeezenet1_1_features.safetensors").is_file(),
    reason=f"no SqueezeNet weights in {WEIGHTS}; name their folder by SATSIM_WEIGHTS",
)
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def squeezenet_store(empty_store, monkeypatch):
    """SqueezeNet and its heads, nothing else."""
    monkeypatch.setenv("SATSIM_WEIGHTS", str(WEIGHTS))


def flat(value, side=16):
    return np.full((side, side, 3), value, np.uint8)


def noise(height, width, seed):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def batch(image):
    """uint8[H, W, 3] as float64[1, 3, H, W] in [0, 1]."""
    return torch.tensor(image.astype(np.float64) / 255).permute(2, 0, 1)[None]


def with_random_weights(network, seed):
    """The same float64 network with weights of unit gain, so that its deepest tap still says something."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        fan_in = parameter[0].numel()
        scale = (2 / fan_in) ** 0.5 if parameter.ndim > 1 else 0.1
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * scale
    return network.double()


def random_heads(channels, seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(width, generator=generator, dtype=torch.float64) for width in channels]


# The published networks, read straight off their papers in numpy: x is [C, H, W], w is a dict of named arrays.


def conv(x, w, layer, stride=1, pad=0):
    weight, bias = w[f"{layer}.weight"], w[f"{layer}.bias"]
    side = weight.shape[2]
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    height, width = (x.shape[1] - side) // stride + 1, (x.shape[2] - side) // stride + 1
    out = np.zeros((len(bias), height, width)) + bias[:, None, None]
    for i in range(side):
        for j in range(side):
            seen = x[:, i : i + stride * height : stride, j : j + stride * width : stride]
            out += np.tensordot(weight[:, :, i, j], seen[:, :height, :width], axes=1)
    return out


def relu(x):
    return np.maximum(x, 0)


def max_pool_2(x):
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    return np.max([x[:, i:height:2, j:width:2] for i in (0, 1) for j in (0, 1)], axis=0)


def max_pool_3_ceil(x):
    """3x3 windows every 2; the last may hang over the edge."""
    rows = range(math.ceil((x.shape[1] - 3) / 2) + 1)
    columns = range(math.ceil((x.shape[2] - 3) / 2) + 1)
    cells = [[x[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max((1, 2)) for j in columns] for i in rows]
    return np.array(cells).transpose(2, 0, 1)


def l2_pool(x):
    hann = np.hanning(5)[1:-1]
    kernel = np.outer(hann, hann) / np.outer(hann, hann).sum()
    height, width = (x.shape[1] + 1) // 2, (x.shape[2] + 1) // 2
    squares = np.pad(x**2, ((0, 0), (1, 2), (1, 2)))
    total = sum(
        kernel[i, j] * squares[:, i : i + 2 * height : 2, j : j + 2 * width : 2] for i in range(3) for j in range(3)
    )
    return np.sqrt(total + 1e-12)


def vgg16_taps(x, w, pool):
    taps = []
    for stage in ([0, 2], [5, 7], [10, 12, 14], [17, 19, 21], [24, 26, 28]):
        x = pool(x) if taps else x
        for layer in stage:
            x = relu(conv(x, w, f"features.{layer}", pad=1))
        taps.append(x)
    return taps


def squeezenet_taps(x, w):
    def fire(x, layer):
        x = relu(conv(x, w, f"features.{layer}.squeeze"))
        one = relu(conv(x, w, f"features.{layer}.expand1x1"))
        three = relu(conv(x, w, f"features.{layer}.expand3x3", pad=1))
        return np.concatenate([one, three])

    tap1 = relu(conv(x, w, "features.0", stride=2))
    tap2 = fire(fire(max_pool_3_ceil(tap1), 3), 4)
    tap3 = fire(fire(max_pool_3_ceil(tap2), 6), 7)
    tap4 = fire(max_pool_3_ceil(tap3), 9)
    tap5 = fire(tap4, 10)
    tap6 = fire(tap5, 11)
    return [tap1, tap2, tap3, tap4, tap5, tap6, fire(tap6, 12)]


def published_lpips(reference, image, taps_of, heads):
    taps = []
    for pixels in (reference, image):
        x = pixels.transpose(2, 0, 1) / 127.5 - 1
        taps.append(
            taps_of((x - np.array([-0.03, -0.088, -0.188])[:, None, None]) / np.array([[[0.458]], [[0.448]], [[0.45]]]))
        )
    score = 0.0
    for tap_x, tap_y, head in zip(*taps, heads, strict=True):
        height, width = tap_x.shape[1:]
        for i in range(height):
            for j in range(width):
                x, y = tap_x[:, i, j], tap_y[:, i, j]
                x, y = x / (np.sqrt((x**2).sum()) + 1e-10), y / (np.sqrt((y**2).sum()) + 1e-10)
                score += (head * (x - y) ** 2).sum() / (height * width)
    return score


def published_dists(reference, image, w, alpha, beta):
    maps = []
    for pixels in (reference, image):
        x = pixels.transpose(2, 0, 1) / 255
        mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        maps.append([x, *vgg16_taps((x - mean[:, None, None]) / std[:, None, None], w, l2_pool)])
    similarity, channel = 0.0, 0
    for stage_x, stage_y in zip(*maps, strict=True):
        for x, y in zip(stage_x, stage_y, strict=True):
            texture = (2 * x.mean() * y.mean() + 1e-6) / (x.mean() ** 2 + y.mean() ** 2 + 1e-6)
            covariance = (x * y).mean() - x.mean() * y.mean()
            structure = (2 * covariance + 1e-6) / (x.var() + y.var() + 1e-6)
            similarity += alpha[channel] * texture + beta[channel] * structure
            channel += 1
    assert channel == 1475
    return 1 - similarity / (alpha.sum() + beta.sum())


def state_of(network):
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


# PSNR


def test_an_error_of_one_everywhere_is_48_db():
    assert psnr(flat(100), flat(101)) == pytest.approx(10 * math.log10(255**2))  # 48.13


def test_white_for_black_is_0_db_and_equal_images_are_infinite():
    assert psnr(flat(0), flat(255)) == 0
    assert psnr(flat(7), flat(7)) == math.inf


def test_an_error_in_one_of_three_channels_counts_a_third():
    image = flat(100)
    image[:, :, 0] = 103  # mean squared error 9 / 3
    assert psnr(flat(100), image) == pytest.approx(10 * math.log10(255**2 / 3))


# LPIPS


class FirstTwoChannels(nn.Module):
    """A backbone one can follow by hand: its only tap is red and green of the scaled image."""

    channels = (2,)

    def forward(self, x):
        return [x[:, :2]]


def test_lpips_of_two_flat_images_by_hand():
    """Scaled features (0.3, 0.4) and (0.5, 0) have the unit vectors (0.6, 0.8) and (1, 0); heads (1, 2)."""
    pixels = []
    for scaled in ((0.3, 0.4, 0), (0.5, 0, 0)):
        in_minus_one_to_one = torch.tensor(scaled) * torch.tensor(SCALE) + torch.tensor(SHIFT)
        pixels.append(((in_minus_one_to_one + 1) / 2).view(1, 3, 1, 1).expand(1, 3, 4, 5))
    lpips = Lpips(FirstTwoChannels(), [torch.tensor([1.0, 2.0])])
    assert float(lpips(*pixels)) == pytest.approx(1 * 0.4**2 + 2 * 0.8**2)


def test_lpips_vgg_is_the_published_one():
    backbone, heads = with_random_weights(Vgg16Features(), 3), random_heads(Vgg16Features.channels, 4)
    reference, image = noise(17, 22, 5), noise(17, 22, 6)
    expected = published_lpips(
        reference, image, lambda x: vgg16_taps(x, state_of(backbone), max_pool_2), [head.numpy() for head in heads]
    )
    score = Lpips(backbone, heads).double()(batch(reference), batch(image))
    assert float(score) == pytest.approx(expected, rel=1e-5)  # the scaling constants are float32


def test_lpips_squeeze_is_the_published_one():
    backbone, heads = with_random_weights(SqueezeNetFeatures(), 7), random_heads(SqueezeNetFeatures.channels, 8)
    reference, image = noise(38, 51, 9), noise(38, 51, 10)
    expected = published_lpips(
        reference, image, lambda x: squeezenet_taps(x, state_of(backbone)), [head.numpy() for head in heads]
    )
    score = Lpips(backbone, heads).double()(batch(reference), batch(image))
    assert float(score) == pytest.approx(expected, rel=1e-5)


def test_lpips_trains_the_image_not_its_own_weights_even_where_features_vanish():
    backbone = Vgg16Features()
    for parameter in backbone.parameters():
        parameter.data.zero_()
    image = torch.rand(2, 3, 16, 16).requires_grad_()
    lpips = Lpips(backbone, random_heads(Vgg16Features.channels, 11)).float()
    lpips(torch.rand(2, 3, 16, 16), image).sum().backward()
    assert torch.isfinite(image.grad).all()
    assert all(parameter.grad is None for parameter in lpips.parameters())


@NEEDS_SQUEEZENET
def test_known_scores_of_a_jpeg_of_kodak_23(squeezenet_store):
    """Quality 20, 4:2:0, of the square at x = 128: LPIPS-squeeze 0.177 and MS-SSIM 0.945 by the authors' packages."""
    photo = DATA / "eval/kodak/23.png"
    if not photo.is_file():
        pytest.skip(f"no {photo}; name the folder of eval/kodak by SATSIM_DATA")
    with Image.open(photo) as opened:
        square = opened.convert("RGB").crop((128, 0, 640, 512)).resize((256, 256), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    square.save(file, "JPEG", quality=20, subsampling="4:2:0")
    reference, image = np.asarray(square), np.asarray(Image.open(file))
    assert load_metric("lpips-squeeze")(reference, image) == pytest.approx(0.177, abs=5e-4)
    assert load_metric("ms-ssim")(reference, image) == pytest.approx(0.945, abs=1e-3)


@NEEDS_SQUEEZENET
def test_a_metric_follows_its_reference(squeezenet_store):
    """Features of the last reference are kept; another reference, and a changed one, must replace them."""
    metric = load_metric("lpips-squeeze")
    first, second = noise(32, 32, 12), noise(32, 32, 13)
    assert metric(first, first) == 0
    assert metric(second, first) > 0.01
    assert metric(second, second) == 0
    second[:] = first
    assert metric(second, first) == 0


# DISTS


def test_l2_pool_of_ones_is_one_inside_and_less_at_the_padded_edge():
    """A corner window holds (1 + 1/2)^2 of a mass of 4: the root of 0.5625 is 0.75."""
    pooled = L2Pool()(torch.ones(1, 2, 6, 6))
    assert pooled.shape == (1, 2, 3, 3)
    assert pooled[0, 1, 1, 1] == pytest.approx(1)
    assert pooled[0, 1, 0, 0] == pytest.approx(0.75)


def image_only_dists():
    """DISTS whose VGG says nothing, every weight 1: each of the image's three channels weighs 1 / 2950 twice."""
    backbone = Vgg16Features(l2_pool=True)
    for parameter in backbone.parameters():
        parameter.data.zero_()
    return Dists(backbone, torch.ones(1475), torch.ones(1475))


def test_dists_of_two_flat_images_is_their_texture_alone():
    a, b = torch.full((1, 3, 16, 16), 0.5), torch.full((1, 3, 16, 16), 0.25)
    assert float(image_only_dists()(a, b)) == pytest.approx(3 * (1 - 0.25 / 0.3125) / 2950, rel=1e-4)


def test_dists_of_a_checkerboard_and_its_negative_is_their_structure_alone():
    """Equal means; covariance is minus the variance, so that structure is -1 and each channel adds 2 / 2950."""
    board = (torch.arange(16)[:, None] + torch.arange(16)) % 2
    x = board.float().expand(1, 3, 16, 16)
    assert float(image_only_dists()(x, 1 - x)) == pytest.approx(3 * 2 / 2950, rel=1e-4)


def test_dists_is_the_published_one():
    backbone = with_random_weights(Vgg16Features(l2_pool=True), 14)
    alpha, beta = random_heads((1475, 1475), 15)
    reference, image = noise(17, 22, 16), noise(17, 22, 17)
    expected = published_dists(reference, image, state_of(backbone), alpha.numpy(), beta.numpy())
    dists = Dists(backbone, alpha, beta).double()
    assert float(dists(batch(reference), batch(image))) == pytest.approx(expected, rel=1e-5)
    assert float(dists(batch(reference), batch(reference))) == 0


@pytest.mark.parametrize("size", [(16, 16), (17, 40)])
def test_vgg_metrics_score_the_smallest_images(size):
    x, y = torch.rand(1, 3, *size), torch.rand(1, 3, *size).requires_grad_()
    for network in (
        Lpips(Vgg16Features(), random_heads(Vgg16Features.channels, 18)).float(),
        Dists(Vgg16Features(l2_pool=True), torch.ones(1475), torch.ones(1475)),
    ):
        score = network(x, y)
        score.sum().backward()
        assert score.shape == (1,)
        assert torch.isfinite(y.grad).all()


# Choosing and refusing


def test_names_and_directions_need_no_torch():
    code = "import sys, codec.metrics as m; print('torch' in sys.modules, *m.METRICS)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO).stdout
    assert shown.split() == ["False", "dists", "lpips-vgg", "lpips-squeeze", "dists-lite", "ms-ssim", "psnr"]
    assert [info.higher_is_better for info in METRICS.values()] == [False] * 4 + [True] * 2


def test_without_weights_the_choice_falls_to_dists_lite_and_says_so(empty_store):
    metric, notice = choose_metric()
    assert metric.name == "dists-lite"
    assert "DISTS-lite (ours), not DISTS" in notice
    assert "`satsim weights fetch dists`" in notice
    assert "\n" not in notice


def test_where_ms_ssim_cannot_score_a_small_image_dists_lite_does(empty_store):
    metric, notice = choose_metric("ms-ssim", shortest_side=160)
    assert metric.name == "dists-lite"
    assert "at least 161 pixels, and the image has 160" in notice


def test_on_tiny_images_without_weights_the_choice_falls_to_psnr(empty_store):
    metric, notice = choose_metric(shortest_side=15)
    assert metric.name == "psnr"
    assert "`satsim weights fetch dists`" in notice or "at least 16 pixels" in notice


@NEEDS_SQUEEZENET
def test_with_squeezenet_alone_the_choice_falls_to_lpips_squeeze(squeezenet_store):
    metric, notice = choose_metric("dists", shortest_side=256)
    assert metric.name == "lpips-squeeze"
    assert "LPIPS (SqueezeNet), not DISTS" in notice


def test_a_metric_at_hand_is_taken_without_a_word(empty_store):
    metric, notice = choose_metric("psnr")
    assert (metric.name, metric.unit, notice) == ("psnr", "dB", None)


def test_missing_weights_name_the_files_their_sizes_and_the_mend(empty_store):
    with pytest.raises(WeightsError) as caught:
        load_metric("dists")
    text = str(caught.value)
    assert "VGG-16 of torchvision (553 MB), DISTS alpha and beta (12 kB)" in text
    assert "`satsim weights fetch dists` (or `satsim weights import dists FILE...`)" in text


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(CodecError, match="no metric is called 'disst'; did you mean 'dists'"):
        load_metric("disst")


def test_images_of_two_sizes_or_a_wrong_type_are_refused():
    metric = load_metric("psnr")
    with pytest.raises(CodecError, match="image is 16x16 pixels but its reference 20x20 pixels"):
        metric(flat(0, 20), flat(0))
    with pytest.raises(CodecError, match="image is float64"):
        metric(flat(0), flat(0) / 255)


def test_ms_ssim_refuses_images_too_small_for_five_scales():
    with pytest.raises(CodecError, match="MS-SSIM needs sides of at least 161 pixels; the image is 160x160 pixels"):
        load_metric("ms-ssim")(flat(0, 160), flat(0, 160))


@NEEDS_SQUEEZENET
def test_lpips_squeeze_scores_17_pixels_but_not_16(squeezenet_store):
    metric = load_metric("lpips-squeeze")
    assert metric(noise(17, 17, 19), noise(17, 17, 20)) > 0
    with pytest.raises(CodecError, match="at least 17 pixels"):
        metric(flat(0), flat(0))


def test_a_metric_is_chosen_without_the_store_of_weights_or_the_large_networks(tmp_path):
    code = (
        "import sys; from codec.metrics import choose_metric; print(choose_metric('dists')[0].name);"
        " print(sorted(name for name in sys.modules if name.startswith('codec.metrics.')))"
    )
    clean = {**os.environ, "SATSIM_CACHE": str(tmp_path), "SATSIM_WEIGHTS": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO, env=clean)
    assert done.stdout == "dists-lite\n['codec.metrics.dists_lite']\n"
