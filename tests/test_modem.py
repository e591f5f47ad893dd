"""`satsim modem` as a process: hosts at its wire, servers behind its gateway, and what goes wrong on purpose."""

import os
import select
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from modems import Hook, Host, Listener, Modem, received, running, wait_for

from satsim.links.linkspec import LinkSpec
from satsim.sbd.directip import MtMessage, write_mt
from satsim.sbd.webhook import FORM, read_hook
from satsim.simulation.simulation import simulate

IMEI = "300234010753370"
FAST = ("--speed", 1000)
MESSAGES = [bytes([k]) * 20 for k in range(40)]

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs ptys")


@pytest.fixture
def listener():
    """A DirectIP server that says nothing."""
    listener = Listener()
    yield listener
    listener.close()


def test_sessions_of_the_process_end_as_the_sends_of_simulate_and_the_gateway_delivers_what_it_took(listener):
    bursts = "{model: gilbert_elliott, good_to_bad: 0.2, bad_to_good: 0.4}"
    changes = [f"--set=loss={bursts}", "--set=ground_loss_ratio=0.2", "--set=duplicate_ratio=0.2"]
    link = LinkSpec.model_validate({
        "preset": "sbd_9603_open", "ground_loss_ratio": 0.2, "duplicate_ratio": 0.2,
        "loss": {"model": "gilbert_elliott", "good_to_bad": 0.2, "bad_to_good": 0.4},
    })  # fmt: skip
    events = simulate([MESSAGES], link, 5, transport="once")
    landed = [event.payload_index for event in events if event.kind in ("delivered", "duplicate", "damaged")]
    with running(*FAST, "--seed", 5, *changes, "--to", listener.address) as modem:
        host = Host(modem.port)
        statuses = [host.send(message) for message in MESSAGES]
        wait_for(lambda: len(listener.messages) >= len(landed))
        fates = [line["fate"] for line in wait_for(lambda: modem.sessions()[39:] and modem.sessions())]
        host.close()
    assert [message.payload[0] for message in listener.messages] == landed
    lost = {event.payload_index for event in events if event.kind == "lost"}
    assert {k for k, fate in enumerate(fates) if fate.startswith("lost")} == lost
    assert {k for k, status in enumerate(statuses) if status == 18} <= lost
    assert "lost behind the gateway" in fates
    assert set(statuses) == {0, 17, 18} or set(statuses) == {0, 18}  # 17: one in a hundred is misheard


def test_what_the_server_gets_is_the_message_with_its_numbers(listener):
    with running(*FAST, "--set", "loss_ratio=0", "--set", "ack.false_negative_ratio=0", "--imei", "300000000000001",
                 "--to", listener.address) as modem:  # fmt: skip
        host = Host(modem.port)
        assert host.ask("AT+CGSN") == b"\r\n300000000000001\r\n\r\nOK\r\n"
        for message in (b"\0\r\n\xff" * 85, b"AT+SBDD2\r"):
            assert host.send(message) == 0
        wait_for(lambda: len(listener.messages) == 2)
        host.close()
    first, second = listener.messages
    assert listener.payloads() == [b"\0\r\n\xff" * 85, b"AT+SBDD2\r"]
    assert (first.imei, first.momsn, first.session_status, first.cdr) == ("300000000000001", 0, 0, 1)
    assert (second.momsn, second.cdr) == (1, 2)
    assert abs(first.time_unix_s - time.time()) < 60


def test_a_web_hook_gets_forms_until_it_answers_200(listener):
    hook = Hook(500, 403)
    with running(*FAST, "--set", "loss_ratio=0", "--to", hook.address, "--to", listener.address) as modem:
        host = Host(modem.port)
        host.send(b"over http")
        wait_for(lambda: len(hook.bodies) == 3 and listener.messages)
        assert [line["words"] for line in modem.lines if line["event"] == "trouble"] == [
            f"{hook.address}: answered 500; it is tried again"
        ]
        host.close()
    hook.close()
    assert [status for status, *_ in hook.bodies] == [500, 403, 200]
    _, path, kind, body = hook.bodies[2]
    assert (path, kind) == ("/rockblock?x=1", FORM)
    assert read_hook(body, kind)[:2] == (IMEI, 0)
    assert read_hook(body, kind).payload == b"over http" == listener.messages[0].payload


def test_with_confirm_a_message_is_delivered_until_the_server_says_that_it_kept_it():
    listener = Listener(confirms=[False, False, True])
    with running(*FAST, "--set", "loss_ratio=0", "--to", listener.address, "--confirm") as modem:
        host = Host(modem.port)
        host.send(b"keep this")
        wait_for(lambda: listener.messages)
        host.close()
    listener.close()
    assert listener.payloads() == [b"keep this"]
    assert listener.answers == []


