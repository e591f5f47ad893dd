"""For tests: `satsim modem` as a process of its own, a DirectIP listener, a web hook, and the host's end of a wire."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

from satsim.sbd.directip import read_mo, read_mt_confirmation, write_confirmation, write_mt

PATIENCE_S = 20.0


def wait_for(condition):
    """Wait until `condition()` holds, and return what it gives."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < give_up_s, "waited in vain"
        time.sleep(0.005)
    return found


class Modem:
    """A running `satsim modem --json`; `lines` grows as it speaks."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "satsim", "modem", "--json", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines = []
        threading.Thread(target=self._read, daemon=True).start()
        self.about = wait_for(lambda: self.lines[0] if self.lines else self.process.poll() is not None)
        assert self.about is not True, self.process.stderr.read()
        self.port = self.about["port"]

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def sessions(self):
        """The lines of sessions so far."""
        return [line for line in self.lines if line["event"] == "session"]

    def stop(self, by=signal.SIGTERM):
        """End it, and return its exit code and what it said on standard error."""
        self.process.send_signal(by)
        self.process.wait(PATIENCE_S)
        with self.process.stdout, self.process.stderr:
            return self.process.returncode, self.process.stderr.read()

    def offer(self, message):
        """Send a message to the modem by its gateway, and return the gateway's answer; None where it gives none."""
        host, port = self.about["mt"].split(":")
        with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
            with suppress(ConnectionError):
                connection.sendall(message if isinstance(message, bytes) else write_mt(message))
            answer = received(connection)
        return read_mt_confirmation(answer) if answer else None


@contextmanager
def running(*arguments):
    """A modem that ends with the block, as it should."""
    modem = Modem(*arguments)
    try:
        yield modem
    except BaseException:
        modem.process.kill()
        raise
    finally:
        code, err = modem.stop()
    assert (code, err) == (0, "")


def received(connection):
    """All bytes until the other side closes, be it without a look at what it was sent."""
    parts = []
    with suppress(ConnectionError):
        while part := connection.recv(4096):
            parts.append(part)
    return b"".join(parts)


class Listener:
    """A DirectIP server as a few lines of anybody's code are: it takes messages and says nothing, or confirms."""

    def __init__(self, confirms=None, port=0):
        self.messages = []
        self.answers = list(confirms or [])
        """Whether to confirm each of the next messages with success; none left: say nothing."""
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self.address = f"directip:127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                if self.answers:
                    content = connection.recv(4096)
                    success = self.answers.pop(0)
                    connection.sendall(write_confirmation(success))
                    if not success:
                        continue
                else:
                    content = received(connection)
                self.messages.append(read_mo(content))

    def close(self):
        """Listen no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def payloads(self):
        """What came, in order."""
        return [message.payload for message in self.messages]


class Hook:
    """A web server that takes posts; `statuses` are its next answers, then 200."""

    def __init__(self, *statuses):
        self.bodies, left = [], list(statuses)
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = left.pop(0) if left else 200
                bodies.append((status, self.path, self.headers["Content-Type"], body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/rockblock?x=1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


class Host:
    """The host's end of a wire: commands in, answers out."""

    def __init__(self, port):
        self._file = None
        if ":" in port:
            host, number = port.split(":")
            self._socket = socket.create_connection((host, int(number)), PATIENCE_S)
        else:
            self._socket = None
            self._file = os.open(port, os.O_RDWR | os.O_NOCTTY)

    def write(self, content):
        """Towards the modem."""
        if self._socket:
            self._socket.sendall(content)
        else:
            os.write(self._file, content)

    def until(self, *ends):
        """What the modem says up to one of these."""
        said = b""
        while not said.endswith(ends):
            ready, _, _ = select.select([self._socket or self._file], [], [], PATIENCE_S)
            assert ready, f"no {ends} after {said}"
            said += self._socket.recv(1) if self._socket else os.read(self._file, 1)
        return said

    def ask(self, command, *ends):
        """The answer to a command, without echo."""
        self.write(command.encode() + b"\r")
        said = self.until(*(ends or (b"OK\r\n", b"ERROR\r\n")))
        return said.removeprefix(command.encode() + b"\r")

    def load(self, message):
        """Write a message; the modem's code."""
        from satsim.sbd.checksum import checksum

        self.ask(f"AT+SBDWB={len(message)}", b"READY\r\n")
        self.write(message + checksum(message))
        return int(self.until(b"OK\r\n").split()[0])

    def session(self):
        """The six numbers of a session."""
        answer = self.ask("AT+SBDIX").decode()
        return tuple(int(number) for number in answer.split(":")[1].split("\r")[0].split(","))

    def send(self, message):
        """Write a message and hold a session; its MO status."""
        assert self.load(message) == 0
        return self.session()[0]

    def close(self):
        """Let go of the wire."""
        if self._socket:
            self._socket.close()
        else:
            os.close(self._file)
