"""The inbox's decoder: newest first, each state once, and whatever stops it, nothing is lost and nothing goes round."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import posts
import pytest
from PIL import Image

from satsim.inbox import decoding
from satsim.inbox.database import connect
from satsim.inbox.decoding import decode_next, lock_of
from satsim.inbox.store import Store, lag
from satsim.receiving import Wanted

OWN = Wanted(own_codec="codec.fake:FakeCodec")


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "inbox.db")
    yield store
    store.close()


def decode_all(store, wanted=OWN):
    """The rows of images, in the order in which they were decoded."""
    return list(iter(lambda: decode_next(store.db, store.path, wanted), None))


def colours(store, picture):
    """The colour at each of the five places."""
    pixels = np.asarray(Image.open(store.path.parent / picture))
    return [int(pixels[4 * k + 1, 0, 0]) for k in range(5)]


def until(true, seconds=20.0):
    """Wait until `true` says so."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found


def test_the_image_heard_of_last_is_decoded_first_and_each_state_once(store):
    old, new = posts.plain(posts.photo(100)), posts.plain(posts.photo(200))
    posts.take(store, new[:2], time_unix_s=1000.0)
    posts.take(store, old[:3], time_unix_s=2000.0)
    posts.take(store, new[2:3], time_unix_s=3000.0)
    assert lag(store.db) == (2, 1000.0)
    assert decode_all(store) == [1, 2]
    assert lag(store.db) == (0, None)
    assert posts.rows(store, "decodes", "image, held, missing, picture") == [
        (1, "0-2", "3-4", "pictures/7/1/00003.png"),
        (2, "0-2", "3-4", "pictures/7/2/00003.png"),
    ]
    assert decode_all(store) == []


def test_each_picture_stays_and_the_latest_has_a_name_of_its_own(store):
    messages = posts.plain(posts.photo(100))
    for part in (messages[:2], messages[2:]):
        posts.take(store, part)
        decode_all(store)
    folder = store.path.parent / "pictures/7/1"
    assert sorted(path.name for path in folder.iterdir()) == ["00002.png", "00005.png", "latest.png"]
    assert (folder / "latest.png").read_bytes() == (folder / "00005.png").read_bytes()
    assert colours(store, "pictures/7/1/latest.png") == [100] * 5


def test_an_old_and_a_new_photo_of_one_number_have_pictures_of_their_own(tmp_path):
    store = Store(tmp_path / "inbox.db", {7: posts.KEY})
    posts.take(store, posts.sealed(posts.photo(100, image_id=5), 0))
    posts.take(store, posts.sealed(posts.photo(200, image_id=5), 300))
    assert sorted(decode_all(store)) == [1, 2]
    assert colours(store, "pictures/7/1/latest.png") == [100] * 5
    assert colours(store, "pictures/7/2/latest.png") == [200] * 5
    store.close()


def test_where_messages_contradict_each_other_that_is_a_row_and_both_are_shown(store):
    photo = posts.photo(100)
    forged = photo[2]._replace(payload=b"\xc8\xc8\xc8")
    posts.take(store, posts.plain(photo), "directip", imei="300234010753370")
    posts.take(store, posts.plain([forged]), "udp")
    decode_all(store)
    [(line,)] = posts.rows(store, "contradictions", "line")
    assert "packet 2 of sender 7" in line
    assert "directip 300234010753370/3 is used" in line
    assert [colours(store, picture) for (picture,) in posts.rows(store, "decodes", "picture")] == [
        [100, 100, 100, 100, 100],
        [100, 100, 200, 100, 100],
    ]


def test_what_cannot_be_decoded_is_noted_and_not_tried_again(store):
    posts.take(store, posts.plain(posts.photo(100, codec="webp", model_id=77)))
    posts.take(store, posts.plain(posts.photo(100, codec="webp", model_id=1)))
    posts.take(store, posts.plain(posts.jpeg_photo(1)), time_unix_s=2000.0)
    assert decode_all(store, None) == [3, 2, 1]
    [unknown, broken, good] = posts.rows(store, "images", "id, error")
    assert unknown == (1, "packets are for codec webp, bitstream 77; this version cannot decode it")
    assert "webp" in broken[1].lower()
    assert good == (3, None)
    assert decode_all(store, None) == []


def test_a_forged_header_of_millions_of_pixels_costs_no_minutes(store):
    posts.take(store, posts.plain(posts.photo(100, height=1400, width=1400)[:1]))
    assert decode_all(store) == [1]
    [(error,)] = posts.rows(store, "images", "error")
    assert "1,960,000 pixels; expected at most 65,536" in error


def test_a_large_picture_is_decoded_only_if_that_is_wanted(store):
    large = posts.photo(100, count=10, height=1500, width=1500)
    posts.take(store, posts.plain([packet._replace(payload=packet.payload * 500) for packet in large]))
    assert decode_all(store) == [1]
    [(error,)] = posts.rows(store, "images", "error")
    assert error.startswith("2,250,000 pixels; expected at most 2,097,152 (if you trust it: ")
    assert decoding.look_again(store.db, store.path, at_errors=True) == 1
    assert decode_all(store, Wanted(own_codec="codec.own_that_is_not_there:X", max_pixels=2_250_000)) == [1]
    [(error,)] = posts.rows(store, "images", "error")
    assert "pixels" not in error


