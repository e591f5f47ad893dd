"""`satsim paper`: the rule of verdicts, results on disk, the page, and the items with small photos and a tiny model."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import photo_like, skip_where_missing
from PIL import Image

from codec.analysis.tsne import tsne
from codec.base import CodecError
from codec.evaluation.work import one_by_one
from codec.own.finding import forget
from codec.own.registering import register_metric
from codec.paper.ablations import SEEDS, attention_share, fig7, fig9, module_row, trained
from codec.paper.disk import keep, kept
from codec.paper.intervals import interval, of_mean
from codec.paper.items import ITEMS, chosen
from codec.paper.measured import measure
from codec.paper.page import page
from codec.paper.quality import bd_of
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
    noisy = changed(what="seeds", ours=-4.0, low=-9.0, high=2.0)
    assert verdict(Result([SAVED, noisy])) == "not, because 1 of 2 rows are within the noise: seeds"
    beside = verdict(Result([SAVED, changed(ours=None, note="no GPU")]))
    assert beside == "reproduced in 1 of 2 rows; the others have no number here"
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
    assert [(done.key, done.anew) for done in run(["fig12", "fig2"], asked)] == [("fig2", True), ("fig12", True)]
    assert [done.anew for done in run(["fig12"], asked)] == [False]
    assert [done.anew for done in run(["fig12"], asked, again=True)] == [True]
    asked = Asked(tmp_path / "out", photos=2, model=str(tiny_weights))
    assert [done.anew for done in run(["fig12"], asked)] == [True]
    shutil.copytree(tmp_path / "eval" / "kodak", tmp_path / "eval" / "tecnick")
    assert [done.anew for done in run(["fig12"], asked)] == [True]
    assert [done.anew for done in run(["fig12"], asked)] == [False]


def test_rows_are_kept_photo_by_photo_and_made_anew_where_they_follow_from_something_else(
    photos, tmp_path, tiny_weights
):
    done = []

    def workers(function, tasks):
        done.extend((task.image, task.rival) for task in tasks)
        return one_by_one(function, tasks)

    asked = Asked(tmp_path / "out", photos=1, model=str(tiny_weights), workers=workers)
    rows = measure(asked, "kodak", rivals=("webp",))
    ours = f"progic:model={tiny_weights}"
    assert done == [("0.png", ours), ("0.png", "webp")]
    assert {(row.image, row.codec) for row in rows} == set(done)
    done.clear()
    assert measure(asked, "kodak", rivals=("webp",)) == rows
    assert not done, "all were kept"
    next(iter((tmp_path / "out" / "measured").iterdir())).write_text("[[", encoding="utf-8")
    assert len(measure(asked, "kodak", rivals=("webp",))) == len(rows)
    assert len(done) == 1, "one was damaged"
    measure(replace(asked, made_with=lambda rival, metrics: "another version"), "kodak", rivals=("webp",))
    assert len(done) == 1 + 2


def test_a_set_that_is_missing_is_why_nothing_was_run(tmp_path, monkeypatch, tiny_weights):
    monkeypatch.setenv("SATSIM_DATA", str(tmp_path / "nowhere"))
    [done] = run(["fig14"], Asked(tmp_path / "out", model=str(tiny_weights)))
    assert "its photos are not here: the folder eval/kodak" in verdict(done.result)


def test_the_command_tells_a_verdict_an_item_and_refuses_what_is_none(photos, tmp_path, tiny_weights, in_process):
    out = tmp_path / "out"
    done = in_process("paper", "fig12", "--model", str(tiny_weights), "--photos", "1", "--out", str(out))
    assert done.stdout.startswith("Fig. 12: ")
    assert (out / "paper.md").is_file()
    assert "Fig. 12, item 1 of 1, 0 min so far: Entropy of each codebook's use" in done.stderr
    wrong = in_process("paper", "table9", "--out", str(tmp_path / "other"))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: item is 'table9'; expected all or one of: fig1")
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_all_of_it_is_made_from_small_sets_and_nothing_is_absent_from_the_page(photos, tmp_path, tiny_weights):
    skip_where_missing("vvc")
    pytest.importorskip("bjontegaard")
    out = tmp_path / "out"
    asked = Asked(out, photos=2, model=str(tiny_weights), runs=1, ablations=tmp_path / "none", rivals=("webp",))
    done = {each.key: each.result for each in run(["all"], asked)}
    assert set(done) == set(ITEMS)
    skipped = {key for key, result in done.items() if result.skipped}
    drawings, untrained = {"fig2", "fig3", "fig4"}, {"fig7", "fig8", "fig9", "fig16", "table4"}
    assert skipped - {"fig13"} == drawings | untrained | {"table6", *(f"fig{k}" for k in range(18, 24))}
    assert "not trained yet" in done["fig8"].skipped
    assert "the folder eval/tecnick" in done["fig18"].skipped
    assert any("against webp" in row.what for row in done["table5"].rows)
    assert any("published curves are means over all 24 photos" in note for note in done["fig17"].notes)
    assert any(note.startswith("DiffEIC was not measured: rivals/diffeic.py takes ") for note in done["fig5"].notes)
    text = (out / "paper.md").read_text(encoding="utf-8")
    assert text.count("\n## ") == len(ITEMS)
    assert all(done[key].pictures for key in ("fig1", "fig6", "fig10", "fig11", "fig12", "fig14", "fig15"))
    assert not any(each.anew for each in run(["fig5", "fig11", "table2"], asked))


class Red:
    """A stand-in for CLIP-IQA, whose weights are not here: the mean of red, of the picture alone."""

    name, label, unit, higher_is_better, min_side = "clip-iqa", "CLIP-IQA", "", True, 32

    def score(self, reference, image):
        return float(image[..., 0].mean()) / 255


@pytest.mark.slow
def test_clip_iqa_is_drawn_and_compared_with_nothing_once_its_weights_are_there(photos, tmp_path, tiny_weights):
    skip_where_missing("vvc")
    asked = Asked(tmp_path / "out", photos=1, model=str(tiny_weights))
    [before] = run(["fig17"], asked)
    assert before.result.lacks == ["CLIP-IQA is not drawn."]
    register_metric("clip-iqa", Red)
    try:
        [after] = run(["fig17"], asked)
    finally:
        forget("metric", "clip-iqa")
    assert after.anew
    assert not after.result.lacks
    found = {row.what: row for row in after.result.rows if "CLIP-IQA" in row.what}
    assert 0 < found["kodak: CLIP-IQA, 1 of 5 stages"].ours < 1
    assert not any(grade(row) for row in found.values())
    width = [Image.open(io.BytesIO(each.result.pictures[0].content)).width for each in (before, after)]
    assert width[1] == pytest.approx(1.5 * width[0], rel=0.1)  # a third panel


def scored(folder, name, values):
    """A run's file, as the queue writes it: three stages of one metric."""
    folder.mkdir(exist_ok=True)
    photos = {f"{k:02}": {"dists-lite": photo} for k, photo in enumerate(values)}
    found = {"photos": photos, "mean": {"bpp": [0.04, 0.08, 0.16]}, "metrics": {"dists-lite": {}}, "cpu_s": 780.0,
             "parameters": 1e6, "set": "kodak", "side": 256, "steps": 1200, "batch": 12, "crop": 128}  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(found))