def test_a_server_that_is_away_gets_everything_in_order_when_it_is_back():
    away = Listener()
    away.close()
    with running(*FAST, "--set", "loss_ratio=0", "--to", away.address) as modem:
        host = Host(modem.port)
        for message in MESSAGES[:3]:
            host.send(message)
        wait_for(lambda: [line for line in modem.lines if line["event"] == "trouble"])
        back = Listener(port=away.port)
        wait_for(lambda: back.payloads() == MESSAGES[:3])
        host.close()
    back.close()


def test_what_no_server_has_at_the_end_is_told():
    away = Listener()
    away.close()
    with running(*FAST, "--set", "loss_ratio=0", "--to", away.address) as modem:
        host = Host(modem.port)
        for message in MESSAGES[:3]:
            host.send(message)
        wait_for(lambda: [line for line in modem.lines if line["event"] == "trouble"])
        host.close()
    assert modem.lines[-1] == {"event": "stopped", "sessions": 3, "under_way": 0, "undelivered": {away.address: 3}}
    assert [line["words"] for line in modem.lines if line["event"] == "trouble"] == [
        f"{away.address}: connection refused; it is tried again"
    ]


def test_messages_for_the_modem_come_with_sessions_and_wait_in_order():
    with running(*FAST, "--set", "loss_ratio=0", "--set", "ack.false_negative_ratio=0", "--mt", "0") as modem:
        host = Host(modem.port)
        assert modem.offer(MtMessage(IMEI, b"first", 7))[:2] == (7, IMEI)
        assert modem.offer(MtMessage(IMEI, b"\r\n\0" * 90)).status == 2
        assert modem.offer(MtMessage(IMEI, b"x" * 271)).status == -3
        assert modem.offer(MtMessage("300000000000001", b"x")).status == -2
        assert modem.offer(MtMessage(IMEI, b"")).status == -4
        assert modem.offer(b"\x02GET / HTTP/1.1").status == -7
        assert host.session() == (0, 0, 1, 0, 5, 1)
        assert host.ask("AT+SBDRB") == b"\x00\x05first\x02\x28\r\nOK\r\n"
        assert modem.offer(MtMessage(IMEI, b"urgent", flags=16)).status == 1
        assert host.until(b"SBDRING\r\n") == b"\r\nSBDRING\r\n"
        assert host.session() == (0, 1, 1, 1, 6, 1)
        assert host.session() == (0, 2, 1, 2, 270, 0)
        assert host.session() == (0, 3, 0, 0, 0, 0)
        for place in range(1, 51):
            assert modem.offer(MtMessage(IMEI, b"x")).status == place
        assert modem.offer(MtMessage(IMEI, b"x")).status == -5
        assert modem.offer(MtMessage(IMEI, b"only this", flags=1)).status == 1
        host.close()


def test_out_of_contact_there_is_no_signal_and_no_network_and_then_there_is():
    windows = "windows={model: list, open_s: [[600, 1000000]]}"
    with running("--speed", 300, "--set", windows, "--set", "loss_ratio=0", "--set", "delay_s=0") as modem:
        host = Host(modem.port)
        assert host.ask("AT+CSQ") == b"\r\n+CSQ:0\r\n\r\nOK\r\n"
        assert host.send(b"too early") == 32
        wait_for(lambda: host.ask("AT+CSQF") == b"\r\n+CSQF:5\r\n\r\nOK\r\n")
        assert host.session()[0] == 0
        assert host.ask("AT*R0") == b"\r\nOK\r\n"
        assert host.session()[0] == 34
        host.close()


def test_a_session_takes_the_links_time_by_the_clock_of_the_modem():
    with running("--speed", 20, "--set", "loss_ratio=0", "--set", "delay_s=6") as modem:
        host = Host(modem.port)
        host.send(b"x")
        (line,) = wait_for(modem.sessions)
        host.close()
    assert line["seconds"] >= 6  # 0.3 s of the wall, or more on a busy machine


