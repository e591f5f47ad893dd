"""Files and folders that appear whole or not at all."""

import errno
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from codec.exchange import aside_name, exchange, put_in_place, take_lock
from codec.files import cache_folder, check_free, fresh_folder, make_durable, only_one, prepared, replacing, write_whole
from satsim.errors import SweepError
from satsim.keys import locked
from satsim.sweep.results import Unfinished


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_at_the_end_of_the_block(tmp_path):
    with fresh_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("new")
        assert not (tmp_path / "out").exists()
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "a").read_text() == "new"


def test_parents_are_made(tmp_path):
    with fresh_folder(tmp_path / "deep" / "down" / "out"):
        pass
    assert (tmp_path / "deep" / "down" / "out").is_dir()


def test_what_was_there_is_moved_aside_whole(tmp_path):
    for content in ("first", "second", "third"):
        with fresh_folder(tmp_path / "out") as folder:
            (folder / content).write_text(content)
    assert names(tmp_path) == ["out", "out.1", "out.2"]
    assert [names(tmp_path / out) for out in ("out.1", "out.2", "out")] == [["first"], ["second"], ["third"]]


def test_a_file_in_the_way_is_moved_aside_too(tmp_path):
    (tmp_path / "out").write_text("a file")
    with fresh_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").is_dir()
    assert (tmp_path / "out.1").read_text() == "a file"


def test_the_first_free_name_is_taken(tmp_path):
    (tmp_path / "out.1").mkdir()
    (tmp_path / "out.3").mkdir()
    assert aside_name(tmp_path / "out") == tmp_path / "out.2"


