"""The command line: what it prints, leaves behind, and answers with; in a process of its own where that matters."""

import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from satsim.commands.mending import exit_code

REPO = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-c", "from satsim.commands.main import main; main()"]
STOPPED = "stopped; nothing half-written was left\n"
OWN_CODECS = """
import pathlib, time
from codec.fake import FakeCodec

class Slow(FakeCodec):
    def encode(self, image, payload_bytes):
        pathlib.Path("coding").touch()
        time.sleep(60)

class Buggy(FakeCodec):
    def encode(self, image, payload_bytes):
        return 1 // 0
"""


@pytest.fixture
def desk(tmp_path, small_photo):
    """A folder with a photo, a scenario of one fake scheme, and two codecs of a user's own."""
    scenario = {
        "name": "story",
        "title": "Ten strips",
        "image": {"path": "photo.png", "width": 64, "height": 48},
        "link": {"packet_bytes": 30, "interval_s": 60},
        "schemes": [{"name": "strips", "codec": "codec.fake:FakeCodec"}],
        "metrics": ["psnr"],
    }
    (tmp_path / "story.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    (tmp_path / "own.py").write_text(OWN_CODECS)
    return tmp_path


def environment():
    return os.environ | {"PYTHONPATH": str(REPO), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "200"}


def satsim(desk, *arguments, **how):
    """The finished process of `satsim arguments`, run in `desk`."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=desk, env=environment(), capture_output=True, text=True, timeout=300, **how
    )


@pytest.fixture
def call(desk, in_process, monkeypatch):
    """`satsim` with arguments, run in `desk` but in this process: quicker, for the many mistakes there are."""
    monkeypatch.chdir(desk)
    monkeypatch.syspath_prepend(desk)
    monkeypatch.setenv("COLUMNS", "200")
    return in_process


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def error_line(done):
    """The one line that a mistake of the user's ends in, after any notes; and exit code 2."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert done.stderr.endswith(errors[0] + "\n")
    assert done.stdout == ""
    return errors[0]


def test_a_run_writes_one_folder_and_prints_a_table(desk):
    done = satsim(desk, "run", "story.yaml", "--seed", "5", "--set", "link.delay_s=7", "--set", "duration_s=300")
    assert done.returncode == 0, done.stderr
    assert "Ten strips" in done.stdout
    assert "0:07" in done.stdout, "the first picture comes after the delay"
    assert "4:07" in done.stdout, "the last change is the fifth packet's"
    assert "PSNR, higher is better" in done.stdout
    assert names(desk) == ["own.py", "photo.png", "results", "story.yaml"]
    out = desk / "results" / "story"
    expected = "events.csv filmstrip.png frames inputs notes.md report.html scenario.yaml summary.json timeline.csv"
    assert names(out) == sorted([*expected.split(), "time_vs_psnr.png", "time_vs_psnr.svg"])
    assert json.loads((out / "summary.json").read_text())["schemes"]["strips"]["packets_sent"] == 5
    assert yaml.safe_load((out / "scenario.yaml").read_text())["seed"] == 5


def test_a_photo_of_ones_own_replaces_the_scenarios(desk):
    Image.new("RGB", (64, 48), (9, 200, 9)).save(desk / "mine.png")
    done = satsim(desk, "run", "story.yaml", "--image", "mine.png", "--out", "there")
    assert done.returncode == 0, done.stderr
    with Image.open(desk / "there" / "frames" / "original.png") as original:
        assert original.getpixel((5, 5)) == (9, 200, 9)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["absent.yaml"], "absent.yaml: no such scenario file"),
        (["photo.png"], "photo.png: cannot be read as text"),
        (["story.yaml", "--set", "link.los_ratio=1"], "story.yaml: link.los_ratio is no key; did you mean loss_ratio?"),
        (["story.yaml", "--seed", "-1"], "story.yaml: seed is -1; expected at least 0"),
        (["story.yaml", "--image", "absent.png"], "absent.png: no such image file"),
        (["story.yaml", "--image", "story.yaml"], "story.yaml: is not an image of a kind that is read here"),
        (["story.yaml", "--set", "metrics=[pnsr]"], "did you mean 'psnr'"),
        (["story.yaml", "--set", "schemes.0.codec=own:Absent", "--allow-code"], "schemes.0.codec is 'own:Absent'"),
        (["story.yaml", "--set", "schemes.0.options={strips: many}"], "scheme 'strips': strips is 'many'"),
        (["story.yaml", "--set", "link.packet_bytes=22"], "payload_bytes is 2; expected at least 3"),
        (["story.yaml", "--out", "."], "is the folder you are in"),
    ],
)
def test_a_mistake_in_a_run_is_one_line_and_leaves_nothing(desk, call, arguments, complaint):
    before = names(desk)
    assert complaint in error_line(call("run", *arguments))
    assert names(desk) == before


