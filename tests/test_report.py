"""One results folder for one run."""

import csv
import json

import numpy as np
import pytest
import yaml
from PIL import Image

from satsim.pipeline import run, save
from satsim.scenario.scenario import load_scenario
from satsim.scoring.summary import TimelineRow
from satsim.simulation.events import Event


@pytest.fixture
def plan(tmp_path, small_photo):
    """Two fake schemes of ten packets over a link that loses about a third."""
    path = tmp_path / "story.yaml"
    scenario = {
        "name": "story",
        "title": "Ten strips",
        "image": {"path": str(small_photo), "width": 64, "height": 48},
        "link": {"packet_bytes": 30, "interval_s": 60, "delay_s": 5, "loss_ratio": 0.3},
        "schemes": [
            {"name": "Once", "codec": "codec.fake:FakeCodec"},
            {"name": "Round", "codec": "codec.fake:FakeCodec", "transport": "carousel", "options": {"strips": 4}},
        ],
        "metrics": ["psnr"],
        "quality_levels": {"psnr": [10, 15]},
        "seed": 3,
    }
    path.write_text(yaml.safe_dump(scenario), encoding="utf-8")
    return load_scenario(path)


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_report_holds_all_that_the_run_found_out(plan, tmp_path):
    result = run(plan)
    out = tmp_path / "results"
    save(result, out)
    points, events = rows_of(out / "timeline.csv"), rows_of(out / "events.csv")
    assert tuple(points[0]) == TimelineRow._fields
    assert tuple(events[0]) == ("scheme", *Event._fields)
    assert len(points) == len(result.rows)
    assert len(events) == len(result.events)
    assert {row["metric"] for row in points} == {"psnr"}
    for row in points:
        assert (row["value"] == "") == (row["frame"] == "")
        if row["frame"]:
            with Image.open(out / "frames" / row["frame"]) as frame:
                assert np.array_equal(np.asarray(frame), result.frames[row["frame"]])
    with Image.open(out / "frames" / "original.png") as original:
        assert np.array_equal(np.asarray(original), result.reference)
    again = load_scenario(out / "scenario.yaml")
    carried = again.image.model_copy(update={"path": plan.image.path})
    assert again.model_copy(update={"image": carried}) == plan
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert list(summary["schemes"]) == ["Once", "Round"]
    for figure in ("time_vs_psnr.png", "time_vs_psnr.svg", "filmstrip.png"):
        assert (out / figure).stat().st_size > 1000


def test_the_summary_agrees_with_the_events(plan, tmp_path):
    result = run(plan)
    for name, row in result.summary["schemes"].items():
        mine = [event for event in result.events if event.scheme == name]
        sent = [event for event in mine if event.kind == "sent"]
        assert row["packets_sent"] == len(sent)
        assert row["packets_lost"] == sum(event.kind == "lost" for event in mine) > 0
        assert row["bytes_sent"] == sum(event.message_bytes for event in sent) == 23 * len(sent)
        assert row["first_image_s"] == next(event.time_s for event in mine if event.kind == "shown")
    assert result.summary["schemes"]["Once"]["packets_sent"] == 10
    assert result.summary["schemes"]["Round"]["packets_sent"] == 15  # slots at 0 to 840 s of 900


def test_two_runs_of_one_scenario_give_the_same_rows(plan):
    one, two = run(plan), run(plan)
    assert one.rows == two.rows
    assert one.events == two.events
    assert all(np.array_equal(one.frames[file], two.frames[file]) for file in one.frames)


def test_an_earlier_report_is_moved_aside(plan, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "mine.txt").write_text("mine")
    save(run(plan), tmp_path / "results")
    assert (tmp_path / "results.1" / "mine.txt").read_text() == "mine"
    assert not (tmp_path / "results" / "mine.txt").exists()


def test_a_report_that_cannot_be_drawn_leaves_nothing(plan, tmp_path):
    result = run(plan)
    result.summary["duration_s"] = "no number"
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Exception, match=r".+"):
        save(result, tmp_path / "results")
    assert sorted(tmp_path.iterdir()) == before
