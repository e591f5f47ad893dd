"""Work for several processes: real ones, of which some are killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from satsim.errors import SweepError
from satsim.sweep.local import run_here, run_in_processes


def square(number):
    return number * number


def die_once(task):
    """Kill this very process the first time, and answer the second."""
    number, mark = task
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_always(number):
    os.kill(os.getpid(), signal.SIGKILL)


def die_as_it_speaks(task):
    """Number 1 is killed the first time with half of its long answer told; number 0 answers just before that."""
    number, mark = task
    if number == 0:
        wait_until(mark.exists)
    elif not mark.exists():
        mark.touch()
        time.sleep(0.5)
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return bytes(10_000_000 * number)


def complain(number):
    raise SweepError(f"{number} is no good")


def test_one_process_answers_in_order():
    assert list(run_here(square, [1, 2, 3])) == [(0, 1), (1, 4), (2, 9)]


def test_several_processes_answer_each_task_once():
    assert sorted(run_in_processes(square, list(range(20)), 2)) == [(k, k * k) for k in range(20)]


def test_a_worker_killed_amid_its_work_costs_no_answer(tmp_path):
    tasks = [(k, tmp_path / "mark") for k in range(10)]
    assert sorted(run_in_processes(die_once, tasks, 2)) == [(k, k) for k in range(10)]
    assert (tmp_path / "mark").exists()


@pytest.mark.slow
def test_half_an_answer_of_a_worker_that_died_is_not_waited_for(tmp_path):
    done = []
    for number, answer in run_in_processes(die_as_it_speaks, [(0, tmp_path / "mark"), (1, tmp_path / "mark")], 2):
        done.append((number, len(answer)))
        time.sleep(2)  # the other one fills its pipe meanwhile, and dies
    assert done == [(0, 0), (1, 10_000_000)]


def test_workers_that_always_die_end_with_a_line():
    with pytest.raises(SweepError, match="worker processes died without an answer"):
        list(run_in_processes(die_always, [1], 1))


def test_what_a_task_raises_comes_through():
    with pytest.raises(SweepError, match="is no good"):
        list(run_in_processes(complain, [1, 2], 2))


ORPHANS = """
import sys, time
from pathlib import Path
from satsim.sweep.local import run_in_processes

def wait(folder):
    import os
    (folder / str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    list(run_in_processes(wait, [Path(sys.argv[1])] * 2, 2))
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    (tmp_path / "orphans.py").write_text(ORPHANS, encoding="utf-8")
    marks = tmp_path / "marks"
    marks.mkdir()
    repo = Path(__file__).resolve().parent.parent
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "orphans.py", marks], env=os.environ | {"PYTHONPATH": str(repo)}
    )
    assert wait_until(lambda: len(list(marks.iterdir())) == 2)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert wait_until(lambda: not any(is_alive(mark.name) for mark in marks.iterdir()))


def is_alive(pid):
    """Whether the process runs; one that ended, and that nobody has asked for, does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def wait_until(true):
    for _ in range(600):
        if true():
            return True
        time.sleep(0.1)
    return False
