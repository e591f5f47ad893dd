"""A real `satsim inbox`, in a process of its own, and what tests send to it by real sockets."""

import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

IMEI = "300234010753370"
WAIT_S = 20


class Service:
    """Started with these options, and killed at the end of the block, if it still runs."""

    def __init__(self, folder, *options, decode=False, stdin=subprocess.DEVNULL, program=("-m", "satsim")):
        self.db = folder / "inbox.db"
        given = ["inbox", "--db", self.db, "--json", *([] if decode else ["--no-decoding"]), *options]
        self.process = subprocess.Popen(
            [sys.executable, *program, *map(str, given)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.events = []
        self.errors = b""
        self.raw = b""
        self.is_over = False
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self._listen, self._complain)]
        for thread in self.threads:
            thread.start()

    def _listen(self):
        for line in self.process.stdout:
            with self.changed:
                self.raw += line
                self.events.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def _complain(self):
        for line in self.process.stderr:
            self.errors += line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WAIT_S)
        for thread in self.threads:
            thread.join(WAIT_S)
        self.process.stdout.close()
        self.process.stderr.close()
        if self.process.stdin:
            self.process.stdin.close()

    def event(self, name, **fields):
        """The first event of this name with these fields, once there is one."""

        def found():
            return [each for each in self.events if each["event"] == name and fields.items() <= each.items()]

        with self.changed:
            assert self.changed.wait_for(lambda: found() or self.is_over, WAIT_S), (name, fields)
            assert found(), self.errors.decode()
            return found()[0]

    def port(self, way):
        return self.event("listening", way=way)["port"]

    def connect(self, way, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.port(way)), WAIT_S, source_address=(source, 0))

    def direct_ip(self, content):
        """What the server answers to these bytes, of one connection."""
        with self.connect("directip") as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            return all_of(connection)

    def tcp(self, *messages, prefix=2):
        """The answers, a byte each, to messages of one connection."""
        with self.connect("tcp") as connection:
            connection.sendall(b"".join(len(each).to_bytes(prefix, "big") + each for each in messages))
            connection.shutdown(socket.SHUT_WR)
            return all_of(connection)

    def http(self, method, path, body=None, kind="application/octet-stream", **headers):
        """Status and JSON of the answer."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port("http"), timeout=WAIT_S)) as connection:
            connection.request(method, path, body, {"Content-Type": kind, **headers})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")

    def stop(self, number=signal.SIGTERM):
        """The exit code, once it has ended."""
        self.process.send_signal(number)
        code = self.process.wait(WAIT_S)
        for thread in self.threads:
            thread.join(WAIT_S)
        return code

    def rows(self, columns="message, state, reason"):
        """Of all messages, in the order in which they came."""
        return ask(self.db, f"SELECT {columns} FROM messages ORDER BY id")

    def arrivals(self, columns="way, device, metadata"):
        return ask(self.db, f"SELECT {columns} FROM arrivals ORDER BY message_id, way")


def ask(path, statement):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


def all_of(connection):
    """All that comes until the other side closes."""
    parts = []
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def until(true, what=""):
    """Wait until true() is."""
    end = time.monotonic() + WAIT_S
    while not (found := true()):
        assert time.monotonic() < end, what
        time.sleep(0.02)
    return found
