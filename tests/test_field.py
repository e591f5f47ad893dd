"""All of the field at once, by processes that share only ptys and sockets; and how the inbox is deployed."""

import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from conftest import REPO

pytest.importorskip("adafruit_rockblock", reason="needs adafruit-circuitpython-rockblock")


@pytest.mark.slow
def test_two_teams_send_three_photos_over_lossy_links_through_crashes_and_every_message_is_accounted_for(tmp_path):
    out = tmp_path / "field"
    command = [sys.executable, REPO / "benchmarks" / "field.py", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((out / "account.json").read_text(encoding="utf-8"))
    assert told["wrong"] == []
    first, second = told["teams"]
    assert [team["photos"] for team in (first, second)] == [1, 2]
    assert [team["kept by the inbox"] for team in (first, second)] == [5, 10]
    assert first["lost behind the gateway"] > 0, "else nothing was asked for again"
    assert second["lost behind the gateway"] > 0
    assert told["requests"] >= 2
    assert re.findall(r"killed", done.stdout) == ["killed", "killed"]
    images = json.loads((out / "export" / "manifest.json").read_text(encoding="utf-8"))["images"]
    assert [image["missing"] for image in images] == [[], [], []]


UNIT = REPO / "docs" / "deploy" / "satsim-inbox.service"


def test_the_unit_calls_the_inbox_with_options_that_it_has():
    start = re.search(r"^ExecStart=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)[1]
    program, *words = shlex.split(start)
    assert program.endswith("/satsim")
    done = subprocess.run([sys.executable, "-m", "satsim", *words, "--help"], capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 0, done.stderr
    assert words[0] == "inbox"
    missing = [word for word in words if word.startswith("--") and word not in done.stdout]
    assert missing == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    text = UNIT.read_text(encoding="utf-8").replace("/opt/satsim/bin/satsim", sys.executable)
    (tmp_path / UNIT.name).write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", tmp_path / UNIT.name]
    done = subprocess.run(command, capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if UNIT.name in line] == []
    assert done.returncode == 0, done.stderr
