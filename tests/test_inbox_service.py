"""The service as a process: what opens it to others, what it never says, how it ends, and how it comes back."""

import fcntl
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import posts
import pytest
from serving import IMEI, Service, all_of, ask, until

from satsim.keys import new_key, read_key
from satsim.sbd.directip import MoMessage, write_confirmation, write_mo
from satsim.sbd.webhook import FORM, fields_of, write_form

for library in ("starlette", "uvicorn", "cryptography"):
    pytest.importorskip(library)
jwt = pytest.importorskip("jwt")

TOKEN, SECRET = "token-0123456789abcdef", "secret-0123456789abcdef"
GOOD = posts.plain(posts.photo(1))


def up(payload, momsn=12):
    return MoMessage(IMEI, momsn, 0, 0, 1_635_676_910, payload)


def satsim(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "satsim", *map(str, arguments)], capture_output=True, text=True, timeout=60, **more
    )


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return ["--token-file", path]


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return ["--hook-secret-file", path]


@pytest.fixture(scope="module")
def gateway():
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def jwt_key(tmp_path, gateway):
    from cryptography.hazmat.primitives import serialization as form

    path = tmp_path / "gateway.pem"
    path.write_bytes(gateway.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
    return ["--jwt-key", path]


NEEDS_KEYS = "give --keys with --sealed-only, for DirectIP has no password (or 127.0.0.1, which they do not reach)"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--udp 0 list", "--udp stands before list; write it behind: satsim inbox list --udp ..."),
        (
            "--db x.db",
            "no way in is named; give one or more of --directip, --http, --tcp, --udp, --watch, --stdin",
        ),
        ("--db x.db --directip 0.0.0.0:0", f"--directip: other machines reach 0.0.0.0; {NEEDS_KEYS}"),
        ("--db x.db --sealed-only --udp 0", "--sealed-only takes what keys open alone; give them (--keys FILE)"),
        (
            "--db x.db --udp nowhere",
            "--udp: 'nowhere' is no address; expected HOST:PORT, as 127.0.0.1:10800 (0: any port)",
        ),
        ("--db x.db --watch absent", "--watch: absent is no folder; make it, or name another"),
        ("--db x.db --stdin all", "--stdin is 'all'; expected any, lines, frames"),
        ("--db x.db --tcp 0 --tls-cert c", "--tls-cert and --tls-key go together; give both"),
        ("--db x.db --tcp 0 --token-file absent", "absent: No such file or directory"),
        (
            "--db x.db --udp 0 --allow me",
            "--allow: 'me' is none; expected an IMEI of 15 digits, an address or a network",
        ),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_made(tmp_path, monkeypatch, capsys, options, said):
    from satsim.commands import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["satsim", "inbox", *options.split()])
    with pytest.raises(SystemExit) as stopped:
        main.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err == f"error: {said}\n"
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_taken_and_a_file_that_is_no_inbox_are_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = satsim("inbox", "--db", tmp_path / "x.db", "--tcp", port)
        assert (done.returncode, done.stderr) == (2, f"error: --tcp: {port}: Address already in use\n")
    (tmp_path / "other.db").write_text("not a database" * 100)
    done = satsim("inbox", "--db", tmp_path / "other.db", "--tcp", "0")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'other.db'}: not an inbox; ")


def test_a_token_is_demanded_of_every_way_that_can_bear_one_and_nothing_of_others_is_kept(tmp_path, token):
    with Service(tmp_path, "--http", "0.0.0.0:0", "--tcp", "0.0.0.0:0", *token) as service:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            for method, path in (("POST", "/message"), ("POST", "/rockblock"), ("GET", "/status")):
                code, said = service.http(method, path, GOOD[0] if method == "POST" else None, **headers)
                assert (code, said) == (401, {"error": "wrong or missing token"})
        assert service.http("POST", "/message", GOOD[0], **bearer)[1]["status"] == "new"
        assert service.http("POST", "/rockblock", write_form(up(GOOD[1])), FORM, **bearer)[1]["status"] == "new"
        assert service.tcp(GOOD[2]) == b"\0"
        assert service.tcp(b"wrong", GOOD[2]) == b"\0"
        assert service.tcp(TOKEN.encode(), GOOD[2]) == b"\1\1"
        assert [row[0] for row in service.rows()] == GOOD[:3]
        refused = service.http("GET", "/status", **bearer)[1]["refused"]
        assert refused == {
            **{"http: wrong or missing token": 3, "rockblock: wrong or missing token": 3},
            **{"status: wrong or missing token": 3, "tcp: wrong token": 2},
        }
        assert service.stop() == 0


