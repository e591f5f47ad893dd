"""Scores over folders of photos, with the strip codec, whose pictures can be worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.base import CodecError
from codec.evaluate import evaluate_folder, metrics_at_hand, table_of, write_rows
from codec.metrics import psnr

FAKE = "codec.fake:FakeCodec"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, tone in (("dark", 10), ("light", 200)):
        Image.fromarray(np.full((40, 60, 3), tone, np.uint8)).save(photos / f"{name}.png")
    return photos


def test_there_is_a_row_for_each_photo_metric_and_number_of_packets(folder: Path) -> None:
    rows = [row for part in evaluate_folder(folder, FAKE, {"strips": 4}, ["psnr"], 32, 340, [1, 4]) for row in part]
    assert [(row.image, row.packets, row.bytes) for row in rows] == [
        ("dark", 1, 3),
        ("dark", 4, 12),
        ("light", 1, 3),
        ("light", 4, 12),
    ]
    assert rows[0].bpp == 8 * 3 / 32**2


def test_a_flat_photo_is_perfect_once_every_strip_is_held_and_black_elsewhere_before(folder: Path) -> None:
    [dark, _] = evaluate_folder(folder, FAKE, {"strips": 4}, ["psnr"], 32, 340, [1, 4])
    one_strip = np.zeros((32, 32, 3), np.uint8)
    one_strip[:8] = 10
    assert dark[0].value == psnr(np.full((32, 32, 3), 10, np.uint8), one_strip)
    assert dark[1].value == float("inf")


def test_the_table_has_a_line_for_each_number_of_packets_and_means_over_the_photos(folder: Path) -> None:
    rows = [row for part in evaluate_folder(folder, FAKE, {"strips": 4}, ["psnr"], 32, 340, [1, 2]) for row in part]
    assert table_of(rows).row_count == 2


def test_rows_are_written_as_csv(folder: Path, tmp_path: Path) -> None:
    [rows, _] = evaluate_folder(folder, FAKE, {"strips": 4}, ["psnr"], 32, 340, [1])
    write_rows(rows, tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text().splitlines()[0].startswith("folder,image,codec,packets,bytes")


def test_small_squares_are_not_scored_by_metrics_that_cannot(folder: Path) -> None:
    assert "ms-ssim" not in [metric.name for metric in metrics_at_hand(64)]


def test_an_unknown_metric_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(CodecError, match="no metric is called 'dist'"):
        next(evaluate_folder(folder, FAKE, {}, ["dist"], 32, 340, [1]))
