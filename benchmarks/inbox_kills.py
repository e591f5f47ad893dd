"""A real `satsim inbox`, killed at any moment: what it answered for is there, and every picture comes in the end.

python benchmarks/inbox_kills.py [--kills N] [--folder F]

The service listens by HTTP and DirectIP, decodes beside, and is killed (SIGKILL) N times, at moments of chance between
its start and a second and a half later; by turns also its decoder, or all its processes. Two clients by each way send
it photos of five packets or so, one message after the other; what was not answered they send again to the next one, as
gateways do. After each kill, every message of which an HTTP 200 or a DirectIP confirmation was seen must be in the
database. In the end all that were sent must be there once each, no more and no less, every photo decoded to its last
state, every picture whole, and `satsim inbox verify` content. Exit code 1 for a single message.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from codec.loading import load_codec
from satsim.air.content import content_of, mark_of
from satsim.air.packets import Packet, pack, packetize
from satsim.sbd.directip import MoMessage, read_confirmation, write_mo

IMEI = "300234010753370"
LONGEST_S = 1.5
"""From a service's start until it is killed, at most; it listens after about half of that."""
MOST_END_S = 300.0
"""For the last service to take and decode what is left."""
WAYS = ("service", "decoder", "all")
"""What is killed, by turns."""


def photos() -> Iterator[list[bytes]]:
    """The messages of photos of 32x24 pixels as JPEG, without end."""
    codec = load_codec("jpeg", budget_bytes=300)
    chance = np.random.default_rng(1)
    for number in range(2**16 * 20):
        picture = chance.integers(0, 256, (24, 32, 3), np.uint8)
        packets = packetize(
            codec.encode(picture, 60), codec="jpeg", model_id=codec.model_id, height=24, width=32,
            sender=number % 20, image_id=number // 20,
        )  # fmt: skip
        yield list(map(pack, marked(packets)))


def marked(packets: list[Packet]) -> list[Packet]:
    mark = mark_of(content_of(packets))
    return [packet._replace(mark=mark) for packet in packets]


class Traffic:
    """What is to be sent, and what was answered for; clients are threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.photos = photos()
        self.rest: list[bytes] = []
        """Of the photo that is being sent."""
        self.sent: set[bytes] = set()
        self.unanswered: deque[bytes] = deque()
        self.answered: set[bytes] = set()

    def next(self, fresh: bool = True) -> bytes | None:
        """A message: first those that were not answered for, then the rest of a photo, then a `fresh` one's."""
        with self.lock:
            if self.unanswered:
                return self.unanswered.popleft()
            if fresh and not self.rest:
                self.rest = next(self.photos)
            message = self.rest.pop() if self.rest else None
            self.sent |= {message} if message else set()
            return message

    @property
    def is_left(self) -> bool:
        """Whether anything of what was begun is still to be sent, or to be answered for."""
        return self.sent != self.answered or bool(self.rest)

    def settle(self, message: bytes, is_answered: bool) -> None:
        with self.lock:
            if is_answered:
                self.answered.add(message)
            else:
                self.unanswered.append(message)