def test_a_web_hook_with_a_secret_is_taken_by_it_alone_and_opens_no_other_door(tmp_path, secret):
    body = write_form(up(GOOD[0]))
    with Service(tmp_path, "--http", "0.0.0.0:0", *secret) as service:
        for path in ("/rockblock", "/rockblock/wrong", f"/rockblock/{SECRET}x"):
            assert service.http("POST", path, body, FORM)[0] == 401
        assert service.http("POST", "/message", GOOD[0]) == (
            401,
            {"error": "messages by POST need a token (--token-file)"},
        )
        assert service.rows() == []
        assert service.http("POST", f"/rockblock/{SECRET}", body, FORM)[1]["status"] == "new"
        bearer = {"Authorization": f"Bearer {SECRET}"}
        assert service.http("POST", "/rockblock", body, FORM, **bearer)[1]["status"] == "again"


def test_a_web_hook_that_the_gateway_did_not_sign_leaves_nothing(tmp_path, gateway, jwt_key):
    message = up(GOOD[0])
    good = jwt.encode(fields_of(message), gateway, "RS256")
    with Service(tmp_path, "--http", "0.0.0.0:0", *jwt_key) as service:
        for body in (
            *(b"junk", write_form(message), write_form(message, jwt="a.b.c")),
            write_form(up(GOOD[1]), jwt=good),
        ):
            assert service.http("POST", "/rockblock", body, FORM)[0] == 401
        assert service.rows() == []
        answers = [service.http("POST", "/rockblock", write_form(message, jwt=good), FORM) for _ in range(2)]
        assert [said["status"] for _, said in answers] == ["new", "again"], "a replay adds nothing"
        service.event("note", reason="the gateway signs for all its customers; name your modems: --allow IMEI")
        assert service.http("GET", "/status")[1]["refused"] == {"rockblock: no signed web hook": 4}


def test_with_keys_and_sealed_only_any_door_may_be_open(tmp_path):
    new_key(tmp_path / "key.yaml", 7)
    sealed = posts.sealed(posts.photo(3), 0, read_key(tmp_path / "key.yaml").key)
    keyed = ["--keys", tmp_path / "key.yaml", "--sealed-only"]
    ways = [f"--{way}=0.0.0.0:0" for way in ("directip", "http", "tcp", "udp")]
    with Service(tmp_path, *ways, *keyed) as service:
        assert service.direct_ip(write_mo(up(sealed[0]))) == write_confirmation(True)
        assert service.http("POST", "/message", sealed[1])[1]["status"] == "new"
        assert service.tcp(sealed[2], GOOD[0], sealed[3][:-1]) == b"\1\2\2"
        assert service.http("POST", "/rockblock", write_form(up(sealed[0])), FORM)[1]["status"] == "again"
        states = [row[1:] for row in service.rows()]
        assert states[:4] == [("taken", None)] * 3 + [("rejected", "not sealed; only sealed packets are taken")]
        assert states[4][0] == "rejected"
        key = read_key(tmp_path / "key.yaml").key.key.hex()
        assert service.stop() == 0
        assert key not in (service.raw + service.errors).decode()


