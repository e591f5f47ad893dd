"""A whole sweep: its rows are those of single runs, and nothing is lost however it is stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import picture
from PIL import Image
from sweeping import SCHEMES, plan_of, run_sweep, same_tables

from satsim.errors import SweepError
from satsim.pipeline import run
from satsim.scenario.scenario import load_scenario
from satsim.sweep.local import run_here, run_in_processes
from satsim.sweep.plan import default_moments
from satsim.sweep.results import Unfinished

LOSS = "link.loss_ratio=0.1,0.4"


def runs_of(folder):
    return pd.read_parquet(folder / "runs.parquet")


def summary_of(story, row, **senders):
    """What `satsim run` says of the scheme of a row."""
    settings = [f"link.loss_ratio={row['link.loss_ratio']}", f"seed={row['seed']}"]
    settings += [f"senders={json.dumps(senders)}"] if senders else []
    return run(load_scenario(story, settings)).summary["schemes"][row["scheme"]]


def check_row(row, summary):
    """Each number of a row is that of the summary of the run it stands for."""
    wanted = {
        "first_image_s": summary["first_image_s"],
        "last_change_s": summary["last_change_s"],
        "first_psnr": summary["first_quality"]["psnr"],
        "final_psnr": summary["final_quality"]["psnr"],
        "time_to_psnr_12_s": summary["time_to_quality_s"]["psnr"]["12"],
        "time_to_psnr_20_s": summary["time_to_quality_s"]["psnr"]["20"],
        "bytes_sent": summary["bytes_sent"],
        "messages": summary["cost"]["messages"],
        **{key: value for key, value in summary.items() if key.startswith(("packets_", "photos", "last_first"))},
    }
    for name, value in wanted.items():
        assert (None if np.isnan(row[name]) else row[name]) == value, name


def test_any_row_is_what_a_run_with_its_settings_and_seed_gives(story, tmp_path):
    run_sweep(plan_of(story, LOSS), tmp_path / "out", run_here)
    rows = runs_of(tmp_path / "out")
    assert len(rows) == 2 * 3 * 20
    for _, row in rows.iloc[::17].iterrows():
        check_row(row, summary_of(story, row))


def test_with_several_senders_rows_are_medians_as_in_a_run(story, tmp_path):
    senders = {"count": 4, "start_gap_s": 7, "slot_s": 3, "schedule": "round_robin"}
    run_sweep(plan_of(story, LOSS, senders=senders, replications=3), tmp_path / "out", run_here)
    for _, row in runs_of(tmp_path / "out").iterrows():
        summary = summary_of(story, row, **senders)
        check_row(row, summary)
        assert (None if np.isnan(row["last_first_image_s"]) else row["last_first_image_s"]) == summary[
            "last_first_image_s"
        ]


def test_quality_at_a_moment_is_that_of_the_last_picture_before_it(story, tmp_path):
    plan = plan_of(story, LOSS, replications=4)
    run_sweep(plan, tmp_path / "out", run_here)
    row = runs_of(tmp_path / "out").iloc[0]
    points = [p for p in run(load_scenario(story, ["link.loss_ratio=0.1"])).rows if p.scheme == "strips"]
    for moment_s in plan.measures.moments_s:
        shown = [p.value for p in points if p.time_s <= moment_s]
        assert row[f"psnr_at_{moment_s:g}_s"] == shown[-1]


def test_schemes_and_points_meet_the_same_losses(story, tmp_path):
    run_sweep(plan_of(story, LOSS, schemes=[SCHEMES[0], SCHEMES[0] | {"name": "twin"}]), tmp_path / "out", run_here)
    rows = runs_of(tmp_path / "out")
    one, twin = (rows[rows.scheme == name].drop(columns="scheme").reset_index(drop=True) for name in ("strips", "twin"))
    pd.testing.assert_frame_equal(one, twin)
    low, high = (rows[(rows["link.loss_ratio"] == loss) & (rows.scheme == "strips")] for loss in (0.1, 0.4))
    assert (low.packets_lost.to_numpy() <= high.packets_lost.to_numpy()).all()


def test_schemes_that_differ_in_repair_packets_alone_do_not_mix(story, tmp_path):
    repaired = [SCHEMES[0] | {"name": f"{n} spare", "transport": {"repair_packets": n}} for n in (3, 1)]
    run_sweep(plan_of(story, "link.loss_ratio=0.2,0.4", schemes=repaired), tmp_path / "out", run_here)
    for _, row in runs_of(tmp_path / "out").iloc[::11].iterrows():
        settings = [
            f"link.loss_ratio={row['link.loss_ratio']}",
            f"seed={row['seed']}",
            f"schemes={json.dumps(repaired)}",
        ]
        check_row(row, run(load_scenario(story, settings)).summary["schemes"][row["scheme"]])


def test_processes_give_the_tables_that_one_gives(story, tmp_path):
    plan = plan_of(story, LOSS, cache=tmp_path / "cache")
    run_sweep(plan, tmp_path / "one", run_here)
    two = run_sweep(plan, tmp_path / "two", lambda function, tasks: run_in_processes(function, tasks, 2))
    assert two.runs == 2 * 3 * 20
    same_tables(tmp_path / "one", tmp_path / "two")


def test_each_set_is_scored_once_ever(story, tmp_path):
    plan = plan_of(story, LOSS, cache=tmp_path / "cache")
    assert run_sweep(plan, tmp_path / "one", run_here).scored > 0
    # Another process starts with an empty memory.
    count_scored = "import sys; sys.path.insert(0, 'tests'); from test_sweep import *; "
    count_scored += "p = plan_of(Path(sys.argv[1]), LOSS, cache=Path(sys.argv[2])); "
    count_scored += "print(run_sweep(p, Path(sys.argv[3]), run_here).scored)"
    repo = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-c", count_scored, story, tmp_path / "cache", tmp_path / "again"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repo, check=True)
    assert int(done.stdout) == 0
    same_tables(tmp_path / "one", tmp_path / "again")


def test_tables_open_in_polars_too(story, tmp_path):
    run_sweep(plan_of(story, LOSS, replications=5), tmp_path / "out", run_here)
    assert pl.read_parquet(tmp_path / "out" / "runs.parquet").height == 2 * 3 * 5
    assert pl.read_parquet(tmp_path / "out" / "quantiles.parquet")["low"].null_count() > 0


def test_the_manifest_says_how_each_scheme_was_run_and_checked(story, tmp_path):
    run_sweep(plan_of(story, LOSS), tmp_path / "out", run_here)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["engines"] == {"strips": ["table"], "whole": ["table"], "asked again": ["events"]}
    assert manifest["runs_checked_event_by_event"] == 2 * 2 * 3
    assert manifest["runs"] == 120
    assert manifest["points"][1]["values"] == {"link.loss_ratio": 0.4}
    again = load_scenario(tmp_path / "out" / "scenario.yaml")
    assert again.link.loss_ratio == 0.2
    assert again.image.path == (tmp_path / "out" / "inputs" / "photo.png").resolve(), "the photo travels along"


def test_notes_of_a_run_are_notes_of_the_sweep(story, tmp_path):
    link = {"packet_bytes": 200, "interval_s": 10, "loss_ratio": 0.2}
    found = run_sweep(plan_of(story, LOSS, link=link, replications=2), tmp_path / "out", run_here)
    note = "asked again: nobody acknowledges on this link, so arq sends each message once"
    assert found.notices == [note]
    assert note in json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))["notices"]


class Stop(Exception):
    """Something that ends a sweep."""


def stop_after(count):
    """Workers that give `count` answers to jobs, and then fail."""

    def work(function, tasks):
        for number, answer in run_here(function, tasks):
            if function.__name__ == "run_job" and number == count:
                raise Stop
            yield number, answer

    return work


def test_a_sweep_goes_on_where_it_was_stopped(story, tmp_path):
    plan = plan_of(story, "link.loss_ratio=0.1,0.2,0.3,0.4")
    run_sweep(plan, tmp_path / "whole", run_here)
    with pytest.raises(Stop):
        run_sweep(plan, tmp_path / "out", stop_after(3))
    assert not (tmp_path / "out").exists()
    assert len(Unfinished(tmp_path / "out").parts()) == 3
    story_of_rest = run_sweep(plan, tmp_path / "out", run_here, resume=True)
    assert story_of_rest.runs == 1 * 3 * 20
    assert not Unfinished(tmp_path / "out").folder.exists()
    same_tables(tmp_path / "whole", tmp_path / "out")


def test_an_unfinished_sweep_is_neither_overwritten_nor_mixed_with_another(story, tmp_path):
    with pytest.raises(Stop):
        run_sweep(plan_of(story, LOSS), tmp_path / "out", stop_after(1))
    with pytest.raises(SweepError, match=r"has not finished \(1 parts done\); go on with it by --resume"):
        run_sweep(plan_of(story, LOSS), tmp_path / "out", run_here)
    with pytest.raises(SweepError, match="holds a sweep of another count of replications; give what was given"):
        run_sweep(plan_of(story, LOSS, replications=21), tmp_path / "out", run_here, resume=True)
    with pytest.raises(SweepError, match="another scenario, or what varies"):
        run_sweep(plan_of(story, "link.loss_ratio=0.1,0.3"), tmp_path / "out", run_here, resume=True)


def test_a_finished_sweep_is_not_run_again_by_resume(story, tmp_path):
    plan = plan_of(story, LOSS)
    assert run_sweep(plan, tmp_path / "out", run_here, resume=True).runs == 120
    assert run_sweep(plan, tmp_path / "out", run_here, resume=True).runs == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photo.png", "story.yaml"]
    assert run_sweep(plan_of(story, LOSS, seed=4), tmp_path / "out", run_here, resume=True).runs == 120


def test_resume_says_first_where_it_must_begin_afresh(story, tmp_path):
    plan, said = plan_of(story, LOSS), []

    def listening(function, tasks):
        assert said, "before any work"
        return run_here(function, tasks)

    def resume(plan, workers=run_here):
        said.clear()
        return run_sweep(plan, tmp_path / "out", workers, resume=True, tell=said.append)

    assert resume(plan, listening).runs == 120
    assert said == [f"--resume finds nothing to go on with at {tmp_path / 'out'}: the sweep begins afresh"]
    assert resume(plan).runs == 0
    assert said == [], "what is finished is left as it is"
    Image.fromarray(picture(48, 64)[::-1]).save(tmp_path / "photo.png")
    assert resume(plan_of(story, LOSS), listening).runs == 120
    assert said == [
        f"{tmp_path / 'out'} holds a sweep of another photo or other file that the scenario names: --resume begins"
        " afresh, and moves that aside"
    ]
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"satsim": "', '"satsim": "0.'))
    resume(plan_of(story, LOSS), listening)
    assert "holds a sweep of another version of satsim or a library: --resume begins afresh" in said[0]


def test_resume_is_silent_where_it_goes_on(story, tmp_path):
    with pytest.raises(Stop):
        run_sweep(plan_of(story, LOSS), tmp_path / "out", stop_after(1))
    said = []
    run_sweep(plan_of(story, LOSS), tmp_path / "out", run_here, resume=True, tell=said.append)
    assert said == []


def test_a_sweep_is_not_gone_on_with_another_photo(story, tmp_path):
    plan = plan_of(story, LOSS)
    with pytest.raises(Stop):
        run_sweep(plan, tmp_path / "out", stop_after(1))
    Image.fromarray(picture(48, 64)[::-1]).save(tmp_path / "photo.png")
    with pytest.raises(SweepError, match="holds a sweep of another photo or other file that the scenario names"):
        run_sweep(plan, tmp_path / "out", run_here, resume=True)


def test_damaged_parts_are_made_again(story, tmp_path):
    plan = plan_of(story, "link.loss_ratio=0.1,0.2,0.3")
    run_sweep(plan, tmp_path / "whole", run_here)
    with pytest.raises(Stop):
        run_sweep(plan, tmp_path / "out", stop_after(2))
    first, second = Unfinished(tmp_path / "out").parts()
    first.write_bytes(first.read_bytes()[:-100])
    second.write_bytes(b"")
    assert run_sweep(plan, tmp_path / "out", run_here, resume=True).runs == 3 * 3 * 20
    same_tables(tmp_path / "whole", tmp_path / "out")


def test_a_part_with_a_flipped_bit_is_not_believed(story, tmp_path):
    plan = plan_of(story, LOSS)
    run_sweep(plan, tmp_path / "whole", run_here)
    with pytest.raises(Stop):
        run_sweep(plan, tmp_path / "out", stop_after(1))
    (part,) = Unfinished(tmp_path / "out").parts()
    content = bytearray(part.read_bytes())
    content[len(content) // 4] ^= 1
    part.write_bytes(content)
    assert run_sweep(plan, tmp_path / "out", run_here, resume=True).runs == 2 * 3 * 20
    same_tables(tmp_path / "whole", tmp_path / "out")


def test_two_sweeps_do_not_share_a_folder(story, tmp_path):
    with Unfinished(tmp_path / "out").locked(), pytest.raises(SweepError, match="another sweep is at work there"):
        run_sweep(plan_of(story, LOSS), tmp_path / "out", run_here)


def test_a_sweep_that_fails_before_its_first_part_leaves_nothing(story, tmp_path):
    with pytest.raises(Stop):
        run_sweep(plan_of(story, LOSS), tmp_path / "out", stop_after(0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "story.yaml"]


def test_finished_results_are_moved_aside_not_overwritten(story, tmp_path):
    run_sweep(plan_of(story, LOSS, replications=2), tmp_path / "out", run_here)
    run_sweep(plan_of(story, LOSS, replications=3), tmp_path / "out", run_here)
    assert len(runs_of(tmp_path / "out.1")) == 2 * 3 * 2
    assert len(runs_of(tmp_path / "out")) == 2 * 3 * 3


def test_moments_are_whole_minutes_of_the_run():
    assert default_moments(420) == (120, 240, 300)
    assert default_moments(100) == (25, 50, 75)
    assert default_moments(1) == (0.5,)


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"replications": 0}, "--replications is 0"), ({"link": {"measured_times": True}}, "measured_times")],
)
def test_what_cannot_be_swept_is_said(story, changes, says):
    with pytest.raises(SweepError, match=says):
        plan_of(story, **changes)


def wait_for(true, process):
    for _ in range(1200):
        if true():
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    raise AssertionError("waited a minute in vain")


LONG_SWEEP = """
import sys
from pathlib import Path
from sweeping import plan_of, run_sweep