def test_the_number_and_what_waits_outlive_the_process_and_the_buffer_does_not(tmp_path):
    state = tmp_path / "modem.json"
    options = (*FAST, "--set", "loss_ratio=0", "--set", "ack.false_negative_ratio=0", "--state", state, "--mt", "0")
    modem = Modem(*options)
    host = Host(modem.port)
    for message in MESSAGES[:3]:
        assert host.send(message) == 0
    assert modem.offer(MtMessage(IMEI, b"kept")).status == 1
    modem.process.kill()
    modem.process.wait()
    modem.process.stdout.close()
    modem.process.stderr.close()
    host.close()
    with running(*options) as modem:
        host = Host(modem.port)
        assert host.ask("AT+SBDS") == b"\r\n+SBDS: 0, 3, 0, -1\r\n\r\nOK\r\n"
        assert host.session() == (0, 3, 1, 0, 4, 0)
        host.close()


def test_a_bent_wire_answers_2_and_1_and_says_nothing_as_told(listener):
    with running(*FAST, "--set", "loss_ratio=0", "--set", "ack.false_negative_ratio=0", "--fault", "checksum:1,3",
                 "--fault", "timeout:2", "--fault", "silence:1", "--to", listener.address) as modem:  # fmt: skip
        host = Host(modem.port)
        assert [host.load(b"hello") for _ in range(4)] == [2, 1, 2, 0]
        host.write(b"AT+SBDIX\r")
        wait_for(modem.sessions)
        assert host.ask("AT+SBDS").endswith(b"\r\n+SBDS: 1, 1, 0, -1\r\n\r\nOK\r\n")
        wait_for(lambda: listener.payloads() == [b"hello"])
        assert modem.sessions()[0]["silent"]
        host.close()


@pytest.mark.parametrize(("when", "got"), [("power:2", [b"\1", b"\2", b"\2"]), ("power:2:before", [b"\1", b"\2"])])
def test_a_power_cut_amid_a_session_empties_the_modem_whether_the_gateway_has_the_message_or_not(when, got, listener):
    with running(*FAST, "--set", "loss_ratio=0", "--set", "ack.false_negative_ratio=0", "--fault", when,
                 "--to", listener.address) as modem:  # fmt: skip
        host = Host(modem.port)
        assert host.send(b"\1") == 0
        host.load(b"\2")
        host.write(b"AT+SBDIX\r")
        wait_for(lambda: len(modem.sessions()) == 2)

        def awake():
            host.write(b"AT\r")
            return _speaks(host)

        wait_for(awake)
        host.ask("AT+SBDS", b"\r\n+SBDS: 0, 1, 0, -1\r\n\r\nOK\r\n")  # whatever came before
        assert host.send(b"\2") == 0
        wait_for(lambda: len(listener.messages) == len(got))
        host.close()
    assert listener.payloads() == got
    assert [message.momsn for message in listener.messages] == [0, *[1] * (len(got) - 1)]


def _speaks(host):
    """Whether the modem has said OK within a moment."""
    said = b""
    while select.select([host._file], [], [], 0.1)[0]:
        said += os.read(host._file, 100)
    return b"OK\r\n" in said


def test_floods_from_the_host_and_at_the_gateway_leave_the_modem_as_it_was():
    noise = np.random.default_rng(1).bytes(4096)
    with running(*FAST, "--set", "loss_ratio=0", "--mt", "0") as modem:
        host = Host(modem.port)
        before = _memory_bytes(modem)
        for _ in range(40):
            host.write(noise.replace(b"\r", b""))  # echoed, and the host reads none of it
            host.write(b"\rAT+CGMR\r" * 50)
        where = ("127.0.0.1", int(modem.about["mt"].split(":")[1]))
        visitors = [socket.create_connection(where) for _ in range(40)]
        turned_away = wait_for(lambda: select.select(visitors, [], [], 1)[0])
        assert all(received(visitor) == b"" for visitor in turned_away)
        for visitor in visitors:
            visitor.close()
        answer = wait_for(lambda: modem.offer(MtMessage(IMEI, b"still there")))  # once all of them have gone
        assert answer.status == 1
        good = write_mt(MtMessage(IMEI, b"good"))
        for k in range(len(good)):  # a byte of each is wrong, and most have their length still
            with socket.create_connection(where) as connection:
                connection.sendall(good[:k] + bytes([good[k] ^ 0x55]) + good[k + 1 :])
                connection.shutdown(socket.SHUT_WR)
                assert len(received(connection)) in (0, 31)
        assert modem.offer(MtMessage(IMEI, b"still there", flags=1)).status == 1
        while select.select([host._file], [], [], 0.2)[0]:
            os.read(host._file, 100_000)
        assert host.ask("AT").endswith(b"OK\r\n")
        assert host.session()[4] == 11
        assert _memory_bytes(modem) - before < 10e6
        host.close()


