"""A real `satsim inbox` under attack, while an honest sender goes on: what it answers, and what memory it takes.

    python benchmarks/inbox_attack.py [--seconds 8] [--only NAME] [--folder F]

The service listens by DirectIP, HTTP (signed web hooks, and a token), TCP (the same token) and UDP, with its limits as
they are but for 2 MB of disk for rejected messages, and decodes beside. Attackers are processes of their own, at other
addresses of the loopback network (127.x.y.z); the honest sender sends a message four times a second, by DirectIP, web
hook and TCP in turn. Each attack lasts so many seconds:

    calm         none, to compare with
    hostile      packets bent, cut and invented, by every way
    flood        good packets, as fast as they go, from one address
    datagrams    UDP as fast as it goes, from 200 addresses, half of it rubbish: more than there is disk for
    slow         3,000 connections from 150 addresses that send a byte a second, and come again when they are cut off,
                 up to 1,500 a second
    open         2,000 new connections a second from 50 addresses that say nothing, up to 4,000 of them open
    forged       web hooks signed by nobody, by another, or for another message
    large        bodies and heads without end, and requests whose answers nobody reads
    replayed     one DirectIP message again and again
    neighbour    open and slow connections from the honest sender's own address

The bars: every honest message is confirmed within 3 s and in the database, whatever goes on (for `neighbour` it is told
how many, and no more); memory stays under 200 MB; rejected messages take no more disk than they may; nothing of what
was not authenticated is kept; and the service ends by SIGTERM with exit code 0. Exit code 1 where one is missed.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import multiprocessing
import random
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from satsim.air.packets import pack, packetize
from satsim.sbd.directip import MoMessage, read_confirmation, write_mo
from satsim.sbd.webhook import FORM, fields_of, write_form

MOST_S, MOST_MB, REJECTED_MB = 3.0, 200, 2
HONEST, TOKEN = "127.0.0.1", "a-token-for-this-benchmark-alone"
IMEI = "300234010753370"
PACE_S = 0.25


class Target(NamedTuple):
    """What attackers know."""

    directip: int
    http: int
    tcp: int
    udp: int


def message_of(sender: int, number: int) -> bytes:
    """A good packet; no two are alike."""
    payload = random.Random(f"{sender} {number}").randbytes(300)
    [packet] = packetize(
        [payload], codec="external", model_id=1, height=64, width=64, sender=sender, image_id=number % 65536
    )
    return pack(packet)


def up(payload: bytes, momsn: int = 1) -> MoMessage:
    return MoMessage(IMEI, momsn % 65536, 0, 0, int(time.time()), payload)


def connect(port: int, source: str, timeout_s: float = MOST_S) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout_s, source_address=(source, 0))


def address(network: int, k: int) -> str:
    return f"127.{network}.{k // 250}.{k % 250 + 1}"


def repeat(until: float, work: Callable[[int], object]) -> None:
    """Do it again and again; a connection that is refused, cut off or full is what an attacker lives with."""
    for k in itertools.count():
        if time.monotonic() > until:
            return
        with suppress(OSError, http.client.HTTPException):
            work(k)


def say(port: int, source: str, content: bytes, wait: bool = True) -> None:
    with connect(port, source) as connection:
        connection.sendall(content)
        if wait:
            connection.recv(4096)


def post(target: Target, source: str, path: str, body: bytes, kind: str) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", target.http, timeout=MOST_S, source_address=(source, 0))) as c:
        c.request("POST", path, body, {"Content-Type": kind})
        c.getresponse().read()


def bent(k: int) -> bytes:
    """A packet that is none: bent, cut, or invented."""
    chance = random.Random(k)
    content = bytearray(message_of(k % 50, k % 500))
    kind = k % 4
    if kind == 0:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del content[chance.randrange(len(content)) :]
    elif kind == 2:
        content[:20] = chance.randbytes(20)
    else:
        content = bytearray(chance.randbytes(chance.randrange(1, 2000)))
    return bytes(content)


def hostile(target: Target, until: float) -> None:
    def one(k: int) -> None:
        content, source = bent(k), address(10, k % 5)
        way = k % 5
        if way == 0:
            say(target.directip, source, write_mo(up(content[:1960], k)))
        elif way == 1:
            say(target.directip, source, b"\1" + content)
        elif way == 2:
            say(target.tcp, source, len(content).to_bytes(2, "big") + content)
        elif way == 3:
            post(target, source, "/rockblock", content, random.choice([FORM, "application/json", "x"]))
        else:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(content, ("127.0.0.1", target.udp))

    repeat(until, one)


def flood(target: Target, until: float) -> None:
    chance = random.randrange(1 << 30)
    repeat(until, lambda k: say(target.directip, address(11, 0), write_mo(up(message_of(9, chance + k), k))))


def datagrams(target: Target, until: float) -> None:
    senders = []
    for k in range(200):
        senders.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        senders[-1].bind((address(12, k), 0))
    good = [message_of(12, k) for k in range(1000)]

    def one(k: int) -> None:
        senders[k % 200].sendto(good[k % 1000] if k % 2 else bent(k), ("127.0.0.1", target.udp))

    repeat(until, one)


def slow(target: Target, until: float, sources: Callable[[int], str] = lambda k: address(13, k % 150)) -> None:
    """Many connections that send a byte a second, and begin again when they are cut off."""
    starts = {
        target.http: b"POST /rockblock HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 5000,
        target.directip: write_mo(up(bytes(1900))),
        target.tcp: b"\0\xff" + bytes(255),
    }
    ports = itertools.cycle(starts)
    chosen: list[tuple[socket.socket, bytes, int]] = []
    numbers = itertools.count()
    while time.monotonic() < until:
        began = time.monotonic()
        kept = []
        for connection, content, at in chosen:
            try:
                connection.send(content[at : at + 1])
                kept.append((connection, content, at + 1))
            except OSError:
                connection.close()
        chosen = kept
        while len(chosen) < 3000 and time.monotonic() < began + 0.8:
            port = next(ports)
            time.sleep(1 / 2000)
            with suppress(OSError):
                connection = connect(port, sources(next(numbers)), 0.5)
                connection.setblocking(False)
                chosen.append((connection, starts[port], 0))
        time.sleep(max(0.0, began + 1 - time.monotonic()))


def open_many(target: Target, until: float) -> None:
    held: list[socket.socket] = []
    began = time.monotonic()

    def one(k: int) -> None:
        time.sleep(max(0.0, began + k / 2000 - time.monotonic()))
        held.append(connect([target.http, target.directip, target.tcp][k % 3], address(14, k % 50), 0.5))
        if len(held) > 4000:
            for connection in held[:2000]:
                connection.close()
            del held[:2000]

    repeat(until, one)


def forged(target: Target, until: float) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    bodies = []
    for k in range(40):
        message = up(message_of(15, k), k)
        token = jwt.encode(fields_of(message), stranger, "RS256")
        bodies += [
            write_form(message),
            write_form(message, jwt=token),
            write_form(message, jwt="eyJhbGciOiJub25lIn0.e30."),
        ]
    repeat(until, lambda k: post(target, address(15, k % 3), "/rockblock", bodies[k % len(bodies)], FORM))


def large(target: Target, until: float) -> None:
    request = b"POST /rockblock HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nx=y"

    def one(k: int) -> None:
        source = address(16, k % 4)
        if k % 3 == 0:
            with connect(target.http, source) as connection:
                connection.sendall(b"POST /rockblock HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
                for _ in range(100):
                    connection.sendall(bytes(1 << 16))
        elif k % 3 == 1:
            with connect(target.http, source) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\n")
                for j in range(10_000):
                    connection.sendall(b"X-%d: y\r\n" % j)
        else:
            connection = connect(target.http, source, 0.3)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            with connection:
                for _ in range(200):
                    connection.sendall(request * 20)

    repeat(until, one)


def replayed(target: Target, until: float) -> None:
    content = write_mo(up(message_of(17, 1), 1))
    repeat(until, lambda k: say(target.directip, address(17, 0), content))


def neighbour(target: Target, until: float) -> None:
    slow(target, until, lambda k: HONEST)


ATTACKS: dict[str, Callable[[Target, float], None]] = {
    "calm": lambda target, until: time.sleep(max(0.0, until - time.monotonic())),
    "hostile": hostile,
    "flood": flood,
    "datagrams": datagrams,
    "slow": slow,
    "open": open_many,
    "forged": forged,
    "large": large,
    "replayed": replayed,
    "neighbour": neighbour,
}


def attack(name: str, target: Target, seconds: float) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    ATTACKS[name](target, time.monotonic() + seconds)


class Honest:
    """A sender that means well."""

    def __init__(self, target: Target, key: Any) -> None:
        self.target, self.key = target, key
        self.sent: list[bytes] = []
        self.ways: Iterator[Callable[[bytes], bool]] = itertools.cycle([self.directip, self.hook, self.tcp])

    def send(self) -> tuple[bool, float]:
        """Whether one more message was confirmed, and after how long."""
        message = message_of(1, len(self.sent))
        began = time.monotonic()
        try:
            is_kept = next(self.ways)(message)
        except (OSError, ValueError, http.client.HTTPException):
            is_kept = False
        took_s = time.monotonic() - began
        if is_kept:
            self.sent.append(message)
        return is_kept, took_s

    def directip(self, message: bytes) -> bool:
        with connect(self.target.directip, HONEST) as connection:
            connection.sendall(write_mo(up(message, len(self.sent))))
            return read_confirmation(connection.recv(100))

    def hook(self, message: bytes) -> bool:
        said = up(message, len(self.sent))
        body = write_form(said, jwt=jwt.encode(fields_of(said), self.key, "RS256"))
        with closing(http.client.HTTPConnection("127.0.0.1", self.target.http, timeout=MOST_S)) as connection:
            connection.request("POST", "/rockblock", body, {"Content-Type": FORM})
            return connection.getresponse().status == 200

    def tcp(self, message: bytes) -> bool:
        with connect(self.target.tcp, HONEST) as connection:
            connection.sendall(b"".join(len(each).to_bytes(2, "big") + each for each in (TOKEN.encode(), message)))
            answers = b""
            while len(answers) < 2 and (part := connection.recv(2)):
                answers += part
            return answers == b"\1\1"


def start(folder: Path, key: Any) -> tuple[subprocess.Popen[bytes], Target]:
    """A service, and where it listens."""
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "gateway.pem").write_bytes(public)
    (folder / "token").write_text(TOKEN)
    given = [
        "--db",
        folder / "inbox.db",
        "--json",
        "--jwt-key",
        folder / "gateway.pem",
        "--token-file",
        folder / "token",
    ]
    ways = [f"--{way}=127.0.0.1:0" for way in Target._fields]
    command = [sys.executable, "-m", "satsim", "inbox", *map(str, given), *ways, "--rejected-mb", str(REJECTED_MB)]
    log = open(folder / "log.jsonl", "wb")  # noqa: SIM115
    process = subprocess.Popen(command, stdout=log)
    ports: dict[str, int] = {}
    while len(ports) < len(Target._fields):
        time.sleep(0.05)
        assert process.poll() is None, "the service did not start"
        for line in (folder / "log.jsonl").read_text().splitlines():
            with suppress(ValueError):
                event = json.loads(line)
                if event["event"] == "listening":
                    ports[event["way"]] = event["port"]
    return process, Target(**ports)


def memory_mb(process: int, field: str) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def status(target: Target) -> dict[str, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", target.http, timeout=10)) as connection:
        connection.request("GET", "/status", headers={"Authorization": f"Bearer {TOKEN}"})
        return dict(json.loads(connection.getresponse().read()))


def run(name: str, seconds: float, process: int, target: Target, honest: Honest) -> bool:
    """Attack, send honest messages meanwhile, and print how it went; whether the bars are held."""
    attacker = multiprocessing.get_context("spawn").Process(target=attack, args=(name, target, seconds), daemon=True)
    attacker.start()
    time.sleep(1.0)  # until it has begun
    until = time.monotonic() + seconds
    outcomes, most_mb = [], 0.0
    while time.monotonic() < until and (attacker.is_alive() or name == "calm"):
        began = time.monotonic()
        outcomes.append(honest.send())
        most_mb = max(most_mb, memory_mb(process, "VmRSS"))
        time.sleep(max(0.0, began + PACE_S - time.monotonic()))
    attacker.join(30)
    attacker.kill()
    lost = sum(not is_kept for is_kept, _ in outcomes)
    longest_s = max(took_s for _, took_s in outcomes)
    is_good = (lost == 0 and longest_s <= MOST_S) or name == "neighbour"
    peak_mb = memory_mb(process, "VmHWM")
    print(
        f"{'ok  ' if is_good and peak_mb < MOST_MB else 'OVER'} {name:10} {len(outcomes) - lost:3} of {len(outcomes):3}"
        f" honest messages confirmed, the longest in {longest_s:.3f} s; memory {most_mb:.0f} MB, peak {peak_mb:.0f} MB",
        flush=True,
    )
    return is_good and peak_mb < MOST_MB


def account(folder: Path, honest: Honest, said: dict[str, Any]) -> bool:
    """Print what is in the database; whether it is what it must be."""
    with closing(sqlite3.connect(folder / "inbox.db")) as db:
        taken = {message for [message] in db.execute("SELECT message FROM messages WHERE state = 'taken'")}
        [rejected] = db.execute(
            "SELECT COALESCE(SUM(LENGTH(message)), 0) FROM messages WHERE state != 'taken'"
        ).fetchone()
        [unsigned] = db.execute(
            "SELECT COUNT(*) FROM messages JOIN arrivals ON message_id = messages.id WHERE way IN ('rockblock', 'tcp',"
            " 'http') AND messages.sender IS NOT 1"
        ).fetchone()
    missing = [message for message in honest.sent if message not in taken]
    size_mb = sum(path.stat().st_size for path in folder.glob("inbox.db*")) / 1e6
    print(f"{len(honest.sent)} honest messages confirmed, {len(missing)} of them not in the database")
    print(f"database {size_mb:.1f} MB, of it {rejected / 1e6:.2f} MB of rejected messages (at most {REJECTED_MB} MB)")
    print(f"{unsigned} messages kept that were not authenticated; refused: {json.dumps(said['refused'])}")
    return not missing and not unsigned and rejected <= REJECTED_MB * (1 << 20) + 256 * 4096


def main() -> None:
    """Run every attack, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--only", choices=ATTACKS, action="append")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        process, target = start(folder, key)
        try:
            honest = Honest(target, key)
            held = [run(name, given.seconds, process.pid, target, honest) for name in given.only or ATTACKS]
            said = status(target)
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
            print(f"{'ok  ' if code == 0 else 'OVER'} ended by SIGTERM with exit code {code}")
            held += [code == 0, account(folder, honest, said)]
        finally:
            process.kill()
    raise SystemExit(not all(held))


if __name__ == "__main__":
    main()
