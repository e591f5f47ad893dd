"""The inbox's benchmarks, a little of each: they run, find no harm, and would say so."""

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


def drill(name, *arguments):
    command = [sys.executable, REPO / "benchmarks" / name, *map(str, arguments)]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_a_drill_kills_the_inbox_and_nothing_that_it_answered_for_is_lost():
    done = drill("inbox_kills.py", "--kills", 6)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 were lost, 0 others are missing or too many; 0 are kept and not taken\n" in done.stdout


@pytest.mark.slow
def test_the_inbox_takes_two_hundred_messages_a_second_and_does_not_slow_as_it_grows():
    done = drill("inbox.py", "--messages", 3000, "--images", 60, "--kills", 8, "--seconds", 3)
    assert "of those confirmed were lost" in done.stdout, done.stderr
    assert "; 0 of those confirmed were lost;" in done.stdout
    assert "service: 600 of 600 messages kept" in done.stdout
