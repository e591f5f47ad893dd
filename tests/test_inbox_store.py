"""The inbox's store: what came is kept, each message once, and nothing that it confirmed is lost by a crash."""

import hashlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from itertools import permutations

import posts
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsim.air.inbox import Inbox
from satsim.air.packets import pack
from satsim.air.position import Position
from satsim.air.repair import repair_packets
from satsim.air.seal import Sealer, SenderKey
from satsim.errors import ScenarioError
from satsim.inbox.images import MOST_DEVICES, MOST_VERSIONS, messages_of
from satsim.inbox.listing import listing
from satsim.inbox.store import KEPT_BYTES, MOST_WAYS, Arrival, Store, counts

KEYS = {7: posts.KEY}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "inbox.db")
    yield store
    store.close()


@pytest.fixture
def keyed(tmp_path):
    store = Store(tmp_path / "keyed.db", KEYS)
    yield store
    store.close()


def test_the_same_message_by_two_ways_counts_once_and_both_ways_are_known(store):
    [first, *_] = posts.plain(posts.photo(100))
    assert posts.take(store, [first], "directip", imei="300234010753370", momsn=5) == ["new"]
    assert posts.take(store, [first], "hook", 1060.0) == ["again"]
    assert posts.take(store, [first], "hook", 1120.0) == ["again"]
    assert posts.rows(store, "messages", "message, state, count, first_unix_s, last_unix_s") == [
        (first, "taken", 3, 1000.0, 1120.0)
    ]
    assert posts.rows(store, "arrivals", "way, device, metadata, count, last_unix_s") == [
        ("directip", "300234010753370", '{"imei": "300234010753370", "momsn": 5}', 1, 1000.0),
        ("hook", "", "{}", 2, 1120.0),
    ]


def test_a_message_is_kept_as_it_came_with_its_hash(store):
    messages = posts.plain(posts.photo(100))
    posts.take(store, messages)
    assert [(sha, kept) for kept, sha in posts.rows(store, "messages", "message, sha256")] == sorted(
        ((hashlib.sha256(message).digest(), message) for message in messages), key=lambda pair: pair[1]
    )


def test_bytes_that_are_no_packet_are_kept_with_the_reason_and_make_no_image(store):
    damaged = bytearray(pack(posts.photo(100)[0]))
    damaged[-1] ^= 1
    taken = store.take(posts.arrivals([bytes(damaged), b"", b"hello"]))
    assert [each.status for each in taken] == ["rejected"] * 3
    assert taken[0].reason == "checksum does not match; the message was damaged or cut on the way"
    assert counts(store.db) == {"taken": 0, "waiting": 0, "rejected": 3, "images": 0}


def test_of_a_rejected_message_that_is_long_the_beginning_is_kept_and_its_hash_and_length(store):
    long = bytes(range(256)) * 4000
    store.take(posts.arrivals([long]))
    assert posts.rows(store, "messages", "size, message, sha256") == [
        (len(long), long[:KEPT_BYTES], hashlib.sha256(long).digest())
    ]


def test_what_a_way_refuses_is_kept_and_taken_once_it_comes_by_a_way_that_does_not(store):
    [message, *_] = posts.plain(posts.photo(100))
    refused = Arrival(message, "hook", 1000.0, {}, "the JWT is not signed by the key")
    assert store.take([refused])[0][1:] == ("rejected", "the JWT is not signed by the key")
    assert counts(store.db)["images"] == 0
    assert posts.take(store, [message]) == ["new"]
    assert store.take([refused])[0].status == "rejected"
    assert posts.rows(store, "messages", "state, reason, count") == [("taken", None, 3)]


def test_a_flood_of_one_message_takes_no_more_room(store):
    [message, *_] = posts.plain(posts.photo(100))
    for k in range(30):
        store.take([Arrival(message, f"way {k}", 1000.0 + k)] * 10)
    assert posts.rows(store, "messages", "count, last_unix_s") == [(300, 1029.0)]
    assert len(posts.rows(store, "arrivals")) == MOST_WAYS


def test_what_a_gateway_says_is_kept_within_bounds_whatever_it_is(store):
    fields = {"x" * 1000: "y" * 100_000, "nan": float("nan"), "lone": "\ud800", **{str(k): k for k in range(100)}}
    assert store.take([Arrival(b"hello", "hook\ud800", 1.0, fields, "why \ud800")])[0].status == "rejected"
    [(metadata,)] = posts.rows(store, "arrivals", "metadata")
    assert len(metadata) < 1200


