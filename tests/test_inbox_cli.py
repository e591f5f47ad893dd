"""`satsim inbox` and its commands, each in a process of its own, on files that people and gateways keep."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import posts
import pytest
import yaml

from satsim.air.position import Position
from satsim.air.request import Missing, read_request
from satsim.inbox.asking import ask
from satsim.inbox.database import connect
from satsim.inbox.exports import export
from satsim.inbox.importing import import_files
from satsim.inbox.listing import listing, listing_lines
from satsim.inbox.store import Store
from satsim.inbox.upkeep import backup, plan_pruning, prune, verify
from satsim.sbd.directip import Location, MoMessage, MtConfirmation, read_mt, write_mo, write_mt_confirmation
from satsim.sbd.webhook import write_form, write_json

REPO = Path(__file__).resolve().parent.parent
IMEI = "300234010753370"
PLACE = Location(46.5, 8.5, 3)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "inbox" / "inbox.db")
    yield store
    store.close()


def inbox(desk, *arguments):
    """The finished process of `satsim inbox arguments`, run in `desk`."""
    environment = os.environ | {"PYTHONPATH": str(REPO), "NO_COLOR": "1", "COLUMNS": "200"}
    command = [sys.executable, "-m", "satsim", "inbox", *map(str, arguments)]
    return subprocess.run(command, cwd=desk, capture_output=True, text=True, env=environment, timeout=60)


def packets(folder, messages):
    folder.mkdir()
    for k, message in enumerate(messages):
        (folder / f"{k}.sbd").write_bytes(message)
    return folder


def test_messages_go_in_and_pictures_and_everything_come_out(tmp_path):
    messages = posts.plain(posts.jpeg_photo(1))
    packets(tmp_path / "came", [*messages, b"spoilt"])
    done = inbox(tmp_path, "import", "came")
    assert done.stdout == f"inbox/inbox.db: {len(messages)} new, 0 there before, 1 kept, not taken\n1 image decoded\n"
    assert (
        done.stderr
        == f"came/{len(messages)}.sbd: not taken: message of 6 bytes; expected more than its header of"
        + (" 20, or 12 if compact\n")
    )
    assert done.returncode == 0
    listed = inbox(tmp_path, "list").stdout
    assert f"{len(messages)} of {len(messages)} packets; jpeg 32x24; open" in listed
    assert f"inbox/pictures/7/1/{len(messages):05d}.png" in listed
    assert inbox(tmp_path, "export", "-o", "all").stdout.endswith("; 1 picture\n")
    again = inbox(tmp_path, "import", "all", "--db", "second/inbox.db", "--no-decode")
    assert again.stdout == f"second/inbox.db: {len(messages)} new, 0 there before, 1 kept, not taken\n"


def test_what_a_gateway_said_is_kept_with_the_messages_of_files(store, tmp_path):
    one, two, three = posts.plain(posts.photo(100))[:3]
    (tmp_path / "session").write_bytes(write_mo(MoMessage(IMEI, 12, 0, 0, 1785585600, one, 5, PLACE)))
    (tmp_path / "form").write_bytes(write_form(MoMessage(IMEI, 13, 0, 0, 1785585660, two)))
    (tmp_path / "json").write_bytes(write_json(MoMessage(IMEI, 14, 0, 0, 1785585720, three, 0, PLACE)))
    files = [tmp_path / name for name in ("session", "form", "json")]
    assert [taken.status for _, taken in import_files(store, files, 1000.0)] == ["new"] * 3
    said = [json.loads(row[1]) for row in posts.rows(store, "arrivals", "message_id, metadata")]
    assert [(each["imei"], each["momsn"], each["sent_unix_s"]) for each in said] == [
        (IMEI, 12, 1785585600),
        (IMEI, 13, 1785585660),
        (IMEI, 14, 1785585720),
    ]
    assert (said[0]["latitude_deg"], said[0]["cep_km"], said[0]["cdr"]) == (46.5, 3, 5)
    assert said[2]["longitude_deg"] == 8.5
    assert listing(store.db)["images"][0]["devices"] == [IMEI]


def test_an_export_tells_of_every_message_and_is_there_whole_or_not_at_all(store, tmp_path):
    photo = posts.photo(100)
    posts.take(store, [*posts.plain(photo[:3]), b"spoilt", posts.sealed(posts.photo(1), 0)[0]])
    for out in (tmp_path / "all", tmp_path / "all.zip"):
        export(store.db, store.path, out)
    manifest = json.loads((tmp_path / "all" / "manifest.json").read_text())
    assert [(each["state"], each["file"]) for each in manifest["messages"]] == [
        ("taken", "messages/7/1/1.sbd"),
        ("taken", "messages/7/1/2.sbd"),
        ("taken", "messages/7/1/3.sbd"),
        ("rejected", "messages/rejected/4.sbd"),
        ("waiting", "messages/waiting/5.sbd"),
    ]
    for each in manifest["messages"]:
        message = (tmp_path / "all" / each["file"]).read_bytes()
        assert (len(message), each["ways"][0]["way"]) == (each["size"], "directip")
    with zipfile.ZipFile(tmp_path / "all.zip") as packed:
        assert packed.read("messages/7/1/2.sbd") == posts.plain(photo)[1]
        assert len(json.loads(packed.read("manifest.json"))["messages"]) == 5
    with pytest.raises(OSError, match="not-a-folder"):
        export(store.db, store.path, Path("/dev/null/not-a-folder/all.zip"))


def test_verify_finds_a_bit_that_flipped_a_row_that_went_and_a_picture_that_is_gone(store, tmp_path):
    posts.take(store, posts.plain(posts.jpeg_photo(1)))
    inbox(tmp_path, "decode")
    assert verify(store.db, store.path) == []
    store.db.execute("UPDATE messages SET message = zeroblob(LENGTH(message)) WHERE id = 1")
    store.db.execute("DELETE FROM arrivals WHERE message_id = 2")
    shutil.rmtree(store.path.parent / "pictures")
    done = inbox(tmp_path, "verify")
    assert done.returncode == 2
    assert "message 1: its bytes are not those that came, by their SHA-256" in done.stderr
    assert "message 2: it is not known how it came" in done.stderr
    assert "No such file or directory; `satsim inbox decode` makes it again" in done.stderr
    assert done.stdout.endswith("; something is wrong, see above\n")


def test_a_photo_sealed_with_its_place_under_either_header_verifies_and_lists_where_it_was_taken(tmp_path):
    store = Store(tmp_path / "inbox.db", {7: posts.KEY})
    place = Position(1785585600, -46.1234567, 179.5)
    long = [packet._replace(position=place) for packet in posts.photo(100, width=256, height=256)]
    short = [packet._replace(image_id=9, compact=True) for packet in long]
    posts.take(store, posts.sealed([*long, *short], 0))
    assert verify(store.db, store.path) == []
    lines = list(listing_lines(listing(store.db), "inbox"))
    assert sum("taken 2026-08-01T12:00:00Z at -46.123457, 179.500000" in line for line in lines) == 2
    assert sum("sealed" in line for line in lines) == 2
    store.close()


def test_a_picture_that_is_gone_is_made_again(store, tmp_path):
    posts.take(store, posts.plain(posts.jpeg_photo(1)))
    inbox(tmp_path, "decode")
    [(picture,)] = posts.rows(store, "decodes", "picture")
    before = (store.path.parent / picture).read_bytes()
    (store.path.parent / picture).write_bytes(before[:-9])
    assert inbox(tmp_path, "decode").stdout == "1 image decoded\n"
    assert (store.path.parent / picture).read_bytes() == before


def test_a_backup_made_while_the_inbox_takes_messages_restores_all_that_was_there(store, tmp_path):
    posts.take(store, posts.plain(posts.jpeg_photo(1)))
    inbox(tmp_path, "decode")
    backup(store.db, store.path, tmp_path / "backup.db")
    assert inbox(tmp_path, "verify", "--db", "backup.db").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.db", "inbox"]
    posts.take(store, posts.plain(posts.jpeg_photo(2)))
    there = tmp_path / "elsewhere" / "inbox.db"
    done = inbox(tmp_path, "restore", "backup.db", "--db", there)
    assert done.stdout == f"{there}: restored from backup.db\n1 image decoded\n"
    assert inbox(tmp_path, "verify", "--db", there).stdout.endswith("; all is well\n")
    restored = connect(there)
    assert [image["id"] for image in listing(restored)["images"]] == [1]
    restored.close()


def test_no_backup_restore_or_export_takes_the_place_of_an_inbox(store, tmp_path):
    posts.take(store, posts.plain(posts.photo(100)))
    backup(store.db, store.path, tmp_path / "backup.db")
    for arguments, mend in (
        (["backup", "inbox/inbox.db"], "inbox/inbox.db: is the inbox itself; name another file"),
        (["export", "-o", "inbox"], "inbox: holds the inbox itself; name another place"),
        (
            ["restore", "backup.db"],
            "inbox/inbox.db: is there already; stop what uses it, and move inbox.db* away first",
        ),
    ):
        done = inbox(tmp_path, *arguments)
        assert (done.returncode, done.stderr) == (2, f"error: {mend}\n")
    assert len(posts.rows(store, "messages")) == 5


def test_keys_that_are_given_later_open_what_waited_for_them(store, tmp_path):
    posts.take(store, posts.sealed(posts.jpeg_photo(1), 0))
    (tmp_path / "keys.yaml").write_text(yaml.safe_dump({"sender": 7, "key": posts.KEY.key.hex()}))
    done = inbox(tmp_path, "verify", "--keys", "keys.yaml")
    assert done.stdout.splitlines()[1].startswith("inbox/inbox.db: 1 image; ")
    assert "0 waiting for a key" in done.stdout


def test_pruning_tells_what_would_go_and_then_removes_what_is_old(store, tmp_path):
    posts.take(store, [*posts.plain(posts.jpeg_photo(1)), b"spoilt"], time_unix_s=1000.0)
    posts.take(store, posts.plain(posts.jpeg_photo(2)), time_unix_s=4e9)
    inbox(tmp_path, "decode")
    told = inbox(tmp_path, "prune", "--older-than", "90d").stdout
    assert told.startswith("inbox/inbox.db: would go: 1 image of ")
    assert len(posts.rows(store)) == 2
    assert inbox(tmp_path, "prune", "--older-than", "90d", "--yes").returncode == 0
    assert [row[0] for row in posts.rows(store)] == [2]
    assert posts.rows(store, "messages", "DISTINCT state") == [("taken",)]
    assert sorted(path.name for path in (store.path.parent / "pictures" / "7").iterdir()) == ["2"]
    assert verify(store.db, store.path) == []
    assert posts.take(store, posts.plain(posts.jpeg_photo(1))[:1]) == ["new"]


def test_pruning_that_keeps_images_drops_all_but_their_latest_picture(store, tmp_path):
    messages = posts.plain(posts.photo(100))
    for part in (messages[:2], messages[2:]):
        posts.take(store, part)
        inbox(tmp_path, "decode", "--codec", "codec.fake:FakeCodec")
    prune(store.db, store.path, plan_pruning(store.db, store.path, 9e9, keep_images=True), 9e9)
    folder = store.path.parent / "pictures" / "7" / "1"
    assert sorted(path.name for path in folder.iterdir()) == ["00005.png", "latest.png"]
    assert verify(store.db, store.path) == []


def test_what_waits_for_a_key_is_pruned_only_if_that_is_wanted(store):
    posts.take(store, [*posts.sealed(posts.photo(100), 0), b"spoilt"])
    prune(store.db, store.path, plan_pruning(store.db, store.path, 9e9), 9e9)
    assert posts.rows(store, "messages", "DISTINCT state") == [("waiting",)]
    prune(store.db, store.path, plan_pruning(store.db, store.path, 9e9, waiting=True), 9e9)
    assert posts.rows(store, "messages") == []


def test_counters_of_sealed_messages_that_were_pruned_stay_taken(tmp_path):
    store = Store(tmp_path / "inbox.db", {7: posts.KEY})
    messages = posts.sealed(posts.photo(100), 0)
    posts.take(store, messages)
    prune(store.db, store.path, plan_pruning(store.db, store.path, 9e9), 9e9)
    assert posts.take(store, messages) == ["rejected"] * 5
    store.close()


def test_what_is_missing_is_asked_for_in_rising_counters_and_tells_images_of_one_number_apart(tmp_path):
    store = Store(tmp_path / "inbox.db", {7: posts.KEY})
    posts.take(store, posts.sealed(posts.photo(100, image_id=5), 0))
    posts.take(store, posts.sealed(posts.photo(200, image_id=5), 70_000)[1:4], time_unix_s=2000.0)
    requests = [ask(store.db, store.path, 7, keys={7: posts.KEY}) for _ in range(2)]
    read = [read_request(asked.request, {7: posts.KEY}) for asked in requests]
    assert read[0].images == (Missing(5, False, (0, 4), 0, 70_000 % 2**16),)
    assert read[1].counter > read[0].counter
    assert requests[0].asks == ["image 5: packets 0, 4"]
    store.close()


def test_a_request_goes_to_the_modem_that_the_last_message_came_from(store, tmp_path):
    photo = posts.photo(100)
    posts.take(store, posts.plain(photo[:2]), imei=IMEI)
    with socket.create_server(("127.0.0.1", 0)) as gateway:
        got = []

        def serve():
            connection, _ = gateway.accept()
            with connection:
                message = read_mt(connection.recv(1000))
                got.append(message)
                connection.sendall(write_mt_confirmation(MtConfirmation(message.client_id, message.imei, 1, 1)))

        serving = threading.Thread(target=serve)
        serving.start()
        done = inbox(tmp_path, "ask", 7, "--to", f"directip:127.0.0.1:{gateway.getsockname()[1]}")
        serving.join()
    assert done.stdout == f"to modem {IMEI}: queued, place 1\n"
    assert done.stderr == f"sender 7 image {photo[0].image_id}: packets 2-4\n"
    assert read_request(got[0].payload).images == (Missing(photo[0].image_id, False, (2, 3, 4), photo[0].mark),)
    assert len(got[0].payload) <= 50
    assert "queued, place 1" in posts.rows(store, "requests", "said")[0][0]


def test_a_listing_says_what_contradicts_and_how_far_decoding_is_behind(store, tmp_path):
    photo = posts.photo(100)
    posts.take(store, posts.plain([*photo, photo[2]._replace(payload=b"\xc8\xc8\xc8")]))
    posts.take(store, posts.plain(posts.photo(200, image_id=photo[0].image_id)), time_unix_s=900.0)
    text = "\n".join(listing_lines(listing(store.db), "inbox"))
    assert "not decoded yet" in text
    assert "decoding is behind: there is something new of 2 images, the first for" in text
    inbox(tmp_path, "decode", "--codec", "codec.fake:FakeCodec")
    text = inbox(tmp_path, "list").stdout
    assert "contradiction: packet 2 of sender 7" in text
    assert "or inbox/pictures/7/1/00006_other1.png" in text
    assert f"number {photo[0].image_id} is also that of 2" in text


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["list"], "error: inbox/inbox.db: there is no inbox; expected a database that `satsim inbox` made (--db)\n"),
        (["import", "nowhere"], "error: nowhere: No such file or directory\n"),
        (
            ["ask", "7", "--to", "gateway"],
            "error: --to gateway: expected directip:HOST:PORT, as directip:127.0.0.1:10801\n",
        ),
        (
            ["prune", "--older-than", "90"],
            "error: --older-than: '90' has no unit; expected a time such as 10 min, 600 s, 1 h or 1:30:00\n",
        ),
    ],
)
def test_mistakes_are_one_line(tmp_path, arguments, line):
    done = inbox(tmp_path, *arguments)
    assert (done.returncode, done.stderr, done.stdout) == (2, line, "")
    assert list(tmp_path.iterdir()) == []
