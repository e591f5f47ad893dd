"""Work for several processes: real ones, of which some are killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from codec.files import write_whole
from codec.rivals.external import call
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
    """Number 1 is killed the first time with half of its long answer told, which it begins once 0's was heard."""
    number, folder = task
    if number == 0:
        wait_until((folder / "worker").exists)
    elif not (folder / "worker").exists():
        write_whole(folder / "worker", str(os.getpid()).encode())
        wait_until((folder / "heard").exists)
        threading.Thread(target=die_with_half_told).start()
    return bytes(10_000_000 * number)


def die_with_half_told():
    """Kill this process once there is something in a pipe of it that nobody reads."""
    wait_until(lambda: any(map(untold_bytes, os.listdir("/proc/self/fd"))))
    os.kill(os.getpid(), signal.SIGKILL)


def untold_bytes(number):
    """How much was written to an open pipe and is not read yet; 0 for what is no pipe, or closed by now."""
    import fcntl
    import termios

    try:
        return int.from_bytes(fcntl.ioctl(int(number), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0


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


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks for pipes and processes in /proc")
def test_half_an_answer_of_a_worker_that_died_is_not_waited_for(tmp_path):
    done = []
    for number, answer in run_in_processes(die_as_it_speaks, [(0, tmp_path), (1, tmp_path)], 2):
        done.append((number, len(answer)))
        (tmp_path / "heard").touch()  # now the other one speaks, and dies before anybody listens
        assert wait_until(lambda: not is_alive((tmp_path / "worker").read_text(encoding="utf-8")))
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


HIT_WHILE_IMPORTING = """
import os, signal

if __name__ != "__main__":  # a worker, which imports this file before it does anything
    os.kill(os.getpid(), signal.SIGINT)

from satsim.sweep.local import run_in_processes

if __name__ == "__main__":
    print(sorted(run_in_processes(abs, [-1, -2, -3], 2)))
    os.kill(os.getpid(), signal.SIGINT)
    print("not heard")
"""


@pytest.mark.skipif(os.name == "nt", reason="there signals are not blocked")
def test_workers_that_import_do_not_hear_ctrl_c_and_their_parent_does(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(HIT_WHILE_IMPORTING, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == "[(0, 1), (1, 2), (2, 3)]\n"
    assert done.returncode == -signal.SIGINT
    assert done.stderr.count("Traceback") == 1, "the parent's own"


def call_for_long(pipe):
    """A worker's task that waits for a command, which holds `pipe` open."""
    if pipe is None:
        return "done"
    held = 'import sys, time; pipe = open(sys.argv[1], "wb", buffering=0); pipe.write(b"born"); time.sleep(120)'
    return call([sys.executable, "-c", held, str(pipe)])


@pytest.mark.skipif(os.name == "nt", reason="there its commands stay")
def test_a_command_that_a_worker_waits_for_ends_with_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    answers = run_in_processes(call_for_long, [tmp_path / "pipe", None], 2)
    assert next(answers) == (1, "done")
    assert wait_until(lambda: read(reader) == b"born")
    answers.close()
    assert wait_until(lambda: read(reader) == b"")  # a pipe ends with the last who could write to it
    os.close(reader)


def read(pipe):
    """What is in it; nothing where none writes any more, and None where one may."""
    try:
        return os.read(pipe, 4)
    except BlockingIOError:
        return None