def test_corrupt_weights_are_one_line_that_names_their_file(desk, call):
    (desk / "bad.safetensors").write_bytes(b"\x08" * 100)
    setting = ["--set", "schemes.0.codec=progic", "--set", "schemes.0.options={model: bad.safetensors}"]
    assert "bad.safetensors: not the weights of a ProGIC model" in error_line(call("run", "story.yaml", *setting))


def test_encode_and_decode_are_how_one_loses_a_packet_by_hand(desk):
    done = satsim(desk, "encode", "photo.png", "-o", "air", "--codec", "codec.fake:FakeCodec", "--option", "strips=3")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"3 packets, 69 bytes, in air; image \d+; header of 20 bytes\n", done.stdout)
    assert names(desk / "air") == ["packet_000.bin", "packet_001.bin", "packet_002.bin"]
    assert all(len((desk / "air" / name).read_bytes()) == 23 for name in names(desk / "air"))
    (desk / "air" / "packet_000.bin").unlink()
    own = "own:Strips"
    three = "    def __init__(self):\n        super().__init__(strips=3)\n"
    (desk / "own.py").write_text(f"from codec.fake import FakeCodec\nclass Strips(FakeCodec):\n{three}")
    some = ["air/packet_002.bin", "air/packet_001.bin"]
    done = satsim(desk, "decode", *some, "-o", "seen.png", "--codec", own, "--allow-code")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "seen.png: 256x256 pixels\n"
    assert "holding 2 of 3 packets" in done.stderr
    with Image.open(desk / "seen.png") as seen:
        pixels = np.asarray(seen)
    assert not pixels[:86].any(), "the strip that was lost is black"
    assert pixels[86:].any(axis=2).all()


def test_a_sealed_photo_is_read_once_by_who_has_the_key(desk, call):
    strips = ["--codec", "codec.fake:FakeCodec"]
    done = call("key", "new", "mine.yaml", "--sender", "7")
    assert done.stdout.startswith("mine.yaml: a key for sender 7")
    place = ["--position", "46.55,8.61", "--taken-at", "2026-08-01T12:00:00Z"]
    done = call("encode", "photo.png", "-o", "air", *strips, *place, "--key", "mine.yaml")
    assert done.stdout == "10 packets, 420 bytes, in air; image 0; header of 20 bytes\n", done.stderr
    reading = ["decode", "air", "-o", "seen.png", *strips, "--keys", "mine.yaml", "--replay-state", "taken.json"]
    done = call(*reading)
    assert done.stdout == "seen.png: 256x256 pixels\n", done.stderr
    assert "taken 2026-08-01T12:00:00Z at 46.550000, 8.610000\nholding 10 of 10" in done.stderr
    done = call(*reading)
    assert done.returncode == 2
    assert "counter 9 of sender 7 came before: a replay" in done.stderr
    assert names(desk) == ["air", "mine.yaml", "own.py", "photo.png", "seen.png", "story.yaml", "taken.json"]


def test_packets_that_contradict_each_other_are_shown_and_end_in_exit_code_2_unless_forced(desk, call):
    fake = ["--codec", "codec.fake:FakeCodec"]
    for name, strips, count in (("air", "10", 10), ("other", "5", 5)):
        done = call("encode", "photo.png", "-o", name, *fake, "--option", f"strips={strips}", "--image-id", "5")
        assert done.stdout.startswith(f"{count} packets")
    done = call("decode", "air", "other", "-o", "seen.png", *fake)
    assert done.returncode == 2
    assert "contradiction: two images have number 5 of sender 0, that of air/packet_000.bin and that of" in done.stderr
    assert "packets 10 and 5" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: packets contradict each other")
    assert (desk / "seen.png").exists()
    assert call("decode", "air", "other", "-o", "seen.png", *fake, "--force").returncode == 0