def of_seeds(folder, apart):
    for k, name in enumerate(SEEDS):
        scored(folder, name, [[0.4 * apart**k, 0.3, 0.2]] * 6)


def test_trained_ablations_are_compared_with_the_model_without_modules(tmp_path):
    worse = [[0.40 + k / 100, 0.30 + k / 100, 0.20 + k / 100] for k in range(6)]
    better = [[value - 0.05 for value in photo] for photo in worse]
    scored(tmp_path, "bare", worse)
    scored(tmp_path, "attention", better)
    asked = Asked(tmp_path, ablations=tmp_path)
    models = trained(asked, "table4")
    row = module_row(asked, models["bare"], models["attention"])
    assert row.ours == pytest.approx(100 * (2**-0.5 - 1), abs=3)  # 0.05 is half a doubling of bytes
    assert (row.theirs, row.n, grade(row)) == (-11.41, 6, "same direction")  # by a stand-in for DISTS
    assert row.low <= row.ours <= row.high


def test_a_larger_weight_of_the_first_stages_helps_them_and_costs_the_last(tmp_path):
    scored(tmp_path, "p-0.2", [[0.5, 0.3, 0.1]] * 4)
    scored(tmp_path, "p-0.8", [[0.4, 0.3, 0.2]] * 4)
    found = fig9(Asked(tmp_path, ablations=tmp_path))
    assert [row.ours for row in found.rows[:2]] == pytest.approx([0.8, 2.0])
    assert verdict(found) == "same direction"
    assert found.notes == ["not trained yet: `python -m codec.training.ablations`: full."]


