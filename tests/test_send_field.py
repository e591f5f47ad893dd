"""`satsim send` and `satsim modem`, which share a pty or a socket: killed, cut off, bent, nothing is lost."""

import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager

import pytest
from test_send import CODED, nobody_left, photos, process, until  # noqa: F401

from satsim.sbd.directip import read_mo

GOOD = ("--set", "loss_ratio=0", "--set", "ack.false_negative_ratio=0", "--set", "delay_s=0.01")
SPEED = ("--speed", "60")


class Gateway(threading.Thread):
    """A server that the gateway delivers to by DirectIP; `payloads` are what came, in order."""

    def __init__(self):
        super().__init__(daemon=True)
        self.payloads = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"directip:127.0.0.1:{self._server.getsockname()[1]}"
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as sent:
                self.payloads.append(read_mo(sent.read()).payload)

    def close(self):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.join()


@contextmanager
def emulated(*arguments):
    """Port and gateway of `satsim modem` with these arguments."""
    gateway = Gateway()
    command = [sys.executable, "-m", "satsim", "modem", *SPEED, "--to", gateway.address, "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as modem:
        try:
            yield json.loads(modem.stdout.readline())["port"], gateway
        finally:
            modem.terminate()
            modem.communicate()
            gateway.close()


def counted(gateway, messages):
    """How often each message came, once so many came."""
    until(lambda: len(set(gateway.payloads)) >= messages)
    return Counter(Counter(gateway.payloads).values())


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_moments_each_message_is_delivered_once(tmp_path, photos, kills):  # noqa: F811
    draw = random.Random(kills)
    with emulated(*GOOD, "--set", "loss_ratio=0.2") as (port, gateway):
        running = process(tmp_path, *photos, *CODED, "--modem", port, *SPEED)
        for _ in range(kills):
            came = len(gateway.payloads)
            until(lambda came=came, now=running: len(gateway.payloads) > came or now.poll() is not None)
            time.sleep(draw.uniform(0, 0.2))
            running.kill()
            running.communicate()
            running = process(tmp_path, "--modem", port, *SPEED)
        out, err = running.communicate(timeout=60)
        assert running.returncode == 0, err
        assert counted(gateway, 30) == {1: 30}, out


def test_a_modem_whose_power_goes_amid_a_session_loses_nothing(tmp_path, photos):  # noqa: F811
    with emulated(*GOOD, "--fault", "power:3:before") as (port, gateway):
        out, err = process(tmp_path, photos[0], *CODED, "--modem", port, *SPEED).communicate(timeout=60)
        assert "10 of 10 acknowledged" in out, err
        assert counted(gateway, 10) == {1: 10}


def test_a_wire_that_spoils_a_message_is_given_it_again(tmp_path, photos):  # noqa: F811
    with emulated(*GOOD, "--fault", "checksum:2", "--fault", "timeout:4") as (port, gateway):
        out, err = process(tmp_path, photos[0], *CODED, "--modem", port, *SPEED).communicate(timeout=60)
        assert "10 of 10 acknowledged" in out, err
        assert counted(gateway, 10) == {1: 10}


def test_over_tcp_it_is_the_same(tmp_path, photos):  # noqa: F811
    with emulated(*GOOD, "--tcp", "127.0.0.1:0") as (port, gateway):
        out, err = process(tmp_path, photos[0], *CODED, "--modem", f"socket://{port}", *SPEED).communicate(timeout=60)
        assert "10 of 10 acknowledged" in out, err
        assert counted(gateway, 10) == {1: 10}
