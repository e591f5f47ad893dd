"""`satsim sweep` as users call it, and what it says to what it cannot run."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from satsim.study.plan import read_plan
from satsim.sweep.files import read_request
from satsim.sweep.plan import make_plan

STUDIES = sorted((Path(__file__).parents[1] / "scenarios" / "studies").glob("*.yaml"))


@pytest.fixture
def sweep(in_process, story, tmp_path, monkeypatch):
    """`satsim sweep` of the story with these arguments, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, file=story):
        return in_process("sweep", str(file), "--cache", str(tmp_path / "cache"), "--workers", "1", *arguments)

    return run


def one_line(done):
    """What was printed, in one line whatever the width."""
    return " ".join(done.stdout.split())


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_sweep_ends_with_a_table_and_a_folder(sweep, tmp_path):
    done = sweep("--vary", "link.loss_ratio=0,0.3", "--replications", "30")
    assert done.returncode == 0, done.stderr
    assert "30 runs each" in done.stdout
    assert "picture" in done.stdout
    assert "results/story_sweep" in done.stdout
    folder = tmp_path / "results" / "story_sweep"
    assert {"runs.parquet", "quantiles.parquet", "manifest.json", "notes.md", "scenario.yaml"} <= set(names_in(folder))
    assert {path.stem for path in folder.glob("*.png")} == {path.stem for path in folder.glob("*.csv")} != set()
    assert pq.read_metadata(folder / "runs.parquet").num_rows == 2 * 3 * 30


def test_resume_without_anything_to_go_on_with_is_noted(sweep):
    done = sweep("--replications", "3", "--resume")
    assert done.returncode == 0
    note = "note: --resume finds nothing to go on with at results/story_sweep: the sweep begins afresh"
    assert " ".join(done.stderr.split()).startswith(note)
    assert "--resume" not in sweep("--replications", "3", "--resume").stderr


def test_a_row_names_what_runs_it_again_and_that_gives_its_numbers(sweep, in_process, tmp_path):
    assert sweep("--vary", "link.loss_ratio=0,0.3", "--replications", "9", "--out", "out").returncode == 0
    row = pq.read_table("out/runs.parquet").to_pylist()[-5]
    settings = ["--seed", str(row["seed"]), "--set", f"link.loss_ratio={row['link.loss_ratio']}", "--out", "again"]
    assert in_process("run", "out/scenario.yaml", *settings).returncode == 0
    summary = json.loads(Path("again/summary.json").read_text(encoding="utf-8"))["schemes"][row["scheme"]]
    assert summary["first_image_s"] == row["first_image_s"]
    assert summary["final_quality"]["psnr"] == row["final_psnr"]


def test_a_dry_run_tells_the_plan_and_its_cost_and_leaves_nothing(sweep, tmp_path):
    before = names_in(tmp_path)
    done = sweep("--vary", "link.loss_ratio=0,0.3", "--replications", "500", "--dry-run")
    assert done.returncode == 0, done.stderr
    told = one_line(done)
    assert "story: 2 points (link.loss_ratio: 0, 0.3)" in told
    assert "3 schemes, 500 replications: 3,000 runs" in told
    assert "strips: by table; about" in told
    assert "asked again: event by event, as what is sent depends on acknowledgements; about" in told
    assert "MB of results" in told
    assert names_in(tmp_path) == sorted([*before, "cache"])


def test_a_dry_run_knows_what_is_scored_already(sweep):
    wanted = ["--vary", "link.loss_ratio=0,0.3", "--replications", "40"]
    before = one_line(sweep(*wanted, "--dry-run"))
    assert sweep(*wanted, "--out", "out").returncode == 0
    after = one_line(sweep(*wanted, "--dry-run"))
    unscored = [[int(n) for n in re.findall(r"([\d,]+) not scored yet", told)] for told in (before, after)]
    assert min(unscored[0]) > 0
    assert unscored[1] == [0, 0, 0]


