"""Scores over folders of photos, with the strip codec, whose pictures can be worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.base import CodecError
from codec.evaluation.contenders import read_contender
from codec.evaluation.datasets import open_datasets
from codec.evaluation.evaluate import Rates, evaluate, gather, metrics_at_hand
from codec.metrics import psnr

FAKE = "codec.fake:FakeCodec:strips=4"
REPO = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, tone in (("dark", 10), ("light", 200)):
        Image.fromarray(np.full((40, 60, 3), tone, np.uint8)).save(photos / f"{name}.png")
    return photos


def rows_of(folder, rates=Rates(), codec=FAKE, side=32, metrics=("psnr",)):  # noqa: B008 (a tuple)
    return evaluate(open_datasets([folder], [side]), [read_contender(codec)], metrics, rates)[0]


def test_there_is_a_row_for_each_photo_metric_and_number_of_packets(folder: Path) -> None:
    rows = rows_of(folder, Rates(packets=[1, 4]))
    assert [(row.image, row.rate, row.bytes) for row in rows] == [
        ("dark.png", 1, 3),
        ("dark.png", 4, 12),
        ("light.png", 1, 3),
        ("light.png", 4, 12),
    ]
    assert rows[0].bpp == 8 * 3 / 32**2
    assert (rows[0].dataset, rows[0].codec, rows[0].model_id) == ("photos-32", FAKE, "00000001")


def test_a_flat_photo_is_perfect_once_every_strip_is_held_and_black_elsewhere_before(folder: Path) -> None:
    [first, whole, *_] = rows_of(folder, Rates(packets=[1, 4]))
    one_strip = np.zeros((32, 32, 3), np.uint8)
    one_strip[:8] = 10
    assert first.value == psnr(np.full((32, 32, 3), 10, np.uint8), one_strip)
    assert whole.value == float("inf")


def test_a_progressive_codec_has_a_rate_for_each_of_its_payloads(folder: Path) -> None:
    assert [(row.rate, row.bytes) for row in rows_of(folder)[:4]] == [(1, 3), (2, 6), (3, 9), (4, 12)]


def test_a_codec_with_a_budget_is_given_each_rate_and_keeps_to_it(small_photo: Path) -> None:
    rows = rows_of(small_photo.parent, Rates(bpp=[1.0, 0.5, 2.0]), codec="jpeg", side=None)
    assert [row.rate for row in rows] == [1, 2, 3]
    assert all(0.8 * bpp < row.bpp <= bpp for row, bpp in zip(rows, [0.5, 1.0, 2.0], strict=True))
    assert all(row.parameters is None and row.gflops is None for row in rows)


def test_where_no_picture_fits_the_budget_there_is_no_value(small_photo: Path) -> None:
    [row] = rows_of(small_photo.parent, Rates(bpp=[0.001]), codec="webp", side=None)
    assert (row.value, row.bytes) == (None, 0)


def test_each_payload_of_progic_is_a_stage_also_at_a_size_of_the_photos_own(folder: Path, tiny_weights: Path) -> None:
    rows = rows_of(folder, codec=f"progic:model={tiny_weights}", side=None)[:5]
    assert [row.bytes for row in rows] == [12, 24, 36, 48, 60]  # 60x40 pixels: 4x3 cells of one byte
    assert {(row.width, row.height) for row in rows} == {(60, 40)}
    assert rows[0].bpp == 8 * 12 / (60 * 40)
    assert rows[0].parameters is not None
    assert rows[0].gflops is not None


def test_portraits_stay_portraits(tmp_path: Path) -> None:
    Image.new("RGB", (20, 50)).save(tmp_path / "tall.png")
    assert {(row.width, row.height) for row in rows_of(tmp_path, side=None)} == {(20, 50)}


def test_each_folder_is_read_at_each_size(folder: Path) -> None:
    datasets = open_datasets([folder], [None, 32], first=1)
    assert [(each.name, len(each.photos), each.shortest_side) for each in datasets] == [
        ("photos-whole", 1, 40),
        ("photos-32", 1, 32),
    ]


def test_the_default_sets_are_found_below_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kodak", "fire", "aerial"):
        (tmp_path / "eval" / name).mkdir(parents=True)
        Image.new("RGB", (48, 32)).save(tmp_path / "eval" / name / "one.png")
    monkeypatch.setenv("SATSIM_DATA", str(tmp_path))
    assert [each.name for each in open_datasets([], [])] == ["kodak-whole", "kodak-256", "fire-256", "aerial-256"]
    assert [each.name for each in open_datasets([], [64])] == ["kodak-64", "fire-64", "aerial-64"]


@pytest.mark.parametrize("named", [None, ""])
def test_without_a_data_folder_named_there_are_no_default_sets(
    monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    if named is None:
        monkeypatch.delenv("SATSIM_DATA", raising=False)
    else:
        monkeypatch.setenv("SATSIM_DATA", named)
    with pytest.raises(CodecError, match=r"^kodak: SATSIM_DATA names no folder of photos; give photos of your own"):
        open_datasets([], [])


def test_a_known_set_is_found_by_its_name_or_told_whence_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATSIM_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CodecError, match=r"eval/tecnick: no such folder.*100 photos: TESTIMAGES.*RGB_OR_1200x1200"):
        open_datasets([Path("tecnick")], [None])
    (tmp_path / "eval" / "tecnick").mkdir(parents=True)
    Image.new("RGB", (48, 48)).save(tmp_path / "eval" / "tecnick" / "one.png")
    [found] = open_datasets([Path("tecnick")], [None])
    assert (found.name, found.folder) == ("tecnick-whole", tmp_path / "eval" / "tecnick")
    assert "holds 1 photos; the set of that name has 100" in found.notes[-1]


def test_missing_default_sets_are_an_error_that_says_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATSIM_DATA", str(tmp_path))
    with pytest.raises(CodecError, match=r"kodak: no such folder; give photos of your own, or name by SATSIM_DATA"):
        open_datasets([], [])


def test_a_missing_folder_and_two_of_one_name_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="absent: no such folder of photos"):
        open_datasets([tmp_path / "absent"], [])
    with pytest.raises(CodecError, match="would both be photos-256"):
        open_datasets([folder, folder], [])


def test_a_file_that_is_no_photo_is_left_out_and_named_before_anything_is_measured(folder: Path) -> None:
    whole = open_datasets([folder], [])[0].photos
    (folder / "torn.png").write_bytes(b"not a picture")
    [dataset] = open_datasets([folder], [])
    assert dataset.photos == whole
    assert dataset.notes[-1].startswith(f"left out: {folder / 'torn.png'}: is not an image")
    (folder / "bad").mkdir()
    (folder / "torn.png").rename(folder / "bad" / "torn.png")
    with pytest.raises(CodecError, match=r"no photo of 1 can be read: .*torn\.png: is not an image"):
        open_datasets([folder / "bad"], [])


def test_small_pictures_are_not_scored_by_metrics_that_cannot() -> None:
    assert "ms-ssim" not in [metric.name for metric in metrics_at_hand(64)]


def test_an_unknown_metric_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(CodecError, match="no metric is called 'dist'"):
        rows_of(folder, metrics=["dist"])


def test_what_a_codec_complains_of_names_the_photo_and_the_codec(folder: Path) -> None:
    with pytest.raises(CodecError, match=r"dark\.png: codec\.fake:FakeCodec: payload_bytes is 2"):
        rows_of(folder, Rates(packets=[1], payload_bytes=2), codec="codec.fake:FakeCodec")


def test_the_anchor_is_measured_once_whether_named_among_the_codecs_or_not() -> None:
    for texts in (["webp", "jpeg"], ["webp"]):
        rivals, anchor = gather(texts, [], "jpeg")
        assert [rival.label for rival in rivals] == ["webp", "jpeg"]
        assert anchor == "jpeg"
