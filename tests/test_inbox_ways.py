"""Every way into a real `satsim inbox`, by real sockets: what is good is kept once, what is bad with its reason."""

import json
import os
import socket
import time
from contextlib import suppress
from functools import partial

import posts
import pytest
from serving import IMEI, Service, all_of, until

from satsim.errors import PacketError
from satsim.inputs import messages_in
from satsim.sbd.directip import Location, MoMessage, write_confirmation, write_mo
from satsim.sbd.webhook import FORM, JSON, write_form, write_json

for library in ("starlette", "uvicorn", "cryptography"):
    pytest.importorskip(library)

KEPT, FAILED = write_confirmation(True), write_confirmation(False)
GOOD = posts.plain(posts.photo(1))
SENT_S = 1_635_676_910


def up(payload, momsn=12, **fields):
    return MoMessage(IMEI, momsn, 0, 0, SENT_S, payload)._replace(**fields)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One service for all that needs no other; each test looks at its own messages."""
    ways = [f"--{way}=127.0.0.1:0" for way in ("directip", "http", "tcp", "udp")]
    folder = tmp_path_factory.mktemp("shared")
    with Service(folder, *ways, "--request-s", "1", "--rate", "100000") as service:
        yield service
        assert service.stop() == 0
        assert service.errors == b""


def kept(service, message):
    """State, reason and count of a message, if it is kept."""
    rows = service.rows("message, state, reason, count")
    return [row[1:] for row in rows if row[0] == message]


def test_directip_is_confirmed_and_kept_with_what_the_gateway_says(shared):
    [message, other, *_] = posts.plain(posts.photo(10))
    placed = up(message, 77, mtmsn=3, cdr=99, location=Location(-43.5, 172.5, 2))
    assert shared.direct_ip(write_mo(placed)) == KEPT
    assert shared.direct_ip(write_mo(placed)) == KEPT, "also the second time, for it is kept"
    assert shared.direct_ip(write_mo(up(message, 78)) + write_mo(up(other, 79))) == KEPT * 2
    assert kept(shared, message) == [("taken", None, 3)]
    assert kept(shared, other) == [("taken", None, 1)]
    [about] = [json.loads(text) for way, device, text in shared.arrivals() if '"momsn": 77' in text]
    assert about == {
        **{"from": "127.0.0.1", "imei": IMEI, "momsn": 77, "mtmsn": 3, "session_status": 0, "sent_unix_s": SENT_S},
        **{"cdr": 99, "latitude_deg": -43.5, "longitude_deg": 172.5, "cep_km": 2},
    }


def test_directip_that_is_none_is_kept_as_rejected_and_not_confirmed(shared):
    whole = write_mo(up(GOOD[0]))
    assert shared.direct_ip(b"GET / HTTP/1.1\r\n\r\n") == FAILED
    assert shared.direct_ip(whole[:-1]) == FAILED
    assert shared.direct_ip(b"\1\xff\xff" + bytes(10)) == FAILED
    assert kept(shared, b"GET / HTTP/1.1\r\n\r\n")[0][:2] == (
        "rejected",
        "DirectIP: opens with 47 45 54; expected 01 and a length of 2 bytes",
    )
    assert "cut: " in kept(shared, whole[:-1])[0][1]
    assert "holds 65538 bytes by its own length" in kept(shared, b"\1\xff\xff" + bytes(10))[0][1]


def test_directip_of_no_packet_is_confirmed_for_the_gateway_would_bring_it_for_hours(shared):
    assert shared.direct_ip(write_mo(up(b"the team left at noon"))) == KEPT
    assert kept(shared, b"the team left at noon")[0][0] == "rejected"
    assert shared.direct_ip(write_mo(up(b"", 80))) == KEPT, "a session that brought nothing"
    shared.event("session", momsn=80)


def is_cut(connection, talking):
    """Whether the other side has closed, while `talking` goes on a letter at a time, without end."""
    with suppress(OSError):
        talking.sendall(b"x")
    try:
        return not connection.recv(100)
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


def test_a_sender_that_stands_still_in_the_middle_is_cut_off(shared):
    with shared.connect("directip") as slow, shared.connect("tcp") as silent, shared.connect("http") as head:
        slow.sendall(write_mo(up(GOOD[0]))[:30])
        silent.sendall(b"\0")
        head.sendall(b"POST /message HTTP/1.1\r\nHost: x\r\nX: ")
        for connection in (slow, silent, head):
            connection.settimeout(0.05)
            until(partial(is_cut, connection, head), "it is cut off at last")
    assert "too slow: 30 bytes" in kept(shared, write_mo(up(GOOD[0]))[:30])[0][1]


@pytest.mark.parametrize(("write", "kind"), [(write_form, FORM), (write_json, JSON)])
def test_a_web_hook_is_answered_once_it_is_kept(shared, write, kind):
    [message, *_] = posts.plain(posts.photo(20 + len(kind)))
    answers = [shared.http("POST", "/rockblock", write(up(message)), kind) for _ in range(2)]
    assert [(code, said["status"]) for code, said in answers] == [(200, "new"), (200, "again")]
    assert kept(shared, message) == [("taken", None, 2)]
    [about] = [json.loads(row[1]) for row in shared.arrivals("message_id, metadata") if row[0] == answers[0][1]["id"]]
    sent = {"transmit_time": "21-10-31 10:41:50", "sent_unix_s": SENT_S}
    assert about == {"from": "127.0.0.1", "imei": IMEI, "momsn": 12, "serial": "12345", **sent}


def test_a_web_hook_that_is_none_is_a_mistake_and_one_of_no_packet_is_kept_as_rejected(shared):
    code, said = shared.http("POST", "/rockblock", b"imei=300234010753370&momsn=1&data=4", FORM)
    assert (code, said) == (400, {"error": "web hook: data is no even number of hexadecimal digits"})
    assert kept(shared, b"imei=300234010753370&momsn=1&data=4")[0][:2] == ("rejected", said["error"])
    code, said = shared.http("POST", "/rockblock", write_form(up(b"hook of no packet")), FORM)
    assert (code, said["status"]) == (200, "rejected")
    assert kept(shared, b"hook of no packet")[0][0] == "rejected"
    assert shared.http("POST", "/rockblock", write_form(up(b"")), FORM) == (200, {"status": "empty"})


def test_a_message_by_post_is_taken_as_it_is_or_in_digits(shared):
    [first, second, *_] = posts.plain(posts.photo(30))
    assert shared.http("POST", "/message", first)[1]["status"] == "new"
    assert shared.http("POST", "/message", second.hex(" "), "text/plain")[1]["status"] == "new"
    assert shared.http("POST", "/message", first.hex(), "text/plain")[1]["status"] == "again"
    code, said = shared.http("POST", "/message", b"no packet by post")
    assert (code, said["status"]) == (422, "rejected")
    assert kept(shared, b"no packet by post")[0][:2] == ("rejected", said["reason"])
    assert shared.http("POST", "/message", "fire!", "text/plain")[0] == 400
    assert kept(shared, b"fire!")[0][0] == "rejected"
    assert shared.http("POST", "/message", b"") == (400, {"error": "the message is empty"})


def test_http_of_the_wrong_size_or_kind_is_refused(shared):
    assert shared.http("POST", "/rockblock", b"x" * 40_000, FORM)[0] == 413
    assert shared.http("POST", "/message", b"x" * 70_000)[0] == 413
    with shared.connect("http") as connection:
        connection.sendall(b"POST /message HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n")
        assert all_of(connection).startswith(b"HTTP/1.1 400")
    with shared.connect("http") as connection:
        connection.sendall(b"\0\xff rubbish\r\n\r\n")
        assert all_of(connection).startswith(b"HTTP/1.1 400")


def test_a_page_in_a_browser_of_this_machine_sends_nothing_and_learns_nothing(shared):
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert shared.http("POST", "/message", b"sent by a page", **headers)[0] == 403
        assert shared.http("POST", "/rockblock", write_form(up(b"sent by a page")), FORM, **headers)[0] == 403
        assert shared.http("GET", "/status", **headers)[0] == 403
    assert kept(shared, b"sent by a page") == []


def test_requests_that_follow_each_other_on_one_connection_are_all_answered(shared):
    messages = posts.plain(posts.photo(40))
    with shared.connect("http") as connection:
        for message in messages:
            head = f"POST /message HTTP/1.1\r\nHost: x\r\nContent-Length: {len(message)}\r\n\r\n"
            connection.sendall(head.encode() + message)
        said = b""
        while said.count(b'"status":"new"') < len(messages):
            part = connection.recv(65536)
            assert part, said
            said += part
    assert [kept(shared, message)[0][0] for message in messages] == ["taken"] * len(messages)


def test_the_status_counts_what_came(shared):
    code, said = shared.http("GET", "/status")
    assert code == 200
    assert said["messages"].keys() == {"taken", "waiting", "rejected", "images"}
    assert said["lag"].keys() == {"images", "behind_s"}
    assert shared.http("GET", "/status", **{"X-Forwarded-For": "127.0.0.1"})[0] == 401, "a proxy stands in between"


def test_tcp_answers_each_message_in_order(shared):
    [first, second, *_] = posts.plain(posts.photo(50))
    assert shared.tcp(first, b"no packet by TCP", second, first) == b"\1\2\1\1"
    assert kept(shared, first) == [("taken", None, 2)]
    assert kept(shared, b"no packet by TCP")[0][0] == "rejected"
    with shared.connect("tcp") as connection:
        connection.sendall(b"\0\x50cut in the middle")
        connection.shutdown(socket.SHUT_WR)
        assert all_of(connection) == b"\0"
    assert "cut: 17 bytes of at least 80" in kept(shared, b"cut in the middle")[0][1]


def test_udp_takes_each_datagram_and_answers_none(shared):
    messages = [*posts.plain(posts.photo(60)), b"no packet by UDP"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(0.05)
        for message in messages:
            sender.sendto(message, ("127.0.0.1", shared.port("udp")))
        states = until(lambda: all(rows := [kept(shared, each) for each in messages]) and rows)
        with pytest.raises(TimeoutError):
            sender.recv(100)
    assert [rows[0][0] for rows in states] == ["taken"] * 5 + ["rejected"]


def test_lengths_of_tcp_may_take_four_bytes_and_what_is_too_long_is_not_read(tmp_path):
    with Service(tmp_path, "--tcp", "0", "--tcp-prefix", "4", "--message-bytes", "100") as service:
        assert service.tcp(GOOD[0], prefix=4) == b"\1"
        assert service.tcp(bytes(200), prefix=4) == b"\0"
        assert service.rows("state, reason")[1] == (
            "rejected",
            "TCP: holds 200 bytes by its own length; expected at most 100",
        )


def test_a_gateway_that_waits_for_no_confirmation_gets_none(tmp_path):
    with Service(tmp_path, "--directip", "0", "--no-confirmation") as service:
        assert service.direct_ip(write_mo(up(GOOD[0]))) == b""
        assert kept(service, GOOD[0]) == [("taken", None, 1)]


def test_modems_and_addresses_that_are_not_allowed(tmp_path):
    other = "300234010753371"
    allow = ["--allow", IMEI, "--allow", "127.0.0.1"]
    with Service(tmp_path, "--directip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--udp", "0", *allow) as service:
        assert service.direct_ip(write_mo(up(GOOD[0]))) == KEPT
        assert service.direct_ip(write_mo(up(GOOD[1], imei=other))) == KEPT, "it is kept, as rejected"
        assert service.http("POST", "/rockblock", write_form(up(GOOD[2], imei=other)), FORM)[0] == 403
        reason = f"modem {other} is not among those allowed"
        assert service.rows("state, reason") == [("taken", None), ("rejected", reason), ("rejected", reason)]
        with service.connect("directip", source="127.0.0.2") as stranger:
            assert all_of(stranger) == b""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.2", 0))
            stranger.sendto(GOOD[3], ("127.0.0.1", service.port("udp")))

        def refused():
            return service.http("GET", "/status")[1]["refused"]

        assert until(lambda: len(refused()) == 2 and refused()) == {
            "directip: address is not among those allowed": 1,
            "udp: address is not among those allowed": 1,
        }
        assert len(service.rows()) == 3


@pytest.fixture
def watched(tmp_path):
    folder = tmp_path / "watched"
    folder.mkdir()
    return folder


def test_files_that_are_laid_down_are_taken_once_they_are_whole(tmp_path, watched):
    (watched / "before.sbd").write_bytes(GOOD[0])
    with Service(tmp_path, "--watch", watched) as service:
        (watched / ".hidden").write_bytes(GOOD[1])
        (watched / "coming.sbd.part").write_bytes(GOOD[1][:10])
        os.mkfifo(watched / "pipe")
        secret = tmp_path / "secret"
        secret.write_text("not for the inbox")
        (watched / "link.sbd").symlink_to(secret)
        (watched / "hook.json").write_bytes(write_json(up(GOOD[2])))
        (watched / "both.bin").write_bytes(GOOD[3] + GOOD[4])
        (watched / "no\x1b[31mte.txt").write_text("the team left at noon")
        until(lambda: (len(list(watched.glob("taken/*"))), len(list(watched.glob("rejected/*")))) == (3, 1))
        assert {row[0]: row[1] for row in service.rows()} == {
            **dict.fromkeys([GOOD[0], GOOD[2], GOOD[3], GOOD[4]], "taken"),
            b"the team left at noon": "rejected",
        }
        names = {each.relative_to(watched).as_posix() for each in watched.rglob("*")}
        assert names == {
            *(".hidden", "coming.sbd.part", "pipe", "link.sbd", "taken", "rejected"),
            *("taken/before.sbd", "taken/hook.json", "taken/both.bin", "rejected/no\x1b[31mte.txt"),
        }
        assert service.event("message", status="rejected")["file"] == r"no\x1b[31mte.txt"
        (watched / "coming.sbd.part").write_bytes(GOOD[1])
        (watched / "coming.sbd.part").rename(watched / "before.sbd")
        until(lambda: (watched / "taken" / "before_1.sbd").exists(), "a name that was there already")
        assert (watched / "taken" / "before.sbd").read_bytes() == GOOD[0]
        assert kept(service, GOOD[1]) == [("taken", None, 1)]
        assert service.stop() == 0


def test_a_file_that_is_still_written_waits_and_a_large_one_is_no_message(tmp_path, watched):
    with Service(tmp_path, "--watch", watched) as service, open(watched / "slow.sbd", "wb") as file:
        for at in range(0, len(GOOD[0]), 8):
            file.write(GOOD[0][at : at + 8])
            file.flush()
            time.sleep(0.15)
        (watched / "huge.bin").write_bytes(bytes(300_000))
        until(lambda: (watched / "rejected" / "huge.bin").exists())
        assert (watched / "rejected" / "huge.bin").stat().st_size == 300_000
        until(lambda: (watched / "taken" / "slow.sbd").exists())
        assert kept(service, GOOD[0]) == [("taken", None, 1)]
        assert all("file of more than 262,144 bytes" in row[2] for row in service.rows() if row[1] == "rejected")


def test_a_file_that_would_take_hours_to_read_is_given_up():
    bomb = b"\x18\x02" * 100_000
    keys = {0x1802: posts.KEY, 0x0218: posts.KEY}
    with pytest.raises(
        PacketError, match=r"^no messages could be told apart in it within 0.2 s; give them one by one$"
    ):
        messages_in(bomb, keys, within_s=0.2)


def test_what_a_gateway_says_in_a_file_is_kept_with_its_message(tmp_path, watched):
    (watched / "300234010753370_000012.sbd").write_bytes(write_mo(up(GOOD[0], 99)))
    with Service(tmp_path, "--watch", watched) as service:
        service.event("message", status="new")
        [(way, device, said)] = service.arrivals()
        assert (way, device, json.loads(said)["momsn"]) == ("folder", IMEI, 99)


def test_a_file_that_was_taken_before_the_service_was_killed_counts_once(tmp_path, watched):
    with Service(tmp_path, "--watch", watched) as service:
        (watched / "a.sbd").write_bytes(GOOD[0])
        until(lambda: (watched / "taken" / "a.sbd").exists())
    (watched / "taken" / "a.sbd").rename(watched / "a.sbd")  # as if it had been killed just before
    with Service(tmp_path, "--watch", watched) as service:
        until(lambda: (watched / "taken" / "a.sbd").exists())
        service.event("message", status="again", file="a.sbd")
        assert kept(service, GOOD[0]) == [("taken", None, 2)]


@pytest.mark.parametrize(
    ("form", "content", "states"),
    [
        ("any", b"".join(GOOD), ["taken"] * 5),
        ("any", b"rubbish", ["rejected"]),
        ("any", b"", []),
        (
            "lines",
            b"\n".join([GOOD[0].hex().encode(), b"", b"rubbish", write_json(up(GOOD[1]))]),
            ["taken", "rejected", "taken"],
        ),
        ("frames", b"".join(len(each).to_bytes(2, "big") + each for each in GOOD), ["taken"] * 5),
        ("frames", len(GOOD[0]).to_bytes(2, "big") + GOOD[0] + b"\0\x09cut", ["taken", "rejected"]),
    ],
)
def test_standard_input_is_taken_to_its_end_and_then_the_work_is_done(tmp_path, form, content, states):
    path = tmp_path / "input"
    path.write_bytes(content)
    with open(path, "rb") as file, Service(tmp_path, "--stdin", form, stdin=file) as service:
        assert service.process.wait(20) == 0, service.errors
        assert [row[1] for row in service.rows()] == states


def test_lines_of_a_pipe_are_taken_as_they_come(tmp_path):
    read, write = os.pipe()
    with (
        os.fdopen(read, "rb") as reading,
        os.fdopen(write, "wb", 0) as writing,
        Service(tmp_path, "--stdin", "lines", "--udp", "0", stdin=reading) as service,
    ):
        writing.write(GOOD[0].hex().encode() + b"\n" + GOOD[1].hex().encode()[:20])
        service.event("message", way="stdin", status="new")
        writing.write(GOOD[1].hex().encode()[20:] + b"\n")
        until(lambda: len(service.rows()) == 2)
        writing.close()
        service.event("ended", way="stdin")
        assert service.process.poll() is None, "another way is open"
        assert service.stop() == 0
