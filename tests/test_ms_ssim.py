"""MS-SSIM against hand-computed cases, a plain numpy reading of its definition, and torchmetrics."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d

from codec.metrics import load_metric
from codec.metrics.ssim import SCALE_WEIGHTS, ms_ssim

REPO = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SATSIM_DATA", REPO / "../shared/data"))
pytestmark = pytest.mark.usefixtures("one_thread")


def noise(height, width, seed):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def clouds(side, seed):
    """A picture with shapes of many sizes."""
    sizes = (4, 16, 64, side)
    layers = [Image.fromarray(noise(n, n, seed + n)).resize((side, side), Image.Resampling.BICUBIC) for n in sizes]
    return Image.fromarray(np.mean([np.asarray(layer, float) for layer in layers], axis=0).astype(np.uint8))


def jpeg(image, quality):
    """What a JPEG of it shows."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def batch(image):
    """uint8[H, W, 3] as float64[1, 3, H, W] in [0, 1]."""
    return torch.tensor(np.asarray(image, np.float64) / 255).permute(2, 0, 1)[None]


def published_ms_ssim(reference, image):
    distance = np.arange(11) - 5
    window = np.exp(-(distance[:, None] ** 2 + distance[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def blur(z):
        height, width = z.shape[0] - 10, z.shape[1] - 10
        return sum(window[i, j] * z[i : i + height, j : j + width] for i in range(11) for j in range(11))

    def halve(z):
        z = np.pad(z, [(0, side % 2) for side in z.shape], mode="symmetric")
        return (z[::2, ::2] + z[1::2, ::2] + z[::2, 1::2] + z[1::2, 1::2]) / 4

    scores = []
    for channel in range(3):
        x, y = reference[:, :, channel] / 255, image[:, :, channel] / 255
        product = 1.0
        for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            if scale:
                x, y = halve(x), halve(y)
            mx, my = blur(x), blur(y)
            vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
            term = (2 * vxy + 0.0009) / (vx + vy + 0.0009)
            if scale == 4:
                term = term * (2 * mx * my + 0.0001) / (mx * mx + my * my + 0.0001)
            product *= max(term.mean(), 0) ** weight
        scores.append(product)
    return float(np.mean(scores))


def test_ms_ssim_of_two_flat_images_is_their_luminance_term_alone():
    """Contrast is 1 at every scale: (2ab + C1) / (a^2 + b^2 + C1) = 0.2501 / 0.3126, to the last weight."""
    a, b = torch.full((1, 3, 176, 176), 0.5).double(), torch.full((1, 3, 176, 176), 0.25).double()
    assert float(ms_ssim(a, b)) == pytest.approx((0.2501 / 0.3126) ** 0.1333)


def test_a_flat_image_stays_flat_through_the_scales_at_odd_sizes_too():
    """177, 89, 45, 23, 12 and 163, 82, 41, 21, 11: a border of another colour would cost contrast."""
    a, b = torch.full((1, 3, 177, 163), 0.5).double(), torch.full((1, 3, 177, 163), 0.25).double()
    assert float(ms_ssim(a, b)) == pytest.approx((0.2501 / 0.3126) ** 0.1333)


def test_ms_ssim_is_the_published_one_also_at_odd_sizes():
    reference = np.asarray(Image.fromarray(noise(66, 60, 1)).resize((163, 177), Image.Resampling.BICUBIC))
    image = np.asarray(Image.fromarray(reference).resize((40, 44)).resize((163, 177)))
    expected = published_ms_ssim(reference, image)
    assert 0.3 < expected < 0.99
    assert float(ms_ssim(batch(reference), batch(image))) == pytest.approx(expected, abs=1e-9)
    assert load_metric("ms-ssim")(reference, image) == pytest.approx(expected, abs=1e-5)


def test_ms_ssim_of_a_negative_is_zero_and_its_gradient_finite():
    image = batch(noise(161, 161, 2))
    negative = (1 - image).requires_grad_()
    score = ms_ssim(image, negative)
    score.sum().backward()
    assert score.item() == 0
    assert torch.isfinite(negative.grad).all()


def test_ms_ssim_weights_sum_to_one():
    assert sum(SCALE_WEIGHTS) == pytest.approx(1, abs=2e-4)


# torchmetrics


@pytest.fixture(scope="module")
def theirs():
    """Its functions on images."""
    return pytest.importorskip(
        "torchmetrics.functional.image", reason="torchmetrics, of the extra research, is compared with"
    )


@pytest.mark.parametrize("quality", [1, 5, 20, 60])
def test_ms_ssim_is_that_of_torchmetrics_but_for_its_border_at_the_last_scale(theirs, quality):
    """Channel by channel: its product of scales 1 to 4, by a weight of 0 for scale 5, which is then its SSIM map of
    the four times halved picture without the 5 pixels a side where windows reach beyond the image."""
    picture = clouds(256, 3)
    x, y = batch(picture), batch(jpeg(picture, quality))
    products = []
    for one, other in zip(x.split(1, dim=1), y.split(1, dim=1), strict=True):
        contrast = theirs.multiscale_structural_similarity_index_measure(
            other, one, data_range=1.0, betas=(*SCALE_WEIGHTS[:4], 0.0)
        )
        for _ in range(4):
            one, other = avg_pool2d(one, 2), avg_pool2d(other, 2)
        ssim = theirs.structural_similarity_index_measure(other, one, data_range=1.0, return_full_image=True)[1]
        products.append(float(contrast) * float(ssim[..., 5:-5, 5:-5].mean()) ** SCALE_WEIGHTS[4])
    assert float(ms_ssim(x, y)) == pytest.approx(np.mean(products), abs=1e-7)


@pytest.mark.parametrize(("quality", "bound"), [(5, 0.03), (20, 0.003), (60, 0.001)])
def test_with_its_border_torchmetrics_is_near_on_jpegs_of_kodak(theirs, quality, bound):
    photos = sorted((DATA / "eval/kodak").glob("*.png"))[::8]
    if not photos:
        pytest.skip(f"no photos in {DATA / 'eval/kodak'}; name the folder of eval/kodak by SATSIM_DATA")
    for photo in photos:
        with Image.open(photo) as opened:
            picture = opened.convert("RGB").crop((128, 0, 384, 256))
        x, y = batch(picture).float(), batch(jpeg(picture, quality)).float()
        other = theirs.multiscale_structural_similarity_index_measure(y, x, data_range=1.0)
        assert float(ms_ssim(x, y)) == pytest.approx(float(other), abs=bound), photo.name
