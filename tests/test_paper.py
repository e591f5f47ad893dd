"""`satsim paper`: the rule of verdicts, results on disk, the page, and the items with small photos and a tiny model."""

from pathlib import Path

import numpy as np
import pytest
from conftest import photo_like
from PIL import Image

from codec.analysis.tsne import tsne
from codec.base import CodecError
from codec.paper.disk import keep, kept
from codec.paper.intervals import interval, of_mean
from codec.paper.items import ITEMS, chosen
from codec.paper.page import page
from codec.paper.result import Asked, Picture, Result, Row, grade, verdict
from codec.paper.run import run
from codec.paper.theirs import number, said, table

SAVED = Row("bytes saved", "%", ours=-50.0, low=-60.0, high=-45.0, theirs=-57.6, neutral=0.0, margin=10.0)


def changed(**fields):
    return Row(**{**SAVED.__dict__, **fields})


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, "reproduced"),
        ({"ours": -47.5}, "same direction"),  # 10.1 points off
        ({"ours": 2.0, "low": 1.0, "high": 3.0}, "not"),
        ({"high": 0.5}, "not"),  # it may as well cost bytes
        ({"stand_in": "DISTS-lite for DISTS"}, "same direction"),
        ({"theirs": None}, ""),
        ({"theirs": None, "side": "below"}, "same direction"),
        ({"ours": None}, ""),
        ({"ours": float("nan")}, ""),
        ({"neutral": None}, "reproduced"),
        ({"neutral": None, "ours": -40.0}, "not"),
        ({"neutral": None, "ours": -20.0, "bound": "at least"}, "reproduced"),
        ({"neutral": None, "ours": -20.0, "bound": "at most"}, "not"),
    ],
)
def test_a_row_is_graded_by_side_and_margin(fields, found):
    assert grade(changed(**fields)) == found


def test_an_item_is_as_good_as_its_worst_row_and_rows_without_a_pair_do_not_count():
    bare = Row("only plotted", ours=3.0)
    assert verdict(Result([SAVED, bare])) == "reproduced"
    assert verdict(Result([SAVED, changed(ours=-46.0)])) == "same direction"
    assert verdict(Result([SAVED, changed(what="worse", ours=4.0)])) == "not, because 1 of 2 rows disagree: worse"
    assert verdict(Result([bare])) == "not, because the paper states no number for it that could be compared"
    assert verdict(Result([changed(ours=None, note="no overlap")])) == "not, because no overlap"
    assert verdict(Result(skipped="no GPU")) == "not, because no GPU"


def test_an_interval_of_a_mean_is_about_twice_the_standard_error_on_either_side():
    values = np.random.default_rng(3).normal(5, 2, 400)
    low, high = of_mean(list(values))
    assert (low, high) == pytest.approx((values.mean() - 0.196, values.mean() + 0.196), abs=0.02)
    assert of_mean([1.0, 2.0, 4.0], over=[2.0, 4.0, 8.0]) == (0.5, 0.5)  # in pairs
    assert of_mean([1.0, 2.0]) == (None, None)
    assert interval(5, lambda drawn: None) == (None, None)


def test_the_papers_tables_have_a_cell_for_each_column():
    for path in Path("codec/paper/theirs").resolve().glob("*.yaml"):
        found = table(path.stem)
        assert {len(row) for row in found["rows"].values()} == {len(found["columns"])}, path.name
    assert number("table1", "ProGIC", "kodak") == (-58.83, "-58.83", "Table 1 (section 4.1)")
    assert number("table1", "VTM-23.10", "encode_ms") == (None, ">9999", "Table 1 (section 4.1)")
    assert said("entropy")[::2] == (9.8, "appendix C.1")


def test_every_figure_and_table_of_the_paper_is_an_item():
    assert set(ITEMS) == {*(f"fig{k}" for k in range(1, 24)), *(f"table{k}" for k in range(1, 7))}
    assert chosen(["table1", "fig1"]) == ["fig1", "table1"]
    assert chosen([]) == chosen(["all"]) == list(ITEMS)
    with pytest.raises(CodecError, match="item is 'fig24'"):
        chosen(["fig24"])


