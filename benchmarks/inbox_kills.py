"""`satsim inbox` killed at any moment: whatever it answered for is there afterwards. 200 kills.

python benchmarks/inbox_kills.py [--kills N] [--folder F] [--decode-every N]

Three clients send packets without pause, by DirectIP, by POST and by TCP with a length before each; each remembers what
was answered for: a confirmation, a 200, a byte. The service is killed (SIGKILL) at a moment of chance, a quarter of the
times as it starts, and started again, with its decoder now and then. A message without an answer is sent again. In the
end everything that was answered for must be in the database, bytes for bytes, each message once, and `satsim inbox
verify` content. Exit code 1 for a single message lost.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import random
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from satsim.air.content import content_of, mark_of
from satsim.air.packets import pack, packetize
from satsim.sbd.directip import MoMessage, read_confirmation, write_mo

SATSIM = (sys.executable, "-m", "satsim")
IMEI = "300234010753370"
PACKETS, PAYLOAD_BYTES = 5, 320
LATEST_S = 1.5
"""A kill comes so long after the service listens, at most."""
STARTS_S = 30.0
WAYS = ("directip", "http", "tcp")


def messages_of(way: str, photo: int) -> list[bytes]:
    """The packets of a photo of a codec that nobody can decode: the store is what is tried."""
    chance = random.Random(f"{way} {photo}")
    payloads = [chance.randbytes(PAYLOAD_BYTES) for _ in range(PACKETS)]
    sender = 1 + WAYS.index(way)
    packets = packetize(
        payloads, codec="progic", model_id=1, height=256, width=256, sender=sender, image_id=photo % 65_536
    )
    mark = mark_of(content_of(packets))
    return [pack(packet._replace(mark=mark)) for packet in packets]


def by_directip(address: tuple[str, int], message: bytes, number: int) -> bool:
    """Whether the server confirmed it."""
    with socket.create_connection(address, 3) as there:
        there.sendall(write_mo(MoMessage(IMEI, number % 65_536, 0, 0, int(time.time()), message)))
        return read_confirmation(there.makefile("rb").read(7))


def by_http(address: tuple[str, int], message: bytes, number: int) -> bool:
    """Whether it answered 200."""
    there = http.client.HTTPConnection(*address, timeout=3)
    try:
        there.request("POST", "/message", message, {"Content-Type": "application/octet-stream"})
        return there.getresponse().status == http.client.OK
    finally:
        there.close()


def by_tcp(address: tuple[str, int], message: bytes, number: int) -> bool:
    """Whether it answered that it is kept."""
    with socket.create_connection(address, 3) as there:
        there.sendall(struct.pack(">H", len(message)) + message)
        return there.recv(1) == b"\1"


SENDS: dict[str, Callable[[tuple[str, int], bytes, int], bool]] = {
    "directip": by_directip,
    "http": by_http,
    "tcp": by_tcp,
}


class Client(threading.Thread):
    """Sends by one way until it is told to stop."""

    def __init__(self, way: str, addresses: dict[str, tuple[str, int]], stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.way, self.addresses, self.stop = way, addresses, stop
        self.answered: list[bytes] = []
        """Digests of what was answered for."""
        self.tries = 0

    def run(self) -> None:
        """One message after the other, each until it is answered for."""
        photo = 0
        while not self.stop.is_set():
            for message in messages_of(self.way, photo):
                while not self.stop.is_set() and not self._is_kept(message):
                    time.sleep(0.02)
            photo += 1

    def _is_kept(self, message: bytes) -> bool:
        self.tries += 1
        try:
            kept = SENDS[self.way](self.addresses[self.way], message, self.tries)
        except (OSError, ValueError, http.client.HTTPException):
            return False
        if kept:
            self.answered.append(hashlib.sha256(message).digest())
        return kept


def begin(folder: Path, addresses: dict[str, tuple[str, int]], decode: bool) -> subprocess.Popen[str]:
    """The service, as it starts."""
    ways = [word for way in WAYS for word in (f"--{way}", "{}:{}".format(*addresses.get(way, ("127.0.0.1", 0))))]
    command = [*SATSIM, "inbox", "--db", str(folder / "inbox.db"), *ways, "--rate", "100000", "--json"]
    command += [] if decode else ["--no-decoding"]
    with (folder / "errors.txt").open("a") as errors:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)


def start(folder: Path, addresses: dict[str, tuple[str, int]], decode: bool) -> subprocess.Popen[str]:
    """The service, once it listens by every way; where, is written into `addresses` and kept from then on."""
    process = begin(folder, addresses, decode)
    assert process.stdout is not None
    listening = set[str]()
    while listening < set(WAYS):
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"the service ended by itself: {(folder / 'errors.txt').read_text()[-500:]}")
        row = json.loads(line)
        if row["event"] == "listening":
            listening.add(row["way"])
            addresses[row["way"]] = (row["address"], row["port"])
    threading.Thread(target=process.stdout.read, daemon=True).start()
    return process


def drill(folder: Path, kills: int, decode_every: int) -> int:
    """Kill and start again; how many messages are lost or there twice, or 1 where `verify` complains."""
    chance = random.Random(15)
    addresses: dict[str, tuple[str, int]] = {}
    stop = threading.Event()
    process = start(folder, addresses, False)
    clients = [Client(way, addresses, stop) for way in WAYS]
    for client in clients:
        client.start()
    for kill in range(kills):
        if kill % 4 == 3:  # as it starts
            process.terminate()
            process.wait()
            process = begin(folder, addresses, False)
        time.sleep(chance.uniform(0, LATEST_S))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if kill % 20 == 19:
            print(
                f"{kill + 1} kills, {sum(len(client.answered) for client in clients)} messages answered for", flush=True
            )
        process = start(folder, addresses, decode=bool(decode_every) and kill % decode_every == 0)
    time.sleep(0.5)
    stop.set()
    for client in clients:
        client.join(10)
    process.terminate()
    process.wait(30)
    return check(folder, clients)


def check(folder: Path, clients: list[Client]) -> int:
    """How many messages that were answered for are not there; and what `verify` says."""
    db = sqlite3.connect(f"file:{folder / 'inbox.db'}?mode=ro", uri=True)
    there = dict(db.execute("SELECT sha256, message FROM messages").fetchall())
    total = db.execute("SELECT COUNT(*) FROM messages").fetchone()[0]
    db.close()
    wrong = sum(hashlib.sha256(message).digest() != digest for digest, message in there.items())
    lost = 0
    for client in clients:
        gone = sum(digest not in there for digest in client.answered)
        twice = len(client.answered) - len(set(client.answered))
        print(f"{client.way}: {len(client.answered)} answered for of {client.tries} tries; {gone} lost, {twice} twice")
        lost += gone + twice
    print(f"{total} messages in the database, {wrong} of them not as they came")
    command = [*SATSIM, "inbox", "verify", "--db", str(folder / "inbox.db")]
    verified = subprocess.run(command, capture_output=True, text=True)
    print((verified.stdout + verified.stderr).strip())
    return lost + wrong + verified.returncode


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Kill the inbox at any moment: nothing answered for is lost.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--decode-every", type=int, default=10, help="with the decoder so often; 0: never")
    parser.add_argument("--folder", type=Path, help="where the inbox is made  [default: a temporary one]")
    given = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        failed = drill(given.folder or Path(temporary), given.kills, given.decode_every)
    print(f"{given.kills} kills in {time.monotonic() - began_s:.0f} s: {failed or 'nothing'} lost or wrong")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