@pytest.mark.parametrize(("apart", "expected"), [(1.05, "same direction"), (1.2, "not")])
def test_a_difference_within_that_of_three_seeds_agrees_with_nothing(tmp_path, apart, expected):
    scored(tmp_path, "p-0.2", [[0.5, 0.3, 0.1]] * 4)
    scored(tmp_path, "p-0.8", [[0.4, 0.3, 0.2]] * 4)
    of_seeds(tmp_path, apart)  # the third is 1.1, or 1.44, of the first; the weights make 1.25
    row = fig9(Asked(tmp_path, ablations=tmp_path)).rows[0]
    assert row.high == pytest.approx(0.8 * apart**2)
    assert grade(row) == expected


def test_another_model_is_read_off_its_curve_at_the_bits_of_the_first(tmp_path):
    scored(tmp_path, "full", [[0.4, 0.3, 0.2]] * 4)
    scored(tmp_path, "progdtd-2", [[0.6, 0.4, 0.2]] * 4)
    found = fig7(Asked(tmp_path, ablations=tmp_path))
    assert [(row.ours, grade(row)) for row in found.rows[:2]] == [
        (pytest.approx(1.5), "same direction"),
        (pytest.approx(1.0), ""),
    ]


def test_another_trained_ablation_makes_its_items_anew(tmp_path, tiny_weights):
    asked = Asked(tmp_path / "out", model=str(tiny_weights), ablations=tmp_path)
    scored(tmp_path, "stages-3", [[0.5, 0.3, 0.1]] * 4)
    assert [each.anew for each in run(["fig8"], asked)] == [True]
    assert [each.anew for each in run(["fig8"], asked)] == [False]
    scored(tmp_path, "full", [[0.5, 0.3, 0.1]] * 4)
    assert [each.anew for each in run(["fig8"], asked)] == [True]


def test_scores_of_an_ablation_that_are_none_are_named(tmp_path):
    scored(tmp_path, "stages-3", [[0.5, 0.3]])
    with pytest.raises(CodecError, match=r"stages-3.json: not the scores of a trained ablation"):
        trained(Asked(tmp_path, ablations=tmp_path), "fig8")


def test_attention_costs_base_about_what_the_paper_says():
    assert attention_share() == pytest.approx(6.34, abs=0.6)


def test_a_curve_that_is_twice_as_cheap_is_half_the_rate_and_too_little_overlap_is_refused():
    found = {("a", k): [(0.1 * 2**k, 0.5 - 0.1 * k)] for k in range(4)}
    found |= {("b", k): [(0.05 * 2**k, 0.5 - 0.1 * k)] for k in range(4)}
    found |= {("c", k): [(0.05 * 2**k, 0.25 - 0.1 * k)] for k in range(4)}
    assert bd_of(found, "b", "a", False, [0])[0] == pytest.approx(-50)
    percent, why = bd_of(found, "c", "a", False, [0])
    assert percent is None
    assert why == "refused: both reach only 9% of the qualities, under 20%"