def test_two_photos_under_one_number_are_two_images_in_every_order_of_arrival(tmp_path):
    one, other = posts.photo(100, image_id=5)[:2], posts.photo(200, image_id=5)[:2]
    for k, order in enumerate(permutations(posts.plain([*one, *other]))):
        store = Store(tmp_path / f"{k}.db")
        posts.take(store, order)
        assert sorted(posts.rows(store, "images", "number, changed")) == [(5, 2), (5, 2)]
        store.close()


def test_photos_taken_elsewhere_or_under_the_other_header_are_images_of_their_own(store):
    packet = posts.photo(100)[0]
    elsewhere = packet._replace(position=Position(1785585600, 46.55, 8.61))
    short = posts.photo(100, width=256, height=256)[0]
    number = short._replace(image_id=packet.image_id % 256)
    posts.take(store, posts.plain([packet, elsewhere, number, number._replace(compact=True)]))
    assert len(posts.rows(store)) == 4


def test_a_number_that_wraps_under_seals_makes_another_image(keyed):
    old, new = posts.photo(100, image_id=5), posts.photo(200, image_id=5)
    posts.take(keyed, posts.sealed(old, 0))
    posts.take(keyed, posts.sealed(new, 300)[1:4])
    assert posts.rows(keyed, "images", "number, run, changed") == [(5, 0, 5), (5, 300, 3)]
    assert [packet for _, packet in messages_of(keyed.db, 2)] == [
        pack(packet._replace(mark=0)) for packet in new[1:4]
    ], "kept opened too, so that nobody needs the key again"


def test_a_photo_that_differs_in_nothing_but_its_bytes_is_another_once_the_first_was_silent_for_a_day(store):
    old, new = (posts.photo(colour, image_id=5)[:3] for colour in (100, 200))
    new = [packet._replace(mark=old[0].mark) for packet in new]
    posts.take(store, posts.plain(old), time_unix_s=1000.0)
    posts.take(store, posts.plain(new[:1]), time_unix_s=2000.0)
    assert posts.rows(store, "images", "run, changed") == [(0, 4)], "at first it may as well be forged"
    posts.take(store, posts.plain(new[1:]), time_unix_s=200_000.0)
    assert posts.rows(store, "images", "run, changed") == [(0, 4), (1, 2)]
    posts.take(store, posts.plain(posts.photo(100, image_id=5)[3:]), time_unix_s=400_000.0)
    assert posts.rows(store, "images", "run, changed") == [(0, 4), (1, 4)]


def test_repair_symbols_that_come_before_all_payloads_of_their_sealing_find_to_them(keyed):
    photo = posts.photo(200, image_id=5)
    repairs = repair_packets(photo, [(5, 3)])
    early, late = posts.sealed(posts.photo(100, image_id=5), 0), posts.sealed([*photo, *repairs], 600)
    posts.take(keyed, [*early, *late[5:]])
    assert [(run, changed) for _, run, changed in posts.rows(keyed, "images", "id, run, changed")] == [(0, 5), (-2, 3)]
    posts.take(keyed, late[3:4])
    assert posts.rows(keyed, "images", "run, (SELECT COUNT(*) FROM messages WHERE image = images.id)") == [
        (0, 5),
        (600, 4),
    ]


def test_a_sealed_message_counts_once_also_after_its_counter_came_with_other_bytes(keyed):
    one, other = posts.sealed(posts.photo(100), 3)[0], posts.sealed(posts.photo(200), 3)[0]
    assert posts.take(keyed, [one, one]) == ["new", "again"]
    [taken] = keyed.take(posts.arrivals([other]))
    assert taken.status == "rejected"
    assert taken.reason.startswith("counter 3 of sender 7 came before: a replay")


def test_a_message_far_behind_the_latest_is_refused_also_by_a_store_that_is_opened_anew(tmp_path):
    store = Store(tmp_path / "inbox.db", KEYS)
    posts.take(store, posts.sealed(posts.photo(100), 5000)[:1])
    store.close()
    store = Store(tmp_path / "inbox.db", KEYS)
    [taken] = store.take(posts.arrivals(posts.sealed(posts.photo(200), 10)[:1]))
    assert taken[1:] == ("rejected", "counter 10 is 4990 behind the latest; expected less than 4096, for safety")
    store.close()


def test_sealed_messages_wait_for_their_key_and_are_taken_once_it_is_given(tmp_path):
    messages = posts.sealed(posts.photo(100), 0)
    store = Store(tmp_path / "inbox.db")
    [first, *_] = store.take(posts.arrivals(messages))
    assert first[1:] == ("waiting", "sealed by sender 7, whose key is not among those given; kept until it is")
    store.close()
    store = Store(tmp_path / "inbox.db", KEYS)
    assert counts(store.db) == {"taken": 5, "waiting": 0, "rejected": 0, "images": 1}
    assert posts.take(store, messages) == ["again"] * 5
    store.close()


