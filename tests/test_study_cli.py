"""`satsim study`: the table, the sentence, exit codes, and one line for every mistake."""

import pytest

FAKE = "codec.fake:FakeCodec:strips=1"
GOAL = "psnr >= 5 by 60 s with 0.9"


@pytest.fixture
def scenario_file(small_photo):
    """A message every 10 s of which half are lost, for 100 s."""
    path = small_photo.with_name("plain.yaml")
    path.write_text(
        "name: plain\nimage: {path: photo.png, width: 64, height: 48}\n"
        "link: {packet_bytes: 60, interval_s: 10, loss_ratio: 0.5}\nduration_s: 100\nmetrics: [psnr]\n"
        "schemes: [{name: any, codec: 'codec.fake:FakeCodec'}]\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def study(in_process, scenario_file, tmp_path):
    """`satsim study` of the scenario with one strip a picture, in this process."""

    def finished(*arguments, path=scenario_file):
        where = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--workers", "1"]
        return in_process("study", str(path), "--codec", FAKE, "--scales", "1", *where, *arguments)

    return finished


def test_the_recommended_row_is_marked_and_the_sentence_says_what_to_send(study, in_process, tmp_path):
    """Seven copies of which half are lost: 127 of 128 runs see the picture."""
    done = study("--goal", GOAL, "--copies", "2,7", "--repair", "0", "--transports", "once")
    assert done.returncode == 0, done.stderr
    assert "> FakeCodec strips=1" in done.stdout
    assert "> Send FakeCodec strips=1, once, 7 copies: " in done.stdout.replace("\n", " ")
    assert max(map(len, done.stdout.splitlines()[:-2])) <= 120
    again = in_process("run", str(tmp_path / "out" / "recommended.yaml"), "--out", str(tmp_path / "ran"))
    assert again.returncode == 0, again.stderr


def test_a_goal_that_nothing_meets_is_exit_2_one_line_and_a_folder(study, tmp_path):
    done = study("--goal", "psnr >= 90 by 60 s with 0.9", "--copies", "7", "--repair", "0", "--transports", "once")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        "error: no design meets the goal psnr >= 90 by 1 min with 0.9; closest"
    )
    assert (tmp_path / "out" / "designs.csv").is_file()
    assert not (tmp_path / "out" / "recommended.yaml").exists()


def test_two_processes_give_the_same_designs_as_one(study, tmp_path):
    some = [
        "--goal",
        GOAL,
        "--copies",
        "1,2,7",
        "--repair",
        "0,1",
        "--transports",
        "once,carousel",
        "--replications",
        "50",
    ]
    assert study(*some).returncode == 0
    alone = (tmp_path / "out" / "designs.csv").read_bytes()
    assert study(*some, "--workers", "2").returncode == 0
    assert (tmp_path / "out" / "designs.csv").read_bytes() == alone
    assert (tmp_path / "out.1" / "designs.csv").read_bytes() == alone


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--goal", "psnr <= 20 by 60 s with 0.9"], "higher psnr is better; write psnr >= 20"),
        (["--goal", "soon"], "goal 'soon' says no time"),
        ([], "a study needs a goal; give --goal"),
        (["--goal", GOAL, "--budget", "price <= 3"], "the price of a message is not known on this link"),
        (["--goal", GOAL, "--copies", "1,two"], "--copies is '1,two'; expected whole numbers with commas between"),
        (["--goal", GOAL, "--scales", "2"], "space.scales.0 is 2.0; expected more than 0, at most 1"),
        (["--goal", GOAL, "--replications", "0"], "replications is 0; expected 1 to 1000000"),
        (["--goal", GOAL, "--transports", "arq"], "no transport of the space makes sense on this link"),
        (["--goal", GOAL, "--codec", ":x"], "expected NAME or NAME:key=value"),
        (["--goal", GOAL, "--set", "link.loss=often"], "link.loss"),
        (["--goal", GOAL, "--codec", "avfi"], "did you mean"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(study, tmp_path, arguments, said):
    done = study(*arguments)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert said in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_study_file_without_its_scenario_is_one_line(study, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(f"scenario: gone.yaml\ngoal: {GOAL}\n", encoding="utf-8")
    done = study(path=file)
    assert done.returncode == 2
    assert "gone.yaml: no such scenario file" in done.stderr.splitlines()[-1]
