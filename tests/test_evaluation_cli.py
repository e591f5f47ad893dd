"""`satsim codec evaluate`, `compare` and `runtimes`: what they print and leave, and mistakes in one line."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from measurements import curves
from PIL import Image

from codec.evaluation.rows import read_rows, rows_file

STRIPS = "codec.fake:FakeCodec:strips=8"
BESIDE = Path(__file__).resolve().parents[1] / "../shared/data/eval"


@pytest.fixture
def call(tmp_path, small_photo, in_process, monkeypatch):
    """`satsim codec` with arguments, in a folder with a folder of two photos."""
    photos = tmp_path / "photos"
    photos.mkdir()
    with Image.open(small_photo) as photo:
        photo.save(photos / "one.png")
        photo.transpose(Image.Transpose.ROTATE_90).save(photos / "two.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SATSIM_DATA", raising=False)
    return partial(in_process, "codec")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_evaluation_leaves_rows_tables_and_figures(call, tmp_path):
    rates = ["--bpp", "0.3", "--bpp", "0.6", "--bpp", "1.2"]
    done = call("evaluate", "photos", "--codec", STRIPS, "--codec", "webp", "--anchor", "jpeg", "--metric", "psnr",
                "--whole", *rates, "--out", "rd")  # fmt: skip
    assert done.returncode == 0, done.stderr
    out = tmp_path / "rd"
    assert names(out) == ["bd_rates.csv", "points.csv", "rd-photos-whole.png", "rows.csv", "tables.md"]
    rows = read_rows(out / "rows.csv")
    assert len(rows) == 2 * (8 + 3 + 3)
    assert {(row.image, row.width, row.height) for row in rows} == {("one.png", 64, 48), ("two.png", 48, 64)}
    assert all(row.bpp == 8 * row.bytes / (row.width * row.height) for row in rows)
    assert "BD-rate against jpeg" in done.stdout
    assert "BD-rate against jpeg" in (out / "tables.md").read_text(encoding="utf-8")
    with Image.open(out / "rd-photos-whole.png") as figure:
        assert len(np.unique(np.asarray(figure.convert("L")))) > 20
    again = call("evaluate", "photos", "--codec", STRIPS, "--out", "rd")
    assert "rows.csv: is there already" in again.stderr


def test_by_packets_all_are_held_to_the_same_packets(call):
    done = call("evaluate", "photos", "--codec", STRIPS, "--side", "32", "--metric", "psnr",
                "--packets", "8", "--packets", "1")  # fmt: skip
    lines = [line.split("│")[1:4] for line in done.stdout.splitlines() if STRIPS in line]
    assert [[cell.strip() for cell in line] for line in lines] == [[STRIPS, "1", "3"], [STRIPS, "8", "24"]]


def test_saved_rows_of_several_runs_are_compared_without_measuring_again(call, tmp_path):
    for name, points in (("anchor", [(0.1, 20), (0.4, 30)]), ("mine", [(0.05, 20), (0.2, 30)])):
        with rows_file(tmp_path / name / "rows.csv") as keep:
            keep(curves("psnr", **{name: points}))
    done = call("compare", "anchor", "mine/rows.csv", "--anchor", "anchor", "--out", "both")
    assert done.returncode == 0, done.stderr
    assert "-50.0 % [100%]" in done.stdout
    assert names(tmp_path / "both") == ["bd_rates.csv", "points.csv", "rd-photos-256.png", "tables.md"]


def test_runtimes_are_printed_and_kept(call, tmp_path):
    done = call("runtimes", "photos/one.png", "--codec", STRIPS, "--side", "32", "--runs", "2", "--out", "times")
    assert done.returncode == 0, done.stderr
    assert "2 runs after a warm-up" in " ".join(done.stdout.split())
    assert names(tmp_path / "times") == ["runtimes.csv", "runtimes.md"]
    assert len((tmp_path / "times" / "runtimes.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["evaluate", "absent"], "absent: no such folder of photos"),
        (["evaluate", "photos", "--codec", "avfi"], "codec is 'avfi'; did you mean 'avif'?"),
        (["evaluate", "photos", "--codec", "progic:model=none"], "model is 'none'; expected a .safetensors file"),
        (["evaluate", "photos", "--codec", "jpeg:speed=3"], "codec jpeg has no option 'speed'"),
        (["evaluate", "photos", "--codec", "jpeg:budget_bytes=9"], "budget_bytes follows from the rates"),
        (["evaluate", "photos", "--codec", "jpeg:speed=&a [*a]"], "nested more than 50 deep, or without end"),
        (["evaluate", "photos", "--codec", STRIPS, "--option", "strips"], "option 'strips'; expected key=value"),
        (["evaluate", "photos", "--codec", STRIPS, "--metric", "pnsr"], "did you mean 'psnr'"),
        (["evaluate", "photos", "--codec", STRIPS, "--anchor", "jpg"], "codec is 'jpg'; did you mean 'jpeg'?"),
        (["evaluate", "photos", "--codec", STRIPS, "--bpp", "1", "--packets", "1"], "--bpp and --packets are two ways"),
        (
            ["evaluate", "photos", "--codec", "torn_codec:Torn", "--allow-code", "--metric", "psnr"],
            "one.png: torn_codec:Torn: payload 1 is torn",
        ),
        (["compare", "photos"], "photos/rows.csv: No such file or directory"),
        (["compare", "photos/one.png"], "one.png: is not text"),
        (["runtimes", "photos/absent.png", "--codec", STRIPS], "photos/absent.png"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(call, tmp_path, monkeypatch, arguments, complaint):
    (tmp_path / "torn_codec.py").write_text(
        "from codec.base import CodecError\nfrom codec.fake import FakeCodec\n"
        "class Torn(FakeCodec):\n    def decode(self, received, height, width):\n"
        "        raise CodecError('payload 1 is torn')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = names(tmp_path)
    done = call(*arguments, "--out", "new")
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert complaint in errors[0]
    assert done.stdout == ""
    assert names(tmp_path) == before


def test_missing_default_sets_say_what_to_give(call, tmp_path, monkeypatch):
    monkeypatch.setenv("SATSIM_DATA", str(tmp_path / "nowhere"))
    for command in ("evaluate", "runtimes"):
        done = call(command, "--codec", STRIPS)
        assert done.returncode == 2
        assert "kodak: no such folder; give photos of your own, or name by SATSIM_DATA" in done.stderr


@pytest.mark.skipif(not BESIDE.is_dir(), reason=f"no folder {BESIDE}")
def test_without_a_folder_the_photos_in_shared_data_beside_the_checkout_are_measured(call):
    done = call("evaluate", "--codec", STRIPS, "--metric", "psnr", "--side", "32", "--first", "1")
    assert done.returncode == 0, done.stderr
    for name in ("kodak-32", "fire-32", "aerial-32"):
        assert f"{name}: means over 1 pictures" in done.stdout


def test_an_anchor_without_the_package_is_refused_before_anything_is_measured(call, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bjontegaard", None)
    done = call("evaluate", "photos", "--codec", STRIPS, "--anchor", "jpeg", "--out", "new")
    assert done.returncode == 2
    assert done.stderr == "error: BD-rates need the package bjontegaard (mend: pip install 'satsim-link[research]')\n"
    assert not (tmp_path / "new").exists()