def test_a_result_comes_back_as_it_was_and_the_page_shows_it(tmp_path):
    picture = Picture("chart.png", b"pixels", "A chart.")
    result = Result([SAVED], [picture], photos="kodak, 3", differs=["trained for minutes"])
    keep(tmp_path, "table5", result, {"photos": "3", "model": "tiny", "model_id": "01", "device": "cpu", "runs": "5"})
    back = kept(tmp_path, "table5").result
    assert (back.rows, back.pictures[0].caption) == ([SAVED], "A chart.")
    assert (tmp_path / "table5" / "chart.png").read_bytes() == b"pixels"
    text = page(tmp_path)
    assert "![A chart.](table5/chart.png)" in text
    assert "| bytes saved | -50.00 [-60.00, -45.00] % | – | -57.60 % | – | ±10.00 % | reproduced |" in text
    assert text.count("\n## ") == len(ITEMS)
    assert "not, because it was not run (`satsim paper table1`)" in text


def test_a_result_in_shards_is_named(tmp_path):
    (tmp_path / "fig1").mkdir()
    (tmp_path / "fig1" / "result.json").write_text("{}")
    with pytest.raises(CodecError, match=r"fig1.result.json: not a result of satsim paper"):
        kept(tmp_path, "fig1")


def test_vectors_of_two_clusters_stay_apart_on_a_map_and_the_seed_decides():
    vectors = np.random.default_rng(2).normal(0, 1, (60, 10))
    vectors[30:, 0] += 20
    first = tsne(vectors, perplexity=10)
    distances = np.linalg.norm(first[:, None] - first, axis=2) + 1e9 * np.eye(60)
    assert ((distances.argmin(axis=1) < 30) == (np.arange(60) < 30)).all()
    assert np.array_equal(first, tsne(vectors, perplexity=10))


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two small photos as kodak and fire, below SATSIM_DATA."""
    for name in ("kodak", "fire"):
        (tmp_path / "eval" / name).mkdir(parents=True)
        for k in range(3):
            Image.fromarray(photo_like(96 + 16 * k, 128)).save(tmp_path / "eval" / name / f"{k}.png")
    monkeypatch.setenv("SATSIM_DATA", str(tmp_path))


def test_what_is_there_is_not_made_again_unless_it_is_asked_for_otherwise(photos, tmp_path, tiny_weights):
    asked = Asked(tmp_path / "out", photos=1, model=str(tiny_weights))
    assert [(done.key, done.anew) for done in run(["table1", "fig2"], asked)] == [("fig2", True), ("table1", True)]
    assert [done.anew for done in run(["table1"], asked)] == [False]
    assert [done.anew for done in run(["table1"], asked, again=True)] == [True]
    assert [done.anew for done in run(["table1"], Asked(tmp_path / "out", photos=2, model=str(tiny_weights)))] == [True]


def test_a_set_that_is_missing_is_why_nothing_was_run(tmp_path, monkeypatch, tiny_weights):
    monkeypatch.setenv("SATSIM_DATA", str(tmp_path / "nowhere"))
    [done] = run(["fig14"], Asked(tmp_path / "out", model=str(tiny_weights)))
    assert "kodak: no such folder" in verdict(done.result)


def test_the_command_tells_a_verdict_an_item_and_refuses_what_is_none(photos, tmp_path, tiny_weights, in_process):
    out = tmp_path / "out"
    done = in_process("paper", "table1", "--model", str(tiny_weights), "--photos", "1", "--out", str(out))
    assert done.stdout.startswith("Table 1: ")
    assert (out / "paper.md").is_file()
    wrong = in_process("paper", "table9", "--out", str(tmp_path / "other"))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: item is 'table9'; expected all or one of: fig1")
    assert not (tmp_path / "other").exists()