def _memory_bytes(modem):
    with open(f"/proc/{modem.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_state_that_cannot_be_kept_ends_the_modem_with_a_line(tmp_path):
    folder = tmp_path / "folder"
    modem = Modem(*FAST, "--set", "loss_ratio=0", "--state", folder / "state.json")
    for path in (*folder.iterdir(), folder):
        path.unlink() if path.is_file() else path.rmdir()
    folder.write_text("in its place")
    host = Host(modem.port)
    host.load(b"x")
    host.write(b"AT+SBDIX\r")
    assert modem.process.wait(20) == 2
    with modem.process.stderr as err:
        assert err.read() == f"error: {folder}: File exists\n"
    modem.process.stdout.close()
    host.close()


def test_over_tcp_one_host_has_the_modem_and_another_is_turned_away():
    with running(*FAST, "--tcp", "127.0.0.1:0") as modem:
        first = Host(modem.port)
        assert first.ask("AT") == b"\r\nOK\r\n"
        second = Host(modem.port)
        assert second._socket.recv(10) == b""
        second.close()
        first.close()
        wait_for(lambda: _served(modem.port))


def _served(port):
    host = Host(port)
    host.write(b"AT\r")
    try:
        return host._socket.recv(1) == b"A"
    except OSError:
        return False
    finally:
        host.close()


def test_a_pty_stays_for_one_host_after_the_other_and_its_link_goes_with_the_modem(tmp_path):
    link = tmp_path / "modem"
    link.symlink_to("/nowhere")  # of a modem that was killed
    with running(*FAST, "--pty", link) as modem:
        assert modem.port == str(link)
        for _ in range(2):
            host = Host(modem.port)
            assert host.ask("AT") == b"\r\nOK\r\n"
            host.close()
    assert not link.is_symlink()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_in_its_first_line_and_stops_when_told(by):
    process = subprocess.Popen(
        [sys.executable, "-m", "satsim", "modem", "--link", "sbd_9522"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline().startswith("/dev/")
    process.send_signal(by)
    with process.stdout, process.stderr:
        out, err = process.stdout.read(), process.stderr.read()
    assert (process.wait(30), err) == (0, "")
    assert out.splitlines()[0] == "note: the link takes 1960 bytes a message; this modem 340, as any 9603 does"
    assert out.splitlines()[-1] == "stopped; sessions: 0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--link", "sbd_9630"), "did you mean"),
        (("--set", "loss_ratio=10"), "link.loss_ratio is 10; expected 0 to 1 (write 0.1 for ten percent)"),
        (("--set", "los_ratio=0.1"), "did you mean loss_ratio?"),
        (("--set", "loss_ratio"), "expected key=value, such as loss_ratio=0.2"),
        (("--speed", "0"), "--speed is 0; expected more than 0"),
        (("--speed", "nan"), "--speed is nan; expected more than 0"),
        (("--seed", "-1"), "--seed is -1; expected 0 or more"),
        (("--imei", "12345"), "--imei is '12345'; expected 15 digits"),
        (("--tcp", "here"), "--tcp 'here': expected HOST:PORT, such as 127.0.0.1:10800"),
        (("--tcp", "1", "--pty", "x"), "leave one out"),
        (("--to", "mail:me"), "expected directip:HOST:PORT or http://HOST:PORT/PATH"),
        (("--to", "directip:host:70000"), "expected HOST:PORT"),
        (("--fault", "fire:3"), "expected checksum, timeout, power or silence with numbers from 1"),
        (("--fault", "checksum:0"), "with numbers from 1"),
        (("--fault", "checksum:1:before"), "with numbers from 1"),
        (("--state", "STATE"), "not the state of a modem; name another file by --state, or delete it"),
        (("--pty", "STATE"), "something else is there already; name a path that is free"),
        (("--set", "loss={model: 'mine:Loss'}"), "--allow-code"),
        (("--mt", "203.0.113.1:0"), "--mt 203.0.113.1:0: cannot assign requested address; name another address"),
        (("--pty", "no/such/modem"), "--pty no/such/modem: No such file or directory; name a path in a folder that"),
        (("--state", "STATE/x"), "Not a directory"),
    ],
)
def test_what_cannot_be_is_one_line_that_names_the_mend(arguments, said, in_process, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text('{"imei": "300234010753370", "momsn": 70000, "mtmsn": 0, "cdr": 0, "waiting": []}')
    done = in_process("modem", *(each.replace("STATE", str(broken)) for each in arguments))
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert broken.read_text() == '{"imei": "300234010753370", "momsn": 70000, "mtmsn": 0, "cdr": 0, "waiting": []}'