from satsim.sweep.local import run_in_processes

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    plan = plan_of(folder / "story.yaml", "link.loss_ratio=0.02:0.4:0.02", replications=40, cache=folder / "cache")
    two = lambda function, tasks: run_in_processes(function, tasks, 2)
    run_sweep(plan, folder / sys.argv[2], two, resume=sys.argv[3] == "resume")
"""


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["parent", "worker"])
def test_a_sweep_whose_process_is_killed_loses_nothing(story, tmp_path, victim):
    tests = Path(__file__).resolve().parent
    (tmp_path / "long_sweep.py").write_text(LONG_SWEEP, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"}
    command = [sys.executable, tmp_path / "long_sweep.py", tmp_path]
    out = tmp_path / "out"
    process = subprocess.Popen([*command, "out", "begin"], env=environment, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(Unfinished(out).parts()) >= 2, process)
    if victim == "parent":
        process.kill()
        process.wait()
        assert not out.exists()
        subprocess.run([*command, "out", "resume"], env=environment, check=True)
    else:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.exists():
            pytest.skip("looks for processes in /proc")
        os.kill(int(children.read_text(encoding="utf-8").split()[-1]), signal.SIGKILL)
        assert process.wait(120) == 0, process.stderr.read()
    process.stderr.close()
    subprocess.run([*command, "whole", "begin"], env=environment, check=True)
    same_tables(tmp_path / "whole", out)
