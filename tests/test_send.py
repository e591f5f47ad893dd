"""`satsim send`: from a queue on disk through a modem on a pty; nothing acknowledged is sent twice, none lost."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter

import pytest
import serial
from conftest import photo_like
from PIL import Image
from standin import Standin

from satsim.air.inbox import unpack
from satsim.air.request import Missing, write_request
from satsim.air.seal import counter_of
from satsim.keys import new_key, read_key
from satsim.sender.mail import take_mail
from satsim.sender.queue import Photo, Queue

FAST = ("--speed", "600")
CODED = ("--codec", "codec.fake:FakeCodec", "--allow-code", "--width", "64", "--height", "48", "--fit", "keep")
STARTED = []
"""Senders of the test that runs."""


@pytest.fixture(autouse=True)
def nobody_left():
    """A test that fails leaves no sender behind: it would talk to the modem of a later one."""
    yield
    while STARTED:
        sender = STARTED.pop()
        sender.kill()
        sender.communicate()


@pytest.fixture
def photos(tmp_path):
    """Three photos, of ten packets each where FakeCodec codes them."""
    paths = [tmp_path / f"photo{k}.png" for k in range(3)]
    for k, path in enumerate(paths):
        Image.fromarray(photo_like(48, 64) + k).save(path)
    return [str(path) for path in paths]


@pytest.fixture
def send(in_process, tmp_path):
    """`satsim send` with arguments, from a queue of this test."""
    return lambda *arguments: in_process("send", "--queue", str(tmp_path / "queue"), *arguments)


def process(tmp_path, *arguments):
    """The same in a process of its own."""
    command = [sys.executable, "-m", "satsim", "send", "--queue", str(tmp_path / "queue"), *arguments]
    STARTED.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    return STARTED[-1]


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.002)


def events(done, kind):
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line for line in lines if line["event"] == kind]


def test_the_first_packets_of_all_photos_go_first(send, photos):
    with Standin() as modem:
        done = send(*photos, *CODED, "--modem", modem.port, *FAST)
    assert done.returncode == 0, done.stderr
    assert [unpack(message).payload_index for message in modem.delivered] == [k for k in range(10) for _ in range(3)]
    for photo in photos:
        assert f"{photo}: 10 of 10 acknowledged" in done.stdout
    assert "30 sessions, 0 of them failed; 30 credits, 4.80 USD by sbd_9603_open" in done.stdout


def test_a_photo_of_higher_priority_goes_before_all_that_waits(send, photos):
    with Standin(bars=0) as modem:
        send(photos[0], *CODED, "--modem", modem.port, "--for", "0.05 s")
        modem.bars = 5
        send(photos[1], *CODED, "--priority", "1", "--modem", modem.port, *FAST)
    assert len({unpack(message).image_id for message in modem.delivered[:10]}) == 1
    assert len(modem.delivered) == 20


def test_sessions_that_fail_are_told_in_words_and_held_again(send, photos):
    with Standin(statuses=[32, 18, 35]) as modem:
        done = send(photos[0], *CODED, "--modem", modem.port, *FAST)
    assert done.returncode == 0
    assert "packet 0 of 0-9: no network service (status 32); again in " in done.stdout
    assert "connection lost (status 18)" in done.stdout
    assert len(modem.delivered) == 10
    assert "13 sessions, 3 of them failed" in done.stdout


def test_the_waits_grow_as_the_ladder_says(send, photos):
    with Standin(statuses=[32] * 6) as modem:
        done = send(photos[0], *CODED, "--option", "strips=1", "--modem", modem.port, "--speed", "100000", "--json")
    waits = [float(each["words"].split("again in ")[1].split()[0]) for each in events(done, "session")[:6]]
    for wait, most in zip(waits[:4], (5, 5, 30, 30), strict=True):
        assert 0 <= wait <= most
    assert waits[4:] == [300, 300]


def test_a_session_too_soon_after_a_registration_waits_three_minutes(send, photos):
    with Standin(statuses=[36]) as modem:
        done = send(photos[0], *CODED, "--modem", modem.port, "--speed", "100000")
    assert "(status 36); again in 180 s" in done.stdout


def test_the_same_command_again_sends_nothing_twice(send, photos):
    with Standin() as modem:
        send(photos[0], *CODED, "--modem", modem.port, *FAST)
        done = send(photos[0], *CODED, "--modem", modem.port, *FAST)
        assert "is in the queue already" in done.stdout
        assert done.returncode == 0
        assert len(modem.delivered) == 10
        send(photos[0], *CODED, "--modem", modem.port, *FAST, "--again")
        assert len(modem.delivered) == 20


def test_a_number_that_wraps_is_still_the_next_one(send, photos):
    with Standin(momsn=65530) as modem:
        done = send(photos[0], *CODED, "--modem", modem.port, *FAST)
    assert done.returncode == 0
    assert modem.momsn == 4


@pytest.mark.parametrize("momsn", [7, 65535])
def test_killed_after_a_session_completed_and_before_its_answer_it_is_not_sent_again(tmp_path, photos, momsn):
    with Standin(session_s=0.5, momsn=momsn) as modem:
        first = process(tmp_path, photos[0], *CODED, "--modem", modem.port, *FAST)
        until(lambda: "AT+SBDIX" in modem.commands)
        first.kill()
        first.communicate()
        until(lambda: modem.delivered)
        modem.session_s = 0
        second = process(tmp_path, "--modem", modem.port, *FAST)
        out, _ = second.communicate(timeout=30)
    assert "packet 0: its last session completed: acknowledged" in out
    assert second.returncode == 0
    assert len(modem.delivered) == len(set(modem.delivered)) == 10


def test_killed_amid_a_session_that_fails_it_is_sent_again(tmp_path, photos):
    with Standin(session_s=0.5, statuses=[32]) as modem:
        first = process(tmp_path, photos[0], *CODED, "--modem", modem.port, *FAST)
        until(lambda: "AT+SBDIX" in modem.commands)
        first.kill()
        first.communicate()
        second = process(tmp_path, "--modem", modem.port, *FAST)
        until(lambda: modem.statuses == [])
        modem.session_s = 0
        out, _ = second.communicate(timeout=30)
    assert "packet 0: its last session did not complete: sent again" in out
    assert len(modem.delivered) == len(set(modem.delivered)) == 10


def test_killed_and_started_with_another_modem_it_says_that_it_cannot_know(tmp_path, photos):
    with Standin(session_s=0.5) as modem:
        first = process(tmp_path, photos[0], *CODED, "--modem", modem.port, *FAST)
        until(lambda: "AT+SBDIX" in modem.commands)
        first.kill()
        first.communicate()
    with Standin(imei="300000000000002") as other:
        second = process(tmp_path, "--modem", other.port, *FAST)
        out, _ = second.communicate(timeout=30)
    assert "nobody can tell whether its last session completed" in out
    assert len(other.delivered) == 10


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_moments_nothing_is_lost_and_nothing_comes_twice(tmp_path, photos, kills):
    draw = random.Random(kills)
    with Standin(session_s=0.03, momsn=65530) as modem:
        running = process(tmp_path, *photos, *CODED, "--modem", modem.port, *FAST)
        for _ in range(kills):
            heard = len(modem.commands)
            until(lambda heard=heard, now=running: len(modem.commands) > heard or now.poll() is not None)
            time.sleep(draw.uniform(0, 0.15))
            running.kill()
            running.communicate()
            running = process(tmp_path, "--modem", modem.port, *FAST)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert Counter(Counter(modem.delivered).values()) == {1: 30}, out


def test_two_calls_share_a_queue_and_one_of_them_sends(tmp_path, photos):
    with Standin() as modem:
        modem.free.clear()
        first = process(tmp_path, photos[0], *CODED, "--modem", modem.port, *FAST)
        until(lambda: "AT+SBDIX" in modem.commands)
        second = process(tmp_path, photos[1], *CODED, "--modem", modem.port, *FAST)
        out, err = second.communicate(timeout=30)
        modem.free.set()
        assert "another satsim send is sending from this queue" in out, err
        out, _ = first.communicate(timeout=30)
    assert first.returncode == second.returncode == 0
    assert f"{photos[1]}: 10 of 10 acknowledged" in out
    assert len(modem.delivered) == 20


def test_what_the_command_post_asks_for_is_sent_again_before_all_else(send, photos):
    with Standin() as modem:
        send(photos[0], *CODED, "--modem", modem.port, *FAST)
        packet = unpack(modem.delivered[0])
        lacks = Missing(packet.image_id, False, (3, 7), packet.mark)
        modem.mt.append(write_request(0, [lacks]))
        done = send(photos[1], *CODED, "--modem", modem.port, *FAST)
    assert f"{photos[0]}: asked for packets 3, 7; sent again: 3, 7" in done.stdout
    again = [unpack(message) for message in modem.delivered[11:13]]
    assert [(each.image_id, each.payload_index) for each in again] == [(packet.image_id, 3), (packet.image_id, 7)]
    assert len(modem.delivered) == 22


def test_a_request_that_waits_at_the_gateway_is_fetched_though_nothing_is_to_be_sent(send, photos):
    with Standin() as modem:
        send(photos[0], *CODED, "--modem", modem.port, *FAST)
        packet = unpack(modem.delivered[0])
        for k in range(2):
            modem.mt.append(write_request(0, [Missing(packet.image_id, False, (k,), packet.mark)]))
        done = send("--modem", modem.port, "--listen", "0.2 s", *FAST)
    assert "sent again: 0" in done.stdout
    assert "sent again: 1" in done.stdout
    assert Counter(unpack(message).payload_index for message in modem.delivered) == {
        **dict.fromkeys(range(10), 1),
        0: 2,
        1: 2,
    }


def test_a_ring_ends_the_wait_for_requests(tmp_path, photos):
    with Standin() as modem:
        running = process(tmp_path, photos[0], *CODED, "--modem", modem.port, "--speed", "1", "--listen", "3 s")
        until(lambda: len(modem.delivered) == 10)
        packet = unpack(modem.delivered[0])
        modem.mt.append(write_request(0, [Missing(packet.image_id, False, (4,), packet.mark)]))
        modem.say(b"\r\nSBDRING\r\n")
        out, _ = running.communicate(timeout=30)
    assert "AT+SBDIXA" in modem.commands
    assert "sent again: 4" in out
    assert len(modem.delivered) == 11


def test_of_a_sender_with_a_key_only_sealed_requests_are_honoured_each_once(send, photos, tmp_path):
    key_file = tmp_path / "key.yaml"
    new_key(key_file, sender=7)
    key = read_key(key_file).key
    with Standin() as modem:
        send(photos[0], *CODED, "--key", str(key_file), "--modem", modem.port, *FAST)
        packet = unpack(modem.delivered[0], {7: key})
        sealed = [Missing(packet.image_id, False, (k,), counter=counter_of(modem.delivered[0])) for k in range(3)]
        good = write_request(7, sealed[:1], key, counter=100)
        modem.mt += [
            good,
            write_request(7, [sealed[1]._replace(counter=None)]),
            good,
            write_request(7, sealed[2:], key, counter=99),
        ]
        done = send("--modem", modem.port, "--listen", "0.2 s", *FAST)
    assert "sent again: 0" in done.stdout
    assert "only sealed ones are taken" in done.stdout
    assert "request 100 of sender 7 is not newer than 100: a replay" in done.stdout
    assert "request 99 of sender 7 is not newer than 100: a replay" in done.stdout
    assert modem.delivered[10:] == modem.delivered[:1]
    assert key.key.hex() not in done.stdout + done.stderr


def test_what_is_not_there_any_more_is_told(send, photos):
    with Standin() as modem:
        modem.mt.append(write_request(0, [Missing(9, True, (0, 1), 5)]))
        done = send(photos[0], *CODED, "--modem", modem.port, *FAST)
    assert "asked for packets 0-1 of sender 0 image 9, which is not in this queue (any more)" in done.stdout


def test_mail_that_a_killed_process_took_and_did_not_clear_is_not_done_twice(tmp_path, photos, send):
    with Standin() as modem:
        send(photos[0], *CODED, "--modem", modem.port, *FAST)
        packet = unpack(modem.delivered[0])
        request = write_request(0, [Missing(packet.image_id, False, (4,), packet.mark)])
        queue = Queue(tmp_path / "queue")
        take_mail(queue, modem.imei, 3, request, lambda *words, **facts: None)  # here it was killed
        queue.close()
        modem.hold(request, mtmsn=3)
        done = send("--modem", modem.port, *FAST)
        assert "asked for" not in done.stdout
        assert len(modem.delivered) == 11
        modem.hold(request, mtmsn=4)  # which is another one, of the same words
        done = send("--modem", modem.port, *FAST)
    assert "sent again: 4" in done.stdout
    assert len(modem.delivered) == 12


def test_mail_that_is_too_long_for_the_modem_is_not_asked_for_without_end(send, photos):
    with Standin() as modem:
        modem.queued = 1
        done = send(photos[0], *CODED, "--modem", modem.port, *FAST)
    assert done.returncode == 0
    assert "11 sessions, 0 of them failed" in done.stdout


@pytest.mark.parametrize(("spoils", "says"), [(2, "sent again: 4"), (3, "cannot be read over this wire")])
def test_mail_that_comes_damaged_is_fetched_again_and_stops_nothing(send, photos, spoils, says):
    with Standin() as modem:
        send(photos[0], *CODED, "--modem", modem.port, *FAST)
        packet = unpack(modem.delivered[0])
        modem.mt.append(write_request(0, [Missing(packet.image_id, False, (4,), packet.mark)]))
        modem.spoils = spoils
        done = send(photos[1], *CODED, "--modem", modem.port, *FAST)
    assert says in done.stdout
    assert f"{photos[1]}: 10 of 10 acknowledged" in done.stdout


def test_a_modem_that_forgets_a_message_before_its_session_is_given_it_again(send, photos):
    with Standin() as modem:
        modem.forgets = 1
        done = send(photos[0], *CODED, "--modem", modem.port, *FAST)
    assert "has forgotten the message" in done.stdout
    assert Counter(Counter(modem.delivered).values()) == {1: 10}


def test_a_success_that_the_modem_has_not_counted_is_none(send, photos):
    with Standin(statuses=[18]) as modem:
        modem.hides = 1
        done = send(photos[0], *CODED, "--modem", modem.port, *FAST)
    assert "packet 0 of 0-9: the modem has not counted the session (status 0); again in" in done.stdout
    assert Counter(Counter(modem.delivered).values()) == {1: 10}


def test_a_port_that_another_program_has_is_told(send, photos):
    with Standin() as modem, serial.Serial(modem.port, exclusive=True):
        done = send(photos[0], *CODED, "--modem", modem.port)
    assert done.returncode == 2
    assert done.stderr == f"error: --modem {modem.port}: cannot be opened (another program has it)\n"


@pytest.mark.parametrize(
    ("imei", "momsn", "completed"),
    [("A", 65535, False), ("A", 0, True), ("A", 1, None), ("A", 65534, None), ("B", 0, None), ("B", 65535, None)],
)
def test_what_a_modem_tells_of_a_session_that_began_with_65535(tmp_path, imei, momsn, completed):
    queue = Queue(tmp_path)
    queue.add(Photo(0, "photo.png", 0, 1, False, 7, None, 0, 0.0), [b"first", b"second"], None)
    queue.begin(queue.next(), "A", 65535)
    assert queue.settle(imei, momsn) is completed
    assert queue.next().message == (b"second" if completed else b"first")
    assert queue.open_session() is None
    queue.close()


def test_a_request_of_a_sender_whose_key_is_gone_is_refused(send, photos, tmp_path):
    key_file = tmp_path / "key.yaml"
    new_key(key_file, sender=7)
    with Standin() as modem:
        send(photos[0], *CODED, "--key", str(key_file), "--modem", modem.port, *FAST)
        key_file.unlink()
        modem.mt.append(write_request(7, [Missing(0, False, (0,), 5)]))
        done = send("--modem", modem.port, "--listen", "0.01 s", *FAST)
    assert "a request of sender 7 cannot be checked" in done.stdout
    assert len(modem.delivered) == 10


@pytest.mark.parametrize("message", [b"come home\r\nOK\r\n\x00\xff", b"\x30 no request after all"])
def test_a_message_that_is_no_request_is_kept_as_a_file(send, photos, tmp_path, message):
    with Standin(mt=[message]) as modem:
        done = send(photos[0], *CODED, "--modem", modem.port, *FAST)
    [kept] = (tmp_path / "queue" / "received").iterdir()
    assert kept.read_bytes() == message
    assert str(kept) in done.stdout


def test_a_weak_signal_is_waited_out_and_time_that_runs_out_is_told(send, photos):
    with Standin(bars=1) as modem:
        done = send(photos[0], *CODED, "--modem", modem.port, "--for", "0.3 s")
        assert modem.delivered == []
        assert done.returncode == 3
        assert "signal 1 of 5; waiting for 2" in done.stdout
        assert done.stderr == "10 packets are not acknowledged: `satsim send --modem` goes on with those that wait\n"
        done = send("--modem", modem.port, "--signal", "1", *FAST)
        assert done.returncode == 0
    assert len(modem.delivered) == 10


def test_after_two_minutes_of_weak_signal_a_session_is_tried_all_the_same(send, photos):
    with Standin(bars=0) as modem:
        done = send(photos[0], *CODED, "--option", "strips=1", "--modem", modem.port, "--speed", "100000")
    assert "signal 0 of 5; tried all the same" in done.stdout
    assert len(modem.delivered) == 1


def test_a_modem_that_is_unplugged_and_comes_back_goes_on(tmp_path, photos):
    port = tmp_path / "modem"
    with Standin(session_s=0.02) as modem:
        port.symlink_to(modem.port)
        running = process(tmp_path, photos[0], *CODED, "--modem", str(port), *FAST)
        until(lambda: len(modem.delivered) >= 3)
    port.unlink()
    with Standin(momsn=modem.momsn) as back:
        port.symlink_to(back.port)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert out.count("tried again until it answers") == 1
    assert "the modem answers again" in out
    assert Counter(modem.delivered + back.delivered).total() == len(set(modem.delivered + back.delivered)) == 10


def test_a_modem_that_takes_only_shorter_messages_is_told(send, photos):
    coded = ("--codec", "jpeg", "--option", "budget_bytes=800", "--width", "64", "--height", "48", "--fit", "keep")
    with Standin() as modem:
        done = send(photos[0], *coded, "--packet-bytes", "360", "--link", "progic_ref", "--modem", modem.port, *FAST)
    assert done.returncode == 3
    assert "360 bytes are more than this modem takes; encode it with fewer --packet-bytes" in done.stdout


def test_a_dry_run_writes_nothing(send, photos, tmp_path):
    key_file = tmp_path / "key.yaml"
    new_key(key_file, sender=7)
    before = key_file.read_text()
    done = send(photos[0], *CODED, "--key", str(key_file), "--dry-run")
    assert done.returncode == 0
    assert (
        "10 packets, 310 bytes; 10 credits, 1.60 USD by sbd_9603_open if each is sent once; 6:05 at best" in done.stdout
    )
    assert key_file.read_text() == before
    assert not (tmp_path / "queue").exists()


def test_the_queue_is_listed_and_photos_of_it_cancelled(send, photos):
    with Standin(bars=0) as modem:
        send(*photos[:2], *CODED, "--modem", modem.port, "--for", "0.05 s")
    assert "photo 2: 10 messages are not sent" in send("--cancel", "2").stdout
    listed = [json.loads(line) for line in send("--list", "--json").stdout.splitlines()]
    assert [(each["photo"], each["waiting"]) for each in listed] == [(1, 10), (2, 0)]
    assert "0 of 10" in send("--list").stdout
    assert "no photo of this queue has that number" in send("--cancel", "9").stderr


def test_events_are_lines_of_json(send, photos):
    with Standin() as modem:
        done = send(photos[0], *CODED, "--modem", modem.port, *FAST, "--json")
    assert [each["place"] for each in events(done, "session")] == list(range(10))
    [account] = events(done, "account")
    assert (account["acknowledged"], account["messages"]) == (10, 10)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--modem is missing"),
        (("--modem", "/dev/no-such-modem"), "--modem /dev/no-such-modem: cannot be opened (No such file or directory"),
        (("--modem", "/dev/null"), "--modem /dev/null: cannot be opened (Inappropriate ioctl for device"),
        (("--modem", "socket://127.0.0.1:1"), "--modem socket://127.0.0.1:1: cannot be opened (Connection refused"),
        (("--modem", "x", "--speed", "0"), "--speed is 0; expected more than 0"),
        (("--modem", "x", "--for", "soon"), "--for: 'soon' is no time"),
        (("--modem", "x", "--link", "no_such"), "'no_such' is no link preset"),
        (("--modem", "x", "--packet-bytes", "360"), "--packet-bytes is 360; expected at most 340"),
        (("a.png", "b.png", "--image-id", "3", "--dry-run"), "--image-id is for one photo"),
        (("no_such.png", "--dry-run"), "no_such.png"),
        (("--list",), "holds no queue"),
    ],
)
def test_mistakes_are_one_line(send, arguments, says):
    done = send(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_damaged_queue_is_told(send, tmp_path):
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue" / "queue.db").write_bytes(b"no database at all" * 100)
    done = send("--list")
    assert done.returncode == 2
    assert "file is not a database" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_behind_which_no_modem_answers_is_told_once(send, photos):
    master, slave = os.openpty()
    try:
        done = send(photos[0], *CODED, "--modem", os.ttyname(slave), "--for", "1 s", *FAST)
    finally:
        os.close(master)
        os.close(slave)
    assert done.returncode == 3
    assert done.stdout.count("the modem is silent; tried again until it answers") == 1


def test_many_calls_at_once_make_one_queue(tmp_path, photos):
    with Standin(session_s=0.005) as modem:
        calls = [process(tmp_path, photo, *CODED, "--modem", modem.port, *FAST) for photo in photos]
        for call in calls:
            out, err = call.communicate(timeout=60)
            assert call.returncode == 0, out + err
    assert Counter(Counter(modem.delivered).values()) == {1: 30}


def test_a_folder_of_packets_goes_as_it_is(send, in_process, photos, tmp_path):
    in_process("encode", photos[0], "-o", str(tmp_path / "packets"), *CODED, "--packet-bytes", "340")
    written = [path.read_bytes() for path in sorted((tmp_path / "packets").iterdir())]
    assert len(written) == 10
    with Standin() as modem:
        done = send(str(tmp_path / "packets"), "--modem", modem.port, *FAST)
        assert done.returncode == 0, done.stderr
        assert modem.delivered == written
        again = send(str(tmp_path / "packets"), "--modem", modem.port, *FAST)
        assert "is in the queue already" in again.stdout


def test_a_folder_that_is_not_one_whole_image_is_refused_in_a_line(send, in_process, photos, tmp_path):
    folder = tmp_path / "packets"
    in_process("encode", photos[0], "-o", str(folder), *CODED, "--packet-bytes", "340")
    in_process("encode", photos[1], "-o", str(tmp_path / "others"), *CODED, "--packet-bytes", "340")
    (tmp_path / "empty").mkdir()

    def refused(path, *options):
        done = send(str(path), "--dry-run", *options)
        assert done.returncode == 2
        return done.stderr

    assert "holds no packets" in refused(tmp_path / "empty")
    assert "packets go as they are; leave out --sender" in refused(folder, "--sender", "3")
    assert "expected at most 22 (--packet-bytes)" in refused(folder, "--packet-bytes", "22")
    kept = (folder / "packet_003.bin").read_bytes()
    (folder / "packet_003.bin").unlink()
    assert "lacks packets 3 of 10; expected all of an image" in refused(folder)
    (folder / "packet_003.bin").write_bytes(kept[:-1])
    assert "packet_003.bin: checksum does not match" in refused(folder)
    (folder / "packet_003.bin").write_bytes((tmp_path / "others" / "packet_003.bin").read_bytes())
    assert "packet_003.bin: is not of the same image as those before it" in refused(folder)