@pytest.mark.parametrize("mishap", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_after_a_mishap_nothing_is_left_and_nothing_has_moved(tmp_path, mishap):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")

    def fail():
        with fresh_folder(tmp_path / "out") as folder:
            (folder / "half").write_text("half")
            raise mishap

    with pytest.raises(mishap):
        fail()
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["old"]


def test_a_folder_below_a_file_is_refused_and_the_file_stays(tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OSError, match="file"), fresh_folder(tmp_path / "file" / "out"):
        pass
    assert (tmp_path / "file").read_text() == "a file"


@pytest.mark.parametrize("out", [".", "..", "../here"])
def test_the_folder_one_is_in_is_never_moved_aside(tmp_path, monkeypatch, out):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine").write_text("mine")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(OSError, match="is the folder you are in"), fresh_folder(Path(out)):
        pass
    assert (tmp_path / "here" / "mine").read_text() == "mine"
    assert names(tmp_path) == ["here"]


def test_a_file_appears_with_its_parents_and_replaces_the_one_before(tmp_path):
    for content in (b"old", b"new"):
        write_whole(tmp_path / "deep" / "down" / "a.txt", content)
        assert (tmp_path / "deep" / "down" / "a.txt").read_bytes() == content
    assert names(tmp_path / "deep" / "down") == ["a.txt"]


def test_until_the_end_of_the_block_the_old_file_is_there(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")
    with replacing(tmp_path / "a.png") as partial, replacing(tmp_path / "a.png") as other:
        assert partial.parent == tmp_path
        assert partial.suffix == ".png", "libraries tell the format by it"
        assert partial != other, "two writers, and neither sees the other's half"
        partial.write_bytes(b"new")
        other.write_bytes(b"newer")
        assert (tmp_path / "a.png").read_bytes() == b"old"
    assert (tmp_path / "a.png").read_bytes() == b"new"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("mishap", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_after_a_mishap_the_old_file_is_there_and_nothing_else(tmp_path, mishap):
    (tmp_path / "a.txt").write_bytes(b"old")

    def fail():
        with replacing(tmp_path / "a.txt") as partial:
            partial.write_bytes(b"half")
            raise mishap

    with pytest.raises(mishap):
        fail()
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"old"


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.txt"):
        pass
    assert names(tmp_path) == []


def test_a_folder_is_never_replaced_by_a_file(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(IsADirectoryError, match="/out'"), replacing(tmp_path / "out"):
        raise AssertionError("the work began")
    assert names(tmp_path) == ["out"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such pipes there")
@pytest.mark.parametrize("writer", [fresh_folder, replacing, prepared])
def test_a_pipe_stays_whatever_is_to_have_its_name_and_so_does_a_device(tmp_path, writer):
    os.mkfifo(tmp_path / "out")
    with pytest.raises(OSError, match="is a device, a pipe or a socket, which stays"), writer(tmp_path / "out"):
        raise AssertionError("the work began")
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out").is_fifo()


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="nothing is mounted there")
def test_what_is_mounted_is_named_before_the_work_for_nothing_can_take_its_name():
    with pytest.raises(OSError, match=r"is mounted there.*: '/proc'"):
        check_free(Path("/proc"))


def test_a_name_without_room_for_hidden_ones_is_said_before_the_work(tmp_path):
    long = "a" * (os.pathconf(tmp_path, "PC_NAME_MAX") - 5)
    (tmp_path / long).touch()
    for name in (long, long[:-1]):
        with pytest.raises(OSError, match=rf"too long .*26 letters more.*{name}'"), prepared(tmp_path / name):
            raise AssertionError("the work began")


def test_the_folders_of_a_file_go_again_where_it_cannot_be_made(tmp_path):
    def fail():
        with replacing(tmp_path / "deep" / "down" / "a.png") as partial:
            partial.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(tmp_path) == []


def test_a_file_has_the_rights_that_new_files_have(tmp_path):
    (tmp_path / "plain").write_bytes(b"x")
    write_whole(tmp_path / "whole", b"x")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_cache_folder_is_the_one_that_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert not cache_folder().exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the folder is another on other platforms")
def test_the_cache_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv("SATSIM_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "satsim"


def age(path, hours):
    then_s = time.time() - 3600 * hours
    for each in (*path.rglob("*"), path):
        os.utime(each, (then_s, then_s))


def in_another_process(code, *arguments):
    """Run `code` there, so that what a killed one left is met by one that has seen none of these folders."""
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)


NEXT = "import sys; from pathlib import Path; from codec.files import check_free; check_free(Path(sys.argv[1]))"


def test_no_two_writers_of_any_process_share_a_name(tmp_path):
    with fresh_folder(tmp_path / "out") as one, fresh_folder(tmp_path / "out") as other:
        assert one != other, "though both have the same process number, as programs in two containers may"
        (one / "a").write_text("one")
        (other / "a").write_text("other")
    assert names(tmp_path) == ["out", "out.1"]
    assert (tmp_path / "out" / "a").read_text() == "one"
    assert (tmp_path / "out.1" / "a").read_text() == "other"


def test_a_link_to_nothing_stays_and_what_it_names_is_made(tmp_path):
    (tmp_path / "pictures").mkdir()
    for name in ("out", "a.png"):
        (tmp_path / name).symlink_to(tmp_path / "pictures" / name)
    with fresh_folder(tmp_path / "out") as folder:
        (folder / "new").write_text("new")
    write_whole(tmp_path / "a.png", b"new")
    assert names(tmp_path) == ["a.png", "out", "pictures"]
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "a.png").is_symlink()
    assert (tmp_path / "pictures" / "out" / "new").read_text() == "new"
    assert (tmp_path / "pictures" / "a.png").read_bytes() == b"new"


def test_a_link_to_itself_costs_no_results(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "out")
    with fresh_folder(tmp_path / "out") as folder:
        (folder / "new").write_text("new")
    assert (tmp_path / "out" / "new").read_text() == "new"


def test_what_was_abandoned_a_day_ago_is_swept_and_what_is_young_or_no_partial_stays(tmp_path):
    old = [".out.partial-0123456789abcdef", ".a.partial-0123456789abcdef.png", ".b.partial-0123456789abcdef"]
    stay = [".out.partial-fedcba9876543210", ".key.yaml.partial", ".notes.partial-1", "out.partial-0123456789abcdef"]
    for name in old + stay:
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("half")
        age(tmp_path / name, hours=25)
    (tmp_path / stay[0] / "half").write_text("a writer is at work: the folder is old, and this is new")
    write_whole(tmp_path / "a.png", b"new")
    assert names(tmp_path) == sorted([*stay, "a.png"])


def test_parents_are_made_before_the_work_and_empty_ones_go_again_if_it_fails(tmp_path):
    with prepared(tmp_path / "deep" / "down" / "a.png"):
        assert (tmp_path / "deep" / "down").is_dir()
    (tmp_path / "deep" / "down").rmdir()
    with pytest.raises(ZeroDivisionError), prepared(tmp_path / "deep" / "down" / "a.png"):
        raise ZeroDivisionError
    assert names(tmp_path) == ["deep"]
    assert names(tmp_path / "deep") == []


HOLD = """
import sys, time
from pathlib import Path
from codec.files import only_one

with only_one(Path(sys.argv[1])) as alone:
    print(alone, flush=True)
    sys.stdin.read(1)
"""


def test_one_process_at_a_time_has_a_lock_and_one_that_is_killed_leaves_it_to_the_next(tmp_path):
    lock = tmp_path / "lock"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLD, lock], **pipes) as holder:
        assert holder.stdout.readline() == "True\n"
        with only_one(lock) as alone:
            assert not alone
        assert lock.exists(), "it is not ours to take away"
        holder.kill()
    assert lock.exists()
    with only_one(lock) as alone:
        assert alone
    assert names(tmp_path) == []


def test_a_new_database_becomes_durable_though_another_program_writes_into_it_just_then(tmp_path):
    settings = {"timeout": 30, "isolation_level": None, "check_same_thread": False}
    other, ours = (sqlite3.connect(tmp_path / "a.db", **settings) for _ in "ab")
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            make_durable(ours, 0)  # SQLite itself waits for none of the 30 seconds
        end = threading.Timer(0.2, other.execute, ["COMMIT"])
        end.start()
        make_durable(ours, 30)
        end.join()
        found = [
            ours.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
        assert found == ["wal", 2, 1]
    finally:
        other.close()
        ours.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from codec.exchange import exchange, put_in_place

def swap(one, other):
    if sys.argv[2] == "after":
        assert exchange(one, other)
    if sys.argv[2] != "never":
        os.kill(os.getpid(), signal.SIGKILL)
    return False

class Killing(type(Path())):
    def rename(self, target):
        if ".ready-" in self.name:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().rename(target)

    def with_name(self, name):
        return type(self)(self.parent / name)

here = Killing(sys.argv[1])
put_in_place(here / ".out.partial-01", here / "out", swap)
"""


@pytest.mark.skipif(os.name == "nt", reason="no such kill there")
@pytest.mark.parametrize(("when", "left"), [("before", "old"), ("after", "new"), ("never", "new")])
def test_a_kill_between_two_renames_leaves_a_whole_folder_of_that_name(tmp_path, when, left):
    # "never": names cannot be exchanged, and the kill comes when neither folder has the name; the next command mends.
    for folder, content in (("out", "old"), (".out.partial-01", "new")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / content).write_text(content)
    killed = in_another_process(KILLED, tmp_path, when)
    assert killed.returncode == -9, killed.stderr
    if when == "never":
        assert not (tmp_path / "out").exists()
    assert in_another_process(NEXT, tmp_path / "out").returncode == 0
    assert names(tmp_path) == ["out", "out.1"], "and nothing was lost"
    assert names(tmp_path / "out") == [left]
    assert names(tmp_path / "out.1") == [{"old": "new", "new": "old"}[left]]


@pytest.mark.parametrize("swap", [exchange, lambda one, other: False])
def test_a_new_folder_takes_the_name_with_and_without_exchange(tmp_path, swap):
    for folder in ("out", "new", "out.1"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / folder).write_text("x")
    put_in_place(tmp_path / "new", tmp_path / "out", swap)
    assert {folder: names(tmp_path / folder) for folder in names(tmp_path)} == {
        "out": ["new"],
        "out.1": ["out.1"],
        "out.2": ["out"],
    }


def test_new_results_wait_where_the_old_ones_are_held_open_as_on_windows(tmp_path):
    def held(ready, out):
        raise PermissionError(13, "Access is denied", str(out))

    for folder in ("out", "new"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / folder).write_text("x")
    with pytest.raises(OSError, match=r"cannot be moved aside while a file in it is open; close it: .*/out"):
        put_in_place(tmp_path / "new", tmp_path / "out", lambda one, other: False, held)
    assert names(tmp_path / "out") == ["out"]
    check_free(tmp_path / "out")  # as the next command does
    assert names(tmp_path) == ["out", "out.1"]
    assert names(tmp_path / "out") == ["new"]


@pytest.fixture
def msvcrt(monkeypatch):
    """The library of Windows, played by a lock of this system."""
    import fcntl

    def locking(number, mode, count):
        assert (mode, count, os.lseek(number, 0, os.SEEK_CUR)) == (2, 1, 0)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))


@pytest.mark.skipif(os.name == "nt", reason="plays Windows elsewhere")
@pytest.mark.parametrize("system", ["posix", "nt"])
def test_a_lock_is_held_by_one_and_waited_for(tmp_path, msvcrt, system):
    first, second = (os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(2))
    assert take_lock(first, system=system)
    assert not take_lock(second, wait=False, system=system)
    taken = threading.Event()
    waiting = threading.Thread(target=lambda: take_lock(second, system=system) and taken.set())
    waiting.start()
    assert not taken.wait(0.2)
    os.close(first)
    waiting.join(30)
    assert taken.is_set()
    os.close(second)


@pytest.mark.skipif(os.name == "nt", reason="plays Windows elsewhere")
@pytest.mark.parametrize("system", ["posix", "nt"])
def test_key_files_and_sweeps_are_locked_and_leave_no_lock_behind(tmp_path, msvcrt, system):
    order = []

    def use(name):
        with locked(tmp_path / "key.yaml", system):
            order.append(name)

    with locked(tmp_path / "key.yaml", system):
        other = threading.Thread(target=use, args=("other",))
        other.start()
        other.join(0.2)
        order.append("one")
    other.join(30)
    assert order == ["one", "other"]
    unfinished = Unfinished(tmp_path / "out")
    with unfinished.locked(system):
        with pytest.raises(SweepError, match="another sweep is at work there"), unfinished.locked(system):
            pass
        assert names(unfinished.folder) == ["lock"]
    assert names(tmp_path) == []


def test_results_that_were_ready_beside_old_ones_take_their_place_too(tmp_path):
    for folder, content in (("out", "old"), (".out.ready-0123456789abcdef", "new")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / content).write_text(content)
    check_free(tmp_path / "out")
    assert names(tmp_path) == ["out", "out.1"]
    assert names(tmp_path / "out") == ["new"]


def test_where_nothing_can_be_written_is_said_before_the_work(tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OSError, match="file"), prepared(tmp_path / "file" / "down" / "a.png"):
        raise AssertionError("the work began")