def test_several_photos_are_several_pictures_and_json_names_them_and_what_is_missing(desk, call):
    fake = ["--codec", "codec.fake:FakeCodec"]
    for sender in ("7", "8"):
        call("encode", "photo.png", "-o", f"air{sender}", *fake, "--sender", sender, "--image-id", "3")
    (desk / "air8" / "packet_004.bin").unlink()
    done = call("decode", "air7", "air8", "-o", "new/seen.png", *fake, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    images = json.loads(done.stdout)["images"]
    assert [image["file"] for image in images] == ["new/seen_7_3.png", "new/seen_8_3.png"]
    assert [image["missing"] for image in images] == [[], [4]]
    assert names(desk / "new") == ["seen_7_3.png", "seen_8_3.png"]
    done = call("decode", "air7", "air8", "-o", "seen.png", *fake, "--sender", "8")
    assert done.stdout == "seen.png: 256x256 pixels\n"
    assert "resend request: sender 8 image 3 packets 4" in done.stderr


def test_what_was_not_shown_is_held_for_the_packets_that_come_later(desk, call):
    call("key", "new", "mine.yaml", "--sender", "7")
    jpeg = ["--codec", "jpeg", "--option", "budget_bytes=1000", "--packet-bytes", "128"]
    assert call("encode", "photo.png", "-o", "air", *jpeg, "--key", "mine.yaml").returncode == 0
    reading = ["-o", "seen.png", "--keys", "mine.yaml", "--replay-state", "taken.json"]
    done = call("decode", "air/packet_000.bin", *reading)
    assert "nothing to show yet" in error_line(done)
    assert "taken.json" in names(desk), "what came is held"
    (desk / "air" / "packet_000.bin").unlink()
    done = call("decode", "air", *reading)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["encode", "absent.png", "-o", "air"], "absent.png: no such image file"),
        (
            ["encode", "photo.png", "-o", "air", "--codec", "codec.fake:FakeCodec", "--option", "strips"],
            "--option strips",
        ),
        (["encode", "photo.png", "-o", "air", "--width", "9"], "image.width is 9; expected 16 to 4096"),
        (["encode", "photo.png", "-o", "own.py/air", "--codec", "codec.fake:FakeCodec"], "own.py"),
        (["decode", "absent.bin", "-o", "seen.png"], "absent.bin: No such file or directory"),
        (["decode", "photo.png", "-o", "seen.png"], "photo.png: not used"),
        (["decode", "absent.bin", "-o", "album.png"], "album.png: is a folder; name a picture in it"),
        (["decode", "absent.bin", "-o", "seen.txt"], "seen.txt: no picture format has the suffix '.txt'"),
        (
            ["decode", "photo.png", "-o", "seen.png", "--keys", "story.yaml"],
            "story.yaml: expected the keys sender, key",
        ),
        (["decode", "photo.png", "-o", "seen.png", "--replay-state", "taken.json"], "expected --keys too"),
        (["encode", "photo.png", "-o", "air", "--key", "absent.yaml"], "absent.yaml: No such file or directory"),
        (["encode", "photo.png", "-o", "air", "--taken-at", "2026-08-01T12:00:00Z"], "--position and --taken-at"),
        (["key", "new", "story.yaml", "--sender", "7"], "story.yaml: is there already"),
        (["key", "new", "mine.yaml", "--sender", "70000"], "sender is 70000; expected 0 to 65535"),
    ],
)
def test_a_mistake_by_hand_is_an_error_and_leaves_nothing(desk, call, arguments, complaint):
    (desk / "album.png").mkdir()
    before = names(desk)
    done = call(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert complaint in done.stderr
    assert names(desk) == before


def test_a_full_disk_is_one_line_and_leaves_nothing(desk):
    # A limit of ten bytes a file stands in for a full disk: writing fails in the same place.
    before = names(desk)
    done = satsim(
        desk,
        *["encode", "photo.png", "-o", "air", "--codec", "codec.fake:FakeCodec"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)),
    )
    assert "File too large" in error_line(done)
    assert names(desk) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["decode", "own.py", "--out", "photo.png/down/a.png"],
        ["encode", "own.py", "--out", "photo.png/down/air"],
        ["run", "story.yaml", "--set", "schemes.0.codec=own:Buggy", "--allow-code", "--out", "photo.png/down/out"],
    ],
)
def test_a_place_where_nothing_can_be_written_is_said_before_the_work(desk, call, arguments):
    assert "photo.png" in error_line(call(*arguments)), "and not what is wrong with the input"