def test_no_secret_is_ever_said(tmp_path, token, secret, gateway, jwt_key):
    """Not in what is printed, nor in errors, answers, the database or the list of processes."""
    good = jwt.encode(fields_of(up(GOOD[0])), gateway, "RS256")
    with Service(tmp_path, "--http", "0.0.0.0:0", "--tcp", "0", *token, *secret, *jwt_key) as service:
        said = [
            service.http("POST", f"/rockblock/{SECRET}", write_form(up(GOOD[0]), jwt=good), FORM),
            service.http("POST", f"/rockblock/{SECRET}", write_form(up(GOOD[0]), jwt=good[:-9]), FORM),
            service.http("POST", f"/rockblock/x{SECRET}", b"junk", FORM),
            service.http("POST", "/message", b"junk", Authorization=f"Bearer {TOKEN}"),
            service.http("POST", "/message", b"junk", Authorization=f"Bearer {TOKEN}x"),
            service.http("GET", "/status", Authorization=f"Bearer {TOKEN}"),
            service.tcp(TOKEN.encode(), b"junk"),
            service.tcp(TOKEN.encode()[:-1], b"junk"),
        ]
        assert said[0][1]["status"] == "new"
        line = Path(f"/proc/{service.process.pid}/cmdline").read_bytes()
        assert service.stop() == 0
        stored = b"".join(path.read_bytes() for path in tmp_path.glob("inbox.db*"))
        everything = service.raw + service.errors + json.dumps(str(said)).encode() + line + stored
        for hidden in (TOKEN, SECRET, good.split(".")[2][:40]):
            assert hidden.encode() not in everything


@pytest.fixture(scope="module")
def certificate(tmp_path_factory, gateway):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.x509.oid import NameOID

    folder = tmp_path_factory.mktemp("tls")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(gateway.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = builder.add_extension(names, critical=False).sign(gateway, hashes.SHA256())
    (folder / "cert.pem").write_bytes(made.public_bytes(form.Encoding.PEM))
    private = gateway.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    return folder


def test_http_and_tcp_speak_tls_and_those_who_never_end_its_handshake_are_cut_off(tmp_path, certificate):
    tls = ["--tls-cert", certificate / "cert.pem", "--tls-key", certificate / "key.pem"]
    tls += ["--request-s", "1"]
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    with Service(tmp_path, "--http", "0", "--tcp", "0", *tls) as service:
        for connection in [service.connect("http") for _ in range(3)]:
            with connection:
                assert all_of(connection) == b"", "cut off, though it says nothing"
        with closing(
            http.client.HTTPSConnection("localhost", service.port("http"), timeout=20, context=context)
        ) as connection:
            connection.request("POST", "/message", GOOD[0])
            assert json.loads(connection.getresponse().read())["status"] == "new"
        with context.wrap_socket(service.connect("tcp"), server_hostname="localhost") as connection:
            connection.sendall(len(GOOD[1]).to_bytes(2, "big") + GOOD[1])
            assert connection.recv(1) == b"\1"
        with service.connect("tcp") as plain:
            plain.sendall(b"no TLS at all" * 10)
            all_of(plain)
        assert service.stop() == 0
        assert service.errors == b""
    done = satsim("inbox", "--db", tmp_path / "x.db", "--tcp", "0", *tls[:3], certificate / "cert.pem")
    assert done.returncode == 2
    assert "no certificate with its private key" in done.stderr


def test_over_tls_the_cookie_of_the_console_is_for_tls_alone(tmp_path, token, certificate):
    tls = ["--tls-cert", certificate / "cert.pem", "--tls-key", certificate / "key.pem"]
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    with Service(tmp_path, "--http", "0", *tls, *token) as service:
        host = f"localhost:{service.port('http')}"
        with closing(http.client.HTTPSConnection(host, timeout=20, context=context)) as connection:
            connection.request("POST", "/login", f"token={TOKEN}", {"Origin": f"https://{host}"})
            answer = connection.getresponse()
            assert answer.status == 303
            assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_who_opens_too_many_connections_loses_its_own_oldest(tmp_path):
    with (
        Service(tmp_path, "--tcp", "0", "--connections-each", "2") as service,
        service.connect("tcp") as first,
        service.connect("tcp") as second,
        service.connect("tcp", source="127.0.0.2") as other,
        service.connect("tcp") as third,
    ):
        assert all_of(first) == b""
        for connection, message in zip((second, other, third), GOOD[:3], strict=True):
            connection.sendall(len(message).to_bytes(2, "big") + message)
            assert connection.recv(1) == b"\1"


def test_what_was_confirmed_is_there_after_a_kill_and_its_decoder_is_gone(tmp_path):
    photo = posts.plain(posts.jpeg_photo(1))
    with Service(tmp_path, "--directip", "0", decode=True) as service:
        decoder = service.event("decoder", status="started")["process"]
        for k, message in enumerate(photo):
            assert service.direct_ip(write_mo(up(message, k))) == write_confirmation(True)
        os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait(20)
        assert [row[0] for row in ask(service.db, "SELECT message FROM messages ORDER BY id")] == photo
        until(lambda: not is_alive(decoder), "the decoder ends with its service")
    with Service(tmp_path, "--directip", "0", decode=True) as service:
        until(lambda: ask(service.db, "SELECT COUNT(*) FROM images WHERE decoded = changed") == [(1,)])
        first = service.event("decoder", status="started")["process"]
        os.kill(first, signal.SIGKILL)
        service.event("decoder", status="ended", code=-9)
        until(lambda: len([each for each in service.events if each.get("status") == "started"]) == 2)
        second = [each["process"] for each in service.events if each.get("status") == "started"][1]
        assert service.stop(signal.SIGINT) == 0
        assert not is_alive(second)
    assert (tmp_path / ask(service.db, "SELECT picture FROM decodes ORDER BY id DESC")[0][0]).exists()


def is_alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_on_a_full_disk_nothing_is_promised_and_what_was_promised_is_there(tmp_path):
    """Files of this process may grow to 150 kB, as if that was all that is left."""
    limit = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000));"
    run = f"{limit} sys.argv = ['satsim', *sys.argv[1:]]; runpy.run_module('satsim', run_name='__main__')"
    messages = [message for k in range(60) for message in posts.plain(posts.photo(k, count=20))]
    with Service(tmp_path, "--directip", "0", "--http", "0", program=["-c", run]) as service:
        promised = []
        with service.connect("directip") as connection:
            for message in messages:
                connection.sendall(write_mo(up(message)))
                if connection.recv(100) != write_confirmation(True):
                    break
                promised.append(message)
        assert 0 < len(promised) < len(messages)
        assert service.http("POST", "/message", messages[-1]) == (503, {"error": "nothing can be written"})
        assert service.event("trouble")["reason"] == "nothing can be written: disk I/O error"
        assert [row[0] for row in service.rows()] == promised
        assert service.stop() == 0


