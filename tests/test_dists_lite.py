"""DISTS-lite: the formula, small and large pictures, the shipped weights, and who is chosen offline."""

import hashlib
import math
import os
import re

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from codec.base import CodecError, WeightsError
from codec.metrics import METRICS, WHOLE_PIXELS, choose_metric, load_metric
from codec.metrics.dists_lite import CHANNELS, FLOOR, WEIGHTS, DistsLite, load_dists_lite
from codec.metrics.strips import compare_in_strips
from codec.training.distill.distortions import CODECS, SYNTHETIC, progic_pictures
from codec.training.distill.lessons import pearson, save_dists_lite, solve, spearman, telling
from codec.training.distill.teachers import TO_DISTS, TO_LPIPS, TO_TEACHER, Teachers

PINNED = 0.1242
"""The score of a fixed pair by the shipped weights."""
KODAK_FLOOR = 0.96
"""Below what was measured with them (see the test)."""

CARD = WEIGHTS.with_suffix(".md")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def metric():
    return load_metric("dists-lite")


@pytest.fixture(scope="module")
def scene():
    """Hills, a bright disc and some grain: smooth areas, edges and texture."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[:128, :160]
    hills = 90 + 50 * np.sin(columns / 17) + 30 * np.cos(rows / 9 + columns / 31)
    disc = 80.0 * ((rows - 40) ** 2 + (columns - 100) ** 2 < 500)
    grain = rng.normal(0, 12, rows.shape) * (rows > 70)
    tones = np.stack([hills + disc + grain, 0.8 * hills + grain, 140 - 0.4 * hills + disc], 2)
    return np.clip(tones, 0, 255).astype(np.uint8)


def noisy(image, amount):
    rng = np.random.default_rng(1)
    return np.clip(image + rng.normal(0, amount, image.shape), 0, 255).astype(np.uint8)


def blurred(image, radius):
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def random_network(seed=3):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = DistsLite().eval().requires_grad_(False)
        network.alpha.copy_(torch.rand(sum(CHANNELS)))
        network.beta.copy_(torch.rand(sum(CHANNELS)))
    return network


def as_batch(image):
    return torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None]


def test_a_picture_is_at_distance_zero_from_itself(metric, scene):
    assert metric(scene, scene.copy()) == 0
    assert metric(np.full((16, 16, 3), 7, np.uint8), np.full((16, 16, 3), 7, np.uint8)) == 0


def test_it_does_not_matter_which_of_two_pictures_is_the_reference(metric, scene):
    other = noisy(scene, 20)
    assert metric(scene, other) == pytest.approx(metric(other, scene), rel=1e-5)


@pytest.mark.parametrize(("damage", "amounts"), [(noisy, (4, 8, 16, 32)), (blurred, (0.5, 1, 2, 4))])
def test_more_damage_is_a_larger_distance(metric, scene, damage, amounts):
    scores = [metric(scene, damage(scene, amount)) for amount in amounts]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)
    assert 0 < scores[0] < scores[-1] < 1.2


def test_a_faint_grid_of_dots_is_seen(metric, scene):
    """Strided judges overlook it, and a codec trained on one learned to draw it."""
    for period in (2, 4, 8):
        dotted = scene.copy()
        dotted[::period, ::period] = np.clip(dotted[::period, ::period].astype(int) + 24, 0, 255)
        assert metric(scene, dotted) > 0.01


def test_a_cast_of_colour_is_seen(metric, scene):
    assert metric(scene, np.clip(scene + np.array([20, 0, -20]), 0, 255).astype(np.uint8)) > 0.01


def test_the_formula_is_that_of_ding_et_al_on_its_features():
    """Eqs. 4 to 6, channel by channel in numpy, on features of random weights."""
    network = random_network()
    x, y = torch.rand(1, 3, 37, 50), torch.rand(1, 3, 37, 50)
    expected, channel = 0.0, 0
    for fx, fy in zip(network.features(x), network.features(y), strict=True):
        for a, b in zip(fx[0].double().numpy(), fy[0].double().numpy(), strict=True):
            texture = (2 * a.mean() * b.mean() + FLOOR) / (a.mean() ** 2 + b.mean() ** 2 + FLOOR)
            covariance = ((a - a.mean()) * (b - b.mean())).mean()
            structure = (2 * covariance + FLOOR) / (a.var() + b.var() + FLOOR)
            expected += float(network.alpha[channel]) * (1 - texture) + float(network.beta[channel]) * (1 - structure)
            channel += 1
    assert channel == sum(CHANNELS) == 371
    assert float(network(x, y)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("size", [(16, 16), (17, 45), (300, 16)])
def test_small_and_odd_pictures_have_finite_scores_and_gradients(size):
    x, y = torch.rand(1, 3, *size), torch.rand(1, 3, *size).requires_grad_()
    score = random_network()(x, y)
    score.sum().backward()
    assert score.shape == (1,)
    assert torch.isfinite(y.grad).all()


def test_pictures_under_16_pixels_are_refused(metric):
    with pytest.raises(CodecError, match="DISTS-lite \\(ours\\) needs sides of at least 16 pixels"):
        metric(np.zeros((15, 40, 3), np.uint8), np.zeros((15, 40, 3), np.uint8))


def test_strips_add_up_to_the_whole():
    """Three strips, the last a short one, and an odd width."""
    rng, network = np.random.default_rng(2), random_network()
    coarse = Image.fromarray(rng.integers(0, 256, (60, 9, 3), np.uint8))
    reference = np.asarray(coarse.resize((61, 525), Image.Resampling.BICUBIC))
    image = noisy(reference, 15)
    whole = float(network(as_batch(reference), as_batch(image)))
    assert compare_in_strips(network, reference, image) == pytest.approx(whole, rel=1e-4)
    assert compare_in_strips(network, reference, reference) == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_a_large_picture_goes_by_strips(metric, scene):
    side = math.isqrt(WHOLE_PIXELS) + 60
    large = np.asarray(Image.fromarray(scene).resize((side, side), Image.Resampling.BICUBIC))
    assert metric(large, large) == pytest.approx(0, abs=1e-6)
    assert metric(large, noisy(large, 20)) > 0.05


def test_the_shipped_weights_are_small_and_those_of_the_card():
    data = WEIGHTS.read_bytes()
    assert len(data) <= 2_000_000
    card = CARD.read_text(encoding="utf-8")
    assert hashlib.sha256(data).hexdigest() in card
    parameters = sum(tensor.numel() for tensor in load_dists_lite().state_dict().values())
    assert f"{parameters:,} parameters" in card


def test_the_shipped_weights_are_not_negative():
    network = load_dists_lite()
    assert (network.alpha >= 0).all()
    assert (network.beta >= 0).all()


def test_a_fixed_pair_keeps_its_score(metric, scene):
    """Change it only with the weights."""
    assert metric(scene, noisy(blurred(scene, 1), 8)) == pytest.approx(PINNED, abs=2e-4)


def test_weights_survive_a_round_trip_and_wrong_ones_are_refused(tmp_path):
    network, path = random_network(), tmp_path / "lite.safetensors"
    save_dists_lite(network, path)
    x, y = torch.rand(1, 3, 20, 20), torch.rand(1, 3, 20, 20)
    assert float(load_dists_lite(path)(x, y)) == pytest.approx(float(network(x, y)), rel=0.01)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="not the weights of DISTS-lite"):
        load_dists_lite(path)


# Choosing


def test_offline_it_stands_in_for_dists_and_is_called_what_it_is(empty_store):
    chosen, notice = choose_metric("dists", shortest_side=256)
    assert (chosen.name, chosen.label) == ("dists-lite", "DISTS-lite (ours)")
    assert "quality is measured by DISTS-lite (ours), not DISTS" in notice


def test_the_judges_it_learned_from_come_first():
    names = list(METRICS)
    assert names.index("dists") < names.index("lpips-squeeze") < names.index("dists-lite") < names.index("ms-ssim")


# The pictures and figures it was taught with


@pytest.mark.parametrize("kind", [*SYNTHETIC, *(name for name in CODECS if name != "vvc")])
def test_every_damage_is_repeatable_keeps_the_size_and_grows_with_strength(kind, scene):
    damage = {**CODECS, **SYNTHETIC}[kind]
    errors = []
    for strength in (0.0, 1.0):
        once, again = (damage(scene, strength, np.random.default_rng(8)) for _ in range(2))
        assert (once == again).all()
        assert (once.shape, once.dtype) == (scene.shape, scene.dtype)
        errors.append(np.abs(once.astype(float) - scene).mean())
    assert errors[0] < errors[1]


def test_progic_pictures_are_those_of_the_codec(tiny_weights, scene):
    """All stages: what the codec itself decodes."""
    from codec.progic.codec import ProgicCodec
    from codec.progic.model import load_model

    codec = ProgicCodec(str(tiny_weights))
    payloads = codec.encode(scene, 1000)
    model, _ = load_model(tiny_weights)
    [five, hole] = progic_pictures(model, scene, ["5", "hole"], np.random.default_rng(0))
    assert np.abs(five.astype(int) - codec.decode(dict(enumerate(payloads)), *scene.shape[:2])).max() <= 1
    assert (hole != five).any()


def test_the_teacher_is_the_mean_of_its_halves():
    assert torch.equal(TO_TEACHER, (TO_LPIPS + TO_DISTS) / 2)
    assert (TO_LPIPS.sum(), TO_DISTS.sum()) == (7, 1)


def test_correlations_by_hand():
    assert pearson([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [1, 10, 100, 50]) == pytest.approx(0.8)  # 1 - 6 * (0 + 0 + 1 + 1) / (4 * 15)
    assert spearman([1, 1, 2], [3, 3, 5]) == pytest.approx(1)


def test_least_squares_finds_a_line_and_the_telling_columns_are_not_copies():
    x = torch.randn(500, 1, generator=torch.Generator().manual_seed(1))
    assert solve(x, 3 * x + 2).flatten().tolist() == pytest.approx([3, 2], abs=0.01)
    two = torch.randn(500, 2, generator=torch.Generator().manual_seed(2))
    columns = torch.stack([two[:, 0], two[:, 0], two[:, 1]], 1)
    assert set(telling(columns, 2)) in ({0, 2}, {1, 2})


# Against the teachers, on photos it never saw


@pytest.mark.slow
def test_it_agrees_with_its_teachers_on_kodak(data_folder, weights_folder, monkeypatch, metric):
    """Twelve damages of each of four photos: not the bar of the card, but far from chance."""
    vgg = weights_folder / "vgg19_caffe_relu3_4.safetensors"
    photos = sorted((data_folder / "eval/kodak").glob("*.png"))[::6]
    if not vgg.is_file() or not photos:
        pytest.skip(
            f"no {vgg} or no photos in {data_folder}/eval/kodak; name the folders by SATSIM_WEIGHTS, SATSIM_DATA"
        )
    monkeypatch.setenv("SATSIM_WEIGHTS", str(weights_folder))
    teachers, mine, theirs = Teachers(vgg), [], []
    for path in photos:
        with Image.open(path) as opened:
            photo = np.asarray(opened.convert("RGB").crop((128, 128, 256, 256)))
        rng = np.random.default_rng(4)
        kinds = ("jpeg", "webp", "blur", "noise")
        pictures = [{**CODECS, **SYNTHETIC}[kind](photo, s, rng) for kind in kinds for s in (0.2, 0.5, 0.8)]
        first, rest = teachers.features(photo[None]), teachers.features(np.stack(pictures))
        theirs += (teachers.terms(first, rest) @ TO_TEACHER).tolist()
        mine += [metric(photo, picture) for picture in pictures]
    assert spearman(mine, theirs) > KODAK_FLOOR


def test_the_teachers_layers_add_up_to_lpips(weights_folder, monkeypatch, scene):
    vgg = weights_folder / "vgg19_caffe_relu3_4.safetensors"
    if not vgg.is_file():
        pytest.skip(f"no {vgg}; name its folder by SATSIM_WEIGHTS")
    monkeypatch.setenv("SATSIM_WEIGHTS", str(weights_folder))
    teachers, other = Teachers(vgg), noisy(scene, 20)
    terms = teachers.terms(teachers.features(scene[None]), teachers.features(other[None]))[0]
    assert float(terms @ TO_LPIPS) == pytest.approx(load_metric("lpips-squeeze")(scene, other), rel=1e-4)
    assert 0 < float(terms @ TO_DISTS) < 1


def test_the_card_names_the_command_of_its_tables():
    card = CARD.read_text(encoding="utf-8")
    assert re.search(r"python benchmarks/metric_agreement\.py", card)
    assert os.sep + "work" not in card