def test_what_waited_under_a_wrong_key_is_rejected_and_taken_when_it_comes_under_the_right_one(tmp_path):
    messages = posts.sealed(posts.photo(100), 0)
    for keys in (None, {7: SenderKey(7, b"x" * 16)}):
        store = Store(tmp_path / "inbox.db", keys)
        store.take(posts.arrivals(messages))
        store.close()
    store = Store(tmp_path / "inbox.db", KEYS)
    assert counts(store.db)["rejected"] == 5
    assert posts.take(store, messages) == ["new"] * 5
    store.close()


def test_of_a_sender_whose_key_is_known_nothing_is_taken_that_is_not_sealed(keyed):
    taken = keyed.take(posts.arrivals(posts.plain([posts.photo(100)[0], posts.photo(100, sender=8)[0]])))
    assert [each.status for each in taken] == ["rejected", "new"]
    assert taken[0].reason == "not sealed; of sender 7, whose key is known, only sealed ones are"


def test_where_only_sealed_messages_are_wanted_no_other_is_taken(tmp_path):
    store = Store(tmp_path / "inbox.db", KEYS, sealed_only=True)
    [taken] = store.take(posts.arrivals(posts.plain(posts.photo(100, sender=8)[:1])))
    assert taken[1:] == ("rejected", "not sealed; only sealed packets are taken")
    store.close()


def test_of_many_forged_versions_of_one_place_a_few_are_looked_at_and_all_are_kept(store):
    photo = posts.photo(100)
    forged = [photo[2]._replace(payload=bytes([k, k, k])) for k in range(40)]
    posts.take(store, posts.plain([*photo, *forged]))
    assert counts(store.db)["taken"] == 45
    assert len(messages_of(store.db, 1)) == 4 + MOST_VERSIONS


def test_where_many_devices_are_named_a_few_are_told_apart_so_that_forged_names_cost_little(store):
    for k, packet in enumerate(posts.photo(100, count=40)):
        posts.take(store, posts.plain([packet]), "hook", imei=str(10**14 + k))
    folders = [name.partition("/")[0] for name, _ in messages_of(store.db, 1)]
    assert len(folders) == 40
    assert len(set(folders)) == MOST_DEVICES + 1


@given(st.lists(st.one_of(st.binary(max_size=80), st.binary(max_size=60).map(lambda rest: b"\x18\x03" + rest))))
def test_any_bytes_are_kept(tmp_path_factory, messages):
    store = Store(tmp_path_factory.mktemp("any") / "inbox.db", KEYS)
    store.take(posts.arrivals(messages))
    assert {message for (message,) in posts.rows(store, "messages", "message")} == set(messages)
    store.close()


PHOTOS = [posts.photo(100, image_id=5), posts.photo(200, image_id=5), posts.photo(150), posts.photo(100, sender=8)]
AIR = [packet for photo in PHOTOS for packet in [*photo, *repair_packets(photo, [(5, 2)])]]
AIR += [PHOTOS[0][k]._replace(payload=bytes([k, 0, version])) for k in (1, 3) for version in (1, 2)]


@given(st.lists(st.sampled_from(AIR), max_size=40), st.integers(1, 7))
def test_the_inbox_holds_of_each_image_what_a_receiver_of_the_same_messages_does(tmp_path_factory, packets, group):
    store, receiver = Store(tmp_path_factory.mktemp("same") / "inbox.db"), Inbox()
    messages = posts.plain(packets)
    for at in range(0, len(messages), group):
        posts.take(store, messages[at : at + group])
    for k, message in enumerate(dict.fromkeys(messages)):
        receiver.accept(message, f"air/{k}")
    expected = []
    for key in receiver.held:
        known = receiver.payloads(key)
        missing = [index for index in range(key.payload_count) if index not in known]
        expected.append((key.sender, key.image_id, sorted(receiver.agreed(key).payloads), missing))
    images = listing(store.db)["images"]
    store.close()
    found = [(image["sender"], image["image_id"], image["held"], image["missing"]) for image in images]
    assert sorted(found) == sorted(expected)


@settings(max_examples=30)
@given(st.permutations([*range(14)]))
def test_two_sealings_under_one_number_are_two_images_in_every_order(tmp_path_factory, order):
    photos = [posts.photo(colour, image_id=5) for colour in (100, 200)]
    messages = [
        message
        for photo, first in zip(photos, (0, 700), strict=True)
        for message in posts.sealed([*photo, *repair_packets(photo, [(5, 2)])], first)
    ]
    store = Store(tmp_path_factory.mktemp("sealed") / "inbox.db", KEYS)
    for k in order:
        posts.take(store, [messages[k]])
    assert sorted(posts.rows(store, "images", "run")) == [(0,), (700,)]
    assert [image["held"] for image in listing(store.db)["images"]] == [[0, 1, 2, 3, 4]] * 2
    assert [image["repair_packets"] for image in listing(store.db)["images"]] == [2, 2]
    store.close()


