"""The cache of sweeps: shared by processes, and never believed where a line is cut, altered or half written."""

import errno
import itertools
import math
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time

import pytest

from satsim.scoring.cache import BUSY_S, Cache

KEY = "ab12cd34"
OTHER_KEY = "ab12cd35"


def the_journal(folder):
    [journal] = folder.rglob("*.journal")
    return journal


def age(journal):
    """Make `journal` look as if nobody had been at it for a while."""
    past_s = time.time() - 2 * BUSY_S
    os.utime(journal, (past_s, past_s))


def keep_squares(folder, numbers):
    """What a writer process does; its own cache, as in a sweep."""
    cache = Cache(folder)
    for number in numbers:
        cache.keep(KEY, f"{number}", number**2)
        assert cache.find(KEY, f"{number}") == number**2


def keep_squares_for_ever(folder):
    keep_squares(folder, itertools.count())


def test_what_is_kept_is_found_by_another_cache_on_the_same_folder(tmp_path):
    Cache(tmp_path).keep(KEY, "numbers", [1 / 3, 5, "text", None, math.inf])
    assert Cache(tmp_path).find(KEY, "numbers") == [1 / 3, 5, "text", None, math.inf]
    assert Cache(tmp_path).find(KEY, "other") is None
    assert Cache(tmp_path).find(OTHER_KEY, "numbers") is None


def test_what_another_process_keeps_later_is_found_too(tmp_path):
    reader, writer = Cache(tmp_path), Cache(tmp_path)
    writer.keep(KEY, "early", 1)
    assert reader.find(KEY, "early") == 1
    writer.keep(KEY, "late", 2)
    assert reader.find(KEY, "late") == 2


def test_without_a_folder_memory_serves_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = Cache(None)
    cache.keep(KEY, "name", 1)
    assert cache.find(KEY, "name") == 1
    assert cache.find(KEY, "other") is None
    assert list(tmp_path.iterdir()) == []
    assert cache.notices == []


def test_a_pickled_cache_takes_along_its_folder_only(tmp_path):
    cache = Cache(tmp_path)
    cache.keep(KEY, "name", 1)
    assert len(pickle.dumps(cache)) < 1000
    assert pickle.loads(pickle.dumps(cache)).find(KEY, "name") == 1


def test_a_thousand_entries_of_one_writer_are_one_file(tmp_path):
    keep_squares(tmp_path, range(1000))
    cache = Cache(tmp_path)
    assert [cache.find(KEY, f"{number}") for number in range(1000)] == [number**2 for number in range(1000)]
    assert the_journal(tmp_path)


def test_two_processes_that_write_the_same_entries_at_once_leave_a_readable_cache(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=keep_squares, args=(tmp_path, range(2000))) for _ in range(2)]
    for writer in writers:
        writer.start()
    watcher = Cache(tmp_path)
    while any(writer.is_alive() for writer in writers):
        assert watcher.find(KEY, "1999") in (None, 1999**2)
    for writer in writers:
        writer.join()
    cache = Cache(tmp_path)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert all(cache.find(KEY, f"{number}") == number**2 for number in range(2000))
    assert (watcher.repaired, cache.repaired) == (0, 0)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_writer_that_is_killed_leaves_only_entries_that_are_right(tmp_path):
    writer = multiprocessing.get_context("spawn").Process(target=keep_squares_for_ever, args=(tmp_path,))
    writer.start()
    cache = Cache(tmp_path)
    while cache.find(KEY, "50") is None:
        assert writer.is_alive()
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    for journal in tmp_path.rglob("*.journal"):
        age(journal)
    survivor = Cache(tmp_path)
    found = [survivor.find(KEY, f"{number}") for number in range(10_000)]
    assert all(value in (None, number**2) for number, value in enumerate(found))
    assert None not in found[:51]
    assert survivor.repaired <= 1
    survivor.keep(KEY, "after", 1)
    assert Cache(tmp_path).find(KEY, "after") == 1


