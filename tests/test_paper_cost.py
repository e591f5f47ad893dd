"""What ProGIC costs beside the paper: times of learned rivals, of exported models, and of a GPU where there is one."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import photo_like
from PIL import Image

from codec.base import CodecError
from codec.export.parts import LOADERS
from codec.paper.cost import exported_times, phone_rows, ratio, rival_rows, table1, table2, table6, timed
from codec.paper.result import Asked, grade
from codec.paper.run import run
from codec.paper.theirs.rivals import Timed, learned_times
from codec.progic.shape import read_weights

RIVALS = Path(__file__).resolve().parent.parent / "rivals"


def test_a_rivals_median_is_under_both_of_ours_and_beside_the_papers_ratio_where_it_has_one():
    times = {("ProGIC-s", 256): (30.0, 50.0), ("ProGIC", 256): (60.0, 100.0)}
    rows = {row.what: row for row in rival_rows(Timed("MS-ILLM", 256, [90, 100, 300], [400, 500, 450]), times)}
    assert rows["MS-ILLM: encode 256x256"].ours == 100
    assert rows["MS-ILLM: encode 256x256"].theirs == 121
    small = rows["encode 256x256: ProGIC-s over MS-ILLM"]
    assert (small.ours, small.n) == (0.3, 3)
    assert small.theirs == pytest.approx(34 / 121)
    assert grade(small) == "reproduced"
    assert rows["decode 256x256: ProGIC over MS-ILLM"].ours == pytest.approx(100 / 450)
    other = rival_rows(Timed("mbt2018-mean", 256, [90], [400]), times)
    assert [row.what.partition(": ")[2] for row in other if row.unit == "times"] == ["ProGIC-s over mbt2018-mean"] * 2


def test_a_rival_that_the_paper_has_not_timed_is_not_compared():
    for other in ("cheng2020-anchor", "DiffEIC"):
        row = ratio("encode", 512, "ProGIC-s", other, 0.1, 5)
        assert (row.theirs, grade(row), row.note) == (None, "", "the paper has no time of it")


def python_that(tmp_path, body):
    """A Python that takes what rivals/times.py is called with, and does something else."""
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    script.chmod(0o755)
    return script


@pytest.mark.skipif(sys.platform == "win32", reason="a script with a first line that names its interpreter")
def test_times_are_what_the_environment_of_learned_rivals_tells(tmp_path):
    told = [{"name": "MS-ILLM", "side": 256, "encode_ms": [1.0], "decode_ms": [2.0]}, {"name": "x", "missing": "no x"}]
    python = python_that(
        tmp_path,
        "assert sys.argv[1].endswith('times.py') and sys.argv[2:] == '--runs 3 --threads 2 --sides 256 512'.split()\n"
        f"print({json.dumps(json.dumps(told[0]))}); print({json.dumps(json.dumps(told[1]))})",
    )
    first, second = learned_times(python, (256, 512), 3, 2)
    assert (first.name, first.decode_ms, second.missing) == ("MS-ILLM", [2.0], "no x")
    with pytest.raises(CodecError, match=r"told what is no time .*make the environment"):
        learned_times(python_that(tmp_path, "print('hello')"), (256,), 1, 1)
    with pytest.raises(CodecError, match="is it installed"):
        learned_times(tmp_path / "nowhere", (256,), 1, 1)


def test_what_a_project_imports_for_training_is_done_without_and_what_is_there_stays(monkeypatch):
    monkeypatch.syspath_prepend(str(RIVALS))
    before, finders = set(sys.modules), list(sys.meta_path)
    try:
        importlib.import_module("adapter").do_without("no_such_package_here", "json")
        made = importlib.import_module("no_such_package_here.deep.inside").Thing(3, size=4)
        assert type(made).__name__ == "Thing"
        assert json.loads("[1]") == [1]
        with pytest.raises(ImportError):
            importlib.import_module("another_that_is_missing")
    finally:
        sys.meta_path[:] = finders
        for name in set(sys.modules) - before:
            if name == "adapter" or name.startswith("no_such_package_here"):
                del sys.modules[name]


@pytest.mark.parametrize("runtime", LOADERS)
def test_exported_parts_are_timed_on_one_thread_and_torch_keeps_its_own(runtime, tiny_weights, tmp_path):
    if runtime == "ONNX Runtime":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    encode, decode = LOADERS[runtime](str(tiny_weights))
    config, before = read_weights(tiny_weights, parts=()).config, torch.get_num_threads()
    with torch.inference_mode():
        indices = encode(np.zeros((1, 3, 32, 32), np.float32))
        assert indices.shape == (1, config.stages, 32 // config.downsampling, 32 // config.downsampling)
        assert decode(indices).shape == (1, 3, 32, 32)
    Image.fromarray(photo_like(512, 520)).save(tmp_path / "photo.png")
    found = exported_times([encode, decode], tmp_path / "photo.png", config.downsampling, 1)
    assert set(found) == {(kind, side) for kind in ("encode", "decode") for side in (256, 512)}
    assert torch.get_num_threads() == before


def test_how_times_grow_with_the_picture_is_compared_for_small_alone():
    spent = {("encode", 256): 0.1, ("encode", 512): 0.4, ("decode", 256): 0.1, ("decode", 512): 0.9}
    rows = phone_rows("small", "TorchScript", spent, 5)
    assert [grade(row) for row in rows] == ["", "", "", "", "reproduced", "same direction"]  # 9 times, not 5.7
    assert all(not grade(row) for row in phone_rows("nano", "TorchScript", spent, 5))


def test_without_a_gpu_its_rows_say_so_and_counts_are_there_all_the_same(tmp_path, monkeypatch):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    monkeypatch.setenv("SATSIM_DATA", str(tmp_path))
    with pytest.raises(CodecError, match="torch finds none here"):
        table6(Asked(tmp_path, device="cuda"))
    with pytest.raises(CodecError, match="--device cuda"):
        table6(Asked(tmp_path))
    found = table1(Asked(tmp_path, device="cuda"))
    assert [grade(row) for row in found.rows if "FLOPs" in row.what] == ["reproduced", "reproduced"]
    assert all("no NVIDIA GPU" in row.note for row in found.rows if "time" in row.what)
    assert found.lacks == ["BD-rates are left out: its photos are not here: the folder eval/kodak below SATSIM_DATA."]


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--device", "gpu", "error: --device is 'gpu'; expected cpu or cuda"),
        ("--learned", "no/python", "error: --learned (or SATSIM_LEARNED) is 'no/python'; expected a Python, as "),
    ],
)
def test_an_option_that_cannot_be_ends_the_command_in_a_line(option, value, complaint, tmp_path, in_process):
    wrong = in_process("paper", "table6", option, value, "--out", str(tmp_path / "out"))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith(complaint)
    assert not (tmp_path / "out").exists()


def test_what_is_timed_takes_turns_and_the_first_round_is_not_counted():
    done = []
    found = timed({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, 2)
    assert "".join(done) == "ababab"
    assert set(found) == {"a", "b"}
    assert all(ms >= 0 for ms in found.values())


@pytest.mark.skipif(sys.platform == "win32", reason="a script with a first line that names its interpreter")
def test_ratios_are_of_times_of_one_process_and_an_environment_without_ours_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("SATSIM_DATA", str(tmp_path))  # no photos, so that VVC is left out
    ours = [("ProGIC-s", 30.0, 50.0), ("ProGIC", 60.0, 100.0), ("MS-ILLM", 100.0, 500.0)]
    told = [
        json.dumps({"name": name, "side": side, "encode_ms": [encode], "decode_ms": [decode]})
        for name, encode, decode in ours
        for side in (256, 512)
    ]
    lines = "\n".join(told)
    python = python_that(tmp_path, f"print({lines!r})")
    found = table2(Asked(tmp_path, learned=python))
    rows = {row.what: row.ours for row in found.rows}
    assert rows["decode 512x512: ProGIC-s over MS-ILLM"] == 0.1
    assert rows["encode 256x256: ProGIC over ProGIC-s"] == 2
    assert found.lacks[0].startswith("VVC was not timed: its photos are not here")
    python = python_that(tmp_path, f"print({told[-1]!r})")
    with pytest.raises(CodecError, match="cannot run ProGIC itself"):
        table2(Asked(tmp_path, learned=python))


@pytest.mark.skipif(sys.platform == "win32", reason="a script with a first line that names its interpreter")
def test_an_item_that_lacked_something_is_made_anew_by_the_next_run(tmp_path, monkeypatch):
    monkeypatch.setenv("SATSIM_DATA", str(tmp_path))
    ours = [
        json.dumps({"name": name, "side": side, "encode_ms": [1.0], "decode_ms": [2.0]})
        for name in ("ProGIC-s", "ProGIC")
        for side in (256, 512)
    ]
    shown = []
    for rival in ({"missing": "No module named 'requests'"}, {"side": 256, "encode_ms": [4.0], "decode_ms": [8.0]}):
        lines = "\n".join([*ours, json.dumps({"name": "MS-ILLM", **rival})])
        python = python_that(tmp_path, f"print({lines!r})")
        assert [each.anew for each in run(["table2"], Asked(tmp_path / "out", learned=python))] == [True]
        shown.append((tmp_path / "out" / "paper.md").read_text(encoding="utf-8"))
    assert "- Note: MS-ILLM was not timed: No module named 'requests'; make the environment" in shown[0]
    assert "MS-ILLM was not timed" not in shown[1]
    assert "| decode 256x256: ProGIC-s over MS-ILLM (lower is better) | 0.250 times |" in shown[1]