def test_a_batch_is_kept_whole_or_not_at_all(store):
    with pytest.raises(AttributeError):
        store.take([*posts.arrivals(posts.plain(posts.photo(100))), None])
    assert counts(store.db) == {"taken": 0, "waiting": 0, "rejected": 0, "images": 0}
    assert posts.take(store, posts.plain(posts.photo(100))) == ["new"] * 5


TAKER = """
import sys
import posts
from pathlib import Path
from satsim.inbox.store import Store
store = Store(Path(sys.argv[1]))
for k in range(10_000):
    store.take(posts.arrivals(posts.plain(posts.photo(k % 256, sender=7 + k // 256))))
    print(k, flush=True)
"""


def test_a_store_that_is_killed_has_all_that_it_had_confirmed(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    path = tmp_path / "inbox.db"
    with subprocess.Popen(
        [sys.executable, "-c", TAKER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as taker:
        confirmed = [int(taker.stdout.readline()) for _ in range(20)]
        taker.send_signal(signal.SIGKILL)
        confirmed += [int(line) for line in taker.stdout]
    store = Store(path)
    held = counts(store.db)["taken"]
    assert held % 5 == 0
    assert held // 5 >= len(confirmed)
    assert posts.take(store, posts.plain(posts.photo(confirmed[-1]))) == ["again"] * 5
    store.close()


FILLER = """
import resource, signal, sys
from pathlib import Path
import posts
from satsim.inbox.store import Store, counts
store = Store(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
took = 0
try:
    while True:
        store.take(posts.arrivals([took.to_bytes(4, "big") * 1000]))
        took += 1
except OSError as error:
    print(took, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(counts(store.db)["rejected"], store.take(posts.arrivals([b"once there is room"]))[0].status)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit of files here")
def test_a_full_disk_is_told_and_what_was_confirmed_stays(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", FILLER, str(tmp_path / "inbox.db")],
        capture_output=True, text=True, env=environment, check=True,
    )  # fmt: skip
    failed, after = done.stdout.splitlines()
    assert failed.endswith(f"'{tmp_path / 'inbox.db'}'")
    assert after == f"{failed.split()[0]} rejected"


def test_two_programs_may_take_at_once(tmp_path):
    one, other = Store(tmp_path / "inbox.db"), Store(tmp_path / "inbox.db")
    messages = posts.plain(posts.photo(100))
    assert posts.take(one, messages[:3]) == ["new"] * 3
    assert posts.take(other, messages) == ["again"] * 3 + ["new"] * 2
    one.close()
    other.close()


def test_of_two_programs_with_keys_one_refuses_what_the_other_took_under_the_same_counter(tmp_path):
    one, other = Store(tmp_path / "inbox.db", KEYS), Store(tmp_path / "inbox.db", KEYS)
    assert posts.take(one, posts.sealed(posts.photo(100), 3)) == ["new"] * 5
    assert posts.take(other, posts.sealed(posts.photo(200), 0)) == ["new"] * 3 + ["rejected"] * 2
    assert posts.take(one, posts.sealed(posts.photo(50), 0)) == ["rejected"] * 5
    one.close()
    other.close()


def test_a_database_is_its_owners_alone(store):
    store.take(posts.arrivals([b"hello"]))
    for path in store.path.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_file_of_another_kind_or_of_a_newer_version_is_refused_in_one_line(tmp_path):
    path = tmp_path / "inbox.db"
    Store(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(ScenarioError, match=r"inbox\.db: an inbox of version 9, and this satsim knows up to 1"):
        Store(path)
    other = tmp_path / "other.db"
    db = sqlite3.connect(other)
    db.execute("CREATE TABLE mine (x)")
    db.close()
    with pytest.raises(ScenarioError, match=r"other\.db: not an inbox"):
        Store(other)
    other.write_bytes(b"any text, long enough to be no database at all" * 100)
    with pytest.raises(ScenarioError, match=r"other\.db: not an inbox"):
        Store(other)
    assert other.read_bytes() == b"any text, long enough to be no database at all" * 100


def test_sealers_of_one_key_at_any_counter_fit_the_window(keyed):
    sealer = Sealer(posts.KEY, 2**32 - 1)
    assert posts.take(keyed, [sealer.seal(posts.photo(100)[0])]) == ["new"]
