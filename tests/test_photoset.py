"""One scenario for every photo of a set: rows are those of single runs, wins are counted by hand, nothing is lost."""

import csv
import json
import math
import shutil

import pytest
import yaml
from conftest import photo_like, picture
from PIL import Image

from codec.base import PhotoError
from codec.metrics import metric_info
from satsim.errors import SweepError
from satsim.figures.photoset import draw_photoset
from satsim.photoset.bands import bands
from satsim.photoset.photos import check_photos, find_photos
from satsim.photoset.plan import make_plan, read_moment
from satsim.photoset.run import run_photoset
from satsim.photoset.wins import gain, gain_at, sign_test, weigh
from satsim.photoset.words import sentence
from satsim.pipeline import run
from satsim.scenario.scenario import load_scenario
from satsim.sweep.local import run_here

NEVER = math.nan
PSNR = metric_info("psnr")


@pytest.fixture
def photos(tmp_path):
    """Three photos in a folder, of other looks."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, pixels in (("a", picture(48, 64)), ("b", photo_like(48, 64)), ("c", 255 - picture(48, 64))):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def plan_of(story, folder, cache=None, moments=("first", "end"), settings=()):
    return make_plan(load_scenario(story, settings), find_photos([folder]), moments, cache)


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def track(times_s, values, first_s):
    return {"times_s": times_s, "values": {"psnr": values}, "columns": {"first_image_s": first_s}}


# Which photos


def test_photos_of_one_folder_go_by_their_path_below_it(photos):
    (photos / "more").mkdir()
    shutil.copy(photos / "a.png", photos / "more" / "a.png")
    (photos / "notes.txt").write_text("no photo")
    assert [photo.name for photo in find_photos([photos])] == ["a.png", "b.png", "c.png", "more/a.png"]
    assert [photo.name for photo in find_photos([photos], first=2)] == ["a.png", "b.png"]


def test_equal_names_of_several_folders_are_kept_apart(photos, tmp_path):
    twin = tmp_path / "twin" / "photos"
    shutil.copytree(photos, twin)
    names = [photo.name for photo in find_photos([photos, twin], first=1)]
    assert names == [f"{tmp_path.name}/photos/a.png", "twin/photos/a.png"]


@pytest.mark.parametrize(
    ("folders", "says"), [(["photos", "photos"], "is in the set twice"), (["none"], "is no folder")]
)
def test_a_set_that_is_none_is_told(photos, tmp_path, folders, says):
    with pytest.raises(PhotoError, match=says):
        find_photos([tmp_path / name for name in folders])


def test_a_bad_photo_is_left_out_and_named_before_any_work_and_a_set_of_bad_ones_is_refused(photos, story):
    bad = (photos / "a.png").read_bytes()[:60]
    (photos / "b.png").write_bytes(bad)
    sizes, [line] = check_photos(find_photos([photos]), load_scenario(story).image)
    assert [photo.name for photo in sizes] == ["a.png", "c.png"]
    assert line.startswith(f"left out: {photos / 'b.png'}: ")
    for photo in find_photos([photos]):
        photo.path.write_bytes(bad)
    with pytest.raises(PhotoError, match=r"no photo of 3 can be read: .*a\.png: "):
        check_photos(find_photos([photos]), load_scenario(story).image)


# Who wins


@pytest.mark.parametrize(("better", "worse", "p"), [(8, 0, 2 / 256), (3, 1, 10 / 16), (2, 2, 1), (0, 0, 1)])
def test_the_sign_test_is_exact(better, worse, p):
    """Of four: as uneven as 3 to 1 are 1 + 4 + 4 + 1 of 16 ways."""
    assert sign_test(better, worse) == sign_test(worse, better) == p


def test_nothing_is_worse_than_any_picture():
    assert gain(20.0, NEVER, higher_is_better=True) == math.inf
    assert gain(NEVER, 0.9, higher_is_better=False) == -math.inf
    assert gain(NEVER, NEVER, higher_is_better=True) == 0
    assert gain(math.inf, math.inf, higher_is_better=True) == 0
    assert gain(0.2, 0.3, higher_is_better=False) == pytest.approx(0.1)


def test_schemes_are_compared_at_equal_time():
    early = track([0, 5, 65], [NEVER, 20, 30], 5)
    late = track([0, 65], [NEVER, 25], 65)
    assert gain_at(early, late, PSNR, read_moment("30 s", 100)) == math.inf
    assert gain_at(early, late, PSNR, read_moment("first", 100)) == 5, "at 65 s, when both have a picture"
    assert gain_at(early, late, PSNR, read_moment("65", 100)) == 5, "what comes at that time counts"
    never = track([0], [NEVER], NEVER)
    assert gain_at(early, never, PSNR, read_moment("first", 100)) == math.inf


def test_wins_losses_and_ties_are_counted_and_the_median_has_its_interval():
    """Of eight, ranks 1 and 8 bound the median with 254 in 256 (David and Nagaraja, section 7.1)."""
    win = weigh("A", "B", "psnr", "end", [3, 1, 2, 4, 5, 6, 0, -1])
    assert (win.better, win.worse, win.equal, win.photos) == (6, 1, 1, 8)
    assert win.p == 2 * (1 + 7) / 2**7
    assert (win.better_by, win.better_by_low, win.better_by_high) == (2.5, -1, 6)
    assert sentence(win) == "A better than B on 6 of 8, worse on 1, equal on 1, p = 0.12, n = 8"


def test_few_photos_have_no_interval():
    win = weigh("A", "B", "psnr", "end", [1.0, math.inf])
    assert win.better_by == math.inf
    assert math.isnan(win.better_by_low)
    assert math.isnan(win.better_by_high)


@pytest.mark.parametrize(
    ("text", "says"), [("soon", "is no time"), ("3 h", "less than the run"), ("0 s", "more than 0")]
)
def test_a_moment_that_is_none_is_told(text, says):
    with pytest.raises(SweepError, match=says):
        read_moment(text, 100)


# All photos together


def test_the_band_of_four_photos_by_hand():
    """Of four the third is the median, as the worse of two counts; nothing to show is worse than any picture."""
    tracks = [track([0, 10], [NEVER, value], 10) for value in (10, 20, 30)] + [track([0], [NEVER], NEVER)]
    before, after = bands("A", tracks, PSNR)
    assert (before.time_s, before.photos_shown) == (0, 0)
    assert math.isnan(before.best_quarter)
    assert after[:5] == ("A", 10, 3, 20, 10)
    assert math.isnan(after.worst_quarter)


# A whole run


def test_each_photo_is_what_a_run_with_its_seed_gives(story, photos, tmp_path):
    run_photoset(plan_of(story, photos), tmp_path / "out", run_here)
    rows = rows_of(tmp_path / "out" / "photos.csv")
    assert len(rows) == 3 * 3
    for row in rows:
        scenario = load_scenario(story, [f"seed={row['seed']}", f"image.path={photos / row['photo']}"])
        summary = run(scenario).summary["schemes"][row["scheme"]]
        for name in ("first_image_s", "last_change_s", "packets_sent", "packets_lost", "bytes_sent"):
            assert (float(row[name]) if row[name] else None) == summary[name], name
        for name in ("first_quality", "final_quality"):
            assert (float(row[name]) if row[name] else None) == summary[name]["psnr"]
    assert [row["seed"] for row in rows[::3]] == ["3", "4", "5"], "chances of its own for each photo"


def test_several_senders_count_by_their_median_as_in_a_run(story, photos, tmp_path):
    settings = ["senders={count: 3, start_gap_s: 7, slot_s: 3}"]
    run_photoset(plan_of(story, photos, settings=settings), tmp_path / "out", run_here)
    row = rows_of(tmp_path / "out" / "photos.csv")[0]
    scenario = load_scenario(story, [*settings, f"image.path={photos / 'a.png'}"])
    summary = run(scenario).summary["schemes"]["strips"]
    assert float(row["final_quality"]) == summary["final_quality"]["psnr"]
    last = [line for line in rows_of(tmp_path / "out" / "timeline.csv") if line["scheme"] == "strips"
            and line["photo"] == "a.png"][-1]  # fmt: skip
    assert last["value"] == row["final_quality"]


def test_the_folder_is_whole_and_its_figures_can_be_drawn_again(story, photos, tmp_path):
    out = tmp_path / "out"
    run_photoset(plan_of(story, photos), out, run_here)
    names = {path.name for path in out.iterdir()}
    assert names == {
        "photos.csv", "timeline.csv", "wins.csv", "wins.md", "wins.png", "quality_vs_time_psnr.csv",
        "quality_vs_time_psnr.png", "quality_vs_time_psnr.svg", "best_and_worst.csv", "best_and_worst.png",
        "frames", "inputs", "summary.json", "manifest.json", "scenario.yaml", "notes.md",
    }  # fmt: skip
    assert not (tmp_path / "out.unfinished").exists()
    assert len(rows_of(out / "wins.csv")) == 3 * 3, "three pairs: by time of the first picture, and twice by PSNR"
    drawn = {name: (out / name).read_bytes() for name in names if name.endswith((".png", ".svg"))}
    draw_photoset(out)
    assert drawn == {name: (out / name).read_bytes() for name in drawn}
    assert "seeds 3 to 5" in (out / "notes.md").read_text(encoding="utf-8")
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [photo["name"] for photo in manifest["photos"]] == ["a.png", "b.png", "c.png"]
    groups = [(row["group"], row["photo"]) for row in rows_of(out / "best_and_worst.csv")]
    assert len(set(groups)) == 3, "each photo is in one group"


class Stop(Exception):
    """Something that ends a run."""


def test_what_is_done_survives_and_is_not_done_again(story, photos, tmp_path):
    plan, done = plan_of(story, photos, tmp_path / "cache"), []

    def stop_after_one(function, tasks):
        for number, answer in run_here(function, tasks):
            if number == 1:
                raise Stop
            yield number, answer

    def noting(function, tasks):
        for number, answer in run_here(function, tasks):
            done.append(tasks[number].name)
            yield number, answer

    with pytest.raises(Stop):
        run_photoset(plan, tmp_path / "out", stop_after_one)
    assert not (tmp_path / "out").exists()
    with pytest.raises(SweepError, match=r"holds a run over photos that has not finished \(1 parts done\)"):
        run_photoset(plan, tmp_path / "out", run_here)
    other = plan_of(story, photos, tmp_path / "cache", settings=["link.loss_ratio=0.3"])
    with pytest.raises(SweepError, match="holds a run over photos of another scenario"):
        run_photoset(other, tmp_path / "out", run_here, resume=True)
    run_photoset(plan, tmp_path / "out", noting, resume=True)
    assert done == ["b.png", "c.png"]
    run_photoset(plan, tmp_path / "whole", run_here)
    for name in ("photos.csv", "timeline.csv", "wins.csv", "best_and_worst.png"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    manifest = json.loads((tmp_path / "whole" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["sets_scored"] == 0, "all of it was in the cache"
    done.clear()
    run_photoset(plan, tmp_path / "whole", noting, resume=True)
    assert done == [], "what is finished is left as it is"
    said = []
    run_photoset(other, tmp_path / "whole", noting, resume=True, tell=said.append)
    begins = "holds a run over photos of another scenario: --resume begins afresh, and moves that aside"
    assert said == [f"{tmp_path / 'whole'} {begins}"]


def test_one_scheme_is_ranked_by_its_own_quality(story, photos, tmp_path):
    data = yaml.safe_load(story.read_text(encoding="utf-8"))
    story.write_text(yaml.safe_dump(data | {"schemes": data["schemes"][:1]}), encoding="utf-8")
    run_photoset(plan_of(story, photos, settings=["link.loss_ratio=0"]), tmp_path / "out", run_here)
    rows = rows_of(tmp_path / "out" / "best_and_worst.csv")
    assert [row["lead"] for row in rows] == [row["final_quality"] for row in rows]
    assert rows_of(tmp_path / "out" / "wins.csv") == []


def test_a_link_whose_times_are_measured_is_refused(story, photos):
    with pytest.raises(SweepError, match="measured_times"):
        plan_of(story, photos, settings=["link.measured_times=true"])


def test_names_are_filled_in_with_what_was_sent_of_all_photos_and_tables_keep_the_name(story, photos, tmp_path):
    settings = ["schemes.0.name='strips in {packets} packets'", "schemes.0.options={strips: 4}"]
    run_photoset(plan_of(story, photos, settings=settings), tmp_path / "out", run_here)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["labels"]["strips in {packets} packets"] == "strips in 4 packets"
    assert rows_of(tmp_path / "out" / "wins.csv")[0]["first"] == "strips in {packets} packets"
    page = (tmp_path / "out" / "wins.md").read_text(encoding="utf-8")
    assert "- strips in 4 packets better than whole on " in page
    assert "{" not in page


def test_what_does_not_fit_the_link_shows_nothing_and_is_noted(story, photos, tmp_path):
    run_photoset(plan_of(story, photos, settings=["schemes.1.options={budget_bytes: 3}"]), tmp_path / "out", run_here)
    rows = [row for row in rows_of(tmp_path / "out" / "photos.csv") if row["scheme"] == "whole"]
    assert [(row["first_image_s"], row["payloads"], row["packets_sent"]) for row in rows] == [("", "0", "0")] * 3
    assert "nothing fits" in (tmp_path / "out" / "notes.md").read_text(encoding="utf-8")
