"""Codeword statistics against closed forms, range coding there and back, maps, sheets, and one whole analysis."""

from __future__ import annotations

import csv
import math
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from codec.analysis.analyse import (
    Coded,
    Score,
    code_folder,
    codeword_use,
    count_codewords,
    entropy_bits,
    miller_madow_bits,
    show,
    uniform_plug_in_bits,
)
from codec.analysis.latents import map_stages, principal_plane
from codec.analysis.output import write_analysis
from codec.analysis.plots import evenly
from codec.analysis.range_coding import (
    Saving,
    decode_stream,
    encode_stream,
    ideal_bits,
    learn_prior,
    rate_change,
    savings,
)
from codec.analysis.result import FolderResult
from codec.base import CodecError
from codec.evaluation.intervals import mean_interval
from codec.folders import read_photo
from codec.progic.codec import ProgicCodec
from codec.progic.layout import split
from codec.progic.model import load_model
from satsim.commands.main import main
from satsim.sweep.local import run_in_processes


def counts(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def write_photos(folder: Path, number: int, seed: int) -> Path:
    """Photos of 48 x 64 pixels, no two alike."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for k in range(number):
        noise = rng.integers(-60, 60, (6, 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
        pixels = np.clip(picture(48, 64) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"photo_{k}.png")
    return folder


# Entropy


def test_one_codeword_only_carries_nothing_and_equal_use_of_1024_carries_10_bits():
    assert entropy_bits(counts(0, 7, 0)) == 0
    assert entropy_bits(np.full(1024, 3)) == pytest.approx(10)


def test_a_half_and_two_quarters_carry_one_bit_and_a_half():
    assert entropy_bits(counts(8, 4, 4, 0)) == 1.5


def test_miller_and_madow_add_half_a_nat_for_each_further_codeword_met_a_draw():
    assert miller_madow_bits(counts(8, 4, 4, 0, 0, 0, 0, 0)) == pytest.approx(1.5 + 2 / (2 * 16 * math.log(2)))


def test_no_estimate_exceeds_the_bits_of_an_index():
    assert miller_madow_bits(counts(1, 1, 1, 1)) == 2


def test_what_equal_use_shows_in_a_small_sample_is_exact():
    assert uniform_plug_in_bits(1, 1024) == pytest.approx(0)
    assert uniform_plug_in_bits(2, 2) == pytest.approx(0.5), "half of all pairs differ"
    a_third = math.log2(3) - 2 / 3
    assert uniform_plug_in_bits(3, 2) == pytest.approx(0.75 * a_third), "a quarter of all triples are of one kind"


def test_a_small_sample_of_equal_use_is_corrected_towards_the_truth():
    rng = np.random.default_rng(1)
    drawn = np.bincount(rng.integers(0, 256, 1500), minlength=256)
    assert entropy_bits(drawn) == pytest.approx(uniform_plug_in_bits(1500, 256), abs=0.02), "its s.d. is about 0.01"
    assert abs(miller_madow_bits(drawn) - 8) < abs(entropy_bits(drawn) - 8) / 3


def test_the_jackknife_sees_no_error_in_photos_alike_and_much_in_photos_unlike():
    [alike] = codeword_use("alike", np.array([[[5, 5, 0, 0]], [[5, 5, 0, 0]]]))
    assert (alike.jackknife_bits, alike.standard_error_bits) == (1, 0)
    [unlike] = codeword_use("unlike", np.array([[[9, 0, 0, 0]], [[0, 9, 0, 0]]]))
    assert unlike.plug_in_bits == 1
    assert unlike.jackknife_bits == 2, "2 x 1 bit less the mean of two photos of 0 bits"
    assert (unlike.images, unlike.indices, unlike.used, unlike.used_share) == (2, 18, 2, 0.5)


def test_one_photo_has_no_jackknife():
    [row] = codeword_use("one", np.array([[[3, 1]]]))
    assert math.isnan(row.jackknife_bits)
    assert math.isnan(row.standard_error_bits)
    assert row.perplexity == 2**row.corrected_bits


def test_codewords_are_counted_by_stage():
    indices = np.array([[[0, 0], [1, 2]], [[3, 3], [3, 3]]])
    assert count_codewords(indices, 4).tolist() == [[2, 1, 1, 0], [0, 0, 0, 4]]


# Range coding


def test_a_prior_is_the_counts_raised_and_shared_out():
    assert learn_prior(counts(3, 1, 0), 1.0).tolist() == pytest.approx([4 / 7, 2 / 7, 1 / 7])


@pytest.mark.parametrize("smoothing", [0, -1, math.nan, math.inf])
def test_a_prior_that_could_not_send_a_codeword_is_refused(smoothing):
    with pytest.raises(CodecError, match="smoothing"):
        learn_prior(counts(3, 0), smoothing)


def test_ideal_length_is_the_information_of_each_index():
    assert ideal_bits(counts(0, 0, 1), np.array([0.5, 0.25, 0.25])) == 4


@given(st.integers(0, 2**32), st.lists(st.integers(0, 300), min_size=1, max_size=4), st.sampled_from([0.02, 1.0, 50.0]))
@settings(max_examples=25)
def test_indices_come_back_from_a_stream_of_nearly_the_ideal_length(seed, sizes, evenness):
    pytest.importorskip("constriction")
    rng = np.random.default_rng(seed)
    priors = [learn_prior(rng.multinomial(5000, rng.dirichlet(np.full(256, evenness))), 0.1) for _ in sizes]
    parts = [rng.choice(256, size, p=prior) for size, prior in zip(sizes, priors, strict=True)]
    stream = encode_stream(parts, priors)
    found = decode_stream(stream, sizes, priors)
    assert [part.tolist() for part in found] == [part.tolist() for part in parts]
    # Closing a stream costs about a byte; probabilities have 24 bits, which 1,200 indices hardly feel.
    assert len(stream) < sum(map(ideal_bits, parts, priors)) / 8 + 3


def test_coding_gains_on_skewed_indices_and_costs_where_the_prior_expected_others():
    pytest.importorskip("constriction")
    rng = np.random.default_rng(2)
    skewed = rng.geometric(0.3, (2, 16, 16)).clip(max=256) - 1
    known = learn_prior(count_codewords(rng.geometric(0.3, (2, 64, 64)).clip(max=256) - 1, 256), 1.0)
    rows = savings("folder", "photo", skewed, known, 8)
    assert [row.stage for row in rows] == ["1", "2", "total", "joined"]
    assert [row.raw_bytes for row in rows] == [256, 256, 512, 512]
    assert all(row.gain > 0.4 for row in rows)
    assert rows[2].coded_bytes == rows[0].coded_bytes + rows[1].coded_bytes
    others = savings("folder", "photo", 255 - skewed, known, 8)
    assert all(row.gain < 0 for row in others)


def test_equal_use_saves_nothing():
    pytest.importorskip("constriction")
    even = np.random.default_rng(3).integers(0, 1024, (1, 16, 16))
    [row, *_] = savings("folder", "photo", even, np.full((1, 1024), 1 / 1024), 10)
    assert row.ideal_bytes == row.raw_bytes == 320
    assert 320 <= row.coded_bytes <= 321


def test_without_the_library_sizes_are_ideal_and_say_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    [row, *_] = savings("folder", "photo", np.zeros((1, 4, 4), np.int64), np.array([[0.5, 0.5]]), 10)
    assert row.coded_bytes is None
    assert row.gain == 1 - 2 / 20
    with pytest.raises(CodecError, match=r"pip install 'satsim-link\[research\]'"):
        encode_stream([counts(0)], [np.array([0.5, 0.5])])


def test_a_tenth_less_at_every_quality_is_a_rate_change_of_minus_a_tenth():
    raw = [100.0, 200.0, 300.0]
    assert rate_change(raw, [90, 180, 270], [0.3, 0.2, 0.15]) == pytest.approx(-0.1)
    assert rate_change(raw, [100, 180, 180], [1, 2, 2.5]) == pytest.approx(
        math.exp((math.log(0.9) / 2 * 1 + (math.log(0.9) + math.log(0.6)) / 2 * 0.5) / 1.5) - 1
    )


def test_no_rate_change_is_claimed_where_quality_goes_up_and_down():
    assert rate_change([1, 2, 3], [1, 2, 3], [0.3, 0.2, 0.25]) is None
    assert rate_change([1], [1], [0.3]) is None


# Latents


def test_points_on_a_line_have_one_dimension():
    points, shares, dimensions = principal_plane(np.array([[0.0, 0], [1, 1], [2, 2]]), counts(1, 1, 1))
    assert shares == pytest.approx((1, 0))
    assert dimensions == pytest.approx(1)
    assert points[:, 0].tolist() == pytest.approx([-math.sqrt(2), 0, math.sqrt(2)])


def test_a_vector_that_counts_twice_is_a_vector_met_twice():
    vectors = np.random.default_rng(4).normal(size=(6, 3))
    points, shares, dimensions = principal_plane(vectors, counts(1, 1, 1, 1, 1, 2))
    again, *same = principal_plane(np.concatenate([vectors, vectors[-1:]]), np.ones(7, np.int64))
    assert points == pytest.approx(again[:6])
    assert same == [pytest.approx(shares), pytest.approx(dimensions)]


def test_vectors_all_alike_have_no_dimensions():
    _, shares, dimensions = principal_plane(np.ones((3, 2)), counts(1, 1, 1))
    assert shares == (0, 0)
    assert math.isnan(dimensions)


def test_a_latent_that_is_the_sum_of_its_codewords_leaves_no_energy():
    rng = np.random.default_rng(5)
    codebooks = rng.normal(size=(2, 4, 3))
    indices = rng.integers(0, 4, (2, 5, 5))
    latents = (codebooks[0][indices[0]] + codebooks[1][indices[1]]).reshape(-1, 3)
    photo = Coded("photo", picture(80, 80), indices, np.arange(25), latents, np.full(25, 50.0))
    y, base, residual = map_stages([photo], codebooks)
    assert (y.name, base.name, residual.name) == ("latent", "stage 1", "stage 2")
    assert y.energy_left == 1
    assert base.energy_left == pytest.approx(np.square(codebooks[1][indices[1]]).sum() / 25 / latents.var(axis=0).sum())
    assert residual.energy_left == pytest.approx(0, abs=1e-12)
    assert base.counts.tolist() == np.unique(indices[0], return_counts=True)[1].tolist()
    assert base.luminance == pytest.approx(np.full(len(base.counts), 50.0))


# Photos and pictures


def test_a_photo_is_its_centre_square_or_itself(tmp_path):
    Image.fromarray(picture(40, 60)).save(tmp_path / "photo.png")
    assert np.array_equal(read_photo(tmp_path / "photo.png", None).pixels, picture(40, 60))
    assert np.array_equal(read_photo(tmp_path / "photo.png", 40).pixels, picture(40, 60)[:, 10:50])


def test_a_photo_too_small_for_a_codec_is_named(tmp_path):
    Image.new("RGB", (60, 10)).save(tmp_path / "strip.png")
    with pytest.raises(CodecError, match=r"strip\.png: image is 60x10 pixels"):
        read_photo(tmp_path / "strip.png", None)


def test_pictures_are_those_of_the_codec_that_sends_them(tmp_path, tiny_weights):
    model, _ = load_model(tiny_weights)
    [photo] = code_folder(write_photos(tmp_path / "photos", 1, seed=6), model, None)
    assert photo.indices.shape == (5, 3, 4)
    payloads = split(photo.indices, 8, payload_bytes=12)
    codec = ProgicCodec(str(tiny_weights))
    assert payloads == codec.encode(photo.image, 12), "one payload a stage"
    for stages in ([1], [1, 2, 3], [1, 2, 4, 5], [2, 3, 4, 5]):
        received = {stage - 1: payloads[stage - 1] for stage in stages}
        apart = show(model, photo, stages).astype(int) - codec.decode(received, 48, 64)
        assert np.abs(apart).max() <= 1, "a level, for codecs may add in another order"


def test_of_many_columns_some_are_shown_evenly():
    assert evenly(5, 8) == [0, 1, 2, 3, 4]
    assert evenly(48, 8) == [0, 7, 13, 20, 27, 34, 40, 47]


def by_hand(values: list[tuple[float, float, float]], shares: list[float]) -> FolderResult:
    """Two stages of photos whose scores are `values`, whole, with stage 1 alone and without it; coded to `shares`."""
    scores, savings = [], []
    for k, (whole, first, second) in enumerate(values):
        cases = ((1, 0, first), (2, 0, whole), (1, 1, second), (1, 2, first))
        scores += [Score("hills", f"{k}.png", held, lost, 0.04 * held, "psnr", value) for held, lost, value in cases]
        sizes = {"1": 100, "2": 100, "total": 200, "joined": 200}
        savings += [Saving("hills", f"{k}.png", name, raw, raw * shares[k], None) for name, raw in sizes.items()]
    return FolderResult("hills", [], savings, [], scores, [])


def test_what_a_lost_stage_changes_is_drawn_in_pairs():
    result = by_hand([(20.0, 15.0, 17.0), (30.0, 20.0, 27.0), (40.0, 30.0, 37.0)], [1.0, 1.0, 1.0])
    assert result.changes(1).tolist() == [-3, -3, -3]
    assert mean_interval(result.changes(1)) == (-3, -3)
    low, high = mean_interval(result.values(2))
    assert 20 <= low < 30 < high <= 40


def test_a_rate_change_has_an_interval_and_photos_that_all_save_a_tenth_have_none_to_speak_of():
    values = [(20.0, 15.0, 17.0), (30.0, 20.0, 27.0), (40.0, 30.0, 37.0)]
    change, ends = by_hand(values, [0.9, 0.9, 0.9]).bd_rate()
    assert (change, *ends) == pytest.approx((-0.1, -0.1, -0.1))
    change, (low, high) = by_hand(values, [0.8, 0.9, 1.0]).bd_rate()
    assert -0.2 <= low < change < high <= 0
    assert change == pytest.approx(-0.1)


def test_infinite_scores_have_no_rate_change():
    assert by_hand([(math.inf, 15.0, 17.0)] * 3, [0.9] * 3).bd_rate() == (None, None)


# The whole folder


@pytest.fixture(scope="module")
def analysis(tmp_path_factory, tiny_weights):
    """Two folders analysed by the tiny model, with the photos of a third as prior."""
    desk = tmp_path_factory.mktemp("analysis")
    folders = [write_photos(desk / "hills", 3, seed=7), write_photos(desk / "coast", 2, seed=8)]
    prior = write_photos(desk / "prior", 4, seed=9)
    done = write_analysis(folders, str(tiny_weights), desk / "out", side=32, prior=prior, metric="psnr", sheet_photos=2)
    return desk, *done


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_analysis_is_one_folder_of_tables_figures_and_text(analysis):
    desk, _, results = analysis
    figures = ["codewords", "range_coding", "latents_hills", "latents_coast"]
    figures += [f"{kind}_{name}_1" for kind in ("progression", "lost_stage") for name in ("hills", "coast")]
    tables = ["codewords.csv", "range_coding.csv", "scores.csv", "latents.csv"]
    names = sorted(path.name for path in (desk / "out").iterdir())
    assert names == sorted([*(f"{figure}.png" for figure in figures), *tables, "analysis.md"])
    text = (desk / "out" / "analysis.md").read_text(encoding="utf-8")
    assert all(f"({figure}.png)" in text for figure in figures)
    assert f"{results[0].uses[2].corrected_bits:.2f}" in text
    assert len(rows_of(desk / "out" / "codewords.csv")) == 2 * 5
    assert len(rows_of(desk / "out" / "range_coding.csv")) == (3 + 2) * (5 + 2)
    assert len(rows_of(desk / "out" / "scores.csv")) == (3 + 2) * (5 + 5)
    assert len(rows_of(desk / "out" / "latents.csv")) == 2 * (1 + 5)


def test_no_figure_is_blank(analysis):
    desk, *_ = analysis
    for path in (desk / "out").glob("*.png"):
        with Image.open(path) as figure:
            pixels = np.asarray(figure.convert("RGB"))
        dark = (pixels.max(axis=2) < 128).mean()
        assert 0.002 < dark < 0.9, path.name
        assert len(np.unique(pixels.astype(np.int32) @ [65536, 256, 1])) > 100, path.name


def test_sheets_show_originals_and_pictures_pixel_for_pixel(analysis, tiny_weights):
    desk, *_ = analysis
    model, _ = load_model(tiny_weights)
    first, *_ = code_folder(desk / "hills", model, 32)
    for kind, second_column in (("progression", [1]), ("lost_stage", [1, 2, 3, 4, 5])):
        with Image.open(desk / "out" / f"{kind}_hills_1.png") as sheet:
            pixels = np.asarray(sheet.convert("RGB"))
        assert np.array_equal(pixels[118:150, 24:56], first.image)
        assert np.array_equal(pixels[118:150, 212:244], show(model, first, second_column))


def test_the_prior_is_that_of_the_named_folder_alone(analysis, tiny_weights):
    desk, settings_used, results = analysis
    model, _ = load_model(tiny_weights)
    learned = sum(count_codewords(photo.indices, 256) for photo in code_folder(desk / "prior", model, 32))
    first, *_ = code_folder(desk / "hills", model, 32)
    expected = -np.log2((learned[0][first.indices[0]] + 1) / (learned[0].sum() + 256)).sum() / 8
    assert results[0].savings[0].ideal_bytes == pytest.approx(expected)
    assert settings_used.prior_indices == 4 * 4
    assert "4 other photos, of the folder prior" in settings_used.prior


def test_without_a_prior_each_photo_is_coded_by_the_others(analysis, tiny_weights):
    desk, *_ = analysis
    model, _ = load_model(tiny_weights)
    used, [result] = write_analysis(
        [desk / "coast"], str(tiny_weights), desk / "alone", side=32, metric="psnr", sheet_photos=0
    )
    first, second = code_folder(desk / "coast", model, 32)
    other = count_codewords(second.indices, 256)[0]
    expected = -np.log2((other[first.indices[0]] + 1) / (4 + 256)).sum() / 8
    assert result.savings[0].ideal_bytes == pytest.approx(expected)
    assert used.prior_indices == 4
    assert result.pages == []


def test_an_analysis_that_fails_late_leaves_nothing(tmp_path, tiny_weights):
    photos = write_photos(tmp_path / "photos", 2, seed=10)

    def tell(step: str) -> None:
        if step.startswith("drawing"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_analysis([photos], str(tiny_weights), tmp_path / "out", side=32, metric="psnr", tell=tell)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.fixture
def desk(tmp_path, monkeypatch, tiny_weights):
    """Folders of photos good and bad, and the tiny model, in the folder one is in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    write_photos(tmp_path / "photos", 2, seed=11)
    write_photos(tmp_path / "one", 1, seed=12)
    write_photos(tmp_path / "deep" / "photos", 2, seed=13)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "note.png").write_text("not a picture")
    (tmp_path / "tiny.safetensors").write_bytes(tiny_weights.read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["absent"], "absent: no such folder of photos"),
        (["empty"], "empty: no photo below it"),
        (["text"], "note.png: is not an image of a kind that is read here"),
        (["photos", "--model", "nona"], "model is 'nona'; expected a .safetensors file or one of"),
        (["photos", "--model", "absent.safetensors"], "absent.safetensors: no such weights file"),
        (["photos", "--out", "empty"], "empty: is there already; name a new folder by --out"),
        (["photos", "deep/photos"], "two folders are called photos"),
        (["photos", "--prior", "absent"], "absent: no such folder of photos"),
        (["photos", "--prior", "photos"], "photo_0.png: is among the prior's photos too"),
        (["one"], "one: one photo; a prior from the others needs two"),
        (["photos", "--smoothing", "0"], "smoothing is 0.0; expected a number above 0"),
        (["photos", "--metric", "pnsr"], "did you mean 'psnr'"),
    ],
)
def test_a_mistake_is_one_line_with_exit_code_2_and_leaves_nothing(desk, monkeypatch, capsys, arguments, complaint):
    before = sorted(path.name for path in desk.iterdir())
    defaults = ["--out", "out", "--model", "tiny.safetensors", "--side", "32"]
    monkeypatch.setattr(sys, "argv", ["satsim", "codec", "analyse", *defaults, *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    assert stop.value.code == 2
    assert out == ""
    [line] = [line for line in err.splitlines() if line.startswith("error: ")]
    assert complaint in line
    assert err.endswith(line + "\n")
    assert sorted(path.name for path in desk.iterdir()) == before


def test_without_the_range_coder_the_command_says_how_to_get_it(desk, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "constriction", None)
    options = ["--out", "out", "--model", "tiny.safetensors", "--side", "32", "--metric", "psnr", "--sheets", "0"]
    monkeypatch.setattr(sys, "argv", ["satsim", "codec", "analyse", "photos", *options])
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    assert not stop.value.code
    assert "sizes are ideal code lengths, not those of a real coder" in err
    assert "pip install 'satsim-link[research]'" in err
    assert "of 8 bits a codeword by stage" in out
    text = (desk / "out" / "analysis.md").read_text(encoding="utf-8")
    assert "no stream was written" in text
    assert {row["coded_bytes"] for row in rows_of(desk / "out" / "range_coding.csv")} == {""}


def test_any_number_of_workers_and_a_cut_in_between_find_the_same(analysis, tiny_weights, tmp_path):
    desk, settings_used, _ = analysis
    kept = {}

    class Shelf:
        """Keeps answers in memory, and closes after three."""

        def find(self, name):
            return kept.get(name)

        def keep(self, name, content):
            kept[name] = content
            if len(kept) == 3:
                raise KeyboardInterrupt

    ask = partial(
        write_analysis, [desk / "hills", desk / "coast"], str(tiny_weights), side=32, prior=desk / "prior",
        metric="psnr", sheet_photos=2, kept=Shelf(),
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path / "out")
    heard = []
    used, _ = ask(
        tmp_path / "out",
        workers=lambda function, tasks: run_in_processes(function, tasks, 2),
        progress=lambda done, of: heard.append((done, of)),
    )
    assert heard == [(done, 9) for done in range(3, 10)], "three were done before"
    assert used.prior == settings_used.prior
    for name in ("codewords.csv", "range_coding.csv", "scores.csv", "latents.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (desk / "out" / name).read_bytes()
    for path in (desk / "out").glob("*.png"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_an_analysis_of_another_photo_metric_or_model_is_not_taken_from_the_old(desk, tiny_weights):
    shelf = {}

    class Shelf:
        find, keep = staticmethod(shelf.get), staticmethod(shelf.__setitem__)

    def fresh(**other):
        before = len(shelf)
        asked = {"side": 32, "metric": "psnr", "sheet_photos": 0} | other
        write_analysis([desk / "photos"], str(desk / "tiny.safetensors"), desk / "out", kept=Shelf(), **asked)
        shutil.rmtree(desk / "out")
        return len(shelf) - before

    assert fresh() == 2
    assert fresh() == 0
    assert fresh(side=48) == 2
    assert fresh(metric="dists-lite") == 2
    assert fresh(made_with=lambda metric: "another library") == 2
    Image.fromarray(picture(48, 64)).save(desk / "photos" / "photo_0.png")
    assert fresh() == 1
