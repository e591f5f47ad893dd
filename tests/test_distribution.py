"""FID and KID: formulas against cases worked out by hand and by scipy, sets with a network of three mean colours."""

import csv
import math
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from codec.base import CodecError, WeightsError
from codec.evaluation.contenders import read_contender
from codec.evaluation.datasets import open_datasets
from codec.evaluation.distribution import (
    NETWORK,
    distance,
    distribution_sheets,
    distributions,
    find_network,
    patches_of,
)
from codec.evaluation.evaluate import Rates

pytest.importorskip("torchmetrics", reason="FID and KID are those of torchmetrics, of the extra research")
pytestmark = pytest.mark.usefixtures("one_thread")
FAKE = "codec.fake:FakeCodec:strips=4"
TONES = {"dark": 10, "light": 200}


class MeanColours(torch.nn.Module):
    """Called as the network that is fetched: three features a patch."""

    def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        return img.float().mean((2, 3))


class OneArgument(torch.nn.Module):
    def forward(self, img: torch.Tensor) -> torch.Tensor:
        return img


def save_network(folder, module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch prefers another format by now
        torch.jit.script(module).save(str(folder / NETWORK))


@pytest.fixture
def network(empty_store, tmp_path, monkeypatch):
    (folder := tmp_path / "weights").mkdir()
    save_network(folder, MeanColours())
    monkeypatch.setenv("SATSIM_WEIGHTS", str(folder))
    return folder / NETWORK


@pytest.fixture
def photos(tmp_path):
    (folder := tmp_path / "photos").mkdir()
    for name, tone in TONES.items():
        Image.fromarray(np.full((256, 256, 3), tone, np.uint8)).save(folder / f"{name}.png")
    return open_datasets([folder], [256])


def column(*values):
    return np.array(values, np.float32)[:, None]


def test_fid_of_one_feature_is_what_means_and_deviations_differ_by_squared():
    """Means 1 and 6, deviations sqrt(2) and 2 sqrt(2): 25 + 2."""
    assert distance("fid", column(0, 2), column(4, 8)) == pytest.approx(27)


def test_fid_is_that_of_two_gaussians_in_closed_form():
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(50, 4)), rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4)) + 1
    a, b = np.cov(one.T), np.cov(other.T)
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    assert distance("fid", one.astype(np.float32), other.astype(np.float32)) == pytest.approx(expected, rel=1e-5)


def test_kid_by_hand():
    """The kernel (xy + 1)^3 of 0 and 0 is 1, of 0 and 1 is 1, of 1 and 1 is 8. Pairs of a set leave out those of a
    patch with itself, pairs between sets do not: equal sets may be below zero."""
    assert distance("kid", column(0, 0), column(1, 1)) == pytest.approx(1 + 8 - 2 * 1)
    assert distance("kid", column(0, 1), column(0, 1)) == pytest.approx(1 + 1 - 2 * (1 + 1 + 1 + 8) / 4)


def test_one_patch_is_no_distribution():
    with pytest.raises(CodecError, match="FID/256 needs at least two patches; there is 1"):
        distance("fid", column(0), column(1))


def test_patches_lie_side_by_side_and_once_more_shifted_by_half():
    """A photo of kodak has 2 x 3, and 1 x 2 of the shifted grid."""
    rows, columns = np.mgrid[:512, :768]
    image = np.stack([rows // 128, columns // 128, 0 * rows], axis=2).astype(np.uint8)
    corners = [tuple(patch[0, 0, :2].tolist()) for patch in patches_of(image)]
    assert corners == [(0, 0), (0, 2), (0, 4), (2, 0), (2, 2), (2, 4), (1, 1), (1, 3)]
    assert patches_of(image).shape == (8, 256, 256, 3)
    assert len(patches_of(image[:256, :256])) == 1


def test_a_set_has_one_number_at_each_rate(network, photos):
    """One of four strips of 10 and 200 is shown, so that colours are 2.5 and 50; all four are perfect. The three
    features are equal: three times the square of what means, and of what deviations, differ by."""
    first, whole = distributions(["fid"], network, photos, [read_contender(FAKE)], Rates(packets=[1, 4]))
    mean, deviation = (10 + 200) / 2 * 0.75, (200 - 10) / math.sqrt(2) * 0.75
    assert first.value == pytest.approx(3 * (mean**2 + deviation**2), rel=1e-5)
    assert whole.value == pytest.approx(0, abs=1e-3)
    assert (first.codec, first.rate, first.bytes, first.patches, first.photos) == (FAKE, 1, 3, 2, 2)
    [sheet] = distribution_sheets([first, whole])
    assert "2 photos, 2 patches of 256x256 pixels" in sheet.title
    assert [line[:2] for line in sheet.lines] == [[FAKE, "1"], [FAKE, "4"]]


def test_a_set_of_which_a_photo_is_not_shown_has_no_number(network, photos):
    [point] = distributions(["kid"], network, photos, [read_contender("jpeg")], Rates(bpp=[1e-3]))
    assert (point.value, point.missing) == (None, 2)
    assert distribution_sheets([point])[0].lines[0][-1] == "none"


def test_what_is_kept_is_not_worked_out_again(network, photos):
    class Memory(dict):
        find, keep = dict.get, dict.__setitem__

    kept, heard = Memory(), []
    asked = (["fid", "kid"], network, photos, [read_contender(FAKE)], Rates(packets=[1, 4]))
    first = distributions(*asked, kept=kept)
    assert len(kept) == 4  # two photos, themselves and by one codec
    assert distributions(*asked, kept=kept, progress=lambda done, of: heard.append((done, of))) == first
    assert heard == [(4, 4)]


def test_missing_weights_are_named_with_their_source(empty_store, photos):
    with pytest.raises(WeightsError) as caught:
        find_network(["fid"], photos)
    assert "weights of fid are missing: Inception of 2015-12-05 as TorchScript (about 96 MB" in str(caught.value)
    assert "mend: fetch https://" in str(caught.value)
    assert "SATSIM_WEIGHTS" in str(caught.value)


def test_small_photos_and_unknown_names_are_refused(network, photos):
    small = [photos[0]._replace(name="photos-64", shortest_side=64)]
    with pytest.raises(CodecError, match="FID/256 needs sides of at least 256 pixels; one of photos-64 has 64"):
        find_network(["fid"], small)
    with pytest.raises(CodecError, match="no distribution is called 'fib'; expected one of: fid, kid"):
        find_network(["fib"], photos)


def test_another_file_under_the_name_is_refused(network, photos):
    asked = (["fid"], network, photos, [read_contender(FAKE)], Rates(packets=[4]))
    save_network(network.parent, OneArgument())
    with pytest.raises(WeightsError, match=rf"{NETWORK} gives no features of patches"):
        distributions(*asked)
    network.write_bytes(b"no network")
    with pytest.raises(WeightsError, match=rf"{NETWORK} is not a readable TorchScript file"):
        distributions(*asked)


def test_the_command_keeps_numbers_of_sets_apart_from_rows(network, photos, in_process, tmp_path):
    out = tmp_path / "out"
    asked = ("--codec", FAKE, "--allow-code", "--packets", "4", "--metric", "psnr", "--distribution", "fid", "--quiet")
    done = in_process("codec", "evaluate", str(photos[0].folder), *asked, "--out", str(out))
    assert done.returncode == 0, done.stderr
    with (out / "distributions.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["measure"], row["patches"], row["photos"]) == ("fid", "2", "2")
    assert float(row["value"]) == pytest.approx(0, abs=1e-3)
    assert "FID/256" in (out / "distributions.md").read_text()
    assert "fid" not in (out / "rows.csv").read_text()