def test_a_sealed_message_whose_key_is_not_there_waits_and_is_no_mistake(tmp_path):
    [message, other, *_] = posts.sealed(posts.photo(4), 0)
    with Service(tmp_path, "--http", "0", "--tcp", "0") as service:
        code, said = service.http("POST", "/message", message)
        assert (code, said["status"]) == (200, "waiting")
        assert service.tcp(other) == b"\1"
        assert [row[1] for row in service.rows()] == ["waiting"] * 2


def test_a_service_whose_output_nobody_reads_goes_on(tmp_path):
    (tmp_path / "in").mkdir()
    for k, message in enumerate(posts.plain(posts.photo(2, count=30))):
        (tmp_path / "in" / f"{k:0200d}.sbd").write_bytes(message)
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)  # full after 20 lines, and those come in the first second
    command = ["satsim", "inbox", "--db", tmp_path / "inbox.db", "--watch", tmp_path / "in", "--no-decoding"]
    with (
        os.fdopen(read, "rb"),
        os.fdopen(write, "wb") as out,
        subprocess.Popen([sys.executable, "-m", *command], stdout=out) as process,
    ):
        until(lambda: len(list((tmp_path / "in").glob("taken/*.sbd"))) == 30)
        process.terminate()
        assert process.wait(20) == 0


def test_lines_for_people_show_no_escape_that_a_name_holds(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a\x1b]0;owned\x07.sbd").write_bytes(GOOD[0])
    command = [sys.executable, "-m", "satsim", "inbox", "--db", tmp_path / "inbox.db", "--watch", tmp_path / "in"]
    with subprocess.Popen([*command, "--no-decoding"], stdout=subprocess.PIPE) as process:
        line = next(line for line in process.stdout if b"message" in line).decode()
        assert r"file a\x1b]0;owned\x07.sbd" in line
        assert "\x1b" not in line
        process.terminate()
        assert process.wait(20) == 0
