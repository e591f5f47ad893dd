"""What commands print: no line beyond 80 letters where nobody says how wide, JSON alone, or nothing."""

import io
import json
import os
import subprocess
import sys

import pytest
from conftest import REPO, photo_like, picture
from PIL import Image

from satsim import __version__

LONG = "a name of a scheme of nearly sixty letters, as many as fit"


@pytest.fixture
def satsim(in_process, story, tmp_path, monkeypatch):
    """A command about the story, whose first scheme has a long name; cache and results below the test's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(command, *arguments):
        named = ["--set", f"schemes.0.name={json.dumps(LONG)}"] if command != "study" else []
        return in_process(command, "story.yaml", *named, "--out", "out", *arguments)

    return run


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(picture(48, 64)).save(folder / "a.png")
    Image.fromarray(photo_like(48, 64)).save(folder / "b.png")
    return "photos"


GRID = ["--vary", "link.loss_ratio=0,0.3", "--vary", "link.interval_s=10,20", "--replications", "5", "--cache", "cache"]
GOAL = ["--goal", "psnr >= 5 by 60 s with 0.5", "--codec", "codec.fake:FakeCodec:strips=1", "--scales", "1"]
GOAL += ["--replications", "20", "--cache", "cache"]
COMMANDS = {
    "run": ["run"],
    "run of many": ["run", "--set", "senders={count: 12}", "--set", "link.cost={price_per_message: 1.5}"],
    "photos": ["run", "--images", "photos", "--workers", "1", "--cache", "cache"],
    "sweep": ["sweep", "--workers", "1", *GRID],
    "large sweep": ["sweep", "--workers", "1", *GRID, "--vary", "link.delay_s=1,2,3"],
    "plan": ["sweep", "--workers", "1", *GRID, "--dry-run"],
    "study": ["study", "--workers", "1", *GOAL],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_no_line_is_longer_than_80_letters(satsim, photos, arguments):
    done = satsim(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    told = [*done.stdout.splitlines(), *(line for line in done.stderr.splitlines() if "..." not in line)]
    assert [line for line in told if len(line) > 80] == []


def test_columns_that_do_not_fit_are_left_out_and_come_back_with_room(satsim, monkeypatch):
    many = COMMANDS["run of many"]
    heads = satsim(*many).stdout.splitlines()[:3]
    assert "bytes" not in " ".join(heads)
    monkeypatch.setenv("COLUMNS", "120")
    assert "bytes" in " ".join(satsim(*many).stdout.splitlines()[:3])


@pytest.mark.parametrize("name", ["run", "photos", "sweep", "study"])
def test_json_is_all_that_is_printed(satsim, photos, name):
    done = satsim(*COMMANDS[name], "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {"run": "schemes", "photos": "wins", "sweep": "quantiles", "study": "recommended"}[name] in told


@pytest.mark.parametrize("name", ["run", "photos", "sweep", "study"])
def test_quiet_prints_nothing_but_errors(satsim, photos, name, tmp_path):
    done = satsim(*COMMANDS[name], "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out").is_dir()
    done = satsim(*COMMANDS[name], "--quiet", "--image", "gone.png")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--images", "photos", "--image", "photos/a.png"], "give one"),
        (["--resume"], "are for a set of photos; give --images FOLDER"),
        (["--images", "gone"], "--images gone: is no folder"),
        (["--images", "photos", "--at", "9 h"], "less than the run, which is 120 s"),
        (["--images", "photos", "--metric", "pnsr"], "did you mean 'psnr'"),
        (["--images", "photos", "--workers", "0"], "--workers is 0; expected 1 to 1000"),
        (["--images", "photos", "--out", "."], "is the folder you are in"),
    ],
)
def test_a_mistake_about_photos_is_one_line_and_leaves_nothing(in_process, story, photos, tmp_path, monkeypatch,
                                                               arguments, says):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = in_process("run", "story.yaml", *arguments)
    assert done.returncode == 2
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert says in line
    assert sorted(tmp_path.iterdir()) == before


def test_another_metric_takes_the_place_of_the_scenarios(satsim, tmp_path):
    assert satsim("run", "--metric", "dists-lite", "--metric", "psnr", "--quiet").returncode == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert list(summary["metrics"]) == ["dists-lite", "psnr"]


def test_the_version_is_told(in_process):
    done = in_process("--version")
    assert (done.returncode, done.stdout) == (0, f"satsim {__version__}\n")


MARKED = "AVIF [fast] [/north] :fire:"


@pytest.mark.parametrize("command", ["run", "photos", "sweep", "study"])
def test_brackets_in_titles_and_names_are_shown_as_they_are(in_process, story, photos, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    named = ["--set", f"title={json.dumps(f'Fire {MARKED}')}"]
    if command != "study":
        named += ["--set", f"schemes.0.name={json.dumps(MARKED)}"]
    done = in_process(*COMMANDS[command][:1], "story.yaml", *named, "--out", "out", *COMMANDS[command][1:])
    assert done.returncode == 0, done.stderr
    assert f"Fire {MARKED}" in done.stdout
    if command != "study":
        assert MARKED in done.stdout.replace(f"Fire {MARKED}", ""), "the scheme, too"


def test_brackets_in_the_names_of_folders_and_codecs_are_no_markup(in_process, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / photos).rename("photos [x] [")
    some = ["--codec", "codec.fake:FakeCodec:strips=1", "--side", "32"]
    done = in_process("codec", "evaluate", "photos [x] [", *some, "--metric", "psnr")
    assert done.returncode == 0, done.stderr
    assert "photos [x] [-32: means" in done.stdout
    (tmp_path / "photos [x] [" / "a.png").rename("[red].png")
    done = in_process("codec", "runtimes", "[red].png", *some, "--runs", "1")
    assert done.returncode == 0, done.stderr
    assert "[red].png" in done.stdout


OBEYED = "\x1b]0;mine\x07\x1b[31m\u202e\x9b"
"""A terminal that is sent these gets another title, turns red, and writes backwards."""


def test_what_a_terminal_obeys_is_spelt_out_in_errors_notes_and_tables(
    in_process, story, photos, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / photos).rename(f"photos{OBEYED}")
    (tmp_path / f"photos{OBEYED}" / "a.png").rename(tmp_path / f"photos{OBEYED}" / f"a{OBEYED}.png")
    (tmp_path / f"photos{OBEYED}" / "cut.txt").touch()
    alone = ["--workers", "1", "--cache", "cache"]
    some = ["--codec", "codec.fake:FakeCodec:strips=1", "--side", "32", "--metric", "psnr"]
    commands = [
        (0, ["run", "story.yaml", "--out", f"out{OBEYED}"]),
        (0, ["run", "story.yaml", "--images", f"photos{OBEYED}", *alone, "--out", "two"]),
        (
            0,
            ["sweep", "story.yaml", "--vary", f"image=photos{OBEYED}", "--replications", "2", *alone, "--out", "three"],
        ),
        (0, ["codec", "evaluate", f"photos{OBEYED}", *some]),
        (2, ["run", f"gone{OBEYED}.yaml"]),
        (2, ["run", "story.yaml", "--image", f"gone{OBEYED}.png"]),
        (2, ["run", "story.yaml", "--set", f"link.{OBEYED}=3"]),
        (2, ["codec", "train", f"gone{OBEYED}.yaml"]),
        (2, ["decode", f"gone{OBEYED}", "-o", "picture.png"]),
    ]
    for code, arguments in commands:
        done = in_process(*arguments)
        assert done.returncode == code, done.stderr
        said = done.stdout + done.stderr
        assert not set(said) & set(OBEYED[:1] + OBEYED[-2:]), arguments
        assert "\\x1b" in said or arguments[-1] in ("two", "3"), arguments


def test_a_name_of_two_lines_is_told_in_one_and_an_empty_one_is_refused(in_process, story, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = ["--set", 'title="north\\nslope"', "--set", 'schemes.0.name=" in\\ntwo "', "--out", "out"]
    done = in_process("run", "story.yaml", *named)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].rstrip() == "north slope"
    assert any(line.startswith("in two ") for line in done.stdout.splitlines())
    done = in_process("run", "story.yaml", "--set", 'schemes.0.name="  "')
    assert "schemes.0.name is '  '; expected a text that is not empty" in done.stderr


def test_letters_that_no_font_has_cost_no_warnings(story, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "satsim", "run", "story.yaml", "--set", "title=火事", "--out", "out"],
        env=os.environ | {"PYTHONPATH": str(REPO)},
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, "Warning" in done.stderr) == (0, False)
    assert done.stdout.startswith("火事")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("command", ["run", "photos", "sweep", "study"])
def test_a_terminal_that_cannot_show_a_letter_does_not_cost_a_finished_run(
    in_process, story, photos, tmp_path, monkeypatch, command, encoding
):
    monkeypatch.chdir(tmp_path)
    seen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(seen, encoding=encoding, write_through=True))
    named = ["--set", 'title="north → Ω"', "--out", "out"]
    done = in_process(*COMMANDS[command][:1], "story.yaml", *named, *COMMANDS[command][1:])
    assert done.returncode == 0, done.stderr
    assert "north ? ?" in seen.getvalue().decode(encoding)
    assert (tmp_path / "out").is_dir()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_process_told_to_write_in_few_letters_ends_well(story, tmp_path, encoding):
    done = subprocess.run(
        [sys.executable, "-m", "satsim", "run", "story.yaml", "--set", 'schemes.0.name="→ Ω"', "--out", "→"],
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(REPO)},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"\n? ? " in done.stdout
    assert (tmp_path / "→" / "summary.json").is_file()


def test_a_photo_whose_name_is_no_text_goes_through_every_command_and_runs_again(
    in_process, story, photos, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    named = os.fsdecode(b"photos/a\xff\x1b.png")
    os.rename("photos/a.png", named)
    alone = ["--workers", "1", "--cache", "cache"]
    some = ["--codec", "codec.fake:FakeCodec:strips=1", "--side", "32", "--metric", "psnr"]
    for arguments in (
        ["run", "story.yaml", "--image", named, "--out", "one"],
        ["run", "one/scenario.yaml", "--out", "again"],
        ["run", "story.yaml", "--images", "photos", *alone, "--out", "two"],
        ["codec", "evaluate", "photos", *some, "--out", "three"],
    ):
        done = in_process(*arguments)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one" / "events.csv").read_bytes() == (tmp_path / "again" / "events.csv").read_bytes()
    assert "a\\udcff\x1b.png" in (tmp_path / "three" / "rows.csv").read_text(encoding="utf-8")