def test_the_folders_of_a_picture_are_made_and_go_again_where_nothing_can_be_shown(desk, call):
    assert call("decode", "own.py", "--out", "deep/down/a.png").returncode == 2
    assert not (desk / "deep").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_whatever_asks_it_to_stop_ends_a_run_with_130_and_leaves_nothing(desk, sent):
    setting = ["--set", "schemes.0.codec=own:Slow", "--allow-code"]
    running = subprocess.Popen(
        [*COMMAND, "run", "story.yaml", *setting], cwd=desk, env=environment(), stderr=subprocess.PIPE, text=True
    )
    waited = time.monotonic()
    while not (desk / "coding").exists() and running.poll() is None and time.monotonic() - waited < 120:
        time.sleep(0.05)
    running.send_signal(sent)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert stderr == STOPPED
    assert names(desk) == ["coding", "own.py", "photo.png", "story.yaml"]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_run_that_nobody_listens_to_is_whole_all_the_same(desk, closed):
    shell = f"{shlex.join(COMMAND)} run story.yaml --out out {closed}"
    done = subprocess.run(["sh", "-c", shell], cwd=desk, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stdout if "2" not in closed else "", done.stderr) == (0, "", "")
    assert (desk / "out" / "summary.json").is_file()


@pytest.mark.parametrize(
    ("library", "line"),
    [("typer", "stopped before it began\n"), ("yaml", STOPPED), ("numpy", STOPPED), ("matplotlib", STOPPED)],
)
def test_ctrl_c_while_a_library_comes_in_is_one_line_too(desk, library, line):
    # A file of its name, found first, sends the signal: amid the imports, and with matplotlib amid the figures.
    (desk / "first").mkdir()
    (desk / "first" / f"{library}.py").write_text("import os, signal, time; os.kill(os.getpid(), signal.SIGINT)")
    more = {"PYTHONPATH": f"{desk / 'first'}{os.pathsep}{REPO}"}
    done = subprocess.run(
        [*COMMAND, "run", "story.yaml"], cwd=desk, env=environment() | more, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (130, line)
    assert names(desk) == ["first", "own.py", "photo.png", "story.yaml"]


@pytest.mark.slow
def test_ctrl_c_in_a_sweep_says_in_one_line_that_what_is_done_is_kept(desk):
    axes = ["--vary", "link.loss_ratio=0:0.9:0.02", "--replications", "4000", "--workers", "2", "--quiet"]
    running = subprocess.Popen(
        [*COMMAND, "sweep", "story.yaml", *axes],
        cwd=desk,
        env=environment() | {"SATSIM_CACHE": str(desk / "cache")},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    waited = time.monotonic()
    while not list(desk.glob("results/*.unfinished/[!.]*.part")) and time.monotonic() - waited < 120:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: workers get it too
    _, stderr = running.communicate(timeout=60)
    assert (running.returncode, stderr) == (130, "stopped; what is done is kept: go on by --resume\n")


def test_a_bug_of_ours_deserves_its_traceback_and_one_of_your_own_a_line_that_says_where(desk, call):
    with pytest.raises(ZeroDivisionError):
        exit_code(ZeroDivisionError())
    line = error_line(call("run", "story.yaml", "--set", "schemes.0.codec=own:Buggy", "--allow-code"))
    assert "codec own:Buggy: encode raised ZeroDivisionError: " in line
    assert "own.py, line 12" in line
    assert not (desk / "results").exists()


def test_a_mistake_ends_the_process_with_2_and_one_line(desk):
    assert "absent.yaml: no such scenario file" in error_line(satsim(desk, "run", "absent.yaml"))


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["codec", "--help"], ["weights", "--help"]])
def test_help_is_at_hand(call, arguments):
    done = call(*arguments)
    assert done.returncode == 0
    assert "Usage" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"), [(["run"], "[default: one for each core]"), (["codec", "info"], "[default: all]")]
)
def test_help_tells_defaults_that_are_put_in_words(call, arguments, told):
    assert told in call(*arguments, "--help").stdout


def test_an_unknown_command_is_exit_code_2(call):
    assert call("fly").returncode == 2


def test_codec_info_prints_parameters_and_flops(call):
    done = call("codec", "info", "small", "--width", "256", "--height", "256")
    assert done.returncode == 0, done.stderr
    assert "320" in done.stdout, "bytes a stage"
    assert "0.0391" in done.stdout, "bits a pixel a stage"


@pytest.mark.slow
def test_a_drill_kills_commands_and_finds_no_harm():
    drill = [sys.executable, REPO / "benchmarks" / "kill_drill.py", "--tries", "4", "--kinds", "encode,key"]
    done = subprocess.run(drill, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[:5] for line in done.stdout.splitlines()[:-1]] == [
        ["encode", "4", "tried", "0", "failed"],
        ["key", "4", "tried", "0", "failed"],
    ]