def test_a_journal_cut_anywhere_gives_back_whole_entries_only_and_is_mended(tmp_path):
    keep_squares(tmp_path, [3, 4])
    journal = the_journal(tmp_path)
    whole = journal.read_bytes()
    ends = [k + 1 for k, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(1, len(whole)):
        for other in tmp_path.rglob("*.journal"):
            other.unlink()
        journal.write_bytes(whole[:length])
        age(journal)
        cache = Cache(tmp_path)
        assert cache.find(KEY, "3") == (9 if length >= ends[0] else None)
        assert cache.find(KEY, "4") is None
        assert cache.repaired == (0 if length in ends else 1)
        cache.keep(KEY, "3", 9)
        cache.keep(KEY, "4", 16)
        mended = Cache(tmp_path)
        assert (mended.find(KEY, "3"), mended.find(KEY, "4"), mended.repaired) == (9, 16, 0)


def test_a_flipped_bit_costs_the_entry_it_is_in_and_is_counted_once(tmp_path):
    keep_squares(tmp_path, [3, 4])
    journal = the_journal(tmp_path)
    whole = journal.read_bytes()
    first = whole.index(b"\n")
    for place in range(first):
        for other in tmp_path.rglob("*.journal"):
            other.unlink()
        altered = bytearray(whole)
        altered[place] ^= 1 << place % 8
        journal.write_bytes(altered)
        cache = Cache(tmp_path)
        assert (cache.find(KEY, "3"), cache.find(KEY, "4")) == (None, 16)
        assert cache.repaired == altered.count(b"\n") - 1  # a bit may make one bad line two
        mended = Cache(tmp_path)
        assert (mended.find(KEY, "3"), mended.find(KEY, "4"), mended.repaired) == (None, 16, 0)


def test_an_entry_moved_to_another_key_is_not_believed(tmp_path):
    keep_squares(tmp_path, [3])
    folder = the_journal(tmp_path).parent
    folder.rename(folder.with_name(OTHER_KEY[2:]))
    cache = Cache(tmp_path)
    assert cache.find(OTHER_KEY, "3") is None
    assert cache.repaired == 1


def test_a_line_that_its_writer_is_still_at_is_left_to_it(tmp_path):
    keep_squares(tmp_path, [3])
    journal = the_journal(tmp_path)
    line = journal.read_bytes()
    journal.write_bytes(line[:20])
    cache = Cache(tmp_path)
    assert cache.find(KEY, "3") is None
    journal.write_bytes(line)
    assert cache.find(KEY, "3") == 9
    assert cache.repaired == 0


def test_a_full_disk_is_told_once_and_memory_goes_on(tmp_path):
    pytest.importorskip("resource", reason="this system has no limits on file sizes")
    code = (
        "import resource, sys; from pathlib import Path; from satsim.scoring.cache import Cache\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "cache = Cache(Path(sys.argv[1]))\n"
        f"for k in range(100): cache.keep({KEY!r}, str(k), k)\n"
        f"assert [cache.find({KEY!r}, str(k)) for k in range(100)] == list(range(100))\n"
        "print(*cache.notices, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    [notice] = done.stdout.splitlines()
    assert f"cache {tmp_path} cannot be written ({os.strerror(errno.ENOSPC)})" in notice
    assert the_journal(tmp_path).stat().st_size == 1000
    age(the_journal(tmp_path))
    cache = Cache(tmp_path)
    assert [cache.find(KEY, f"{k}") for k in range(5)] == list(range(5))
    assert cache.repaired == 1


def test_a_folder_that_cannot_be_is_told_once_and_memory_goes_on(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    cache = Cache(in_the_way)
    for number in range(3):
        assert cache.find(KEY, f"{number}") is None
        cache.keep(KEY, f"{number}", number)
    assert [cache.find(KEY, f"{number}") for number in range(3)] == [0, 1, 2]
    assert [notice.split("(")[0] for notice in cache.notices] == [
        f"cache {in_the_way} cannot be read ",
        f"cache {in_the_way} cannot be written ",
    ]
