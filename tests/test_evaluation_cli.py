"""`satsim codec evaluate`, `compare` and `runtimes`: what they print and leave, and mistakes in one line."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from measurements import curves
from PIL import Image

from codec.evaluation.rows import read_rows, write_rows
from satsim.scoring.digests import code_digest

STRIPS = "codec.fake:FakeCodec:strips=8"


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
        write_rows(tmp_path / name / "rows.csv", curves("psnr", **{name: points}))
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


def scores_in(path):
    return [(row.image, row.codec, row.rate, row.bytes, row.value) for row in read_rows(path)]


def test_any_number_of_workers_measures_the_same_in_the_same_order(call, tmp_path):
    for out, workers in (("one", "1"), ("two", "2")):
        done = call("evaluate", "photos", "--codec", STRIPS, "--codec", "progic:model=nano", "--codec", "webp",
                    "--metric", "psnr", "--metric", "dists-lite", "--bpp", "0.4", "--side", "64",
                    "--workers", workers, "--out", out)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert scores_in(tmp_path / "one" / "rows.csv") == scores_in(tmp_path / "two" / "rows.csv")
    assert not list(tmp_path.glob("*.unfinished")), "nothing that was kept is left"


@pytest.fixture
def cut(call, tmp_path, monkeypatch):
    """An evaluation of two photos that failed at the second, and how to call it; its codec counts what it encodes."""
    (tmp_path / "counting.py").write_text(
        "from pathlib import Path\nfrom codec.base import CodecError\nfrom codec.fake import FakeCodec\n"
        "class Counting(FakeCodec):\n    def encode(self, image, payload_bytes):\n"
        "        with Path('encoded.txt').open('a') as file:\n            file.write(f'{image.shape}\\n')\n"
        "        if image.shape[0] > image.shape[1] and Path('closed').exists():\n"
        "            raise CodecError('closed')\n"
        "        return super().encode(image, payload_bytes)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "closed").touch()
    monkeypatch.delitem(sys.modules, "counting", raising=False)
    again = partial(call, "evaluate", "photos", "--codec", "counting:Counting", "--allow-code", "--metric", "psnr",
                    "--whole", "--out", "out")  # fmt: skip
    assert again().returncode == 2
    (tmp_path / "closed").unlink()
    yield again
    sys.modules.pop("counting", None)


def encoded(tmp_path):
    """Photos encoded since the last time."""
    path = tmp_path / "encoded.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return len(lines)


def test_a_cut_evaluation_goes_on_without_measuring_again_what_it_has(cut, tmp_path):
    assert encoded(tmp_path) == 2
    refused = cut()
    assert refused.returncode == 2
    assert "holds a measurement that has not finished (1 parts done); go on with it by --resume" in refused.stderr
    assert encoded(tmp_path) == 0
    done = cut("--resume")
    assert done.returncode == 0, done.stderr
    assert encoded(tmp_path) == 1
    assert [row.image for row in read_rows(tmp_path / "out" / "rows.csv")][::10] == ["one.png", "two.png"]
    assert "out.unfinished" not in names(tmp_path)


def test_a_photo_that_changed_meanwhile_is_measured_anew(cut, tmp_path):
    encoded(tmp_path)
    Image.new("RGB", (64, 48), "red").save(tmp_path / "photos" / "one.png")
    assert cut("--resume").returncode == 0
    assert encoded(tmp_path) == 2


@pytest.mark.parametrize("other", [["--option", "strips=2"], ["--side", "32"], ["--packets", "2"]])
def test_another_option_size_or_rate_is_measured_anew(cut, tmp_path, other):
    encoded(tmp_path)
    assert cut("--resume", *other).returncode == 0
    assert encoded(tmp_path) >= 2


def test_other_code_of_the_codec_is_not_taken_for_the_old(cut, tmp_path):
    encoded(tmp_path)
    source = tmp_path / "counting.py"
    source.write_text(source.read_text() + "# another\n")
    sys.modules.pop("counting", None)
    code_digest.cache_clear()
    assert cut("--resume").returncode == 0
    assert encoded(tmp_path) == 2


def test_without_a_folder_the_photos_below_satsim_data_are_measured(call, data_folder, monkeypatch):
    monkeypatch.setenv("SATSIM_DATA", str(data_folder))
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


def wait_for(condition):
    """Wait until `condition()` holds; processes that load torch may take a while on a busy machine."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("waited two minutes in vain")


def children_of(process):
    """Numbers of the processes that it has started and that are still there."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [number for number in found if Path("/proc", number).exists()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_workers_and_what_they_measured_is_kept(call, tmp_path, monkeypatch, signal_):
    for name in ("three", "four", "five", "six"):
        Image.new("RGB", (32, 32)).save(tmp_path / "photos" / f"{name}.png")
    (tmp_path / "waiting.py").write_text(
        "import time\nfrom pathlib import Path\nfrom codec.fake import FakeCodec\n"
        "class Waiting(FakeCodec):\n    def encode(self, image, payload_bytes):\n"
        "        while image.shape[0] > 32 and not Path('open').exists():\n            time.sleep(0.01)\n"
        "        return super().encode(image, payload_bytes)\n"
    )
    command = ["codec", "evaluate", "photos", "--codec", "waiting:Waiting", "--allow-code", "--metric", "psnr",
               "--whole", "--workers", "2", "--out", "out"]  # fmt: skip
    place = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", "from satsim.commands.main import main; main()", *command],
        env=os.environ | {"PYTHONPATH": place}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: process.poll() is not None or list(tmp_path.glob("out.unfinished/[!.]*.part")))
    workers = children_of(process)
    assert len(workers) >= 2
    process.send_signal(signal_)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped; what is done is kept: go on by --resume" in said
    wait_for(lambda: not any(Path("/proc", number).exists() for number in workers))
    (tmp_path / "open").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "waiting", raising=False)
    assert call(*command[1:], "--resume").returncode == 0
    assert len(read_rows(tmp_path / "out" / "rows.csv")) == 6 * 10