def test_photos_of_a_folder_are_an_axis(sweep, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("one.png", "two.png"):
        (photos / name).write_bytes((tmp_path / "photo.png").read_bytes())
    done = sweep("--vary", "image=photos", "--replications", "2", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert set(pq.read_table("out/runs.parquet")["image.path"].to_pylist()) == {"one", "two"}


def test_a_sweep_file_says_all_and_the_command_line_overrules_it(sweep, story, tmp_path):
    file = tmp_path / "grid.yaml"
    vary = {"link.loss_ratio": "0:0.2:0.1", "schemes.*.transport": ["once", {"name": "carousel"}]}
    said = {
        "scenario": "story.yaml",
        "title": "Grid",
        "set": ["duration_s=60"],
        "vary": vary,
        "replications": 2,
        "at": ["30 s"],
    }
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
    done = sweep("--vary", "loss=0.5", "--out", "out", file=file)
    assert done.returncode == 0, done.stderr
    manifest = json.loads(Path("out/manifest.json").read_text(encoding="utf-8"))
    assert [(axis["key"], axis["labels"]) for axis in manifest["axes"]] == [
        ("link.loss_ratio", ["0.5"]), ("schemes.*.transport", ["once", "carousel"]),
    ]  # fmt: skip
    assert (manifest["title"], manifest["duration_s"], manifest["moments_s"]) == ("Grid", 60, [30])
    assert manifest["replications"] == 2


MANY = ["link.loss_ratio=0:1:0.001", "link.interval_s=1:1000:1"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--vary", "link.loss_rato=0.1"], "link.loss_rato is no key; did you mean loss_ratio?"),
        (["--vary", "link.loss_ratio=0.4:0:0.1"], "the range from 0.4 to 0 by 0.1 is empty"),
        (["--vary", "link.loss_ratio=-0.1"], "link.loss_ratio is -0.1; expected 0 to 1"),
        (
            ["--vary", MANY[0], "--vary", MANY[1]],
            "this sweep has 1,001,000 points and 15,015,000 runs in all; give --yes",
        ),
        (["--replications", "100000000"], "1 points and 300,000,000 runs in all"),
        (["--replications", "0"], "--replications is 0; expected at least 1"),
        (["--workers", "0"], "--workers is 0; expected 1 to 1000"),
        (["--at", "soon"], "--at: 'soon' is no time; expected a time such as 10 min, 600 s, 1 h or 1:30:00"),
        (["--at", "3 h"], "--at is 10800 s; expected more than 0 and less than the run, which is 120 s"),
        (["--image", "nowhere.png"], "nowhere.png: no such image file"),
        (["--vary", "image=nowhere"], "nowhere is no file or folder"),
        (["--vary", "codec=avf"], "codec is 'avf'; did you mean 'avif'?"),
        (["--set", "link.loss_ratio"], "expected key=value"),
        (["--out", "."], "is the folder you are in, or above it"),
        (["--cluster", "nonsense"], "--cluster is 'nonsense'; expected the address of a Dask scheduler"),
    ],
)
def test_what_cannot_be_swept_is_one_line_and_leaves_nothing(sweep, tmp_path, arguments, says):
    before = names_in(tmp_path)
    done = sweep("--replications", "5", "--out", "out", *arguments)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert says in lines[0]
    assert set(names_in(tmp_path)) - set(before) <= {"cache"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"scenario": "story.yaml", "varies": {}}, "varies is no key of a sweep; expected one of: title, scenario"),
        ({"scenario": "story.yaml", "vary": ["loss"]}, "expected keys with values"),
        ({"scenario": "story.yaml", "vary": {"loss": []}}, "vary.loss: has no value"),
        ({"scenario": "story.yaml", "replications": "many"}, "replications is 'many'; expected a whole number from 1"),
        ({"scenario": "gone.yaml"}, "gone.yaml: no such scenario file"),
    ],
)
def test_a_sweep_file_that_is_wrong_is_one_line(sweep, tmp_path, content, says):
    file = tmp_path / "grid.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    done = sweep(file=file)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_each_shipped_study_can_be_planned(file):
    if "goal" in yaml.safe_load(file.read_text(encoding="utf-8")):
        assert read_plan(file, {}).goal.probability == 0.95
        return
    request = read_request(file, [], [], Path.cwd())
    plan = make_plan(request.data, request.path, request.axes, request.replications)
    assert plan.runs >= 10_000
    assert plan.first.image.path.is_file()