def test_no_image_waits_for_ever_where_newer_ones_keep_coming(store):
    for colour in range(5):
        posts.take(store, posts.plain(posts.photo(colour)), time_unix_s=1000.0 + 10 * colour)
    assert decode_next(store.db, store.path, OWN) == 5
    assert decode_next(store.db, store.path, OWN, oldest=True) == 1
    assert decode_next(store.db, store.path, OWN) == 4


def test_an_image_of_which_a_decoder_died_comes_after_all_others_until_more_of_it_comes(store):
    for colour in range(4):
        posts.take(store, posts.plain(posts.photo(colour)[:3]), time_unix_s=1000.0 + 10 * colour)
    store.db.execute("UPDATE images SET trying = changed, tries = 1 WHERE id >= 3")
    posts.take(store, posts.plain(posts.photo(2)[3:]), time_unix_s=1000.0)
    assert decode_all(store) == [3, 2, 1, 4]


def test_a_state_of_which_decoders_die_is_left_alone_after_a_few(store):
    posts.take(store, posts.plain(posts.photo(100)))
    store.db.execute("UPDATE images SET trying = changed, tries = 5")
    assert decode_all(store) == [1]
    assert posts.rows(store, "images", "error") == [("decoding died 5 times of these messages",)]
    posts.take(store, posts.plain([posts.photo(100)[0]._replace(payload=b"more of it")]))
    assert decode_all(store) == [1]
    assert posts.rows(store, "images", "error, tries") == [(None, 0)]


def test_a_picture_that_cannot_be_written_is_no_fault_of_the_image_and_is_written_later(store):
    posts.take(store, posts.plain(posts.photo(100)))
    in_the_way = store.path.parent / "pictures"
    in_the_way.write_text("a file where a folder should be")
    for _ in range(decoding.MOST_TRIES + 1):
        with pytest.raises(OSError, match="pictures"):
            decode_next(store.db, store.path, OWN)
    assert posts.rows(store, "images", "tries, error") == [(0, None)]
    in_the_way.unlink()
    assert decode_all(store) == [1]
    assert colours(store, "pictures/7/1/latest.png") == [100] * 5


def running(path):
    """A decoder, in a process of its own."""
    process = multiprocessing.get_context("spawn").Process(
        target=decoding.decode_forever, args=(path, OWN, os.getpid()), daemon=True
    )
    process.start()
    return process


def decoded(path):
    with sqlite3.connect(path) as db:
        found = [row[0] for row in db.execute("SELECT picture FROM decodes")]
    db.close()
    return found


def test_a_decoder_that_is_killed_goes_on_where_it_was_and_ends_cleanly_when_asked(tmp_path):
    store = Store(tmp_path / "inbox.db")
    for colour in range(12):
        posts.take(store, posts.plain(posts.photo(colour)))
    first = running(store.path)
    until(lambda: decoded(store.path))
    first.kill()
    first.join()
    second = running(store.path)
    until(lambda: lag(store.db).images == 0)
    posts.take(store, posts.plain(posts.photo(99)))
    until(lambda: lag(store.db).images == 0)
    second.terminate()
    second.join()
    assert second.exitcode == 0
    assert len(decoded(store.path)) == 13
    assert all((tmp_path / picture).read_bytes().endswith(b"IEND\xaeB`\x82") for picture in decoded(store.path))
    assert posts.rows(store, "images", "DISTINCT error, tries") == [(None, 0)]
    store.close()


ORPHAN = """
import multiprocessing, os, sys
from pathlib import Path
from satsim.inbox.decoding import decode_forever
from satsim.receiving import Wanted
if __name__ == "__main__":
    arguments = (Path(sys.argv[1]), Wanted(own_codec="codec.fake:FakeCodec"), os.getpid())
    child = multiprocessing.get_context("spawn").Process(target=decode_forever, args=arguments)
    child.start()
    print(child.pid, flush=True)
    child.join()
"""


def test_a_decoder_ends_with_the_service_that_started_it_also_where_that_is_killed(tmp_path):
    path = tmp_path / "inbox.db"
    store = Store(path)
    script = tmp_path / "service.py"
    script.write_text(ORPHAN)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script, path], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        child = int(parent.stdout.readline())
        posts.take(store, posts.plain(posts.photo(100)))
        until(lambda: decoded(path))
        parent.send_signal(signal.SIGKILL)
    until(lambda: not lock_of(path).exists())
    until(lambda: not is_running(child))
    store.close()


def is_running(process):
    """Whether it is there, and no zombie that waits for someone to hear of its end."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_taking_and_decoding_go_on_beside_each_other(tmp_path):
    store = Store(tmp_path / "inbox.db")
    decoder = running(store.path)
    for colour in range(40):
        assert posts.take(store, posts.plain(posts.photo(colour))) == ["new"] * 5
    until(lambda: lag(store.db).images == 0)
    decoder.terminate()
    decoder.join()
    db = connect(store.path)
    assert db.execute("SELECT COUNT(DISTINCT image) FROM decodes").fetchone()[0] == 40
    db.close()
    store.close()