def by_http(port: int, traffic: Traffic, fresh: bool) -> None:
    """Send until the service is gone, or nothing is left."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        while (message := traffic.next(fresh)) is not None:
            kept = False
            try:
                connection.request("POST", "/message", message, {"Content-Type": "application/octet-stream"})
                answer = connection.getresponse()
                kept = answer.status == 200 and bool(answer.read())
            except (OSError, http.client.HTTPException):
                return
            finally:
                traffic.settle(message, kept)


def by_directip(port: int, traffic: Traffic, fresh: bool) -> None:
    """The same, a connection each, as the gateway does."""
    momsn = 0
    while (message := traffic.next(fresh)) is not None:
        kept = False
        try:
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                momsn = (momsn + 1) % 2**16
                connection.sendall(write_mo(MoMessage(IMEI, momsn, 0, 0, int(time.time()), message)))
                answer = connection.recv(100)
                kept = bool(answer) and read_confirmation(answer)
        except OSError:
            return
        finally:
            traffic.settle(message, kept)


class Service:
    """One that runs, with its clients."""

    def __init__(self, path: Path, traffic: Traffic, fresh: bool = True) -> None:
        ways = ["--http", "127.0.0.1:0", "--directip", "127.0.0.1:0", "--rate", "100000"]
        command = [sys.executable, "-m", "satsim", "inbox", "--db", str(path), "--json", *ways]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.decoder: int | None = None
        self.clients: list[threading.Thread] = []
        self.hearing = threading.Thread(target=self._hear, args=(traffic, fresh))
        self.hearing.start()

    def _hear(self, traffic: Traffic, fresh: bool) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line) if line.endswith("\n") else {}
            if event.get("event") == "decoder" and event["status"] == "started":
                self.decoder = event["process"]
            if event.get("event") == "listening":
                client = by_http if event["way"] == "http" else by_directip
                for _ in range(2):
                    thread = threading.Thread(target=client, args=(event["port"], traffic, fresh))
                    thread.start()
                    self.clients.append(thread)

    def kill(self, which: str) -> None:
        """Kill it, or all of its processes; a decoder that is killed is missed for a moment, and then it goes on."""
        if which == "decoder" and self.decoder:
            os.kill(self.decoder, signal.SIGKILL)
            time.sleep(0.2)
        if which == "all":
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.wait()

    def wait(self) -> int:
        code = self.process.wait()
        self.hearing.join()
        for client in self.clients:
            client.join()
        assert self.process.stdout
        self.process.stdout.close()
        return code


def held(path: Path) -> set[bytes]:
    """SHA-256 of the messages that were taken; none where there is no table yet."""
    with closing(sqlite3.connect(path, timeout=30)) as db:
        try:
            return {row[0] for row in db.execute("SELECT sha256 FROM messages WHERE state = 'taken'")}
        except sqlite3.OperationalError:
            return set()


def lost_of(traffic: Traffic, path: Path) -> int:
    """How many messages that were answered for are not there."""
    there = held(path)
    return sum(hashlib.sha256(message).digest() not in there for message in traffic.answered)


def number(path: Path, question: str) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute(question).fetchone()[0])


def main() -> int:
    """Print what became of all messages; 1 if one was lost, or is there twice, or not decoded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="where the database is made, on the disk to try")
    arguments = parser.parse_args()
    chance = random.Random(1)
    traffic = Traffic()
    lost = early = 0
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        path = Path(name, "inbox.db")
        for k in range(arguments.kills):
            service = Service(path, traffic)
            time.sleep(chance.uniform(0, LONGEST_S))
            early += not service.clients
            service.kill(WAYS[k % len(WAYS)])
            lost += lost_of(traffic, path)
        service = Service(path, traffic, fresh=False)
        end = time.monotonic() + MOST_END_S
        while time.monotonic() < end and (
            number(path, "SELECT COUNT(*) FROM images WHERE decoded < changed") or traffic.is_left
        ):
            time.sleep(0.2)
        service.process.terminate()
        code = service.wait()
        lost += lost_of(traffic, path)
        there = held(path)
        other = len(there ^ {hashlib.sha256(message).digest() for message in traffic.sent})
        rows = number(path, "SELECT COUNT(*) FROM messages")
        again = number(path, "SELECT SUM(count) FROM messages") - rows
        unseen = number(path, "SELECT COUNT(*) FROM images WHERE error IS NOT NULL OR id NOT IN"
                              " (SELECT image FROM decodes WHERE changed = images.changed)")  # fmt: skip
        images = number(path, "SELECT COUNT(*) FROM images")
        verified = subprocess.run([sys.executable, "-m", "satsim", "inbox", "verify", "--db", str(path)], check=False)
    print(f"{arguments.kills} kills, {early} of them before the service listened; then it ended with exit code {code}")
    print(f"{len(traffic.sent):,} messages were sent, {again} times one came again; of those answered for")
    print(f"{lost} were lost, {other} others are missing or too many; {rows - len(there)} are kept and not taken")
    print(f"of {images:,} images {unseen} have no picture of all that came")
    return 1 if lost or other or unseen or code or verified.returncode or rows != len(there) else 0


if __name__ == "__main__":
    sys.exit(main())
